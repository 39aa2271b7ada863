//! The report of `bulk check`: row by row, then by problem, as text or as lines of JSON.

use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use bulk_domain::csv::{FileError, FileSummary, HeaderCell};
use bulk_domain::ids::RowNumber;
use bulk_domain::warning::RowWarnings;
use bulk_terminal::{Exit, Output};
use serde_json::json;

use crate::check::checker::Event;
use crate::columns::ColumnReport;
use crate::format::{bytes, counted, duration, number};
use crate::problems::{ProblemCounts, Reason};
use crate::source::Place;

/// Prints bad rows as they are found, and counts problems for the summary.
pub struct Report {
    output: Output,
    out: BufWriter<io::StdoutLock<'static>>,
    name: String,
    /// How many bad rows are printed one by one. 0 means all.
    limit: u64,
    ids_are_known: bool,
    good: u64,
    bad: u64,
    /// Good rows with warnings.
    warned: u64,
    counts: ProblemCounts,
}

impl Report {
    pub fn new(output: Output, name: String, limit: u64, ids_are_known: bool) -> Self {
        let out = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
        Self {
            output,
            out,
            name,
            limit,
            ids_are_known,
            good: 0,
            bad: 0,
            warned: 0,
            counts: ProblemCounts::default(),
        }
    }

    /// Counts a row, and prints it if it is bad.
    pub fn take(&mut self, event: &Event<'_>) -> anyhow::Result<()> {
        match event {
            Event::Header { .. } => {}
            Event::GoodRow { number: row, place, warnings } => {
                self.good += 1;
                if let Some(place) = place {
                    self.warned += 1;
                    self.warnings(*row, *place, warnings)?;
                }
            }
            Event::BadRow { number: row, place, problems, .. } => {
                self.bad += 1;
                for problem in problems.iter() {
                    self.counts.add(Reason::Problem(problem), Some(row.get()));
                }
                if self.output.json {
                    let problems: Vec<_> = problems
                        .iter()
                        .map(|p| json!({"column": p.column.to_string(), "problem": p.problem.text()}))
                        .collect();
                    writeln!(
                        self.out,
                        "{}",
                        json!({"type": "row", "row": row, place.key(): place.number(), "problems": problems})
                    )?;
                } else if self.limit == 0 || self.bad <= self.limit {
                    let place = format!("row {} ({place})", number(u64::from(row.get())));
                    writeln!(self.out, "{}: {problems}", self.output.strong(place))?;
                }
            }
        }
        Ok(())
    }

    /// Prints what the row is warned of.
    fn warnings(
        &mut self,
        row: RowNumber,
        place: Place,
        warnings: &RowWarnings,
    ) -> anyhow::Result<()> {
        if self.output.json {
            let warnings: Vec<_> = warnings
                .iter()
                .map(|w| json!({"column": w.column.to_string(), "warning": w.warning.text()}))
                .collect();
            let line = json!({"type": "row", "row": row, place.key(): place.number(), "warnings": warnings});
            writeln!(self.out, "{line}")?;
        } else if self.limit == 0 || self.warned <= self.limit {
            let place = format!("row {} ({place})", number(u64::from(row.get())));
            writeln!(self.out, "{}: {warnings}", self.output.strong(place))?;
        }
        Ok(())
    }

    /// Prints the summary, and returns the exit status.
    pub fn finish(
        mut self,
        end: Result<FileSummary, (FileError, Vec<HeaderCell>)>,
        saved: Option<PathBuf>,
        took: Duration,
    ) -> anyhow::Result<Exit> {
        let exit = match (&end, self.bad) {
            (Err(_), _) => Exit::JobFailed,
            (Ok(_), 0) => Exit::Done,
            (Ok(_), _) => Exit::RowsFailed,
        };
        let columns = match &end {
            Ok(file) => Some(ColumnReport::of_file(file.columns.report())),
            Err((error, header)) => ColumnReport::of_rejected(error, header.clone()),
        };
        if self.output.json {
            let error = end
                .err()
                .map(|(error, _)| json!({"code": error.code(), "reason": error.to_string()}));
            let summary = json!({
                "type": "summary", "importable": error.is_none(), "rows": self.good + self.bad,
                "good": self.good, "bad": self.bad, "warned": self.warned, "problems": self.counts, "error": error,
                "columns": columns.as_ref().map(|report| &report.columns),
                "suggestions": columns.as_ref().map(|report| &report.suggestions),
                "idsLookedUp": self.ids_are_known, "failuresFile": saved,
            });
            writeln!(self.out, "{summary}")?;
            self.out.flush()?;
            return Ok(exit);
        }
        if self.limit > 0 && self.bad > self.limit {
            let more = counted(self.bad - self.limit, "more row");
            let hint = format!("… and {more} with problems; --limit 0 prints them all");
            writeln!(self.out, "{}", self.output.faint(hint))?;
        }
        if self.bad > 0 {
            writeln!(self.out)?;
        }
        self.out.flush()?;
        // Releases the lock on standard output, which `Output::line` needs.
        drop(self.out);
        let output = self.output;
        match end {
            Err((error, _)) => {
                output
                    .line(output.bad(format_args!("{} cannot be imported: {error}", self.name)))?;
                if self.bad > 0 {
                    output.line("The rows above have problems of their own.")?;
                }
            }
            Ok(file) => {
                let size =
                    format!("{}, {}", counted(u64::from(file.rows), "row"), bytes(file.bytes));
                output.line(output.strong(format_args!(
                    "{}: {size}, checked in {}",
                    self.name,
                    duration(took)
                )))?;
                output.line(format_args!("{} {:>9}", output.good("  good"), number(self.good)))?;
                output.line(format_args!("{} {:>9}", output.bad("  bad "), number(self.bad)))?;
                if self.warned > 0 {
                    let text = "of the good rows have warnings";
                    output.line(format_args!("         {:>9}   {text}", number(self.warned)))?;
                }
            }
        }
        for line in columns.iter().flat_map(|report| report.lines(output)) {
            output.line(line)?;
        }
        if self.bad > 0 {
            output.line("")?;
            self.counts.print(output)?;
        }
        if let Some(path) = saved {
            output.line(format_args!("\n  rows to correct   {}", path.display()))?;
        }
        if !self.ids_are_known {
            output.note("\nids of facilities and cohorts were not looked up: --online does that");
        }
        Ok(exit)
    }
}
