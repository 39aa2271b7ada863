//! The service's rules, applied to a file that is passed in pieces.

use std::fmt;

use domain::csv::{Columns, FileError, FileScan, FileSummary, Limits, RawRow, RowReader};
use domain::ids::RowNumber;
use domain::problem::{Problem, RowProblem, RowProblems};
use domain::row::{Directory, RowParser};

use crate::source::{Place, Places};

/// Reads a file as the service does: `FileScan` finds errors of the whole file, `RowParser` problems of its rows.
#[derive(Debug)]
pub struct Checker {
    scan: FileScan,
    reader: RowReader,
    places: Places,
    parser: Option<RowParser>,
    today: jiff::civil::Date,
    /// Ids of the existing facilities and cohorts. `None` if they were not fetched.
    known: Option<Directory>,
    number: RowNumber,
    /// Why no further rows can be read. The scan goes on, because its own error about the file takes precedence.
    stopped: Option<FileError>,
}

/// A part of the file that was read.
pub enum Event<'a> {
    /// The header, which comes before all rows.
    Header(RawRow<'a>),
    GoodRow,
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
    /// The service would reject the whole file.
    Rejected(FileError),
    /// The file cannot be read, or a result cannot be written.
    Other(anyhow::Error),
}

/// Called with each event. Its error ends the check.
type OnEvent<'a> = &'a mut dyn FnMut(Event<'_>) -> anyhow::Result<()>;

impl Checker {
    /// Creates a checker for one file. `today` is the date in UTC, with which birth dates are compared.
    pub fn new(today: jiff::civil::Date, known: Option<Directory>, places: Places) -> Self {
        Self {
            scan: FileScan::new(Limits::default()),
            reader: RowReader::new().row_limit(Limits::default().row_bytes),
            places,
            parser: None,
            today,
            known,
            number: RowNumber::FIRST,
            stopped: None,
        }
    }

    /// Checks the next bytes of the file, and calls `on_event` for the rows that end in them.
    pub fn push(&mut self, bytes: &[u8], on_event: OnEvent<'_>) -> Result<(), CheckError> {
        self.scan.push(bytes, &mut |_| {}).map_err(CheckError::Rejected)?;
        if self.stopped.is_none() {
            self.reader.push(bytes);
            self.places.push(bytes);
            self.rows(on_event).map_err(CheckError::Other)?;
        }
        Ok(())
    }

    /// Checks the last row at the end of the file.
    pub fn finish(mut self, on_event: OnEvent<'_>) -> Result<FileSummary, CheckError> {
        self.reader.finish();
        self.rows(on_event).map_err(CheckError::Other)?;
        let file = self.scan.finish(&mut |_| {}).map_err(CheckError::Rejected)?;
        self.stopped.map_or(Ok(file), |error| Err(CheckError::Rejected(error)))
    }

    fn rows(&mut self, on_event: OnEvent<'_>) -> anyhow::Result<()> {
        while self.stopped.is_none() {
            let row = match self.reader.next_row() {
                Ok(Some(row)) => row,
                Ok(None) => break,
                Err(error) => {
                    self.stopped = Some(error);
                    break;
                }
            };
            let Some(parser) = &self.parser else {
                match Columns::from_header(&row.cells) {
                    Ok(columns) => {
                        let known = self.known.clone().unwrap_or_default();
                        self.parser = Some(RowParser::new(&columns, self.today, known));
                        on_event(Event::Header(row))?;
                    }
                    Err(error) => self.stopped = Some(error),
                }
                continue;
            };
            let number = self.number;
            self.number = number.next();
            let problems = match parser.parse(&row.cells) {
                Ok(_) => Problems(Vec::new()),
                Err(problems) => problems_here(&problems, self.known.is_some()),
            };
            if problems.0.is_empty() {
                on_event(Event::GoodRow)?;
            } else {
                let place = self.places.place_of(row.start);
                on_event(Event::BadRow { row, number, place, problems: &problems })?;
            }
        }
        Ok(())
    }
}

/// Returns the problems that can be known here: if the existing ids were not fetched, every UUID passes.
fn problems_here(problems: &RowProblems, ids_are_known: bool) -> Problems {
    Problems(
        problems.iter().filter(|problem| ids_are_known || problem.problem != Problem::NotFound).collect(),
    )
}
