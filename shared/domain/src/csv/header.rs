//! What each column of a file means, decided once from its header.

mod aliases;
mod mapping;
mod recognise;
mod resolve;

use serde::{Deserialize, Deserializer, Serialize};

use crate::column::{ColumnName, Field, Slot};
use crate::csv::error::FileError;
use crate::csv::reader::{Cells, RawRow};
use crate::csv::separator::Separator;
use crate::limits::COLUMNS;
use crate::text::{Encoding, clean};

pub use aliases::names;
pub use mapping::{BadMappings, ColumnMapping, ColumnMappings, NotAMapping};
pub(super) use recognise::squeeze;

use Field::{AddressLine1, City, Dob, FirstName, Gender, LastName, State, Zip};

/// Columns that every file must have.
const REQUIRED: [Field; 4] = [FirstName, LastName, Dob, Gender];

/// Columns without which an address is not complete.
const REQUIRED_OF_ADDRESS: [Field; 4] = [AddressLine1, City, State, Zip];

/// The columns of an address.
pub(crate) const ADDRESS: [Field; 5] = [AddressLine1, Field::AddressLine2, City, State, Zip];

/// The most characters of a header cell that are kept for the report of columns.
const REPORTED_CHARS: usize = 200;

/// The most bytes of all header cells that are kept, as JSON writes them: 500 columns with names of
/// 30 characters. They are stored in the job's item, which `DynamoDB` bounds at 400 KB, and of
/// which each completed chunk costs a write unit per KB. Cells beyond are reported without their
/// text.
const REPORTED_BYTES: usize = 16 * 1024;

/// The bytes of quotes and comma around a text in a JSON array.
const JSON_AROUND: usize = 3;

/// Which column of a file means what, and what it takes to read the file's rows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Columns {
    #[serde(skip_serializing_if = "Separator::is_comma")]
    separator: Separator,
    width: u32,
    /// Position (from 0) and meaning, in the order of the header.
    #[serde(rename = "columns")]
    known: Vec<(u32, ColumnName)>,
    /// A hash of the header, by which rows that repeat it are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<u64>,
    /// The texts of the header cells, for the report of columns.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    header: Vec<String>,
}

/// A header cell and what it was taken for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HeaderCell {
    /// Text of the cell, up to 200 characters of it. Empty beyond the first 16 KiB of a header.
    pub header: String,
    /// Column that the cell names, such as `dob` or `zip-2`. Absent if the column is ignored, and
    /// kept in the result.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub column: Option<ColumnName>,
}

/// The columns of a group that make one value together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct GroupSlot {
    /// The index that the columns share.
    slot: Option<Slot>,
    /// Whether columns without an index and with the first one are the same slot.
    is_first: bool,
}

impl Columns {
    /// Reads a header.
    ///
    /// Upper and lower case, spaces, `_` and punctuation do not matter. Cells that name no column
    /// of the import, among them empty ones, are ignored.
    ///
    /// # Errors
    ///
    /// A misplaced double quote; more columns than [`COLUMNS`]; a mapping to a cell that is not
    /// there; an index that is not 1 to 10; a second column with the same meaning; required columns
    /// that are missing (`firstName`, `lastName`, `dob`, `gender`, and those that complete the
    /// first address); an ignored column that speaks of opting out.
    pub fn from_header(
        row: &RawRow<'_>,
        separator: Separator,
        mappings: &ColumnMappings,
    ) -> Result<Self, FileError> {
        if !row.is_split {
            return Err(FileError::HeaderQuote);
        }
        let width = u32::try_from(row.cells.len()).ok().filter(|width| *width as usize <= COLUMNS);
        let Some(width) = width else {
            return Err(FileError::TooManyColumns { limit: COLUMNS });
        };
        let texts = texts(row);
        let named = resolve::resolve(&texts, mappings)?;
        let known = (0..).zip(&named).filter_map(|(index, name)| name.map(|name| (index, name)));
        let columns = Self {
            separator,
            width,
            known: known.collect(),
            fingerprint: Some(fingerprint(&row.cells)),
            header: reported(&texts),
        };
        let missing = columns.missing();
        if !missing.is_empty() {
            return Err(FileError::MissingColumns { columns: missing, header_line: None });
        }
        let ignored = texts
            .iter()
            .zip(&named)
            .position(|(text, name)| name.is_none() && recognise::speaks_of_opting_out(text));
        match ignored {
            Some(index) => Err(FileError::OptOutIgnored { position: index + 1 }),
            None => Ok(columns),
        }
    }

