//! Bytes of a CSV file to rows, whatever slices the bytes arrive in.
//!
//! The cells come from `csv_core`'s state machine. What this file adds is what a service needs and a
//! parser that "prefers a parse over no parse" does not give: where each row starts and ends in the
//! file, a bound on the memory that one row can take, and errors for a quote that never closes and
//! for NUL bytes. Every decision looks at the bytes in file order, so none of them depends on how the
//! input was sliced.

use std::fmt;
use std::ops::Range;

use csv_core::ReadRecordResult;

use crate::csv::error::{FileError, RowPlace};
use crate::csv::limits::Limits;
use crate::ids::RowNumber;

/// The UTF-8 byte order mark.
pub(super) const BOM: [u8; 3] = *b"\xef\xbb\xbf";

/// Reads rows from bytes that are pushed into it.
///
/// Rows end with LF, CRLF or CR, also mixed; blank lines (empty, or spaces and tabs only) are no rows.
/// Holds at most one unfinished row (up to the row limit) and the bytes of one push.
///
/// ```
/// use domain::csv::RowReader;
///
/// let mut reader = RowReader::new();
/// reader.push(b"name,town\nAda,\"Lond");
/// assert_eq!(reader.next_row()?.unwrap().raw, b"name,town");
/// assert!(reader.next_row()?.is_none());
/// reader.push(b"on\"\n");
/// reader.finish();
/// let row = reader.next_row()?.unwrap();
/// assert_eq!((row.start, row.cells.get(1)), (10, Some(&b"London"[..])));
/// # Ok::<(), domain::csv::FileError>(())
/// ```
pub struct RowReader {
    parser: csv_core::Reader,
    row_limit: usize,
    /// Input not yet dropped. `buffer[0]` is byte `base` of the file.
    buffer: Vec<u8>,
    base: u64,
    /// Where in `buffer` the row that is being read begins.
    row: usize,
    /// How far into `buffer` the parser has read; between `row` and `buffer.len()`.
    read: usize,
    /// Whether `row` is known to be the first byte of a row, line breaks skipped.
    in_row: bool,
    /// The first NUL byte pushed so far, as a position in the file.
    nul: Option<u64>,
    finished: bool,
    bom: Bom,
    /// Rows given out, or `None` when reading did not begin with the header.
    rows: Option<u32>,
    /// The cells of the current row, unescaped and end to end, as far as they are read.
    cells: Vec<u8>,
    cells_len: usize,
    /// The end of each cell in `cells`.
    ends: Vec<usize>,
    ends_len: usize,
    failed: Option<FileError>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Bom {
    /// The file's first bytes have not been seen yet.
    Unknown,
    Absent,
    Present,
}

/// One row: where it is in the file, its bytes, and its cells.
#[derive(Clone, Copy)]
pub struct RawRow<'a> {
    /// The position of its first byte in the file, counted from 0.
    pub start: u64,
    /// Its bytes as they are in the file, without the line break that ends it.
    pub raw: &'a [u8],
    /// Its cells, unescaped: without the quotes around them, and with `""` as one quote.
    pub cells: Cells<'a>,
    /// Whether the file began with a UTF-8 byte order mark (which is in no row).
    pub after_bom: bool,
}

impl RawRow<'_> {
    /// The position in the file just after its last byte.
    pub fn end(&self) -> u64 {
        self.start + self.raw.len() as u64
    }
}

/// The unescaped cells of one row. Cells are bytes: nothing says yet that they are UTF-8.
#[derive(Clone, Copy)]
pub struct Cells<'a> {
    bytes: &'a [u8],
    ends: &'a [usize],
}

impl<'a> Cells<'a> {
    /// How many cells there are; at least 1 in a row that was read from a file.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no cell at all.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The cell at an index counted from 0.
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        let end = *self.ends.get(index)?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        Some(&self.bytes[start..end])
    }

    /// The cells in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let bytes = self.bytes;
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let cell = &bytes[start..end];
            start = end;
            cell
        })
    }

    /// All cells end to end.
    pub(crate) fn concatenated(&self) -> &'a [u8] {
        self.bytes
    }
}

