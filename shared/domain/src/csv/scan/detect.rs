//! Finds out how a file is separated, and what its header means, from its first bytes.

use crate::csv::error::FileError;
use crate::csv::header::{ColumnMappings, Columns, HeaderCell};
use crate::csv::reader::RowReader;
use crate::csv::separator::Separator;
use crate::csv::{other_formats, split};
use crate::patient::looks_like_data;

use super::HeaderRow;

/// The lines among which a header is looked for that is not in the first.
const LINES: usize = 10;

/// The most bytes in which these lines are looked for. What is longer is no title of a report.
const LINES_BYTES: usize = 64 * 1024;

/// The beginning of a file.
#[derive(Clone, Copy)]
pub(super) struct Beginning<'a> {
    pub(super) bytes: &'a [u8],
    /// Whether the file ends with them.
    pub(super) is_all: bool,
    pub(super) row_limit: usize,
    pub(super) mappings: &'a ColumnMappings,
}

/// The header of a file that can be imported, as far as the header tells.
pub(super) struct Detected {
    pub(super) columns: Columns,
    pub(super) place: HeaderRow,
}

/// What a header is under one separator.
enum UnderSeparator {
    /// It has what a header must have.
    Sound(Detected),
    /// It has not; with the number of its cells that name columns.
    Unsound(FileError, usize),
    /// There is no row.
    Nothing,
    /// More bytes are needed.
    Unknown,
}

