//! Downloads of an import's result files: over fresh links, saved completely or not at all, with
//! their reasons counted.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use bulk_domain::csv::{Cells, RowReader, Separator};
use bulk_domain::ids::JobId;
use bulk_terminal::{Exit, Failure};

use crate::api::{Client, DownloadError, Job, Pause};
use crate::files::AtomicFile;
use crate::problems::ProblemCounts;

/// The longest header of a result file, in bytes: twice what a row may have.
const LONGEST_HEADER: usize = 2 * 1024 * 1024;

/// Attempts of one download before it fails.
const ATTEMPTS: u32 = 4;

/// One of the two files that an import leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The file with every row and its outcome.
    Result,
    /// The file with the failed rows only, ready to be corrected and imported.
    Failures,
}

impl Kind {
    /// Returns the link to the file, which is valid for 3 minutes.
    fn link(self, job: &Job) -> Option<&str> {
        match self {
            Self::Result => job.result.as_deref(),
            Self::Failures => job.failures.as_deref(),
        }
    }

    /// Returns its name in commands and file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Result => "result",
            Self::Failures => "failures",
        }
    }
}

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
}

#[derive(Debug, Default)]
pub struct Fetched {
    /// Path of the written file, if there is one.
    pub saved: Option<PathBuf>,
    pub problems: ProblemCounts,
}

/// Downloads a file of an import. Returns `None` if the import has no such file. A download that
/// breaks off starts again over a fresh link.
pub async fn fetch(
    client: &Client,
    id: JobId,
    kind: Kind,
    new_sink: impl Fn() -> Result<Sink, Failure>,
) -> anyhow::Result<Option<Fetched>> {
    let mut pause = Pause::default();
    let mut attempt = 0;
    loop {
        attempt += 1;
        let job = client.job(id).await?;
        let Some(link) = kind.link(&job) else { return Ok(None) };
        let mut sink = new_sink()?;
        let mut reasons = Reasons::default();
        let mut printed = false;
        let downloaded = client
            .download(link, |bytes| {
                reasons.push(bytes);
                match &mut sink {
                    Sink::File(file) => file.write(bytes)?,
                    Sink::Stdout => {
                        printed = true;
                        std::io::stdout().lock().write_all(bytes)?;
                    }
                    Sink::Nowhere => {}
                }
                Ok(())
            })
            .await;
        let cause = match downloaded {
            Ok(()) => {
                let saved = match sink {
                    Sink::File(file) => Some(file.finish()?),
                    Sink::Stdout | Sink::Nowhere => None,
                };
                return Ok(Some(Fetched { saved, problems: reasons.finish() }));
            }
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

/// Counts the reasons in a result file while it is downloaded.
#[derive(Debug, Default)]
struct Reasons {
    /// The bytes of the header, until it is complete.
    header: Vec<u8>,
    reader: Option<RowReader>,
    /// Positions of the status and reason columns, once the header was read.
    columns: Option<Columns>,
    counts: ProblemCounts,
}

impl Reasons {
    fn push(&mut self, bytes: &[u8]) {
        match &mut self.reader {
            Some(reader) => reader.push(bytes),
            None => self.header.extend_from_slice(bytes),
        }
        self.rows();
    }

    fn finish(mut self) -> ProblemCounts {
        if let Some(reader) = &mut self.reader {
            reader.finish();
        }
        self.rows();
        self.counts
    }

    /// Starts to read rows once it is known what separates their cells.
    fn start(&mut self) {
        let separator = self.reader.is_none().then(|| separator(&self.header)).flatten();
        if let Some(separator) = separator {
            let mut reader = RowReader::new(separator);
            reader.push(&std::mem::take(&mut self.header));
            self.reader = Some(reader);
        }
    }

    /// Counts the rows that are complete. Rows that cannot be read are not counted, because the
    /// counts are only a summary.
    fn rows(&mut self) {
        self.start();
        let Some(reader) = &mut self.reader else { return };
        while let Ok(Some(row)) = reader.next_row() {
            let Some(columns) = self.columns else {
                self.columns = Some(Columns::of(&row.cells));
                continue;
            };
            let cell = |column: Option<usize>| row.cells.get(column?);
            let failed = cell(columns.status).is_some_and(|cell| cell == b"failed");
            if let Some(text) = cell(columns.reason).filter(|_| failed)
                && let Ok(text) = std::str::from_utf8(text)
            {
                self.counts.add_text(text);
            }
        }
    }
}

/// Returns what separates the cells of a result file: its header ends with the columns that the
/// service added. `None` if the header is not complete yet.
fn separator(beginning: &[u8]) -> Option<Separator> {
    if beginning.len() > LONGEST_HEADER {
        return Some(Separator::Comma);
    }
    let text = String::from_utf8_lossy(beginning);
    Separator::ALL.into_iter().find(|separator| {
        let between = char::from(separator.byte());
        text.contains(&format!("metriportId{between}status{between}reason\r\n"))
    })
}

/// Positions of the columns that the service added. They are the last ones of their names, because
/// the uploaded file may have columns of the same names.
#[derive(Clone, Copy, Debug)]
struct Columns {
    status: Option<usize>,
    reason: Option<usize>,
}

impl Columns {
    fn of(header: &Cells<'_>) -> Self {
        let last = |name: &[u8]| {
            header
                .iter()
                .enumerate()
                .filter(|(_, cell)| *cell == name)
                .last()
                .map(|(index, _)| index)
        };
        Self { status: last(b"status"), reason: last(b"reason") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_whatever_pieces_the_file_comes_in() {
        let file = b"reason,Name,metriportId,status,reason\r\n\
            mine,\"A, B\",,failed,dob: missing; zip: missing\r\nmine,C,0199,succeeded,\r\nmine,D,,failed,zip: missing\r\n";
        for size in [1, 7, file.len()] {
            let mut reasons = Reasons::default();
            file.chunks(size).for_each(|piece| reasons.push(piece));
            let json = serde_json::to_value(reasons.finish()).unwrap();
            assert_eq!(json[0]["problem"], "zip: missing");
            assert_eq!(json[0]["rows"], 2);
            assert_eq!(json[1]["rows"], 1);
            assert_eq!(json.as_array().unwrap().len(), 2);
        }
    }
}
