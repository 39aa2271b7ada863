//! The service's rules, applied to a file that is passed in pieces.

use std::fmt;

use bulk_domain::csv::{
    ColumnMappings, FileError, FileScan, FileSummary, HeaderCell, Limits, RawRow, Scanned,
    ScannedRow, Separator, header_cells,
};
use bulk_domain::ids::RowNumber;
use bulk_domain::problem::{Problem, RowProblem, RowProblems};
use bulk_domain::row::{Directory, RowParser};
use bulk_domain::warning::RowWarnings;

use crate::source::{Place, Places};

/// The bytes of a file that are kept to show the header of a file that cannot be imported.
const BEGINNING: usize = 256 * 1024;

/// Reads a file as the service does: `FileScan` finds errors of the whole file, `RowParser`
/// problems of its rows. Holds a piece of the file at a time.
#[derive(Debug)]
pub struct Checker {
    scan: FileScan,
    /// The first bytes of the file, as long as its columns are not known.
    beginning: Vec<u8>,
    rows: Rows,
}

/// Checks the rows that the scan reports.
#[derive(Debug)]
struct Rows {
    /// Reads the rows, once the columns of the file are known.
    parser: Option<RowParser>,
    places: Places,
    today: jiff::civil::Date,
    /// Ids of the existing facilities and cohorts. `None` if they were not fetched.
    known: Option<Directory>,
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
            rows: Rows { parser: None, places, today, known },
        }
    }

    /// Checks the next bytes of the file, and calls `on_event` for the rows that end in them.
    ///
    /// # Errors
    ///
    /// The file cannot be imported, or `on_event` failed.
    pub fn push(&mut self, bytes: &[u8], on_event: OnEvent<'_>) -> Result<(), CheckError> {
        let Self { scan, beginning, rows } = self;
        if rows.parser.is_none() {
            let room = BEGINNING - beginning.len();
            beginning.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        rows.places.push(bytes);
        let mut taken = Ok(());
        let pushed = scan.push_with_bytes(bytes, &mut |row| rows.take(row, on_event, &mut taken));
        rows.places.pass(scan.position());
        taken.map_err(CheckError::Other)?;
        pushed.map_err(|error| rejected(error, beginning))
    }

    /// Checks the last row at the end of the file.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn finish(self, on_event: OnEvent<'_>) -> Result<FileSummary, CheckError> {
        let Self { scan, beginning, mut rows } = self;
        let mut taken = Ok(());
        let file = scan.finish_with_bytes(&mut |row| rows.take(row, on_event, &mut taken));
        taken.map_err(CheckError::Other)?;
        file.map_err(|error| rejected(error, &beginning))
    }
}

fn rejected(error: FileError, beginning: &[u8]) -> CheckError {
    CheckError::Rejected(error, header_cells(beginning))
}

impl Rows {
    /// Checks a row, unless an earlier row has failed to be taken.
    fn take(&mut self, row: Scanned<'_>, on_event: OnEvent<'_>, taken: &mut anyhow::Result<()>) {
        if taken.is_ok() {
            *taken = self.check(row, on_event);
        }
    }

    fn check(&mut self, row: Scanned<'_>, on_event: OnEvent<'_>) -> anyhow::Result<()> {
        let (number, row) = match row {
            Scanned::Header(row, columns) => {
                let known = self.known.clone().unwrap_or_default();
                self.parser = Some(RowParser::new(columns, self.today, known));
                return on_event(Event::Header { row, separator: columns.separator() });
            }
            Scanned::Row(ScannedRow { number, .. }, row) => (number, row),
        };
        let Some(parser) = &self.parser else { return Ok(()) };
        let parsed = parser.parse(&row);
        let problems = match &parsed.patient {
            Ok(_) => Problems(Vec::new()),
            Err(problems) => problems_here(problems, self.known.is_some()),
        };
        let warnings = &parsed.warnings;
        if problems.0.is_empty() {
            let place = (!warnings.is_empty()).then(|| self.places.place_of(row.start));
            on_event(Event::GoodRow { number, place, warnings })
        } else {
            let place = self.places.place_of(row.start);
            on_event(Event::BadRow { row, number, place, problems: &problems })
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "firstName,lastName,dob,gender,addressLine1,city,state,zip\n";
    const ROW: &str = "Ada,Lovelace,1980-02-03,F,1 Main St,Boston,MA,02139\n";

    /// Returns the good and bad rows of a file, and the most bytes that the check held at a time.
    fn check(file: &str) -> (u32, u32, u64) {
        let (mut good, mut bad) = (0, 0);
        let mut count = |event: Event<'_>| {
            match event {
                Event::Header { .. } => {}
                Event::GoodRow { .. } => good += 1,
                Event::BadRow { .. } => bad += 1,
            }
            Ok(())
        };
        let held = allocation_counter::measure(|| {
            let today = jiff::civil::date(2026, 1, 2);
            let (places, mappings) = (Places::default(), ColumnMappings::default());
            let mut checker = Checker::new(today, None, places, mappings);
            for piece in file.as_bytes().chunks(16 * 1024) {
                checker.push(piece, &mut count).unwrap();
            }
            checker.finish(&mut count).unwrap();
        });
        (good, bad, held.bytes_max)
    }

    #[test]
    fn what_a_check_holds_does_not_grow_with_the_file() {
        const SIZE: usize = 4 * 1024 * 1024;
        let blank = "\n".repeat(SIZE);
        for file in [
            format!("{blank}{HEADER}{ROW}"),
            format!("{HEADER}{ROW}{blank}"),
            format!("{HEADER}{}", ROW.repeat(SIZE / ROW.len())),
        ] {
            let (good, bad, held) = check(&file);
            assert!(good > 0 && bad == 0);
            assert!(held < SIZE as u64 / 2, "{held} bytes");
        }
    }

    #[test]
    fn a_row_has_its_line_behind_many_blank_lines() {
        let bad = ROW.replace("02139", "x");
        let file = format!("{}{HEADER}{}{bad}", "\n".repeat(100_000), "\r\n".repeat(50_000));
        let mut lines = Vec::new();
        let mut note = |event: Event<'_>| {
            if let Event::BadRow { place, .. } = event {
                lines.push(place);
            }
            Ok(())
        };
        let today = jiff::civil::date(2026, 1, 2);
        let (places, mappings) = (Places::default(), ColumnMappings::default());
        let mut checker = Checker::new(today, None, places, mappings);
        for piece in file.as_bytes().chunks(1001) {
            checker.push(piece, &mut note).unwrap();
        }
        checker.finish(&mut note).unwrap();
        assert_eq!(lines, [Place::Line(150_002)]);
    }
}
