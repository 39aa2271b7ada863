//! Gender at birth, as codes and words of files.

use std::fmt;

use crate::patient::value::{Value, value};
use crate::problem::Problem;

/// Gender at birth, in the API's four codes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gender {
    /// Written as the code `M`.
    Male,
    /// Written as the code `F`.
    Female,
    /// `O`: known, and neither male nor female.
    Other,
    /// Written as the code `U`: not known.
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
        // Nearly every file has one of these.
        if let Some(gender) = word(text) {
            return Ok(gender);
        }
        // A code with its word, such as `F - Female` and `Female (F)`.
        let mut words = text
            .split(['(', ')', '-', '/', ':', ',', '='])
            .map(str::trim)
            .filter(|word| !word.is_empty());
        match (words.next().and_then(word), words.next().and_then(word), words.next()) {
            (Some(first), Some(second), None) if first == second => Ok(first),
            _ => Err(Problem::NotAGender),
        }
    }
}

/// Returns the gender that a word means, in any case.
fn word(text: &str) -> Option<Gender> {
    const WORDS: [(&str, Gender); 21] = [
        ("M", Gender::Male),
        ("F", Gender::Female),
        ("O", Gender::Other),
        ("U", Gender::Unknown),
        ("male", Gender::Male),
        ("female", Gender::Female),
        ("man", Gender::Male),
        ("woman", Gender::Female),
        ("other", Gender::Other),
        // HL7's code for "undifferentiated".
        ("un", Gender::Other),
        ("x", Gender::Other),
        ("nonbinary", Gender::Other),
        ("non-binary", Gender::Other),
        ("non binary", Gender::Other),
        ("intersex", Gender::Other),
        ("unknown", Gender::Unknown),
        ("unk", Gender::Unknown),
        ("unspecified", Gender::Unknown),
        ("not specified", Gender::Unknown),
        ("not-specified", Gender::Unknown),
        ("notspecified", Gender::Unknown),
    ];
    WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|&(_, gender)| gender)
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
            (&["M", "m", "male", "MALE", " Male ", "Man", "M - Male"][..], Gender::Male),
            (
                &["F", "f", "Female", "woman", "F - Female", "Female (F)", "F/Female"],
                Gender::Female,
            ),
            (&["O", "o", "other", "UN", "x", "Non-binary", "nonbinary", "Intersex"], Gender::Other),
            (&["U", "u", "unknown", "unk", "Unspecified", "Not specified"], Gender::Unknown),
        ] {
            for text in texts {
                assert_eq!(text.parse(), Ok(gender), "{text:?}");
            }
            assert_eq!(gender.as_str().parse(), Ok(gender));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["Transgender", "F/M", "0", "m f", "M - Female", "F - F - F", "(", "boy"] {
            assert_eq!(text.parse::<Gender>(), Err(Problem::NotAGender), "{text:?}");
        }
        assert_eq!("".parse::<Gender>(), Err(Problem::Missing));
    }
}
