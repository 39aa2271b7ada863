//! Bytes of a CSV file to rows, in pieces of any size.
//!
//! What the parsers on crates.io do not give, because they prefer some parse over none, and what an
//! import of patients cannot do without: a row with a double quote in the wrong place fails alone,
//! and takes none of the rows after it with it. Such a row is its first line; reading goes on at
//! the next one. Every row also has its place in the file and a bound on its size. Every decision
//! looks at the bytes in file order, from the first byte of a row on, so that none depends on how
//! the input was sliced or where reading began. The time is linear in any input: see `open_quote`.

mod blank;
mod open_quote;
mod row;
mod start;

use std::fmt;
use std::ops::Range;

use crate::csv::error::{FileError, RowPlace};
use crate::csv::separator::Separator;
use crate::csv::split::{Split, push_unquoted, split};
use crate::ids::RowNumber;
use crate::limits::Limits;

use blank::is_blank;
use open_quote::{Ending, Input, Path};
pub use row::{Cells, RawRow};
pub(super) use start::BOM;
use start::Start;

/// What programs of the past wrote at the end of a file (Ctrl-Z).
const END_OF_FILE: u8 = 0x1a;

/// Reads rows from bytes that are pushed into it.
///
/// Rows end with LF, CRLF or CR, also mixed. Lines with blank cells only are no rows.
/// Holds at most one unfinished row (up to the row limit) and the bytes of one push, twice over.
///
/// ```
/// use bulk_domain::csv::{RowReader, Separator};
///
/// let mut reader = RowReader::new(Separator::Comma);
/// reader.push(b"name,town\nAda,\"New ");
/// assert_eq!(reader.next_row()?.unwrap().raw, b"name,town");
/// assert!(reader.next_row()?.is_none());
/// reader.push(b"York\"\n");
/// reader.finish();
/// let row = reader.next_row()?.unwrap();
/// assert_eq!((row.start, row.cells.get(1)), (10, Some(&b"New York"[..])));
/// # Ok::<(), bulk_domain::csv::FileError>(())
/// ```
pub struct RowReader {
    separator: u8,
    row_limit: usize,
    /// Input not yet dropped. `buffer[0]` is byte `base` of the file.
    buffer: Vec<u8>,
    base: u64,
    /// Where in `buffer` the next row begins, or the line breaks before it.
    row: usize,
    /// The end of the line that is being read was not found before this place in `buffer`.
    searched: usize,
    /// The end of that line, if it ends inside a quoted cell.
    open_line: Option<usize>,
    path: Option<Path>,
    /// The first NUL byte pushed so far, as a position in the file.
    nul: Option<u64>,
    /// End-of-file characters that were pushed last, and that count only if something follows them.
    held_back: usize,
    finished: bool,
    start: Start,
    /// Rows given out, or `None` when reading did not begin with the header.
    rows: Option<u32>,
    /// The cells of a row with quotes, unescaped, each with a byte before it but the first.
    unescaped: Vec<u8>,
    /// The end of each cell.
    ends: Vec<usize>,
    /// Whether each cell is written as RFC 4180 has it.
    is_standard: bool,
    failed: Option<FileError>,
}

/// A row that has been found.
struct Found {
    span: Range<usize>,
    cells: FoundCells,
}

/// Where the cells of a row are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FoundCells {
    /// The text is in the row's own bytes.
    Raw,
    /// In the unescaped ones.
    Unescaped,
    /// Unknown, because a double quote is misplaced.
    Misplaced,
}

impl RowReader {
    /// A reader of a whole file, from its first byte. Skips a UTF-8 byte order mark and a line
    /// `sep=…`.
    pub fn new(separator: Separator) -> Self {
        Self::with(separator, 0, Start::Unknown, Some(0))
    }

    /// A reader of a part of a file that starts at byte `offset`, which must be the first byte of a
    /// row (or of the line breaks before one).
    pub fn at(offset: u64, separator: Separator) -> Self {
        Self::with(separator, offset, Start::Passed { bom: false }, None)
    }

    /// The same reader with another limit for the bytes of one row.
    #[must_use]
    pub fn row_limit(mut self, bytes: usize) -> Self {
        self.row_limit = bytes;
        self
    }

