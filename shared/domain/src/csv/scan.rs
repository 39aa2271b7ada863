//! The one pass over an upload that decides whether it can be imported, before anything is created.

use std::fmt;

use crate::csv::error::FileError;
use crate::csv::header::{Columns, Field};
use crate::csv::limits::Limits;
use crate::csv::rows::{RawRow, RowReader};
use crate::csv::sniff;
use crate::identity::RowIdentity;
use crate::ids::RowNumber;

/// Reads an upload once, as a stream, finds everything that makes the file fail, and reports where
/// each data row is. Its memory does not grow with the file.
pub struct FileScan {
    limits: Limits,
    reader: RowReader,
    /// The first bytes, held back until there are enough of them to see what they are.
    head: Option<Vec<u8>>,
    header: Option<Header>,
    rows: u32,
    bytes: u64,
    failed: Option<FileError>,
}

struct Header {
    columns: Columns,
    place: HeaderRow,
    identity: IdentityColumns,
}

/// Where the columns are that decide who a row is about.
struct IdentityColumns {
    first_name: usize,
    last_name: usize,
    dob: usize,
    gender: usize,
}

/// A data row as the scan sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScannedRow {
    /// Its number.
    pub number: RowNumber,
    /// The position of its first byte in the file, counted from 0.
    pub start: u32,
    /// Its length in bytes, without its line break.
    pub len: u32,
    /// What rows about the same person have in common (names, dob, gender). `None` if one of these is
    /// not valid: such a row fails, and belongs to nobody.
    pub identity: Option<RowIdentity>,
}

/// What is known of a file that can be imported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileSummary {
    /// What its columns mean.
    pub columns: Columns,
    /// Where its header is.
    pub header: HeaderRow,
    /// How many data rows it has, at least 1.
    pub rows: u32,
    /// How many bytes it has.
    pub bytes: u64,
}

/// Where a file's header row is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeaderRow {
    /// The position of its first byte, counted from 0.
    pub start: u64,
    /// Its length in bytes, without its line break.
    pub len: u32,
}

impl fmt::Debug for FileScan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileScan({} bytes, {} rows)", self.bytes, self.rows)
    }
}

impl FileScan {
    /// A scan that has seen nothing yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            reader: RowReader::new().row_limit(limits.row_bytes),
            head: Some(Vec::with_capacity(sniff::HEAD)),
            header: None,
            rows: 0,
            bytes: 0,
            failed: None,
        }
    }

    /// Takes the next bytes of the file, and reports the data rows that end in them.
    ///
    /// # Errors
    ///
    /// The first thing that makes the file fail, as soon as it is known. It is final: every later call
    /// returns it again. Rows before it have been reported.
    pub fn push(&mut self, bytes: &[u8], on_row: &mut impl FnMut(ScannedRow)) -> Result<(), FileError> {
        self.once_failed_always_failed(|scan| {
            let room = usize::try_from(u64::from(scan.limits.bytes) - scan.bytes).unwrap_or(usize::MAX);
            let allowed = &bytes[..bytes.len().min(room)];
            scan.bytes += allowed.len() as u64;
            scan.take(allowed, on_row)?;
            if allowed.len() < bytes.len() {
                return Err(FileError::TooManyBytes { limit: scan.limits.bytes.into() });
            }
            Ok(())
        })
    }

    /// Says that the file ends here, and reports the last row if no line break follows it.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push); and an empty file, a file without data rows, a quote that is still open.
    pub fn finish(mut self, on_row: &mut impl FnMut(ScannedRow)) -> Result<FileSummary, FileError> {
        self.once_failed_always_failed(|scan| {
            if let Some(head) = scan.head.take() {
                scan.sniff(&head)?;
            }
            scan.reader.finish();
            scan.rows(on_row)
        })?;
        let Header { columns, place, .. } = self.header.ok_or(FileError::Empty)?;
        if self.rows == 0 {
            return Err(FileError::NoDataRows);
        }
        Ok(FileSummary { columns, header: place, rows: self.rows, bytes: self.bytes })
    }

    fn once_failed_always_failed(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<(), FileError>,
    ) -> Result<(), FileError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        step(self).inspect_err(|error| self.failed = Some(error.clone()))
    }

    fn take(&mut self, mut bytes: &[u8], on_row: &mut impl FnMut(ScannedRow)) -> Result<(), FileError> {
        if let Some(mut head) = self.head.take() {
            let (begin, rest) = bytes.split_at(bytes.len().min(sniff::HEAD - head.len()));
            head.extend_from_slice(begin);
            if head.len() < sniff::HEAD {
                self.head = Some(head);
                return Ok(());
            }
            self.sniff(&head)?;
            bytes = rest;
        }
        self.reader.push(bytes);
        self.rows(on_row)
    }

    fn sniff(&mut self, head: &[u8]) -> Result<(), FileError> {
        self.reader.push(head);
        sniff::not_csv(head).map_or(Ok(()), Err)
    }

    fn rows(&mut self, on_row: &mut impl FnMut(ScannedRow)) -> Result<(), FileError> {
        while let Some(row) = self.reader.next_row()? {
            let Some(header) = &self.header else {
                self.header = Some(Header::read(&row)?);
                continue;
            };
            if self.rows == self.limits.rows {
                return Err(FileError::TooManyRows { limit: self.limits.rows });
            }
            self.rows += 1;
            on_row(ScannedRow {
                number: RowNumber::new(self.rows),
                start: narrow(row.start),
                len: narrow(row.raw.len()),
                identity: header.identity(&row),
            });
        }
        Ok(())
    }
}

impl Header {
    fn read(row: &RawRow<'_>) -> Result<Self, FileError> {
        let columns = Columns::from_header(&row.cells).map_err(|error| match error {
            FileError::MissingColumns(_) => {
                sniff::wrong_separator(row.raw).map_or(error, FileError::Separator)
            }
            error => error,
        })?;
        let index = |field| columns.find(field, None).map_or(usize::MAX, |(index, _)| index);
        let identity = IdentityColumns {
            first_name: index(Field::FirstName),
            last_name: index(Field::LastName),
            dob: index(Field::Dob),
            gender: index(Field::Gender),
        };
        let place = HeaderRow { start: row.start, len: narrow(row.raw.len()) };
        Ok(Self { columns, place, identity })
    }

    fn identity(&self, row: &RawRow<'_>) -> Option<RowIdentity> {
        let cells = &row.cells;
        if cells.len() != self.columns.width() {
            return None;
        }
        let IdentityColumns { first_name, last_name, dob, gender } = self.identity;
        RowIdentity::of_cells(
            cells.get(first_name)?,
            cells.get(last_name)?,
            cells.get(dob)?,
            cells.get(gender)?,
        )
    }
}

/// A place in the file or a length, which [`Limits::bytes`] keeps below 4 GiB.
fn narrow(bytes: impl TryInto<u32>) -> u32 {
    bytes.try_into().unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
