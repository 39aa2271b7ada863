//! States of the USA.

use std::fmt;

use crate::patient::value::{Value, value};
use crate::problem::Problem;

/// A state, the District of Columbia, an inhabited territory, a freely associated state, or a
/// region of military mail.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State(&'static str);

/// Codes and names, sorted by code.
const STATES: [(&str, &str); 62] = [
    ("AA", "Armed Forces Americas"),
    ("AE", "Armed Forces Europe"),
    ("AK", "Alaska"),
    ("AL", "Alabama"),
    ("AP", "Armed Forces Pacific"),
    ("AR", "Arkansas"),
    ("AS", "American Samoa"),
    ("AZ", "Arizona"),
    ("CA", "California"),
    ("CO", "Colorado"),
    ("CT", "Connecticut"),
    ("DC", "District of Columbia"),
    ("DE", "Delaware"),
    ("FL", "Florida"),
    ("FM", "Federated States of Micronesia"),
    ("GA", "Georgia"),
    ("GU", "Guam"),
    ("HI", "Hawaii"),
    ("IA", "Iowa"),
    ("ID", "Idaho"),
    ("IL", "Illinois"),
    ("IN", "Indiana"),
    ("KS", "Kansas"),
    ("KY", "Kentucky"),
    ("LA", "Louisiana"),
    ("MA", "Massachusetts"),
    ("MD", "Maryland"),
    ("ME", "Maine"),
    ("MH", "Marshall Islands"),
    ("MI", "Michigan"),
    ("MN", "Minnesota"),
    ("MO", "Missouri"),
    ("MP", "Northern Mariana Islands"),
    ("MS", "Mississippi"),
    ("MT", "Montana"),
    ("NC", "North Carolina"),
    ("ND", "North Dakota"),
    ("NE", "Nebraska"),
    ("NH", "New Hampshire"),
    ("NJ", "New Jersey"),
    ("NM", "New Mexico"),
    ("NV", "Nevada"),
    ("NY", "New York"),
    ("OH", "Ohio"),
    ("OK", "Oklahoma"),
    ("OR", "Oregon"),
    ("PA", "Pennsylvania"),
    ("PR", "Puerto Rico"),
    ("PW", "Palau"),
    ("RI", "Rhode Island"),
    ("SC", "South Carolina"),
    ("SD", "South Dakota"),
    ("TN", "Tennessee"),
    ("TX", "Texas"),
    ("UT", "Utah"),
    ("VA", "Virginia"),
    ("VI", "Virgin Islands"),
    ("VT", "Vermont"),
    ("WA", "Washington"),
    ("WI", "Wisconsin"),
    ("WV", "West Virginia"),
    ("WY", "Wyoming"),
];

/// Other names, and the traditional abbreviations that are not the code (Government Publishing
/// Office Style Manual, chapter 9.33), without what is no letter.
const OTHER_NAMES: [(&str, &str); 51] = [
    ("Ala", "AL"),
    ("Ariz", "AZ"),
    ("Ark", "AR"),
    ("Cal", "CA"),
    ("Calif", "CA"),
    ("Colo", "CO"),
    ("Conn", "CT"),
    ("Del", "DE"),
    ("Fla", "FL"),
    ("Ill", "IL"),
    ("Ind", "IN"),
    ("Kan", "KS"),
    ("Kans", "KS"),
    ("Mass", "MA"),
    ("Mich", "MI"),
    ("Minn", "MN"),
    ("Miss", "MS"),
    ("Mont", "MT"),
    ("NCar", "NC"),
    ("NDak", "ND"),
    ("NMex", "NM"),
    ("Neb", "NE"),
    ("Nebr", "NE"),
    ("Nev", "NV"),
    ("Okla", "OK"),
    ("Ore", "OR"),
    ("Oreg", "OR"),
    ("Penn", "PA"),
    ("Penna", "PA"),
    ("SCar", "SC"),
    ("SDak", "SD"),
    ("Tenn", "TN"),
    ("Tex", "TX"),
    ("WVa", "WV"),
    ("Wash", "WA"),
    ("Wis", "WI"),
    ("Wisc", "WI"),
    ("Wyo", "WY"),
    ("WashingtonDC", "DC"),
    ("USVI", "VI"),
    ("USVirginIslands", "VI"),
    ("UnitedStatesVirginIslands", "VI"),
    ("VirginIslandsUS", "VI"),
    ("Micronesia", "FM"),
    ("RepublicoftheMarshallIslands", "MH"),
    ("RepublicofPalau", "PW"),
    ("CommonwealthoftheNorthernMarianaIslands", "MP"),
    ("ArmedForcestheAmericas", "AA"),
    ("ArmedForcesAfrica", "AE"),
    ("ArmedForcesCanada", "AE"),
    ("ArmedForcesMiddleEast", "AE"),
];