    /// Returns the position in the file before which no later row begins.
    pub fn position(&self) -> u64 {
        self.base + self.row as u64
    }

    fn with(separator: Separator, base: u64, start: Start, rows: Option<u32>) -> Self {
        Self {
            separator: separator.byte(),
            row_limit: Limits::default().row_bytes,
            buffer: Vec::new(),
            base,
            row: 0,
            searched: 0,
            open_line: None,
            path: None,
            nul: None,
            held_back: 0,
            finished: false,
            start,
            rows,
            unescaped: Vec::new(),
            ends: Vec::new(),
            is_standard: true,
            failed: None,
        }
    }

    /// Appends input. Take all rows out with [`next_row`](Self::next_row) before the next push, so
    /// that the input does not pile up.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        self.drop_rows();
        let bytes = self.hold_back_end_of_file(bytes);
        if self.nul.is_none() {
            self.nul = memchr::memchr(0, bytes).map(|i| self.base + (self.buffer.len() + i) as u64);
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Says that no more input will come: the next row may end without a line break.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// Drops what was given out, once it is at least half of the buffer: each byte is moved once on
    /// average.
    fn drop_rows(&mut self) {
        if self.row * 2 >= self.buffer.len() {
            self.buffer.drain(..self.row);
            self.base += self.row as u64;
            self.searched -= self.row;
            self.open_line = self.open_line.map(|end| end - self.row);
            self.row = 0;
        }
    }

    /// Keeps the end-of-file characters at the end of the input apart, in a whole file.
    fn hold_back_end_of_file<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if self.rows.is_none() {
            return bytes;
        }
        let kept = bytes.iter().rposition(|&byte| byte != END_OF_FILE).map_or(0, |last| last + 1);
        if kept > 0 {
            self.buffer.extend(std::iter::repeat_n(END_OF_FILE, self.held_back));
            self.held_back = 0;
        }
        self.held_back += bytes.len() - kept;
        &bytes[..kept]
    }

