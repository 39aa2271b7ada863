//! `bulk import`: uploads a file, waits for its import, and shows every row's outcome.

mod summary;
mod upload;

use std::cell::Cell;
use std::path::{Path, PathBuf};

use bulk_domain::csv::ColumnMappings;
use bulk_domain::ids::{FacilityId, JobId};
use bulk_terminal::{Exit, Failure};
use clap::Args;

use crate::api::{Client, Job, JobTerms};
use crate::columns::ColumnReport;
use crate::config::Connection;
use crate::context::Context;
use crate::files::check_targets;
use crate::format;
use crate::results::{CellForm, Fetched, Kind, Sink, fetch};
use crate::source::{ReadAs, ScanError, Source, SourceFile};
use crate::watch::{File, watch};
pub use summary::{effects, exit_of, print_end};

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Import {
    /// The CSV file or spreadsheet; `-` reads standard input
    file: PathBuf,
    #[command(flatten)]
    read_as: ReadAs,
    /// Facility of the rows that name none [default: the profile's, or your only one]
    #[arg(long, value_name = "ID")]
    facility: Option<FacilityId>,
    /// Have the service check every row without creating patients
    #[arg(long)]
    dry_run: bool,
    /// Wait for the end of the import (this is the default)
    #[arg(long, overrides_with = "no_wait")]
    wait: bool,
    /// Return when the file is uploaded; `bulk status ID` shows the rest
    #[arg(long, conflicts_with_all = ["result", "failures"])]
    no_wait: bool,
    /// Save every row with its outcome to this file, which is replaced if it exists
    #[arg(long, value_name = "OUT")]
    result: Option<PathBuf>,
    /// Save the failed rows to this file, to correct and import them again; it is replaced if it
    /// exists
    #[arg(long, value_name = "OUT")]
    failures: Option<PathBuf>,
    /// Upload without checking the file first
    #[arg(long)]
    no_check: bool,
}

const EXAMPLES: &str = "\
Examples:
  bulk import patients.csv --failures to-correct.csv
  bulk import patients.xlsx --dry-run
  bulk import patients.csv --column dob=\"Birth Day\" --column city=Town
  mysql … | bulk import - --facility 0199… --json

Exit status:
  0  every row succeeded          3  the file was not imported, or the import was canceled
  1  wrong usage, or refused      4  the service could not be reached: retry
  2  some rows failed           130  Ctrl-C; an import that has begun goes on";

impl Import {
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        // Outside of the select, so that Ctrl-C ends the process at once: reading a file cannot be
        // interrupted.
        let (client, connection) = self.connect(context)?;
        let mappings = self.read_as.mappings()?;
        let Some(source) = self.read(context, &mappings)? else { return Ok(Exit::JobFailed) };
        let terms = JobTerms {
            facility: self.facility.or(connection.facility),
            dry_run: self.dry_run,
            columns: mappings,
        };
        let uploaded = Cell::new(None);
        tokio::select! {
            done = self.import(context, &client, source, &terms, &uploaded) => done,
            _ = tokio::signal::ctrl_c() => {
                interrupted(context, uploaded.get());
                Ok(Exit::Interrupted)
            }
        }
    }

    /// Checks everything that is known before the file is read, and connects.
    fn connect(&self, context: &Context) -> anyhow::Result<(Client, Connection)> {
        let targets: Vec<&Path> =
            [&self.result, &self.failures].into_iter().flatten().map(PathBuf::as_path).collect();
        if targets.iter().any(|target| target.as_os_str() == "-") {
            let step = "name a file, or use `bulk result ID -` afterwards";
            return Err(Failure::new("standard output is for the summary").next(step).into());
        }
        let is_stdin = self.file.as_os_str() == "-";
        check_targets((!is_stdin).then_some(&self.file), &targets)?;
        context.connect()
    }

    /// Returns the file, unless the service would reject it as a whole.
    fn read(
        &self,
        context: &Context,
        mappings: &ColumnMappings,
    ) -> anyhow::Result<Option<SourceFile>> {
        let source = Source::open(&self.file, &self.read_as)?.into_file()?;
        if self.no_check {
            return Ok(Some(source));
        }
        match source.scan(mappings) {
            Ok(file) => {
                let rows = format::counted(u64::from(file.rows), "row");
                context.output.note(format_args!(
                    "{}: {rows}, {}",
                    source.name(),
                    format::bytes(file.bytes)
                ));
                let report = ColumnReport::of_file(file.columns.report());
                for line in report.lines(context.output) {
                    context.output.note(line);
                }
                Ok(Some(source))
            }
            Err(ScanError::Rejected(error)) => {
                summary::print_bad_file(context.output, &source, &error)?;
                Ok(None)
            }
            Err(ScanError::Unreadable(failure)) => Err(failure.into()),
        }
    }

    async fn import(
        &self,
        context: &Context,
        client: &Client,
        source: SourceFile,
        terms: &JobTerms,
        uploaded: &Cell<Option<JobId>>,
    ) -> anyhow::Result<Exit> {
        let job = upload::upload(client, source, terms, context.output).await?;
        uploaded.set(Some(job.id));
        if self.no_wait {
            summary::print_uploaded(context.output, &job)?;
            return Ok(Exit::Done);
        }
        let job = watch(client, job.id, File::Accepted, context.output).await?;
        let files = self.fetch_files(client, &job).await?;
        print_end(context.output, &job, &files)?;
        Ok(exit_of(&job))
    }

    /// Saves the files that the user asked for. Failed rows are read in any case, because the
    /// summary shows their reasons.
    async fn fetch_files(&self, client: &Client, job: &Job) -> anyhow::Result<EndFiles> {
        let mut files = EndFiles::default();
        if let Some(path) = &self.result {
            files.result =
                fetch(client, job.id, Kind::Result, CellForm::AsSent, || Sink::named(path)).await?;
        }
        let sink = || self.failures.as_deref().map_or(Ok(Sink::Nowhere), Sink::named);
        if job.failures.is_some() {
            files.failures = fetch(client, job.id, Kind::Failures, CellForm::AsSent, sink).await?;
        }
        files.failures_wanted = self.failures.is_some();
        Ok(files)
    }
}

/// The files that were downloaded at the end of an import.
#[derive(Debug, Default)]
pub struct EndFiles {
    result: Option<Fetched>,
    failures: Option<Fetched>,
    failures_wanted: bool,
}

impl EndFiles {
    /// Reads the reasons of failed rows without saving a file.
    pub async fn of(client: &Client, job: &Job) -> anyhow::Result<Self> {
        let mut files = Self::default();
        if job.failures.is_some() {
            files.failures =
                fetch(client, job.id, Kind::Failures, CellForm::AsSent, || Ok(Sink::Nowhere))
                    .await?;
        }
        Ok(files)
    }
}

fn interrupted(context: &Context, uploaded: Option<JobId>) {
    let text = match uploaded {
        None => "interrupted; the file was not uploaded, so nothing is imported".to_owned(),
        Some(id) => format!(
            "interrupted; the import goes on without this command\n  \
             bulk status {id} --wait   watches it again\n  bulk cancel {id}          stops it"
        ),
    };
    context.output.note(format_args!("\n{text}"));
}
