//! Gender at birth.

use std::fmt;

use crate::patient::value::{Value, value};
use crate::problem::Problem;

/// Gender at birth, in the API's four codes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gender {
    /// `M`
    Male,
    /// `F`
    Female,
    /// `O`: known, and neither male nor female.
    Other,
    /// `U`: not known.
    Unknown,
}

impl Gender {
    /// The code with one letter.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Male => "M",
            Self::Female => "F",
            Self::Other => "O",
            Self::Unknown => "U",
        }
    }
}

impl Value for Gender {
    fn from_tidy(text: &str) -> Result<Self, Problem> {
        const WORDS: [(&str, Gender); 10] = [
            ("M", Gender::Male),
            ("F", Gender::Female),
            ("O", Gender::Other),
            ("U", Gender::Unknown),
            ("male", Gender::Male),
            ("female", Gender::Female),
            ("other", Gender::Other),
            ("unknown", Gender::Unknown),
            ("un", Gender::Unknown),
            ("unk", Gender::Unknown),
        ];
        let gender = WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
        gender.map(|&(_, gender)| gender).ok_or(Problem::NotAGender)
    }
}

value!(Gender, as_str);

impl fmt::Display for Gender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_words_are_read_in_any_case() {
        for (texts, gender) in [
            (&["M", "m", "male", "MALE", " Male "][..], Gender::Male),
            (&["F", "f", "Female"], Gender::Female),
            (&["O", "o", "other"], Gender::Other),
            (&["U", "u", "unknown", "UN", "unk"], Gender::Unknown),
        ] {
            for text in texts {
                assert_eq!(text.parse(), Ok(gender), "{text:?}");
            }
            assert_eq!(gender.as_str().parse(), Ok(gender));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["X", "man", "F/M", "0", "m f"] {
            assert_eq!(text.parse::<Gender>(), Err(Problem::NotAGender), "{text:?}");
        }
        assert_eq!("".parse::<Gender>(), Err(Problem::Missing));
    }
}
