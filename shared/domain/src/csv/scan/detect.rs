//! Finds out how a file is separated, and what its header means, from its first bytes.

use crate::csv::error::{FileError, OtherSeparator};
use crate::csv::header::{ColumnMappings, Columns, HeaderCell};
use crate::csv::reader::{RawRow, RowReader};
use crate::csv::separator::Separator;
use crate::csv::{other_formats, split};
use crate::patient::looks_like_data;

use super::HeaderRow;

/// The lines among which a header is looked for that is not in the first.
const LINES: usize = 10;

/// The most bytes in which these lines are looked for. What is longer is no title of a report.
const LINES_BYTES: usize = 64 * 1024;

/// The beginning of a file, up to its header. Holds, besides the first 64 KiB, one row at most for
/// each separator, because blank lines are dropped.
pub(super) struct Beginning {
    row_limit: usize,
    /// The first bytes of the file.
    head: Vec<u8>,
    /// How many bytes have been looked at.
    looked_at: u64,
    /// Whether the file ends with them.
    is_all: bool,
    candidates: [Candidate; Separator::ALL.len()],
}

/// A separator that the file may have.
struct Candidate {
    separator: Separator,
    reader: RowReader,
    header: UnderSeparator,
}

/// The header of a file that can be imported, as far as the header tells.
#[derive(Clone)]
pub(super) struct Detected {
    pub(super) columns: Columns,
    pub(super) place: HeaderRow,
    /// The bytes of the header row.
    pub(super) raw: Vec<u8>,
    /// Whether the file begins with a byte order mark.
    pub(super) after_bom: bool,
}

/// What a header is under one separator.
enum UnderSeparator {
    /// It has what a header must have.
    Sound(Box<Detected>),
    /// The row lacks something that a header must have.
    Unsound(Unsound),
    /// There is no row.
    Nothing,
    /// More bytes are needed.
    Unknown,
}

/// A row that is no header.
#[derive(Clone)]
struct Unsound {
    error: FileError,
    /// The number of its cells that name columns.
    known: usize,
    /// The separator that it seems to have.
    other: Option<OtherSeparator>,
    /// Whether one of its cells is a value, such as a header never has.
    has_data: bool,
    /// Whether its only cell is a whole header.
    is_quoted_line: bool,
}

impl Candidate {
    fn new(separator: Separator, row_limit: usize) -> Self {
        let reader = RowReader::new(separator).row_limit(row_limit);
        Self { separator, reader, header: UnderSeparator::Unknown }
    }

    /// Reads on until the header is known, and keeps what follows a sound one.
    fn look(&mut self, bytes: &[u8], is_all: bool, mappings: &ColumnMappings) {
        if !matches!(self.header, UnderSeparator::Unknown | UnderSeparator::Sound(_)) {
            return;
        }
        self.reader.push(bytes);
        if is_all {
            self.reader.finish();
        }
        if matches!(self.header, UnderSeparator::Unknown) {
            self.header = self.header(is_all, mappings);
        }
        if matches!(self.header, UnderSeparator::Unsound(_)) {
            // The bytes that it holds are of no use any more.
            self.reader = RowReader::new(self.separator);
        }
    }

    fn header(&mut self, is_all: bool, mappings: &ColumnMappings) -> UnderSeparator {
        let row = match self.reader.next_row() {
            Ok(None) if is_all => return UnderSeparator::Nothing,
            Ok(None) => return UnderSeparator::Unknown,
            Err(error) => return UnderSeparator::Unsound(Unsound::without_row(error)),
            Ok(Some(row)) => row,
        };
        match Columns::from_header(&row, self.separator, mappings) {
            Ok(columns) => UnderSeparator::Sound(Box::new(Detected {
                columns,
                place: HeaderRow { start: row.start, len: row.raw.len() },
                raw: row.raw.to_vec(),
                after_bom: row.after_bom,
            })),
            Err(error) => UnderSeparator::Unsound(Unsound::of(error, &row)),
        }
    }

