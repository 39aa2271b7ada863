//! States of the USA.

use std::fmt;

use crate::patient::value::{Value, value};
use crate::problem::Problem;

/// A state, the District of Columbia, or an inhabited territory.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State(&'static str);

/// Codes and names, sorted by code.
const STATES: [(&str, &str); 56] = [
    ("AK", "Alaska"),
    ("AL", "Alabama"),
    ("AR", "Arkansas"),
    ("AS", "American Samoa"),
    ("AZ", "Arizona"),
    ("CA", "California"),
    ("CO", "Colorado"),
    ("CT", "Connecticut"),
    ("DC", "District of Columbia"),
    ("DE", "Delaware"),
    ("FL", "Florida"),
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

/// The names that the Virgin Islands go by besides the bare one, which the British ones have too.
const VIRGIN_ISLANDS: [&str; 3] =
    ["U.S. Virgin Islands", "US Virgin Islands", "United States Virgin Islands"];

impl State {
    /// The code with two letters.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl Value for State {
    fn from_tidy(text: &str) -> Result<Self, Problem> {
        let is = |name: &&str| name.eq_ignore_ascii_case(text);
        if text.len() == 2 {
            let code = STATES.iter().map(|(code, _)| code).find(|code| is(code));
            return code.map(|code| Self(code)).ok_or(Problem::NotAState);
        }
        if VIRGIN_ISLANDS.iter().any(is) {
            return Ok(Self("VI"));
        }
        let state = STATES.iter().find(|(_, name)| is(name));
        state.map(|(code, _)| Self(code)).ok_or(Problem::NotAState)
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
        assert_eq!("U.S. Virgin Islands".parse::<State>().unwrap().as_str(), "VI");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["XX", "C", "Cali", "AE", "FM", "Ontario", "CA 94110"] {
            assert_eq!(text.parse::<State>(), Err(Problem::NotAState), "{text:?}");
        }
    }

    #[test]
    fn the_table_is_sorted() {
        assert!(STATES.is_sorted());
    }
}