    /// The next row; `None` if it needs more input or, after [`finish`](Self::finish), at the end.
    ///
    /// # Errors
    ///
    /// [`RowTooLong`](FileError::RowTooLong) and [`Nul`](FileError::Nul), after all rows before
    /// them. An error is final: every later call returns it.
    pub fn next_row(&mut self) -> Result<Option<RawRow<'_>>, FileError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let found = self.find_row().inspect_err(|error| self.failed = Some(error.clone()))?;
        Ok(found.map(|Found { span, cells }| {
            let start = self.base + span.start as u64;
            let raw = &self.buffer[span];
            let bytes = if cells == FoundCells::Unescaped { &self.unescaped[..] } else { raw };
            RawRow {
                start,
                raw,
                cells: Cells::new(bytes, &self.ends),
                is_split: cells != FoundCells::Misplaced,
                is_standard: cells != FoundCells::Misplaced && self.is_standard,
                after_bom: self.start == Start::Passed { bom: true },
            }
        }))
    }

    /// Reads up to the end of the next row that is not blank.
    fn find_row(&mut self) -> Result<Option<Found>, FileError> {
        if !self.pass_start() {
            return Ok(None);
        }
        loop {
            if self.open_line.is_none() {
                self.skip_line_breaks();
                if self.row == self.buffer.len() {
                    return Ok(None);
                }
            }
            let Some(line_end) = self.line_end()? else { return Ok(None) };
            let Some(found) = self.read_row(line_end) else { return Ok(None) };
            self.row = found.span.end;
            self.searched = found.span.end;
            self.open_line = None;
            let cells = if found.cells == FoundCells::Unescaped {
                &self.unescaped
            } else {
                &self.buffer[found.span.clone()]
            };
            if !is_blank(cells, self.separator) {
                self.rows = self.rows.map(|rows| rows.saturating_add(1));
                return Ok(Some(found));
            }
        }
    }

    fn skip_line_breaks(&mut self) {
        let rest = &self.buffer[self.row..];
        self.row += rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        self.searched = self.searched.max(self.row);
    }

    /// Finds the end of the line at which the row begins; none if more input is needed.
    fn line_end(&mut self) -> Result<Option<usize>, FileError> {
        if let Some(end) = self.open_line {
            return Ok(Some(end));
        }
        let found = memchr::memchr2(b'\n', b'\r', &self.buffer[self.searched..]);
        let end = found.map_or(self.buffer.len(), |at| self.searched + at);
        self.searched = end;
        let nul = self.nul_in_buffer().filter(|&nul| nul < end);
        if let Some(nul) = nul.filter(|&nul| nul - self.row <= self.row_limit) {
            return Err(FileError::Nul { byte: self.base + nul as u64, place: self.place() });
        }
        if end - self.row > self.row_limit {
            return Err(FileError::RowTooLong { place: self.place(), limit: self.row_limit });
        }
        Ok((found.is_some() || self.finished).then_some(end))
    }

    /// Reads the row with a first line that ends at `line_end`; none if more input is needed.
    fn read_row(&mut self, line_end: usize) -> Option<Found> {
        let line = self.row..line_end;
        if self.open_line.is_none() {
            if memchr::memchr(b'"', &self.buffer[line.clone()]).is_none() {
                self.split_plain(line.clone());
                return Some(Found { span: line, cells: FoundCells::Raw });
            }
            match self.split_quoted(line.clone()) {
                Split::Complete => return Some(Found { span: line, cells: FoundCells::Unescaped }),
                Split::Misplaced => return Some(self.misplaced(line)),
                Split::Open => self.open_line = Some(line_end),
            }
        }
        // What is behind a NUL byte is not read, and the file fails when it comes to it.
        let nul = self.nul_in_buffer();
        let input = Input {
            bytes: &self.buffer[..nul.unwrap_or(self.buffer.len())],
            base: self.base,
            is_all: self.finished || nul.is_some(),
            separator: self.separator,
        };
        let (row, end) = (self.base + line.start as u64, self.base + line_end as u64);
        match Path::ending(&mut self.path, input, row, end, self.row_limit) {
            Ending::Unknown => None,
            Ending::Never => Some(self.misplaced(line)),
            Ending::At(end) => {
                let span = line.start..line.start + usize::try_from(end - row).unwrap_or_default();
                match self.split_quoted(span.clone()) {
                    Split::Complete => Some(Found { span, cells: FoundCells::Unescaped }),
                    Split::Misplaced | Split::Open => Some(self.misplaced(line)),
                }
            }
        }
    }

    /// Splits a row without quotes: its cells are where they are.
    fn split_plain(&mut self, span: Range<usize>) {
        let row = &self.buffer[span];
        self.is_standard = true;
        self.ends.clear();
        let mut start = 0;
        // In wide files most cells are empty, and a search takes longer than the look at one byte.
        while let Some(&first) = row.get(start) {
            if first != self.separator {
                let Some(end) = memchr::memchr(self.separator, &row[start..]) else { break };
                start += end;
            }
            self.ends.push(start);
            start += 1;
        }
        self.ends.push(row.len());
    }

    /// Splits a row with quotes and unescapes its cells.
    fn split_quoted(&mut self, span: Range<usize>) -> Split {
        let Self { buffer, unescaped, ends, is_standard, separator, .. } = self;
        let row = &buffer[span];
        unescaped.clear();
        ends.clear();
        *is_standard = true;
        split(row, *separator, |cell| {
            *is_standard &= cell.is_standard();
            if !ends.is_empty() {
                unescaped.push(*separator);
            }
            match cell.quoted {
                Some(quoted) => push_unquoted(&row[quoted], unescaped),
                None => unescaped.extend_from_slice(&row[cell.whole]),
            }
            ends.push(unescaped.len());
        })
    }

    fn misplaced(&mut self, line: Range<usize>) -> Found {
        self.ends.clear();
        self.ends.push(line.len());
        Found { span: line, cells: FoundCells::Misplaced }
    }

    fn nul_in_buffer(&self) -> Option<usize> {
        self.nul.and_then(|nul| usize::try_from(nul - self.base).ok())
    }

    fn place(&self) -> RowPlace {
        let byte = self.position();
        match self.rows {
            None => RowPlace::Unnumbered { byte },
            Some(0) => RowPlace::Header { byte },
            Some(rows) => RowPlace::Data { number: RowNumber::new(rows), byte },
        }
    }
}

impl fmt::Debug for RowReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowReader(at {}, {:?})", self.position(), self.rows)
    }
}

#[cfg(test)]
mod tests;
