//! The character between the cells of a file.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What separates the cells of a file. A file has the separator under which its header has the
/// required columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Separator {
    /// The character `,` of RFC 4180.
    #[default]
    Comma,
    /// `;`, written by Excel where the comma is the decimal sign.
    Semicolon,
    /// The tab character, U+0009.
    Tab,
    /// The character `|` between cells.
    Pipe,
}

impl Separator {
    /// Every separator; where two fit a header equally well, the earlier one is meant.
    pub const ALL: [Self; 4] = [Self::Comma, Self::Semicolon, Self::Tab, Self::Pipe];

    /// Returns the byte itself.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Pipe => b'|',
        }
    }

    /// Whether it is the comma.
    pub fn is_comma(&self) -> bool {
        *self == Self::Comma
    }
}

impl fmt::Display for Separator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Comma => "commas",
            Self::Semicolon => "semicolons (;)",
            Self::Tab => "tabs",
            Self::Pipe => "pipes (|)",
        })
    }
}