impl Beginning<'_> {
    /// Finds the separator under which the header has the required columns. Returns `None` if more
    /// bytes are needed, or if the whole file has no row.
    ///
    /// # Errors
    ///
    /// What makes the file fail, under the separator that yields the most columns of the import.
    pub(super) fn detect(&self) -> Result<Option<Detected>, FileError> {
        let mut best: Option<(FileError, usize, Separator)> = None;
        for separator in Separator::ALL {
            match self.under(separator) {
                UnderSeparator::Sound(detected) if self.lost_line_breaks(separator) => {
                    drop(detected);
                    return Err(FileError::LineBreaksLost);
                }
                UnderSeparator::Sound(detected) => return Ok(Some(detected)),
                UnderSeparator::Unsound(error, known) => {
                    if best.as_ref().is_none_or(|(_, most, _)| known > *most) {
                        best = Some((error, known, separator));
                    }
                }
                UnderSeparator::Nothing => {}
                UnderSeparator::Unknown => return Ok(None),
            }
        }
        match best {
            None => Ok(None),
            Some((error, known, separator)) => self.explain(error, known, separator),
        }
    }

    fn under(&self, separator: Separator) -> UnderSeparator {
        let mut reader = self.reader(separator);
        match reader.next_row() {
            Ok(None) if self.is_all => UnderSeparator::Nothing,
            Ok(None) => UnderSeparator::Unknown,
            Err(error) => UnderSeparator::Unsound(error, 0),
            Ok(Some(row)) => match Columns::from_header(&row, separator, self.mappings) {
                Ok(columns) => {
                    let place = HeaderRow { start: row.start, len: super::narrow(row.raw.len()) };
                    UnderSeparator::Sound(Detected { columns, place })
                }
                Err(error) => UnderSeparator::Unsound(error, Columns::known_cells(&row)),
            },
        }
    }

    fn reader(&self, separator: Separator) -> RowReader {
        let mut reader = RowReader::new(separator).row_limit(self.row_limit);
        reader.push(self.bytes);
        if self.is_all {
            reader.finish();
        }
        reader
    }

    /// Says more about a header that lacks columns. Returns `None` if more bytes are needed for
    /// that.
    fn explain(
        &self,
        error: FileError,
        known: usize,
        separator: Separator,
    ) -> Result<Option<Detected>, FileError> {
        if !matches!(
            error,
            FileError::MissingColumns { .. }
                | FileError::MappedHeaderMissing { .. }
                | FileError::RowTooLong { .. }
                | FileError::HeaderQuote
        ) {
            let lost = self.lost_line_breaks(separator);
            return Err(if lost { FileError::LineBreaksLost } else { error });
        }
        let line_breaks = memchr::memchr2_iter(b'\n', b'\r', self.bytes).count();
        if !self.is_all && line_breaks < 2 * LINES && self.bytes.len() < LINES_BYTES {
            return Ok(None);
        }
        if let Some(other) =
            other_formats::perhaps_not_csv(&self.bytes[..self.bytes.len().min(other_formats::HEAD)])
        {
            return Err(other);
        }
        if self.lost_line_breaks(separator) {
            return Err(FileError::LineBreaksLost);
        }
        let columns = match error {
            FileError::MissingColumns { columns, .. } => columns,
            FileError::HeaderQuote | FileError::MappedHeaderMissing { .. }
                if self.header_line().is_some() =>
            {
                Columns::required()
            }
            error => return Err(error),
        };
        if let Some(line) = self.header_line() {
            return Err(FileError::MissingColumns { columns, header_line: Some(line) });
        }
        let mut reader = self.reader(separator);
        if let Ok(Some(header)) = reader.next_row() {
            let other = other_formats::other_separator(header.raw, Columns::names_a_column);
            if let Some(other) = other.filter(|_| known < 2) {
                return Err(FileError::Separator(other));
            }
        }
        if known == 0 && self.begins_with_data() {
            return Err(FileError::NoHeader);
        }
        Err(FileError::MissingColumns { columns, header_line: None })
    }

    /// Whether the file is one line, with names of columns and with values.
    fn lost_line_breaks(&self, separator: Separator) -> bool {
        let bytes = &self.bytes[..self.bytes.len().min(LINES_BYTES)];
        let end = bytes.trim_ascii_end();
        let is_one_line = self.is_all || self.bytes.len() > self.row_limit;
        if !is_one_line || memchr::memchr2(b'\n', b'\r', end).is_some() {
            return false;
        }
        let mut names = 0;
        let mut has_data = false;
        split::split(end, separator.byte(), |cell| {
            let text = String::from_utf8_lossy(&end[cell.whole]);
            names += usize::from(Columns::names_a_column(&text));
            has_data |= looks_like_data(&text);
        });
        names >= 2 && has_data
    }

    /// Whether the first row has a cell that is a value and no name, under any separator.
    fn begins_with_data(&self) -> bool {
        Separator::ALL.into_iter().any(|separator| {
            let mut reader = self.reader(separator);
            let row = reader.next_row().ok().flatten();
            let is_data = |cell| std::str::from_utf8(cell).is_ok_and(looks_like_data);
            row.is_some_and(|row| row.cells.iter().any(is_data))
        })
    }

    /// Returns the number of the first line, counted from 1, that would do as a header, among the
    /// first ten.
    fn header_line(&self) -> Option<u32> {
        let bytes = &self.bytes[..self.bytes.len().min(LINES_BYTES)];
        let would_do = |line: &[u8]| {
            Separator::ALL.into_iter().any(|separator| {
                let mut reader = RowReader::new(separator).row_limit(self.row_limit);
                reader.push(line);
                reader.finish();
                let row = reader.next_row();
                row.is_ok_and(|row| {
                    row.is_some_and(|row| {
                        let header = Columns::from_header(&row, separator, self.mappings);
                        header.is_ok()
                    })
                })
            })
        };
        let place = lines(bytes).take(LINES).position(would_do)?;
        u32::try_from(place + 1).ok()
    }
}

/// Returns the cells of a header, each with the column that it names by itself, also of a file that
/// cannot be imported. The separator is the one under which most cells name columns. `beginning`
/// is the beginning of the file; if its first row is longer, there is no cell.
pub fn header_cells(beginning: &[u8]) -> Vec<HeaderCell> {
    let mappings = ColumnMappings::default();
    let beginning = Beginning {
        bytes: beginning,
        is_all: true,
        row_limit: beginning.len(),
        mappings: &mappings,
    };
    let under = |separator| {
        let mut reader = beginning.reader(separator);
        let row = reader.next_row().ok().flatten();
        row.map(|row| Columns::cells_alone(&row)).unwrap_or_default()
    };
    let known = |cells: &Vec<HeaderCell>| cells.iter().filter(|cell| cell.column.is_some()).count();
    // Of equals the last one is taken, and the comma is the first separator.
    Separator::ALL.into_iter().rev().map(under).max_by_key(known).unwrap_or_default()
}

/// Returns the lines of a text without their line breaks.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let bytes = rest?;
        let Some(end) = memchr::memchr2(b'\n', b'\r', bytes) else {
            rest = None;
            return Some(bytes);
        };
        let next = if bytes[end..].starts_with(b"\r\n") { end + 2 } else { end + 1 };
        rest = Some(&bytes[next..]);
        Some(&bytes[..end])
    })
}