    /// Counts the cells of a header that name a column of the import.
    pub(super) fn known_cells(row: &RawRow<'_>) -> usize {
        texts(row).iter().filter(|text| Self::names_a_column(text)).count()
    }

    /// Returns the cells of a row, each with the column that it names by itself.
    pub(super) fn cells_alone(row: &RawRow<'_>) -> Vec<HeaderCell> {
        let texts = texts(row);
        let columns = texts.iter().map(|text| recognise::column_alone(text));
        reported(&texts)
            .into_iter()
            .zip(columns)
            .map(|(header, column)| HeaderCell { header, column })
            .collect()
    }

    /// Whether the text of a header cell names a column of the import.
    pub(super) fn names_a_column(text: &str) -> bool {
        recognise::recognise(text).is_some()
    }

    /// Returns the separator of the file.
    pub fn separator(&self) -> Separator {
        self.separator
    }

    /// Returns how many cells the header has.
    pub fn width(&self) -> usize {
        self.width as usize
    }

    /// Returns the columns that mean something, with their positions (from 0), in the order of the
    /// header.
    pub fn iter(&self) -> impl Iterator<Item = (usize, ColumnName)> {
        self.known.iter().map(|&(index, name)| (index as usize, name))
    }

    /// Returns every header cell with the column that it was taken for, in the order of the file.
    pub fn report(&self) -> Vec<HeaderCell> {
        let mut columns = vec![None; self.width()];
        for (index, name) in self.iter() {
            columns[index] = Some(name);
        }
        let texts = self.header.iter().cloned().chain(std::iter::repeat(String::new()));
        texts.zip(columns).map(|(header, column)| HeaderCell { header, column }).collect()
    }

    /// Whether a row has the same cells as the header, as in files that were joined.
    pub fn is_header(&self, cells: &Cells<'_>) -> bool {
        self.fingerprint == Some(fingerprint(cells))
    }

    /// Returns where the column with this name is.
    pub fn find(&self, field: Field, slot: Option<Slot>) -> Option<usize> {
        let wanted = ColumnName::new(field, slot);
        self.iter().find(|(_, name)| *name == wanted).map(|(index, _)| index)
    }

    /// Returns the slots of which the file has a column of these fields, in order. A column without
    /// an index is in the first slot, unless the file has a column of the same field with the index
    /// 1: then it comes before that.
    pub(crate) fn slots(&self, fields: &[Field]) -> Vec<GroupSlot> {
        let has = |slot| fields.iter().any(|&field| self.find(field, slot).is_some());
        let first = Some(Slot::FIRST);
        let has_both = fields
            .iter()
            .any(|&field| self.find(field, None).is_some() && self.find(field, first).is_some());
        let exact = |slot| GroupSlot { slot, is_first: false };
        let mut slots = Vec::new();
        if has_both {
            slots.extend([exact(None), exact(first)]);
        } else if has(None) || has(first) {
            slots.push(GroupSlot { slot: first.filter(|_| has(first)), is_first: true });
        }
        slots.extend(Slot::all().skip(1).map(Some).filter(|&slot| has(slot)).map(exact));
        slots
    }

    /// Returns where the column of a field in a slot is, if the file has it, and its name there.
    pub(crate) fn in_slot(
        &self,
        field: Field,
        GroupSlot { slot, is_first }: GroupSlot,
    ) -> (Option<usize>, ColumnName) {
        let name = ColumnName::new(field, slot);
        let written =
            |slot| self.find(field, slot).map(|index| (Some(index), ColumnName::new(field, slot)));
        let other =
            || if is_first { written(None).or_else(|| written(Some(Slot::FIRST))) } else { None };
        written(slot).or_else(other).unwrap_or((None, name))
    }