    /// Returns a position in the file before which no later row begins, if the candidate may still
    /// read the file.
    fn position(&self) -> Option<u64> {
        match &self.header {
            UnderSeparator::Sound(detected) => Some(detected.place.start),
            UnderSeparator::Unknown => Some(self.reader.position()),
            UnderSeparator::Unsound(_) | UnderSeparator::Nothing => None,
        }
    }
}

impl Unsound {
    fn of(error: FileError, row: &RawRow<'_>) -> Self {
        let is_data = |cell| std::str::from_utf8(cell).is_ok_and(looks_like_data);
        Self {
            error,
            known: Columns::known_cells(row),
            other: other_formats::other_separator(row.raw, Columns::names_a_column),
            has_data: row.cells.iter().any(is_data),
            is_quoted_line: row.cells.len() == 1
                && row.raw.contains(&b'"')
                && row.cells.get(0).is_some_and(|cell| {
                    other_formats::is_quoted_line(cell, Columns::names_a_column)
                }),
        }
    }

    fn without_row(error: FileError) -> Self {
        Self { error, known: 0, other: None, has_data: false, is_quoted_line: false }
    }
}

impl Beginning {
    pub(super) fn new(row_limit: usize) -> Self {
        Self {
            row_limit,
            head: Vec::new(),
            looked_at: 0,
            is_all: false,
            candidates: Separator::ALL.map(|separator| Candidate::new(separator, row_limit)),
        }
    }

    /// Returns how many bytes the next look takes: as many as all looks before it, at most 64 KiB.
    pub(super) fn next_look(&self) -> usize {
        let before = usize::try_from(self.looked_at).unwrap_or(LINES_BYTES);
        if before == 0 { other_formats::HEAD } else { before.min(LINES_BYTES) }
    }

    /// Whether nothing has been looked at.
    pub(super) fn is_new(&self) -> bool {
        self.looked_at == 0
    }

    /// Returns a position in the file before which no later row begins.
    pub(super) fn position(&self) -> u64 {
        self.candidates.iter().filter_map(Candidate::position).min().unwrap_or(self.looked_at)
    }

    /// Takes the next bytes, and finds the separator under which the header has the required
    /// columns. Returns the header, and the reader that has passed it. Returns `None` if more bytes
    /// are needed, or if the whole file has no row.
    ///
    /// # Errors
    ///
    /// What makes the file fail, under the separator that yields the most columns of the import.
    pub(super) fn look(
        &mut self,
        bytes: &[u8],
        is_all: bool,
        mappings: &ColumnMappings,
    ) -> Result<Option<(Detected, RowReader)>, FileError> {
        let room = LINES_BYTES - self.head.len();
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.looked_at += bytes.len() as u64;
        self.is_all = is_all;
        let mut is_known = true;
        for index in 0..self.candidates.len() {
            let candidate = &mut self.candidates[index];
            candidate.look(bytes, is_all, mappings);
            match &candidate.header {
                UnderSeparator::Unknown => is_known = false,
                UnderSeparator::Sound(detected) if is_known => {
                    let (detected, separator) = (detected.as_ref().clone(), candidate.separator);
                    let reader =
                        std::mem::replace(&mut candidate.reader, RowReader::new(separator));
                    if self.lost_line_breaks(separator) {
                        return Err(FileError::LineBreaksLost);
                    }
                    return Ok(Some((detected, reader)));
                }
                _ => {}
            }
        }
        if is_known { self.reject(mappings) } else { Ok(None) }
    }

    /// Says why no separator makes a header of the first row. Returns `None` for a file that is
    /// blank under one of them.
    fn reject(
        &self,
        mappings: &ColumnMappings,
    ) -> Result<Option<(Detected, RowReader)>, FileError> {
        let is_blank = |candidate: &Candidate| matches!(candidate.header, UnderSeparator::Nothing);
        if self.candidates.iter().any(is_blank) {
            return Ok(None);
        }
        let mut best: Option<(&Unsound, Separator)> = None;
        for candidate in &self.candidates {
            if let UnderSeparator::Unsound(unsound) = &candidate.header
                && best.is_none_or(|(best, _)| unsound.known > best.known)
            {
                best = Some((unsound, candidate.separator));
            }
        }
        match best {
            None => Ok(None),
            Some((unsound, separator)) => match self.explain(unsound, separator, mappings) {
                None => Ok(None),
                Some(error) => Err(error),
            },
        }
    }

