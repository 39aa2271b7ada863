//! The service's rules, applied to a file that is passed in pieces.

use std::fmt;

use bulk_domain::csv::{
    ColumnMappings, Columns, FileError, FileScan, FileSummary, HeaderCell, Limits, RawRow,
    RowReader, Separator, header_cells,
};
use bulk_domain::ids::RowNumber;
use bulk_domain::problem::{Problem, RowProblem, RowProblems};
use bulk_domain::row::{Directory, RowParser};
use bulk_domain::warning::RowWarnings;

use crate::source::{Place, Places};

/// Reads a file as the service does: `FileScan` finds errors of the whole file, `RowParser`
/// problems of its rows.
#[derive(Debug)]
pub struct Checker {
    scan: FileScan,
    /// The bytes before the scan knows the file's columns.
    beginning: Vec<u8>,
    rows: Option<Rows>,
    places: Places,
    today: jiff::civil::Date,
    /// Ids of the existing facilities and cohorts. `None` if they were not fetched.
    known: Option<Directory>,
    number: RowNumber,
    /// Why no further rows can be read. The scan goes on, because its own error about the file
    /// takes precedence.
    stopped: Option<FileError>,
}

/// Reads the rows, once the columns of the file are known.
#[derive(Debug)]
struct Rows {
    reader: RowReader,
    separator: Separator,
    parser: RowParser,
    has_header: bool,
}

/// A part of the file that was read.
pub enum Event<'a> {
    /// The header, which comes before all rows.
    Header { row: RawRow<'a>, separator: Separator },
    GoodRow {
        number: RowNumber,
        /// Where the row is in the user's file, if the row has warnings.
        place: Option<Place>,
        warnings: &'a RowWarnings,
    },
    BadRow {
        row: RawRow<'a>,
        number: RowNumber,
        /// Where the row is in the user's file.
        place: Place,
        problems: &'a Problems,
    },
}

/// The problems of a row, at least one, in the order of the file's columns.
pub struct Problems(Vec<RowProblem>);

impl Problems {
    /// Returns the problems in order.
    pub fn iter(&self) -> impl Iterator<Item = RowProblem> {
        self.0.iter().copied()
    }
}

impl fmt::Display for Problems {
    /// Writes the problems as the service writes them into a result file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.iter().enumerate() {
            write!(f, "{}{problem}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// Why a check ended early.
#[derive(Debug)]
pub enum CheckError {
    /// The service would reject the whole file, which has this header.
    Rejected(FileError, Vec<HeaderCell>),
    /// The file cannot be read, or a result cannot be written.
    Other(anyhow::Error),
}

/// Called with each event. Its error ends the check.
type OnEvent<'a> = &'a mut dyn FnMut(Event<'_>) -> anyhow::Result<()>;

impl Checker {
    /// Creates a checker for one file. `today` is the date in UTC, with which birth dates are
    /// compared.
    pub fn new(
        today: jiff::civil::Date,
        known: Option<Directory>,
        places: Places,
        mappings: ColumnMappings,
    ) -> Self {
        Self {
            scan: FileScan::new(Limits::default()).with_mappings(mappings),
            beginning: Vec::new(),
            rows: None,
            places,
            today,
            known,
            number: RowNumber::FIRST,
            stopped: None,
        }
    }

    /// Checks the next bytes of the file, and calls `on_event` for the rows that end in them.
    ///
    /// # Errors
    ///
    /// The file cannot be imported, or `on_event` failed.
    pub fn push(&mut self, bytes: &[u8], on_event: OnEvent<'_>) -> Result<(), CheckError> {
        if let Err(error) = self.scan.push(bytes, &mut |_| {}) {
            self.beginning.extend_from_slice(bytes);
            return Err(self.rejected(error));
        }
        if self.stopped.is_none() {
            self.places.push(bytes);
            match &mut self.rows {
                Some(rows) => rows.reader.push(bytes),
                None => self.beginning.extend_from_slice(bytes),
            }
            self.read_rows(on_event).map_err(CheckError::Other)?;
        }
        Ok(())
    }

    /// Checks the last row at the end of the file.
    pub fn finish(mut self, on_event: OnEvent<'_>) -> Result<FileSummary, CheckError> {
        let scan = std::mem::replace(&mut self.scan, FileScan::new(Limits::default()));
        let file = scan.finish(&mut |_| {});
        let columns = file.as_ref().ok().map(|file| &file.columns);
        if let (None, Some(columns)) = (&self.rows, columns) {
            self.rows = Some(Rows::new(columns, self.today, self.known.as_ref(), &self.beginning));
        }
        if let Some(rows) = &mut self.rows {
            rows.reader.finish();
        }
        self.read_rows(on_event).map_err(CheckError::Other)?;
        match (file, self.stopped.take()) {
            (Ok(file), None) => Ok(file),
            (Err(error), _) | (Ok(_), Some(error)) => Err(self.rejected(error)),
        }
    }

    fn rejected(&self, error: FileError) -> CheckError {
        CheckError::Rejected(error, header_cells(&self.beginning))
    }

    fn read_rows(&mut self, on_event: OnEvent<'_>) -> anyhow::Result<()> {
        if let (None, Some(columns)) = (&self.rows, self.scan.columns()) {
            self.rows = Some(Rows::new(columns, self.today, self.known.as_ref(), &self.beginning));
            self.beginning = Vec::new();
        }
        let Some(Rows { reader, separator, parser, has_header }) = &mut self.rows else {
            return Ok(());
        };
        while self.stopped.is_none() {
            let row = match reader.next_row() {
                Ok(Some(row)) => row,
                Ok(None) => break,
                Err(error) => {
                    self.stopped = Some(error);
                    break;
                }
            };
            if !*has_header {
                *has_header = true;
                on_event(Event::Header { row, separator: *separator })?;
                continue;
            }
            let number = self.number;
            self.number = number.next();
            let parsed = parser.parse(&row);
            let problems = match &parsed.patient {
                Ok(_) => Problems(Vec::new()),
                Err(problems) => problems_here(problems, self.known.is_some()),
            };
            let warnings = &parsed.warnings;
            if problems.0.is_empty() {
                let place = (!warnings.is_empty()).then(|| self.places.place_of(row.start));
                on_event(Event::GoodRow { number, place, warnings })?;
            } else {
                let place = self.places.place_of(row.start);
                on_event(Event::BadRow { row, number, place, problems: &problems })?;
            }
        }
        Ok(())
    }
}

impl Rows {
    fn new(
        columns: &Columns,
        today: jiff::civil::Date,
        known: Option<&Directory>,
        beginning: &[u8],
    ) -> Self {
        let separator = columns.separator();
        let mut reader = RowReader::new(separator).row_limit(Limits::default().row_bytes);
        reader.push(beginning);
        let parser = RowParser::new(columns, today, known.cloned().unwrap_or_default());
        Self { reader, separator, parser, has_header: false }
    }
}

/// Returns the problems that can be known here: if the existing ids were not fetched, every UUID
/// passes.
fn problems_here(problems: &RowProblems, ids_are_known: bool) -> Problems {
    Problems(
        problems
            .iter()
            .filter(|problem| ids_are_known || problem.problem != Problem::NotFound)
            .collect(),
    )
}
