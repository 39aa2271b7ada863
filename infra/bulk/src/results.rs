//! The files that an import leaves: fetched over fresh links, saved whole or not at all, their reasons counted.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use domain::csv::{Cells, RowReader};
use domain::ids::JobId;

use crate::api::{Client, DownloadError, Job, Pause};
use crate::files::AtomicFile;
use crate::problems::ProblemCounts;
use terminal::{Exit, Failure};

/// Downloads that are begun before it is given up.
const TRIES: u32 = 4;

/// Which of an import's files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Every row with its outcome.
    Result,
    /// The failed rows only.
    Failures,
}

impl Kind {
    /// The link to it, valid for minutes.
    fn link(self, job: &Job) -> Option<&str> {
        match self {
            Self::Result => job.result.as_deref(),
            Self::Failures => job.failures.as_deref(),
        }
    }

    /// What it is called in file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Result => "result",
            Self::Failures => "failures",
        }
    }
}

/// Where a file goes while it is downloaded.
#[derive(Debug)]
pub enum Sink {
    /// To a file.
    File(AtomicFile),
    /// To standard output.
    Stdout,
    /// Nowhere: only its reasons are wanted.
    Nowhere,
}

impl Sink {
    /// The file that the user named, or standard output for `-`.
    pub fn named(path: &Path) -> Result<Self, Failure> {
        if path.as_os_str() == "-" { Ok(Self::Stdout) } else { AtomicFile::replacing(path).map(Self::File) }
    }
}

/// What was downloaded.
#[derive(Debug, Default)]
pub struct Fetched {
    /// The file that was written, if one was.
    pub saved: Option<PathBuf>,
    /// Why rows failed.
    pub problems: ProblemCounts,
}

/// Downloads a file of an import; `None` if it has no such file. A download that breaks off is begun anew,
/// over a fresh link.
pub async fn fetch(
    client: &Client,
    id: JobId,
    kind: Kind,
    new_sink: impl Fn() -> Result<Sink, Failure>,
) -> anyhow::Result<Option<Fetched>> {
    let mut pause = Pause::default();
    for remaining in (0..TRIES).rev() {
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
                return Err(Failure::new(format!("the storage answered {status} to the download")).into());
            }
            Err(DownloadError::LinkExpired) => "the link is not accepted".to_owned(),
            Err(DownloadError::Broken(cause)) => cause,
        };
        // What was printed cannot be taken back.
        if remaining == 0 || printed {
            return Err(Failure::new(format!("the download did not get to its end: {cause}"))
                .next(format!("bulk {} {id} OUT", kind.name()))
                .exit(Exit::Unreachable)
                .into());
        }
        tokio::time::sleep(pause.next(None)).await;
    }
    Ok(None)
}

fn gone(id: JobId) -> Failure {
    Failure::new("the file is not there any more: files are kept for a limited time")
        .next(format!("bulk status {id} still tells how it ended"))
}

/// Counts the reasons of a result file while its bytes pass by.
#[derive(Debug, Default)]
struct Reasons {
    reader: RowReader,
    /// Where the status and reason cells are; unknown before the header.
    columns: Option<(usize, usize)>,
    counts: ProblemCounts,
}

impl Reasons {
    fn push(&mut self, bytes: &[u8]) {
        self.reader.push(bytes);
        self.rows();
    }

    fn finish(mut self) -> ProblemCounts {
        self.reader.finish();
        self.rows();
        self.counts
    }

    /// What cannot be read is not counted: the file is for people, the counts are a help.
    fn rows(&mut self) {
        while let Ok(Some(row)) = self.reader.next_row() {
            let Some((status, reason)) = self.columns else {
                self.columns = Some(columns(&row.cells));
                continue;
            };
            let failed = row.cells.get(status).is_some_and(|cell| cell == b"failed");
            if let Some(text) = row.cells.get(reason).filter(|_| failed)
                && let Ok(text) = std::str::from_utf8(text)
            {
                self.counts.add_text(text);
            }
        }
    }
}

/// The added columns are the last ones of these names.
fn columns(header: &Cells<'_>) -> (usize, usize) {
    let last = |name: &[u8]| {
        header
            .iter()
            .enumerate()
            .filter(|(_, cell)| *cell == name)
            .last()
            .map_or(usize::MAX, |(index, _)| index)
    };
    (last(b"status"), last(b"reason"))
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