    /// Says more about a header that lacks columns. Returns `None` if more bytes are needed for
    /// that.
    fn explain(
        &self,
        Unsound { error, known, other, is_quoted_line, .. }: &Unsound,
        separator: Separator,
        mappings: &ColumnMappings,
    ) -> Option<FileError> {
        if !matches!(
            error,
            FileError::MissingColumns { .. }
                | FileError::MappedHeaderMissing { .. }
                | FileError::RowTooLong { .. }
                | FileError::HeaderQuote
        ) {
            let lost = self.lost_line_breaks(separator);
            return Some(if lost { FileError::LineBreaksLost } else { error.clone() });
        }
        let line_breaks = memchr::memchr2_iter(b'\n', b'\r', &self.head).count();
        if !self.is_all && line_breaks < 2 * LINES && self.head.len() < LINES_BYTES {
            return None;
        }
        if let Some(other) =
            other_formats::perhaps_not_csv(&self.head[..self.head.len().min(other_formats::HEAD)])
        {
            return Some(other);
        }
        if self.lost_line_breaks(separator) {
            return Some(FileError::LineBreaksLost);
        }
        let header_line = self.header_line(mappings);
        let columns = match error {
            FileError::MissingColumns { columns, .. } => columns.clone(),
            FileError::HeaderQuote | FileError::MappedHeaderMissing { .. }
                if header_line.is_some() =>
            {
                Columns::required()
            }
            error => return Some(error.clone()),
        };
        if header_line.is_some() {
            return Some(FileError::MissingColumns { columns, header_line });
        }
        if *is_quoted_line {
            return Some(FileError::QuotedLines);
        }
        if let Some(other) = other.as_ref().filter(|_| *known < 2) {
            return Some(FileError::Separator(*other));
        }
        if *known == 0 && self.begins_with_data() {
            return Some(FileError::NoHeader);
        }
        Some(FileError::MissingColumns { columns, header_line })
    }

    /// Whether the file is one line, with names of columns and with values.
    fn lost_line_breaks(&self, separator: Separator) -> bool {
        let end = self.head.trim_ascii_end();
        let is_one_line = self.is_all || self.looked_at > self.row_limit as u64;
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
        self.candidates.iter().any(|candidate| {
            matches!(&candidate.header, UnderSeparator::Unsound(unsound) if unsound.has_data)
        })
    }

    /// Returns the number of the first line, counted from 1, that would do as a header, among the
    /// first ten.
    fn header_line(&self, mappings: &ColumnMappings) -> Option<u32> {
        let would_do = |line: &[u8]| {
            Separator::ALL.into_iter().any(|separator| {
                let mut reader = RowReader::new(separator).row_limit(self.row_limit);
                reader.push(line);
                reader.finish();
                let row = reader.next_row();
                row.is_ok_and(|row| {
                    row.is_some_and(|row| Columns::from_header(&row, separator, mappings).is_ok())
                })
            })
        };
        let place = lines(&self.head).take(LINES).position(would_do)?;
        u32::try_from(place + 1).ok()
    }
}

/// Returns the cells of a header, each with the column that it names by itself, also of a file that
/// cannot be imported. The separator is the one under which most cells name columns. `beginning`
/// is the beginning of the file; if its first row is longer, there is no cell.
pub fn header_cells(beginning: &[u8]) -> Vec<HeaderCell> {
    let under = |separator| {
        let mut reader = RowReader::new(separator).row_limit(beginning.len());
        reader.push(beginning);
        reader.finish();
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
