//! What a customer says about a header cell that the table of names does not know.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::column::ColumnName;
use crate::text::tidy;

use super::recognise::{Index, recognise, squeeze};

/// The longest header text, in characters.
const LONGEST_HEADER: usize = 255;

/// A column of the import and the text of the header cell that means it, as in `dob:Birth Date`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ColumnMapping {
    /// The column that the header cell names.
    pub column: ColumnName,
    /// The text of the header cell.
    pub header: String,
}

/// Text that is no mapping. Says why.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAMapping {
    /// There is no colon, or nothing behind it.
    #[error("column must be <column>:<text of the header cell>, such as dob:Birth Date")]
    Form,
    /// Before the colon there is no column of the import.
    #[error("column must begin with a column of the import, such as dob or zip-2")]
    UnknownColumn,
}

impl ColumnMapping {
    /// Whether a header cell is the one that is meant: it has the same text, or else the same
    /// letters and digits.
    pub(super) fn means(&self, header: &str, exactly: bool) -> bool {
        let same = self.header.to_lowercase() == header.to_lowercase();
        same || !exactly
            && squeeze(&self.header)
                .is_some_and(|text| !text.is_empty() && squeeze(header) == Some(text))
    }
}

impl FromStr for ColumnMapping {
    type Err = NotAMapping;

    fn from_str(text: &str) -> Result<Self, NotAMapping> {
        let (column, header) = text.split_once(':').ok_or(NotAMapping::Form)?;
        let column = match column.trim().parse() {
            Ok(column) => column,
            Err(_) => column_named(column).ok_or(NotAMapping::UnknownColumn)?,
        };
        let header = tidy(header).map_err(|_| NotAMapping::Form)?;
        if header.is_empty() || header.chars().count() > LONGEST_HEADER {
            return Err(NotAMapping::Form);
        }
        Ok(Self { column, header: header.into_owned() })
    }
}

/// Reads a column's own name in another case or with another sign before the index. Aliases are not
/// meant.
fn column_named(text: &str) -> Option<ColumnName> {
    let recognised = recognise(text).filter(|recognised| recognised.named.rank == 0)?;
    let slot = match recognised.index {
        Index::None => None,
        Index::Slot(slot) => Some(slot),
        Index::OutOfRange => return None,
    };
    Some(ColumnName::new(recognised.named.field, slot))
}

impl fmt::Display for ColumnMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.column, self.header)
    }
}

impl Serialize for ColumnMapping {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ColumnMapping {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
