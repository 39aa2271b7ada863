//! The one pass over an upload that decides whether it can be imported, before anything is created.

mod date_order;
mod detect;

use std::fmt;

use crate::column::Field;
use crate::csv::error::FileError;
use crate::csv::header::{ColumnMappings, Columns};
use crate::csv::other_formats;
use crate::csv::reader::{RawRow, RowReader};
use crate::identity::RowIdentity;
use crate::ids::RowNumber;
use crate::limits::Limits;
use crate::text::{Encoding, clean};

use date_order::DateOrder;
use detect::{Beginning, Detected};

pub use detect::header_cells;

/// Reads an upload once, as a stream, finds everything that makes the file fail, and reports where
/// each data row is. Its memory does not grow with the file.
pub struct FileScan {
    limits: Limits,
    mappings: ColumnMappings,
    stage: Stage,
    rows: u32,
    bytes: u64,
    dates: DateOrder,
    failed: Option<FileError>,
}

/// How far a scan is.
enum Stage {
    /// The header is not known yet; with the bytes that were not looked at.
    Beginning { beginning: Box<Beginning>, pending: Vec<u8> },
    /// Rows are being read.
    Rows { reader: Box<RowReader>, header: Header },
}

struct Header {
    columns: Columns,
    place: HeaderRow,
    identity: IdentityColumns,
}

/// Where the columns are that decide who a row is about.
struct IdentityColumns {
    first_name: Option<usize>,
    last_name: Option<usize>,
    dob: Option<usize>,
    gender: Option<usize>,
}

/// A data row as the scan sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScannedRow {
    /// The number of the row.
    pub number: RowNumber,
    /// The position of its first byte in the file, counted from 0.
    pub start: u32,
    /// Its length in bytes, without its line break.
    pub len: u32,
    /// What rows about the same person have in common (names, dob, gender). `None` if one of these
    /// is not valid: such a row fails.
    pub identity: Option<RowIdentity>,
}

