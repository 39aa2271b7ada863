//! What a customer says about header cells that the table of names does not know.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::column::ColumnName;
use crate::text::tidy;

use super::recognise::{column_alone, recognise, squeeze};

/// The longest header text, in characters.
const LONGEST_HEADER: usize = 255;

/// The most bytes of all mappings of a job, so that they take a small part of the job's item. API
/// Gateway takes no longer request line either ("Amazon API Gateway quotas": 10,240 bytes of
/// request line and headers).
const LONGEST_MAPPINGS: usize = 8 * 1024;

/// A column of the import and the text of the header cell that means it, as in `dob:Birth Date`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ColumnMapping {
    /// The column that the header cell names.
    pub column: ColumnName,
    /// The text of the header cell.
    pub header: String,
}

/// Text that is no mapping. Says why, and repeats nothing of the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAMapping {
    /// There is no colon, or nothing behind it.
    #[error("is not <column>:<text of the header cell>, such as dob:Birth Date")]
    Form,
    /// Before the colon there is no column of the import.
    #[error("does not begin with a column of the import, such as dob or zip-2")]
    UnknownColumn,
    /// The header text is too long, or holds a control character.
    #[error(
        "names a header cell of more than {LONGEST_HEADER} characters, or one with control characters"
    )]
    Header,
}

/// The mappings of a job. No column and no header cell is mapped twice.
#[derive(Clone, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<ColumnMapping>")]
pub struct ColumnMappings(Vec<ColumnMapping>);

/// Mappings that contradict one another. Says which by their numbers, counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadMappings {
    /// One of the texts is no mapping.
    #[error("column {0} {1}")]
    NotAMapping(usize, NotAMapping),
    /// Two mappings are about the same column.
    #[error("column {0} and column {1} are both about {2}")]
    ColumnTwice(usize, usize, ColumnName),
    /// Two mappings are about the same header cell.
    #[error("column {0} and column {1} name the same header cell")]
    HeaderTwice(usize, usize),
    /// The mappings together are too long.
    #[error("the columns are longer than {LONGEST_MAPPINGS} bytes together")]
    TooLong,
}

impl ColumnMappings {
    /// Reads mappings such as `dob:Birth Date`.
    ///
    /// # Errors
    ///
    /// A text that is no mapping; two mappings about the same column or header cell; mappings that
    /// are too long together.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, BadMappings> {
        let read = |(index, text): (usize, &str)| {
            text.parse().map_err(|problem| BadMappings::NotAMapping(index + 1, problem))
        };
        let mappings: Result<Vec<ColumnMapping>, _> =
            texts.into_iter().enumerate().map(read).collect();
        mappings?.try_into()
    }

    /// Whether the customer has said nothing about header cells.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the mappings in the order in which the customer gave them.
    pub fn iter(&self) -> impl Iterator<Item = &ColumnMapping> {
        self.0.iter()
    }
}

impl TryFrom<Vec<ColumnMapping>> for ColumnMappings {
    type Error = BadMappings;

    fn try_from(mappings: Vec<ColumnMapping>) -> Result<Self, BadMappings> {
        let mut bytes = 0;
        for (second, mapping) in mappings.iter().enumerate() {
            let earlier = &mappings[..second];
            if let Some(first) = earlier.iter().position(|known| known.column == mapping.column) {
                return Err(BadMappings::ColumnTwice(first + 1, second + 1, mapping.column));
            }
            if let Some(first) = earlier
                .iter()
                .position(|known| same_text(&known.header) == same_text(&mapping.header))
            {
                return Err(BadMappings::HeaderTwice(first + 1, second + 1));
            }
            bytes += mapping.to_string().len();
            // Checked here, so that the work does not grow with the square of the request's size.
            if bytes > LONGEST_MAPPINGS {
                return Err(BadMappings::TooLong);
            }
        }
        Ok(Self(mappings))
    }
}

impl PartialEq for ColumnMappings {
    /// Whether both say the same, in any order.
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().all(|mapping| other.0.contains(mapping))
    }
}

/// Returns what header cells of the same text have in common.
pub(super) fn same_text(header: &str) -> String {
    header.to_lowercase()
}

/// Returns what header cells of the same letters and digits have in common, if they have any.
pub(super) fn same_letters(header: &str) -> Option<String> {
    squeeze(header).filter(|letters| !letters.is_empty())
}

impl FromStr for ColumnMapping {
    type Err = NotAMapping;

    fn from_str(text: &str) -> Result<Self, NotAMapping> {
        let (column, header) = text.split_once(':').ok_or(NotAMapping::Form)?;
        let column = match column.trim().parse() {
            Ok(column) => column,
            Err(_) => column_named(column).ok_or(NotAMapping::UnknownColumn)?,
        };
        let header = tidy(header).map_err(|_| NotAMapping::Header)?;
        if header.is_empty() {
            return Err(NotAMapping::Form);
        }
        if header.chars().count() > LONGEST_HEADER {
            return Err(NotAMapping::Header);
        }
        Ok(Self { column, header: header.into_owned() })
    }
}

/// Reads a column's own name in another case or with another sign before the index. Aliases are not
/// meant.
fn column_named(text: &str) -> Option<ColumnName> {
    recognise(text).filter(|recognised| recognised.named.rank == 0)?;
    column_alone(text)
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
