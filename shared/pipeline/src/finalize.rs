//! Every row of a job has its outcome: write the result files and end the job.
//!
//! The upload is streamed once more next to the outcomes, in row order, so that memory depends on
//! neither. Repeating it writes the same files again; the state changes once; the webhook has a stable
//! id, so that saying it twice is saying it once.

use domain::csv::{RawRow, ResultCells, ResultWriter, RowReader, RowStatus, Separator};
use domain::ids::{JobId, RowNumber};
use domain::job::{AcceptedFile, Job, JobStatus};
use domain::outcome::{RowOutcome, RowResult};
use domain::plan::ChunkNumber;
use futures::StreamExt as _;

use crate::Error;
use crate::end_job::{announce_end, end_job};
use crate::messages::FinishedMessage;
use crate::outcomes::OutcomesInOrder;
use crate::ports::{
    ChangeState, Clock, FileWriter, LoadJob, OpenJobs, PortResult, ReadOutcomes, ReadPlan, ReadUpload,
    ResultFile, SendWebhook, Watchlist, WriteResults,
};

/// Bytes of result rows that are gathered before they are handed to the writer.
const WRITE_BATCH: usize = 256 * 1024;

/// What came of a message about a finished job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Finalized {
    /// The job ended with this status.
    Ended(JobStatus),
    /// The job is not ready, or had ended already.
    Nothing,
}

/// The use case with its ports.
#[derive(Debug)]
pub struct Finalize<J, F, Q, C> {
    /// The jobs.
    pub jobs: J,
    /// Uploads, plans, outcomes and results.
    pub files: F,
    /// Where webhooks go.
    pub webhooks: Q,
    /// The time.
    pub clock: C,
}

impl<J, F, Q, C> Finalize<J, F, Q, C>
where
    J: LoadJob + OpenJobs + ChangeState + Watchlist,
    F: ReadUpload + ReadPlan + ReadOutcomes + WriteResults,
    Q: SendWebhook,
    C: Clock,
{
    /// Handles one message. Safe to repeat, concurrently and late.
    pub async fn run(&self, message: &FinishedMessage) -> Result<Finalized, Error> {
        let job = self.jobs.load_job(message.job).await?.ok_or(Error::NoSuchJob(message.job))?;
        match (job.status, job.file.clone()) {
            (JobStatus::Processing, Some(file)) if job.is_worked_off() => {
                self.write_files(&job, &file).await?;
                let (event, reason) = job.closing_event();
                let ended = end_job(&self.jobs, &self.webhooks, &self.clock, &job, event, reason).await?;
                match ended {
                    Some(ended) => Ok(Finalized::Ended(ended.status)),
                    // Another delivery was first, our own write whose answer was lost, or a request to cancel: look
                    // again.
                    None => Box::pin(self.run(message)).await,
                }
            }
            (JobStatus::Completed | JobStatus::Failed, Some(_)) => {
                // An earlier delivery may have died between ending the job and saying so.
                announce_end(&self.jobs, &self.webhooks, &job).await?;
                Ok(Finalized::Nothing)
            }
            _ => Ok(Finalized::Nothing),
        }
    }

    async fn write_files(&self, job: &Job, file: &AcceptedFile) -> Result<(), Error> {
        let plan = self.files.read_plan(job.into(), &file.upload, None).await?;
        let mut outcomes = OutcomesInOrder::new(&self.files, job.into(), plan)?;
        let mut results = Results::start(&self.files, job).await?;

        let mut body = self.files.read_upload(job.into(), &file.upload, 0..file.upload.bytes).await?;
        let separator = file.columns.separator();
        let mut reader = RowReader::new(separator);
        let mut number = RowNumber::FIRST;
        let mut at_end = false;
        while !at_end {
            if let Some(bytes) = body.next().await {
                reader.push(&bytes?);
            } else {
                reader.finish();
                at_end = true;
            }
            while let Some(row) = reader.next_row().map_err(|_| changed(job.id))? {
                if results.has_header() {
                    results.row(&row, &outcomes.take(number).await?).await?;
                    number = number.next();
                } else {
                    results.header(&row, separator);
                }
            }
        }
        results.finish().await
    }
}

/// The files that a job leaves, while they are being written.
struct Results<W> {
    writer: Option<ResultWriter>,
    all: Batched<W>,
    /// Only where a row failed.
    failures: Option<Batched<W>>,
}

impl<W: FileWriter> Results<W> {
    async fn start(files: &impl WriteResults<Writer = W>, job: &Job) -> PortResult<Self> {
        let all = Batched::new(files.write_results(job.into(), ResultFile::Result).await?);
        let failures = match job.failed {
            0 => None,
            _ => Some(Batched::new(files.write_results(job.into(), ResultFile::Failures).await?)),
        };
        Ok(Self { writer: None, all, failures })
    }

    fn has_header(&self) -> bool {
        self.writer.is_some()
    }

    fn header(&mut self, row: &RawRow<'_>, separator: Separator) {
        let writer = self.writer.insert(ResultWriter::new(row, separator));
        writer.header(&mut self.all.bytes);
        if let Some(failures) = &mut self.failures {
            writer.header(&mut failures.bytes);
        }
    }

    async fn row(&mut self, row: &RawRow<'_>, outcome: &RowOutcome) -> PortResult<()> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        match &outcome.result {
            RowResult::Succeeded(patient_id) => {
                let warnings = outcome.warnings.to_string();
                let reason = Some(warnings.as_str());
                let cells = ResultCells { patient_id: *patient_id, status: RowStatus::Succeeded, reason };
                writer.row(row, cells, &mut self.all.bytes);
            }
            RowResult::Failed(reason) => {
                let reason = reason.to_string();
                let cells =
                    ResultCells { patient_id: None, status: RowStatus::Failed, reason: Some(&reason) };
                writer.row(row, cells, &mut self.all.bytes);
                if let Some(failures) = &mut self.failures {
                    writer.row(row, cells, &mut failures.bytes);
                    failures.flush_when_full().await?;
                }
            }
        }
        self.all.flush_when_full().await
    }

    async fn finish(self) -> Result<(), Error> {
        self.all.finish().await?;
        if let Some(failures) = self.failures {
            failures.finish().await?;
        }
        Ok(())
    }
}

fn changed(job: JobId) -> Error {
    Error::Inconsistent { job, chunk: ChunkNumber::new(0), what: "the upload cannot be read any more" }
}

/// A file writer with the rows that wait to be handed to it.
struct Batched<W> {
    writer: W,
    bytes: Vec<u8>,
}

impl<W: FileWriter> Batched<W> {
    fn new(writer: W) -> Self {
        Self { writer, bytes: Vec::with_capacity(WRITE_BATCH + WRITE_BATCH / 4) }
    }

    async fn flush_when_full(&mut self) -> PortResult<()> {
        if self.bytes.len() >= WRITE_BATCH {
            self.writer.write(&self.bytes).await?;
            self.bytes.clear();
        }
        Ok(())
    }

    async fn finish(mut self) -> PortResult<()> {
        self.writer.write(&self.bytes).await?;
        self.writer.finish().await
    }
}
