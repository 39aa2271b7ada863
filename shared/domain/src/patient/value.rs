//! What all values of a patient have in common.

use std::borrow::Cow;

use crate::problem::Problem;
use crate::text::tidy;

/// A value that is read from the text of one cell, or of one JSON string. A cell is cleaned before
/// (`text::clean`), and a string is tidied only, because what was cleaned once is stored.
pub(crate) trait Value: Sized {
    /// Reads text that is tidy and not blank.
    fn from_tidy(text: &str) -> Result<Self, Problem>;

    /// Reads text that is tidy and not blank, and keeps it if the value is the text.
    fn from_owned(text: Cow<'_, str>) -> Result<Self, Problem> {
        Self::from_tidy(&text)
    }

    /// Reads text as it was written; `None` if it is blank.
    fn read(text: &str) -> Result<Option<Self>, Problem> {
        let text = tidy(text)?;
        if text.is_empty() { Ok(None) } else { Self::from_owned(text).map(Some) }
    }
}

/// Gives a [`Value`] its outside: read from strings, written as the string that its method `$text`
/// gives, and never shown by `Debug`.
macro_rules! value {
    ($name:ident, $text:ident) => {
        impl std::str::FromStr for $name {
            type Err = $crate::problem::Problem;

            /// Reads text by the rules of the import, without what a cell is cleaned of. Blank text
            /// is [`Missing`]($crate::problem::Problem::Missing).
            fn from_str(text: &str) -> Result<Self, $crate::problem::Problem> {
                $crate::patient::Value::read(text)?.ok_or($crate::problem::Problem::Missing)
            }
        }

        $crate::hidden_debug!($name);

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.$text())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use value;

/// Exactly `N` ASCII digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Digits<const N: usize>([u8; N]);

impl<const N: usize> Digits<N> {
    /// Collects digits, with zeros put before them where there are fewer than `N` but at least
    /// `at_least`. `None` if there are too many or too few, or if one is no digit.
    pub(super) fn collect(digits: impl Iterator<Item = char>, at_least: usize) -> Option<Self> {
        let mut collected = [b'0'; N];
        let mut len = 0;
        for c in digits {
            *collected.get_mut(len)? = u8::try_from(c).ok().filter(u8::is_ascii_digit)?;
            len += 1;
        }
        if len < at_least {
            return None;
        }
        // The digits go to the end, and the zeros behind them to the front.
        collected.rotate_right(N - len);
        Some(Self(collected))
    }

    /// Returns the `N` digits of a text that holds nothing else but characters for which
    /// `is_between` is true. `None` for other text, which another look may understand.
    pub(super) fn plain(text: &str, is_between: impl Fn(u8) -> bool) -> Option<Self> {
        let mut digits = [b'0'; N];
        let mut len = 0;
        for byte in text.bytes() {
            if byte.is_ascii_digit() {
                *digits.get_mut(len)? = byte;
                len += 1;
            } else if !is_between(byte) {
                return None;
            }
        }
        (len == N).then_some(Self(digits))
    }

    /// Whether the number is one digit again and again.
    pub(super) fn is_repeated(&self) -> bool {
        self.0.iter().all(|digit| Some(digit) == self.0.first())
    }

    pub(super) fn bytes(&self) -> &[u8; N] {
        &self.0
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}