/// The longest text for a code with two letters: `D. C.`.
const LONGEST_CODE: usize = 5;

impl State {
    /// Finds a state by its code, in any case.
    fn by_code(code: &[u8]) -> Option<Self> {
        let code: [u8; 2] = code.try_into().ok()?;
        let code = code.map(|letter| letter.to_ascii_uppercase());
        let place =
            STATES.binary_search_by_key(&code.as_slice(), |(known, _)| known.as_bytes()).ok()?;
        Some(Self(STATES[place].0))
    }

    /// The code with two letters.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl Value for State {
    fn from_tidy(text: &str) -> Result<Self, Problem> {
        if let Some(state) = Self::by_code(text.as_bytes()) {
            return Ok(state);
        }
        let country = text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("US-"));
        let text = if country { &text[3..] } else { text };
        let is_in_names =
            |c: char| c.is_ascii_alphabetic() || matches!(c, ' ' | '.' | ',' | '(' | ')');
        if !text.chars().all(is_in_names) {
            return Err(Problem::NotAState);
        }
        let first = letters(text).next();
        // Every name begins with a letter.
        let begins = |name: &str| name.bytes().next().map(|byte| byte.to_ascii_lowercase());
        let is = |name: &str| begins(name) == first && letters(name).eq(letters(text));
        let by_name = || STATES.iter().find(|(_, name)| is(name)).map(|(code, _)| Self(code));
        let by_other = || OTHER_NAMES.iter().find(|(name, _)| is(name)).map(|(_, code)| Self(code));
        // `D.C.`
        let mut letters = letters(text);
        let dotted = match (letters.next(), letters.next(), letters.next()) {
            (Some(first), Some(second), None) if text.len() <= LONGEST_CODE => {
                Self::by_code(&[first, second])
            }
            _ => None,
        };
        dotted.or_else(by_name).or_else(by_other).ok_or(Problem::NotAState)
    }
}

/// Returns the letters of a text in lower case.
fn letters(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().filter(u8::is_ascii_alphabetic).map(|letter| letter.to_ascii_lowercase())
}

value!(State, as_str);

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_full_names_are_read_in_any_case() {
        for (code, name) in STATES {
            for text in
                [code, &code.to_lowercase(), name, &name.to_uppercase(), &format!(" {name} ")]
            {
                assert_eq!(text.parse::<State>().unwrap().as_str(), code, "{text:?}");
            }
        }
        assert_eq!("new   york".parse::<State>().unwrap().as_str(), "NY");
        for (text, code) in [
            ("U.S. Virgin Islands", "VI"),
            ("USVI", "VI"),
            ("D.C.", "DC"),
            ("Washington DC", "DC"),
            ("Washington, D.C.", "DC"),
            ("FL.", "FL"),
            ("US-MA", "MA"),
            ("us-ma", "MA"),
            ("Mass.", "MA"),
            ("Calif", "CA"),
            ("N. Dak.", "ND"),
            ("W.Va.", "WV"),
            ("N.Y.", "NY"),
            ("AE", "AE"),
            ("PW", "PW"),
        ] {
            assert_eq!(text.parse::<State>().unwrap().as_str(), code, "{text:?}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["XX", "C", "Cali", "ON", "Ontario", "CA 94110", "C-A", "US-", "US", "M1A"] {
            assert_eq!(text.parse::<State>(), Err(Problem::NotAState), "{text:?}");
        }
    }

    #[test]
    fn the_table_is_sorted() {
        assert!(STATES.is_sorted());
        assert!(OTHER_NAMES.iter().all(|(_, code)| STATES.iter().any(|(known, _)| known == code)));
    }
}