    /// Returns the slots with a complete address.
    pub(crate) fn complete_addresses(&self) -> impl Iterator<Item = GroupSlot> {
        let is_complete = |slot: &GroupSlot| {
            REQUIRED_OF_ADDRESS.iter().all(|&field| self.in_slot(field, *slot).0.is_some())
        };
        self.slots(&ADDRESS).into_iter().filter(is_complete)
    }

    /// Whether every row must have a value of this field.
    pub(crate) fn is_required(field: Field) -> bool {
        REQUIRED.contains(&field) || REQUIRED_OF_ADDRESS.contains(&field)
    }

    /// Returns what every header must have.
    pub(super) fn required() -> Vec<ColumnName> {
        REQUIRED
            .into_iter()
            .chain(REQUIRED_OF_ADDRESS)
            .map(|field| ColumnName::new(field, None))
            .collect()
    }

    fn missing(&self) -> Vec<ColumnName> {
        let mut missing: Vec<_> = REQUIRED
            .into_iter()
            .filter(|&field| self.find(field, None).is_none())
            .map(|field| ColumnName::new(field, None))
            .collect();
        if self.complete_addresses().next().is_none() {
            let begun = self.slots(&ADDRESS).first().copied();
            let slot = begun.unwrap_or(GroupSlot { slot: None, is_first: true });
            let parts = REQUIRED_OF_ADDRESS.into_iter().map(|field| self.in_slot(field, slot));
            missing.extend(parts.filter(|(index, _)| index.is_none()).map(|(_, name)| name));
        }
        missing
    }
}

/// Returns the texts of a header's cells.
fn texts(row: &RawRow<'_>) -> Vec<String> {
    let encoding = Encoding::of_row(row.raw);
    let text = |cell: &[u8]| {
        let text = encoding.decode(cell).unwrap_or_default();
        clean(&text).map(std::borrow::Cow::into_owned).unwrap_or_default()
    };
    row.cells.iter().map(text).collect()
}

/// Returns what is kept of the texts of a header's cells.
fn reported(texts: &[String]) -> Vec<String> {
    let mut room = REPORTED_BYTES;
    let kept = texts.iter().map_while(|text| {
        let end = text.char_indices().nth(REPORTED_CHARS).map_or(text.len(), |(end, _)| end);
        let escaped = text[..end].bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
        room = room.checked_sub(end + escaped + JSON_AROUND)?;
        Some(text[..end].to_owned())
    });
    kept.collect()
}

/// Returns a hash of a row's cells, white space around them and blank ones at the end aside.
fn fingerprint(cells: &Cells<'_>) -> u64 {
    let trim =
        |cell: &'_ [u8]| cell.strip_prefix(b"\xef\xbb\xbf").unwrap_or(cell).trim_ascii().to_vec();
    let mut hash = crate::identity::Fnv::new();
    let mut blanks = 0;
    for cell in cells.iter().map(trim) {
        if cell.is_empty() {
            blanks += 1;
            continue;
        }
        for _ in 0..=std::mem::take(&mut blanks) {
            hash.byte(0);
        }
        hash.update(&cell);
    }
    hash.get()
}

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;

        #[derive(Deserialize)]
        struct Stored {
            #[serde(default)]
            separator: Separator,
            width: u32,
            columns: Vec<(u32, ColumnName)>,
            fingerprint: Option<u64>,
            #[serde(default)]
            header: Vec<String>,
        }

        let Stored { separator, width, columns, fingerprint, header } =
            Stored::deserialize(deserializer)?;
        let ascending = columns.is_sorted_by(|(a, _), (b, _)| a < b);
        if width as usize > COLUMNS || header.len() > width as usize {
            return Err(D::Error::custom("too many columns"));
        }
        if !ascending || columns.last().is_some_and(|(last, _)| *last >= width) {
            return Err(D::Error::custom("columns are not in the order of a header"));
        }
        for (i, (_, name)) in columns.iter().enumerate() {
            if columns[..i].iter().any(|(_, other)| other == name) {
                return Err(D::Error::custom("two columns mean the same"));
            }
        }
        Ok(Self { separator, width, known: columns, fingerprint, header })
    }
}

#[cfg(test)]
mod tests;