/// A row of the file, with its bytes.
#[derive(Clone, Copy, Debug)]
pub enum Scanned<'a> {
    /// The header, which comes before all data rows.
    Header(RawRow<'a>, &'a Columns),
    /// A data row: its place in the file, and its bytes.
    Row(ScannedRow, RawRow<'a>),
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
    pub len: usize,
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
            mappings: ColumnMappings::default(),
            stage: Stage::Beginning {
                beginning: Box::new(Beginning::new(limits.row_bytes)),
                pending: Vec::new(),
            },
            rows: 0,
            bytes: 0,
            dates: DateOrder::default(),
            failed: None,
        }
    }

    /// The same scan, with what the customer says about header cells.
    #[must_use]
    pub fn with_mappings(mut self, mappings: ColumnMappings) -> Self {
        self.mappings = mappings;
        self
    }

    /// Returns what the file's columns mean, once that is known.
    pub fn columns(&self) -> Option<&Columns> {
        match &self.stage {
            Stage::Beginning { .. } => None,
            Stage::Rows { header, .. } => Some(&header.columns),
        }
    }

    /// Returns a position in the file before which no row begins that is still to be reported.
    pub fn position(&self) -> u64 {
        match &self.stage {
            Stage::Beginning { beginning, .. } => beginning.position(),
            Stage::Rows { reader, .. } => reader.position(),
        }
    }

    /// Takes the next bytes of the file, and reports the data rows that end in them.
    ///
    /// # Errors
    ///
    /// The first thing that makes the file fail, as soon as it is known. It is final: every later
    /// call returns it again. Rows before it have been reported.
    pub fn push(
        &mut self,
        bytes: &[u8],
        on_row: &mut impl FnMut(ScannedRow),
    ) -> Result<(), FileError> {
        self.push_with_bytes(bytes, &mut rows_only(on_row))
    }

    /// Takes the next bytes as [`push`](Self::push) does, and reports the header, too, and the
    /// bytes of each row.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn push_with_bytes(
        &mut self,
        bytes: &[u8],
        on_row: &mut impl FnMut(Scanned<'_>),
    ) -> Result<(), FileError> {
        self.once_failed_always_failed(|scan| {
            let room = u64::from(scan.limits.bytes) - scan.bytes;
            let allowed =
                usize::try_from(room).ok().and_then(|room| bytes.get(..room)).unwrap_or(bytes);
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
    /// As [`push`](Self::push); and an empty file, a file without data rows, and dates of birth
    /// that all have the day before the month.
    pub fn finish(self, on_row: &mut impl FnMut(ScannedRow)) -> Result<FileSummary, FileError> {
        self.finish_with_bytes(&mut rows_only(on_row))
    }

    /// Ends the file as [`finish`](Self::finish) does, and reports what
    /// [`push_with_bytes`](Self::push_with_bytes) reports.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish).
    pub fn finish_with_bytes(
        mut self,
        on_row: &mut impl FnMut(Scanned<'_>),
    ) -> Result<FileSummary, FileError> {
        self.once_failed_always_failed(|scan| {
            scan.begin(true, on_row)?;
            if let Stage::Rows { reader, .. } = &mut scan.stage {
                reader.finish();
            }
            scan.read_rows(on_row)
        })?;
        let Stage::Rows { header: Header { columns, place, .. }, .. } = self.stage else {
            return Err(FileError::Empty);
        };
        if self.rows == 0 {
            return Err(FileError::NoDataRows);
        }
        self.dates.check()?;
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

    fn take(
        &mut self,
        bytes: &[u8],
        on_row: &mut impl FnMut(Scanned<'_>),
    ) -> Result<(), FileError> {
        match &mut self.stage {
            Stage::Beginning { pending, .. } => {
                pending.extend_from_slice(bytes);
                self.begin(false, on_row)?;
            }
            Stage::Rows { reader, .. } => reader.push(bytes),
        }
        self.read_rows(on_row)
    }

    /// Looks for the header in pieces of its own choice, so that it does not matter in which pieces
    /// the file comes.
    fn begin(
        &mut self,
        is_all: bool,
        on_row: &mut impl FnMut(Scanned<'_>),
    ) -> Result<(), FileError> {
        let Stage::Beginning { beginning, pending } = &mut self.stage else { return Ok(()) };
        loop {
            let wanted = beginning.next_look();
            if pending.len() < wanted && !is_all {
                return Ok(());
            }
            let (now, later) = pending.split_at(wanted.min(pending.len()));
            if beginning.is_new()
                && let Some(error) = other_formats::not_csv(now)
            {
                return Err(error);
            }
            let is_whole = is_all && later.is_empty();
            let found = beginning.look(now, is_whole, &self.mappings)?;
            if let Some((detected, mut reader)) = found {
                reader.push(later);
                detected.report(on_row);
                self.stage = Stage::Rows { reader: Box::new(reader), header: Header::of(detected) };
                return Ok(());
            }
            if is_whole {
                return Ok(());
            }
            let looked_at = now.len();
            pending.drain(..looked_at);
        }
    }

    fn read_rows(&mut self, on_row: &mut impl FnMut(Scanned<'_>)) -> Result<(), FileError> {
        let Stage::Rows { reader, header } = &mut self.stage else { return Ok(()) };
        while let Some(row) = reader.next_row()? {
            if self.rows == self.limits.rows {
                return Err(FileError::TooManyRows { limit: self.limits.rows });
            }
            self.rows += 1;
            let number = RowNumber::new(self.rows);
            let identity =
                if row.is_split { header.identity(&row, number, &mut self.dates) } else { None };
            let (Ok(start), Ok(len)) = (row.start.try_into(), row.raw.len().try_into()) else {
                return Err(FileError::TooManyBytes { limit: self.limits.bytes.into() });
            };
            let scanned = ScannedRow { number, start, len, identity };
            on_row(Scanned::Row(scanned, row));
        }
        Ok(())
    }
}

/// Reports data rows alone, without their bytes.
fn rows_only(on_row: &mut impl FnMut(ScannedRow)) -> impl FnMut(Scanned<'_>) {
    |scanned| {
        if let Scanned::Row(row, _) = scanned {
            on_row(row);
        }
    }
}

impl Detected {
    /// Reports the header row.
    fn report(&self, on_row: &mut impl FnMut(Scanned<'_>)) {
        let mut reader =
            RowReader::at(self.place.start, self.columns.separator()).row_limit(self.raw.len());
        reader.push(&self.raw);
        reader.finish();
        // It was read before, so that it is read again.
        if let Ok(Some(row)) = reader.next_row() {
            on_row(Scanned::Header(RawRow { after_bom: self.after_bom, ..row }, &self.columns));
        }
    }
}

impl Header {
    fn of(Detected { columns, place, .. }: Detected) -> Self {
        let index = |field| columns.find(field, None);
        let identity = IdentityColumns {
            first_name: index(Field::FirstName),
            last_name: index(Field::LastName),
            dob: index(Field::Dob),
            gender: index(Field::Gender),
        };
        Self { columns, place, identity }
    }

    /// Returns who a row is about, and takes its date of birth into account.
    fn identity(
        &self,
        row: &RawRow<'_>,
        number: RowNumber,
        dates: &mut DateOrder,
    ) -> Option<RowIdentity> {
        let IdentityColumns { first_name, last_name, dob, gender } = self.identity;
        let cells = [first_name, last_name, dob, gender]
            .map(|index| index.and_then(|index| row.cells.get(index)).unwrap_or_default());
        let is_ascii = cells.iter().all(|cell| cell.is_ascii());
        let encoding = if is_ascii { Encoding::Utf8 } else { Encoding::of_row(row.raw) };
        let [first_name, last_name, dob, gender] = cells;
        let dob = encoding.decode(dob).ok()?;
        let dob = clean(&dob).ok()?;
        dates.take(&dob, number);
        RowIdentity::of_cells(encoding, first_name, last_name, &dob, gender)
    }
}

#[cfg(test)]
mod tests;
