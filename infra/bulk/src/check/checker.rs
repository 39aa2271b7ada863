//! The rules of the service, applied to a file that is handed over in pieces.

use std::fmt;

use domain::csv::{Columns, FileError, FileScan, FileSummary, Limits, RawRow, RowReader};
use domain::ids::RowNumber;
use domain::problem::{Problem, RowProblem, RowProblems};
use domain::row::{Directory, RowParser};

use crate::source::{Place, Places};

/// Reads a file as the service does: `FileScan` for what makes the whole file fail, `RowParser` for its rows.
#[derive(Debug)]
pub struct Checker {
    scan: FileScan,
    reader: RowReader,
    places: Places,
    parser: Option<RowParser>,
    today: jiff::civil::Date,
    /// The ids that exist; `None` if that is not known here.
    known: Option<Directory>,
    number: RowNumber,
    /// What keeps the rows from being read on. The scan says what is wrong with the file: it looks at more.
    stopped: Option<FileError>,
}

/// What was found.
pub enum Event<'a> {
    /// The header, before any row.
    Header(RawRow<'a>),
    /// A row that would be imported.
    GoodRow,
    /// A row that would fail.
    BadRow {
        row: RawRow<'a>,
        number: RowNumber,
        /// Where in the user's file it is.
        place: Place,
        problems: &'a Problems,
    },
}

/// The problems of a row, at least one, in the order of the file's columns.
pub struct Problems(Vec<RowProblem>);

impl Problems {
    /// The problems in order.
    pub fn iter(&self) -> impl Iterator<Item = RowProblem> {
        self.0.iter().copied()
    }
}

impl fmt::Display for Problems {
    /// As the service writes them into a result file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.iter().enumerate() {
            write!(f, "{}{problem}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// What the caller makes of an event may fail; that is not the file's fault.
type OnEvent<'a> = &'a mut dyn FnMut(Event<'_>) -> anyhow::Result<()>;

impl Checker {
    /// A checker for a file, as of `today` (UTC).
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

    /// Takes the next bytes of the file and tells of the rows that end in them. The inner error is what makes
    /// the whole file fail.
    pub fn push(&mut self, bytes: &[u8], on_event: OnEvent<'_>) -> anyhow::Result<Result<(), FileError>> {
        if let Err(error) = self.scan.push(bytes, &mut |_| {}) {
            return Ok(Err(error));
        }
        if self.stopped.is_none() {
            self.reader.push(bytes);
            self.places.push(bytes);
            self.rows(on_event)?;
        }
        Ok(Ok(()))
    }

    /// Says that the file ends here.
    pub fn finish(mut self, on_event: OnEvent<'_>) -> anyhow::Result<Result<FileSummary, FileError>> {
        self.reader.finish();
        self.rows(on_event)?;
        let end = self.scan.finish(&mut |_| {});
        Ok(end.and_then(|file| self.stopped.map_or(Ok(file), Err)))
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

/// Where the customer's facilities and cohorts are not known, every id that is a UUID passes.
fn problems_here(problems: &RowProblems, ids_are_known: bool) -> Problems {
    Problems(
        problems.iter().filter(|problem| ids_are_known || problem.problem != Problem::NotFound).collect(),
    )
}
