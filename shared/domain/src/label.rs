//! Short texts that customers give to things of their own: names, descriptions, colours.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::tidy;

/// The longest label, in characters.
pub const LONGEST_LABEL: usize = 255;

/// A text of 1 to 255 characters, white space collapsed, without control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Label(String);

/// Text that is no label. Says why, never what it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotALabel {
    /// There is nothing in it.
    #[error("missing")]
    Blank,
    /// It is longer than a label may be.
    #[error("longer than 255 characters")]
    TooLong,
    /// It holds a control character.
    #[error("control character")]
    ControlCharacter,
}

impl Label {
    /// Returns the label as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Label {
    type Err = NotALabel;

    fn from_str(text: &str) -> Result<Self, NotALabel> {
        // Longer text is not looked at: what tidying takes away is not worth the work.
        if text.chars().count() > LONGEST_LABEL {
            return Err(NotALabel::TooLong);
        }
        let text = tidy(text).map_err(|_| NotALabel::ControlCharacter)?;
        if text.is_empty() { Err(NotALabel::Blank) } else { Ok(Self(text.into_owned())) }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_tidy_text_of_up_to_255_characters() {
        assert_eq!("  Main \u{a0} Street ".parse::<Label>().unwrap().as_str(), "Main Street");
        assert!("é".repeat(255).parse::<Label>().is_ok());
        for (text, problem) in [
            (" ", NotALabel::Blank),
            ("\u{200b}", NotALabel::Blank),
            ("a\u{7}b", NotALabel::ControlCharacter),
            (&"é".repeat(256), NotALabel::TooLong),
        ] {
            assert_eq!(text.parse::<Label>(), Err(problem), "{text:?}");
        }
    }
}
