//! Downloads of an import's result files: over fresh links, saved completely or not at all, with
//! their reasons counted.

mod reasons;
mod rows;
mod spreadsheet;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use bulk_domain::ids::JobId;
use bulk_terminal::{Exit, Failure};

use crate::api::{Client, DownloadError, Job, Pause};
use crate::files::AtomicFile;
use crate::problems::ProblemCounts;
use reasons::Reasons;
use rows::ResultRows;

/// Attempts of one download before it fails.
const ATTEMPTS: u32 = 4;

/// One of the files that an import leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The file with every row and its outcome.
    Result,
    /// The file with the failed rows only, ready to be corrected and imported.
    Failures,
    /// The file with the patients that an undo of the import keeps.
    Kept,
}

impl Kind {
    /// Returns the link to the file, which is valid for 3 minutes.
    fn link(self, job: &Job) -> Option<&str> {
        match self {
            Self::Result => job.result.as_deref(),
            Self::Failures => job.failures.as_deref(),
            Self::Kept => job.undo.as_ref()?.kept_patients.as_deref(),
        }
    }

    /// Returns its name in commands and file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Result => "result",
            Self::Failures => "failures",
            Self::Kept => "kept",
        }
    }
}

/// How the cells of a result file are saved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CellForm {
    /// Byte for byte as the service sends them.
    AsSent,
    /// Without formulas that a spreadsheet would run.
    SafeForSpreadsheets,
}

/// Where a downloaded file goes.
#[derive(Debug)]
pub enum Sink {
    File(AtomicFile),
    Stdout,
    /// Nowhere, because only the reasons of failed rows are wanted.
    Nowhere,
}

impl Sink {
    /// Returns the file that the user named, or standard output for `-`.
    pub fn named(path: &Path) -> Result<Self, Failure> {
        if path.as_os_str() == "-" {
            Ok(Self::Stdout)
        } else {
            AtomicFile::replacing(path).map(Self::File)
        }
    }

    fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        match self {
            Self::File(file) => file.write(bytes)?,
            Self::Stdout => std::io::stdout().lock().write_all(bytes)?,
            Self::Nowhere => {}
        }
        Ok(())
    }
}

/// A downloaded file, and the problems that its rows name.
#[derive(Debug, Default)]
pub struct Fetched {
    /// Path of the written file, if there is one.
    pub saved: Option<PathBuf>,
    pub problems: ProblemCounts,
    /// The reasons for which an undo keeps patients, each with the number of patients.
    pub kept: BTreeMap<String, u64>,
}

/// Downloads a file of an import. Returns `None` if the import has no such file. A download that
/// breaks off starts again over a fresh link.
pub async fn fetch(
    client: &Client,
    id: JobId,
    kind: Kind,
    form: CellForm,
    new_sink: impl Fn() -> Result<Sink, Failure>,
) -> anyhow::Result<Option<Fetched>> {
    let mut pause = Pause::default();
    let mut attempt = 0;
    loop {
        attempt += 1;
        let job = client.job(id).await?;
        let Some(link) = kind.link(&job) else { return Ok(None) };
        let mut copy = Copy::new(new_sink()?, form);
        let downloaded = client.download(link, |bytes| copy.take(bytes)).await;
        let printed = copy.is_printed;
        let cause = match downloaded {
            Ok(()) => return Ok(Some(copy.finish()?)),
            Err(DownloadError::Write(error)) => return Err(error),
            Err(DownloadError::Refused(404)) => return Err(gone(id).into()),
            Err(DownloadError::Refused(status)) => {
                return Err(
                    Failure::new(format!("the storage answered {status} to the download")).into()
                );
            }
            Err(DownloadError::LinkExpired) => "the link is not accepted".to_owned(),
            Err(DownloadError::Broken(cause)) => cause,
        };
        // Output that was printed to standard output cannot be replaced by another attempt.
        if attempt == ATTEMPTS || printed {
            return Err(Failure::new(format!("the download did not get to its end: {cause}"))
                .next(format!("bulk {} {id} OUT", kind.name()))
                .exit(Exit::Unreachable)
                .into());
        }
        tokio::time::sleep(pause.next(None)).await;
    }
}

fn gone(id: JobId) -> Failure {
    Failure::new("the file is not there any more: files are kept for a limited time")
        .next(format!("bulk status {id} still tells how it ended"))
}

/// A result file on its way to its sink.
struct Copy {
    sink: Sink,
    form: CellForm,
    rows: ResultRows,
    reasons: Reasons,
    /// Whether a part of it was printed to standard output.
    is_printed: bool,
}

impl Copy {
    fn new(sink: Sink, form: CellForm) -> Self {
        let (rows, reasons) = (ResultRows::default(), Reasons::default());
        Self { sink, form, rows, reasons, is_printed: false }
    }

    fn take(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.rows.push(bytes);
        self.each_row(Some(bytes))
    }

    /// Counts the rows that are complete, and writes them or the bytes that were received last.
    fn each_row(&mut self, received: Option<&[u8]>) -> anyhow::Result<()> {
        let mut safe = Vec::new();
        let is_safe = self.form == CellForm::SafeForSpreadsheets;
        let read = self.rows.each(|separator, row| {
            self.reasons.take(row);
            if is_safe {
                spreadsheet::push_row(&mut safe, separator, row);
            }
        });
        let bytes = if is_safe {
            // The rows are the file here. Without this form they only give the summary, which a row
            // that cannot be read may miss.
            read.map_err(|error| {
                Failure::new(format!("the result file has a wrong row: {error}"))
            })?;
            safe.as_slice()
        } else {
            received.unwrap_or_default()
        };
        self.is_printed |= matches!(self.sink, Sink::Stdout) && !bytes.is_empty();
        self.sink.write(bytes)
    }

    fn finish(mut self) -> anyhow::Result<Fetched> {
        self.rows.finish();
        self.each_row(None)?;
        let saved = match self.sink {
            Sink::File(file) => Some(file.finish()?),
            Sink::Stdout | Sink::Nowhere => None,
        };
        let (problems, kept) = self.reasons.into_counts();
        Ok(Fetched { saved, problems, kept })
    }
}