// What a file holds must not get into a log, so `Debug` only tells how much of it there is.

impl fmt::Debug for RawRow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawRow({}..{}, {:?})", self.start, self.end(), self.cells)
    }
}

impl fmt::Debug for Cells<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cells({})", self.len())
    }
}

impl fmt::Debug for RowReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowReader(at {}, {:?})", self.base + self.read as u64, self.rows)
    }
}

impl Default for RowReader {
    fn default() -> Self {
        Self::new()
    }
}

impl RowReader {
    /// A reader of a whole file, from its first byte. Skips a UTF-8 byte order mark.
    pub fn new() -> Self {
        Self::with(0, Bom::Unknown, Some(0))
    }

    /// A reader of a part of a file that starts at byte `offset`, which must be the first byte of a
    /// row (or of the line breaks before one).
    pub fn at(offset: u64) -> Self {
        Self::with(offset, Bom::Absent, None)
    }

    /// The same reader with another limit for the bytes of one row.
    #[must_use]
    pub fn row_limit(mut self, bytes: usize) -> Self {
        self.row_limit = bytes;
        self
    }

    fn with(base: u64, bom: Bom, rows: Option<u32>) -> Self {
        let mut parser = csv_core::Reader::new();
        // The parser drops a byte order mark from its first input. Here that is decided above it
        // (a part of a file may begin with those bytes), so its first input is an empty line.
        parser.read_record(b"\n", &mut [0], &mut [0]);
        Self {
            parser,
            row_limit: Limits::default().row_bytes,
            buffer: Vec::new(),
            base,
            row: 0,
            read: 0,
            in_row: false,
            nul: None,
            finished: false,
            bom,
            rows,
            cells: vec![0; 4096],
            cells_len: 0,
            ends: vec![0; 128],
            ends_len: 0,
            failed: None,
        }
    }

