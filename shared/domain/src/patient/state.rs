//! States of the USA.

use std::fmt;

use crate::patient::value::{Value, value};
use crate::problem::Problem;

/// A state, the District of Columbia, an inhabited territory, a freely associated state, or a region of military mail.
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

/// Other names, and the traditional abbreviations that are not the code (Government Publishing Office Style Manual,
/// chapter 9.33), without what is no letter.
const OTHER_NAMES: [(&str, &str); 50] = [
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

impl State {
    /// The code with two letters.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl Value for State {
    fn from_tidy(text: &str) -> Result<Self, Problem> {
        if let Some((code, _)) = STATES.iter().find(|(code, _)| code.eq_ignore_ascii_case(text)) {
            return Ok(Self(code));
        }
        let letters = |text: &str| -> String { text.chars().filter(char::is_ascii_alphabetic).collect() };
        let country = text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("US-"));
        let text = if country { &text[3..] } else { text };
        let is_name = |c: char| c.is_ascii_alphabetic() || matches!(c, ' ' | '.' | ',' | '(' | ')');
        if !text.chars().all(is_name) {
            return Err(Problem::NotAState);
        }
        let squeezed = letters(text);
        let is = |name: &str| name.eq_ignore_ascii_case(&squeezed);
        let state = STATES.iter().find(|(code, name)| is(code) || is(&letters(name))).map(|(code, _)| *code);
        let other = || OTHER_NAMES.iter().find(|(name, _)| is(name)).map(|(_, code)| *code);
        state.or_else(other).map(Self).ok_or(Problem::NotAState)
    }
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
            for text in [code, &code.to_lowercase(), name, &name.to_uppercase(), &format!(" {name} ")] {
                assert_eq!(text.parse::<State>().unwrap().as_str(), code, "{text:?}");
            }
        }
        assert_eq!("new   york".parse::<State>().unwrap().as_str(), "NY");
        for (text, code) in [
            ("U.S. Virgin Islands", "VI"),
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
