//! What each column of a file means, decided once from its header.

mod matching;
mod names;

use serde::{Deserialize, Deserializer, Serialize};

use crate::csv::error::FileError;
use crate::csv::limits::COLUMNS;
use crate::csv::rows::Cells;

pub(crate) use matching::{names_a_column, squeeze};
pub use names::{ColumnName, Field, Slot};

use Field::{AddressLine1, City, Dob, FirstName, Gender, LastName, State, Zip};

/// Columns that every file must have.
const REQUIRED: [Field; 4] = [FirstName, LastName, Dob, Gender];

/// Columns without which an address is not complete.
const REQUIRED_OF_ADDRESS: [Field; 4] = [AddressLine1, City, State, Zip];

/// Which column of a file means what. Columns that mean nothing to the import are only counted, so
/// its size is bounded (by 90 columns) whatever the header holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Columns {
    width: u32,
    /// Position (from 0) and meaning, in the order of the header.
    columns: Vec<(u32, ColumnName)>,
}

impl Columns {
    /// Reads a header.
    ///
    /// Upper and lower case, spaces, `_` and punctuation do not matter. Cells that name no column of
    /// the import, among them empty ones and ones that are not UTF-8, are ignored.
    ///
    /// # Errors
    ///
    /// From left to right, an index that is not 1 to 10, a second column with the same meaning, or more
    /// columns than [`COLUMNS`]; then the required columns that are missing: `firstName`, `lastName`,
    /// `dob`, `gender`, and those that complete the first address.
    pub fn from_header(cells: &Cells<'_>) -> Result<Self, FileError> {
        let mut columns: Vec<(u32, ColumnName)> = Vec::new();
        let mut width = 0;
        for cell in cells.iter() {
            let index = width;
            if index as usize == COLUMNS {
                return Err(FileError::TooManyColumns { limit: COLUMNS });
            }
            width += 1;
            let position = |index: u32| index as usize + 1;
            let Some(column) = matching::recognise(cell)
                .map_err(|field| FileError::IndexOutOfRange { field, position: position(index) })?
            else {
                continue;
            };
            if let Some((first, _)) = columns.iter().find(|(_, known)| known.means_same(column)) {
                let (first, second) = (position(*first), position(index));
                return Err(FileError::DuplicateColumn { column, first, second });
            }
            columns.push((index, column));
        }
        let columns = Self { width, columns };
        let missing = columns.missing();
        if missing.is_empty() { Ok(columns) } else { Err(FileError::MissingColumns(missing)) }
    }

    /// How many cells the header has, and so every row must have.
    pub fn width(&self) -> usize {
        self.width as usize
    }

    /// The columns that mean something, with their positions (from 0), in the order of the header.
    pub fn iter(&self) -> impl Iterator<Item = (usize, ColumnName)> {
        self.columns.iter().map(|&(index, name)| (index as usize, name))
    }

    /// Where the column with this meaning is, and how the header wrote it. No slot means the first.
    pub fn find(&self, field: Field, slot: Option<Slot>) -> Option<(usize, ColumnName)> {
        let wanted = ColumnName::new(field, slot);
        self.iter().find(|(_, name)| name.means_same(wanted))
    }

    /// The name under which a column of an address that the header lacks is reported: with an index,
    /// unless the header writes the first address without.
    pub(crate) fn name_in_slot(&self, field: Field, slot: Slot) -> ColumnName {
        let indexed = self.address_columns(slot).any(|name| name.slot.is_some());
        let bare = slot == Slot::FIRST && !indexed;
        ColumnName::new(field, (!bare).then_some(slot))
    }

    fn address_columns(&self, slot: Slot) -> impl Iterator<Item = ColumnName> {
        self.iter()
            .map(|(_, name)| name)
            .filter(move |name| name.field.is_address() && name.slot_or_first() == slot)
    }

    fn missing(&self) -> Vec<ColumnName> {
        let mut missing: Vec<_> = REQUIRED
            .into_iter()
            .filter(|&field| self.find(field, None).is_none())
            .map(|field| ColumnName::new(field, None))
            .collect();
        let lacks = |slot: Slot| {
            REQUIRED_OF_ADDRESS.into_iter().filter(move |&field| self.find(field, Some(slot)).is_none())
        };
        if Slot::all().all(|slot| lacks(slot).next().is_some()) {
            let begun = Slot::all().find(|&slot| self.address_columns(slot).next().is_some());
            let slot = begun.unwrap_or(Slot::FIRST);
            missing.extend(lacks(slot).map(|field| self.name_in_slot(field, slot)));
        }
        missing
    }
}

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;

        #[derive(Deserialize)]
        struct Stored {
            width: u32,
            columns: Vec<(u32, ColumnName)>,
        }

        let Stored { width, columns } = Stored::deserialize(deserializer)?;
        let ascending = columns.is_sorted_by(|(a, _), (b, _)| a < b);
        if width as usize > COLUMNS {
            return Err(D::Error::custom("too many columns"));
        }
        if !ascending || columns.last().is_some_and(|(last, _)| *last >= width) {
            return Err(D::Error::custom("columns are not in the order of a header"));
        }
        for (i, (_, name)) in columns.iter().enumerate() {
            if columns[..i].iter().any(|(_, other)| other.means_same(*name)) {
                return Err(D::Error::custom("two columns mean the same"));
            }
        }
        Ok(Self { width, columns })
    }
}

#[cfg(test)]
mod tests;