    /// Appends input. Take all rows out with [`next_row`](Self::next_row) before the next push, so that
    /// the input does not pile up.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        // What is moved here was pushed last time at the earliest, unless it is a row that is still
        // unfinished, and then `row` is 0 after the first time: linear, whatever the sizes.
        self.buffer.drain(..self.row);
        self.base += self.row as u64;
        self.read -= self.row;
        self.row = 0;
        if self.nul.is_none() {
            self.nul = memchr::memchr(0, bytes).map(|i| self.base + (self.buffer.len() + i) as u64);
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Says that no more input will come: the next row may end without a line break.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// Whether the file began with a UTF-8 byte order mark; `false` as long as that is not known.
    pub fn had_bom(&self) -> bool {
        self.bom == Bom::Present
    }

    /// The next row; `None` if it needs more input or, after [`finish`](Self::finish), at the end.
    ///
    /// # Errors
    ///
    /// [`RowTooLong`](FileError::RowTooLong), [`UnclosedQuote`](FileError::UnclosedQuote) and
    /// [`Nul`](FileError::Nul), after all rows before them. An error is final: it comes again on every
    /// later call.
    pub fn next_row(&mut self) -> Result<Option<RawRow<'_>>, FileError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        match self.next_span() {
            Ok(None) => Ok(None),
            Ok(Some(span)) => Ok(Some(RawRow {
                start: self.base + span.start as u64,
                raw: &self.buffer[span],
                cells: Cells { bytes: &self.cells[..self.cells_len], ends: &self.ends[..self.ends_len] },
                after_bom: self.bom == Bom::Present,
            })),
            Err(error) => {
                self.failed = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Reads up to the end of the next row that is not blank, and says where in `buffer` it is.
    fn next_span(&mut self) -> Result<Option<Range<usize>>, FileError> {
        if self.bom == Bom::Unknown && !self.skip_bom() {
            return Ok(None);
        }
        loop {
            if !self.in_row {
                let rest = &self.buffer[self.read..];
                let breaks = rest.iter().take_while(|b| matches!(b, b'\n' | b'\r')).count();
                self.read += breaks;
                self.row = self.read;
                self.cells_len = 0;
                self.ends_len = 0;
                if self.read == self.buffer.len() {
                    return Ok(None);
                }
                self.in_row = true;
            }
            let Some(end) = self.read_to_row_end()? else {
                return Ok(None);
            };
            let span = self.row..end;
            self.row = self.read;
            self.in_row = false;
            if !self.buffer[span.clone()].iter().all(|b| matches!(b, b' ' | b'\t')) {
                self.rows = self.rows.map(|rows| rows.saturating_add(1));
                return Ok(Some(span));
            }
        }
    }

    /// Decides whether the file begins with a byte order mark; `false` if it needs more input for that.
    fn skip_bom(&mut self) -> bool {
        if self.buffer.starts_with(&BOM) {
            self.bom = Bom::Present;
            self.row = BOM.len();
            self.read = BOM.len();
        } else if self.finished || !BOM.starts_with(&self.buffer) {
            self.bom = Bom::Absent;
        }
        self.bom != Bom::Unknown
    }

    /// Reads on in the current row; gives the position after its last byte once its end is known.
    fn read_to_row_end(&mut self) -> Result<Option<usize>, FileError> {
        loop {
            // One byte more than the limit, as a row's line break is not part of it.
            let stop = self.buffer.len().min(self.row.saturating_add(self.row_limit).saturating_add(1));
            let nul = self.nul.and_then(|nul| usize::try_from(nul - self.base).ok());
            let stop = nul.map_or(stop, |nul| stop.min(nul));
            if self.read < stop {
                if self.parse(self.read..stop) {
                    return Ok(Some(self.read - 1));
                }
            } else if self.read - self.row > self.row_limit {
                return Err(FileError::RowTooLong { place: self.place(), limit: self.row_limit });
            } else if nul == Some(self.read) {
                let byte = self.base + self.read as u64;
                return Err(FileError::Nul { byte, place: self.place() });
            } else if self.finished {
                return self.end_last_row().map(Some);
            } else {
                return Ok(None);
            }
        }
    }

    /// Gives a part of the buffer to the parser; true if the row ended.
    fn parse(&mut self, part: Range<usize>) -> bool {
        let (result, nin, nout, nend) = self.parser.read_record(
            &self.buffer[part],
            &mut self.cells[self.cells_len..],
            &mut self.ends[self.ends_len..],
        );
        self.read += nin;
        self.took(&result, nout, nend)
    }

    /// Ends a row that the file ends in, without a line break.
    fn end_last_row(&mut self) -> Result<usize, FileError> {
        // A line break tells whether a quote is open: it ends the row, or it becomes part of a cell.
        loop {
            let (result, nin, nout, nend) = self.parser.read_record(
                b"\n",
                &mut self.cells[self.cells_len..],
                &mut self.ends[self.ends_len..],
            );
            if self.took(&result, nout, nend) {
                return Ok(self.read);
            }
            if nin == 1 {
                return Err(FileError::UnclosedQuote { place: self.place() });
            }
        }
    }

    /// Books what the parser wrote, and makes room where it had too little; true if the row ended.
    fn took(&mut self, result: &ReadRecordResult, nout: usize, nend: usize) -> bool {
        self.cells_len += nout;
        self.ends_len += nend;
        match result {
            ReadRecordResult::Record => return true,
            ReadRecordResult::OutputFull => self.cells.resize(self.cells.len() * 2, 0),
            ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
            ReadRecordResult::InputEmpty | ReadRecordResult::End => {}
        }
        false
    }

    fn place(&self) -> RowPlace {
        let byte = self.base + self.row as u64;
        match self.rows {
            None => RowPlace::Unnumbered { byte },
            Some(0) => RowPlace::Header { byte },
            Some(rows) => RowPlace::Data { number: RowNumber::new(rows), byte },
        }
    }
}

#[cfg(test)]
mod tests;
