//! `bulk check`: applies the service's rules on this machine, so that a file can be corrected
//! before it is sent.

mod checker;
mod report;

use std::io;
use std::path::PathBuf;
use std::time::Instant;

use bulk_domain::csv::{ResultCells, ResultWriter, RowStatus};
use bulk_domain::row::Directory;
use bulk_terminal::{Exit, Failure};
use clap::Args;

use crate::api::Client;
use crate::context::Context;
use crate::files::{AtomicFile, check_targets};
use crate::source::{ReadAs, Source};
use checker::{CheckError, Checker, Event};
use report::Report;

/// Bytes that are read at once.
const PIECE: usize = 256 * 1024;

/// Bytes of the failed-rows file that are buffered before they are written.
const WRITE_BATCH: usize = 64 * 1024;

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Check {
    /// The CSV file or spreadsheet; `-` reads standard input
    file: PathBuf,
    #[command(flatten)]
    read_as: ReadAs,
    /// How many rows with problems to print, 0 for all of them. JSON has them all
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u64,
    /// Save the rows with problems to this file, to correct them; it is replaced if it exists
    #[arg(long, value_name = "OUT")]
    failures: Option<PathBuf>,
    /// Ask the service for your facilities and cohorts, to look up the ids in the file. Without
    /// this option an id only has to be a UUID. No data of the file is sent in either case
    #[arg(long)]
    online: bool,
}

const EXAMPLES: &str = "\
Examples:
  bulk check patients.csv
  bulk check patients.xlsx --sheet Patients
  bulk check patients.csv --column dob=\"Birth Day\" --column city=Town
  bulk check patients.csv --failures to-correct.csv
  bulk check patients.csv --json | jq 'select(.type == \"row\") | .row'

Exit status:
  0  every row is good       2  some rows have problems
  1  wrong usage             3  the file as a whole cannot be imported";

impl Check {
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let is_stdin = self.file.as_os_str() == "-";
        check_targets(
            (!is_stdin).then_some(&self.file),
            &self.failures.iter().map(PathBuf::as_path).collect::<Vec<_>>(),
        )?;
        let known = if self.online { Some(known_ids(&context.client()?).await?) } else { None };
        let mappings = self.read_as.mappings()?;
        let source = Source::open(&self.file, &self.read_as)?;
        let name = source.name().to_owned();
        let (mut input, places) = source.read()?;
        let unreadable = |error: io::Error| Failure::new(format!("{name} cannot be read: {error}"));
        let mut failures = self.failures.as_deref().map(Failures::create).transpose()?;
        let mut report = Report::new(context.output, name.clone(), self.limit, known.is_some());

        let began = Instant::now();
        let mut checker = Checker::new(crate::context::now().date(), known, places, mappings);
        let mut piece = vec![0; PIECE];
        let mut on_event = |event: Event<'_>| -> anyhow::Result<()> {
            if let Some(failures) = &mut failures {
                failures.take(&event)?;
            }
            report.take(&event)
        };
        let end = loop {
            let read = input.read(&mut piece).map_err(unreadable)?;
            if read == 0 {
                break checker.finish(&mut on_event);
            }
            if let Err(error) = checker.push(&piece[..read], &mut on_event) {
                break Err(error);
            }
        };
        let end = match end {
            Ok(file) => Ok(file),
            Err(CheckError::Rejected(error, header)) => Err((error, header)),
            Err(CheckError::Other(error)) => return Err(error),
        };
        let saved = match (&end, failures) {
            (Ok(_), Some(failures)) => failures.finish()?,
            _ => None,
        };
        report.finish(end, saved, began.elapsed())
    }
}

/// Fetches the ids of the customer's facilities and cohorts.
async fn known_ids(client: &Client) -> anyhow::Result<Directory> {
    let (facilities, cohorts) = tokio::try_join!(client.facilities(), client.cohorts())?;
    Ok(Directory {
        facilities: facilities.into_iter().map(|facility| facility.id).collect(),
        cohorts: cohorts.into_iter().map(|cohort| cohort.id).collect(),
    })
}

/// The failed-rows file while it is written.
struct Failures {
    file: AtomicFile,
    writer: Option<ResultWriter>,
    bytes: Vec<u8>,
    rows: u64,
}

impl Failures {
    fn create(path: &std::path::Path) -> Result<Self, Failure> {
        Ok(Self { file: AtomicFile::replacing(path)?, writer: None, bytes: Vec::new(), rows: 0 })
    }

    fn take(&mut self, event: &Event<'_>) -> Result<(), Failure> {
        match (event, &mut self.writer) {
            (Event::Header { row, separator }, _) => {
                self.writer.insert(ResultWriter::new(row, *separator)).header(&mut self.bytes);
            }
            (Event::BadRow { row, problems, .. }, Some(writer)) => {
                let reason = problems.to_string();
                let cells = ResultCells {
                    patient_id: None,
                    status: RowStatus::Failed,
                    reason: Some(&reason),
                };
                writer.row(row, cells, &mut self.bytes);
                self.rows += 1;
            }
            _ => {}
        }
        if self.bytes.len() >= WRITE_BATCH {
            self.file.write(&self.bytes)?;
            self.bytes.clear();
        }
        Ok(())
    }

    /// Completes the file, and returns its path. If no row failed, no file is written.
    fn finish(mut self) -> Result<Option<PathBuf>, Failure> {
        if self.rows == 0 {
            return Ok(None);
        }
        self.file.write(&self.bytes)?;
        self.file.finish().map(Some)
    }
}
