//! Every row of a job has its outcome: write the result files and end the job.
//!
//! The upload is streamed once more next to the outcomes, in row order, so that memory depends on
//! neither. Repeating it writes the same files again; the state changes once; the webhook has a stable
//! id, so that saying it twice is saying it once.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use domain::csv::{ResultCells, ResultWriter, RowReader, RowStatus};
use domain::ids::{JobId, RowNumber};
use domain::job::{AcceptedFile, Job, JobEvent, JobStatus};
use domain::outcome::{RowOutcome, RowResult};
use domain::plan::{Chunk, ChunkNumber};
use futures::{Stream, StreamExt as _, stream};

use crate::Error;
use crate::messages::{FinishedMessage, WebhookMessage};
use crate::ports::{
    ChangeState, Clock, FileWriter, LoadJob, PortResult, ReadOutcomes, ReadPlan, ReadUpload, ResultFile,
    SendWebhook, Write, WriteResults,
};

/// Outcome objects that are fetched ahead of the row that needs them: at 15 ms a request, enough to keep
/// up with reading the upload.
const OUTCOMES_AHEAD: usize = 16;

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
    J: LoadJob + ChangeState,
    F: ReadUpload + ReadPlan + ReadOutcomes + WriteResults,
    Q: SendWebhook,
    C: Clock,
{
    /// Handles one message. Safe to repeat, concurrently and late.
    pub async fn run(&self, message: &FinishedMessage) -> Result<Finalized, Error> {
        let job = self.jobs.load_job(message.job).await?.ok_or(Error::NoSuchJob(message.job))?;
        match (job.status, job.file.clone()) {
            (JobStatus::Processing, Some(file)) if job.pending_chunks.is_empty() => {
                self.write_files(&job, &file).await?;
                let Ok(ended) = job.end(JobEvent::Finalized, None, self.clock.now()) else {
                    return Ok(Finalized::Nothing);
                };
                match self.jobs.change_state(JobStatus::Processing, &ended).await? {
                    Write::Done => {
                        self.announce(&ended).await?;
                        Ok(Finalized::Ended(ended.status))
                    }
                    // Another delivery was first, or our own write whose answer got lost: look again.
                    Write::Conflict => Box::pin(self.run(message)).await,
                }
            }
            (JobStatus::Completed, Some(_)) => {
                // An earlier delivery may have died between ending the job and saying so.
                self.announce(&job).await?;
                Ok(Finalized::Nothing)
            }
            _ => Ok(Finalized::Nothing),
        }
    }

    async fn announce(&self, job: &Job) -> Result<(), Error> {
        let message = WebhookMessage { customer: job.customer, job: job.id, status: job.status };
        Ok(self.webhooks.send_webhook(&message).await?)
    }

    async fn write_files(&self, job: &Job, file: &AcceptedFile) -> Result<(), Error> {
        let plan = self.files.read_plan(job.into(), &file.upload, None).await?;
        let mut outcomes = Outcomes::new(job.id, &plan, |chunk| async move {
            self.files.read_outcomes(job.into(), chunk).await
        })?;
        let mut result = Batched::new(self.files.write_results(job.into(), ResultFile::Result).await?);
        let mut failures = match job.failed {
            0 => None,
            _ => Some(Batched::new(self.files.write_results(job.into(), ResultFile::Failures).await?)),
        };

        let mut body = self.files.read_upload(job.into(), &file.upload, 0..file.upload.bytes).await?;
        let mut reader = RowReader::new();
        let mut writer: Option<ResultWriter> = None;
        let mut number = RowNumber::FIRST;
        let mut at_end = false;
        while !at_end {
            match body.next().await {
                Some(bytes) => reader.push(&bytes?),
                None => {
                    reader.finish();
                    at_end = true;
                }
            }
            while let Some(row) = reader.next_row().map_err(|_| changed(job.id))? {
                let Some(writer) = &mut writer else {
                    let new = ResultWriter::new(&row);
                    new.header(&mut result.bytes);
                    if let Some(failures) = &mut failures {
                        new.header(&mut failures.bytes);
                    }
                    writer = Some(new);
                    continue;
                };
                let outcome = outcomes.take(number).await?;
                number = number.next();
                let reason = match &outcome.result {
                    RowResult::Succeeded(_) => None,
                    RowResult::Failed(reason) => Some(reason.to_string()),
                };
                let cells = match &outcome.result {
                    RowResult::Succeeded(patient) => {
                        ResultCells { patient_id: *patient, status: RowStatus::Succeeded, reason: None }
                    }
                    RowResult::Failed(_) => {
                        ResultCells { patient_id: None, status: RowStatus::Failed, reason: reason.as_deref() }
                    }
                };
                writer.row(&row, cells, &mut result.bytes);
                if let (Some(failures), Some(_)) = (&mut failures, &reason) {
                    writer.row(&row, cells, &mut failures.bytes);
                }
                result.flush_when_full().await?;
                if let Some(failures) = &mut failures {
                    failures.flush_when_full().await?;
                }
            }
        }
        result.finish().await?;
        if let Some(failures) = failures {
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

/// The outcomes of a job, handed out in row order. A chunk's outcomes are fetched shortly before its
/// first row and dropped after its last one; chunks of neighbours follow each other, chunks of twins
/// stay from the first twin to the last.
struct Outcomes<'a> {
    job: JobId,
    /// First row and row count of each run, with its chunk; in row order.
    runs: Vec<(RowNumber, u32, ChunkNumber)>,
    run: usize,
    fetched: std::pin::Pin<Box<dyn Stream<Item = PortResult<(ChunkNumber, Vec<RowOutcome>)>> + Send + 'a>>,
    open: HashMap<ChunkNumber, std::vec::IntoIter<RowOutcome>>,
}

impl<'a> Outcomes<'a> {
    fn new<R>(
        job: JobId,
        plan: &Bytes,
        read: impl Fn(ChunkNumber) -> R + Send + Sync + 'a,
    ) -> Result<Self, Error>
    where
        R: Future<Output = PortResult<Vec<RowOutcome>>> + Send + 'a,
    {
        let mut runs = Vec::new();
        for line in plan.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            let chunk: Chunk = serde_json::from_slice(line).map_err(|_| Error::Inconsistent {
                job,
                chunk: ChunkNumber::new(0),
                what: "the plan cannot be read",
            })?;
            runs.extend(chunk.runs.iter().map(|run| (run.first, run.rows, chunk.number)));
        }
        runs.sort_unstable();
        let mut seen = std::collections::HashSet::new();
        let in_order_of_use: Vec<ChunkNumber> =
            runs.iter().map(|&(_, _, chunk)| chunk).filter(|chunk| seen.insert(*chunk)).collect();
        let read = Arc::new(read);
        let fetched = stream::iter(in_order_of_use)
            .map(move |chunk| {
                let read = Arc::clone(&read);
                async move { Ok((chunk, read(chunk).await?)) }
            })
            .buffered(OUTCOMES_AHEAD);
        Ok(Self { job, runs, run: 0, fetched: Box::pin(fetched), open: HashMap::new() })
    }

    /// The outcome of `row`; rows must be asked for in file order, none left out.
    async fn take(&mut self, row: RowNumber) -> Result<RowOutcome, Error> {
        while self.runs.get(self.run).is_some_and(|&(first, rows, _)| row.get() >= first.get() + rows) {
            self.run += 1;
        }
        let Some(&(_, _, chunk)) = self.runs.get(self.run) else { return Err(self.missing(row)) };
        while !self.open.contains_key(&chunk) {
            let Some(fetched) = self.fetched.next().await else { return Err(self.missing(row)) };
            let (number, outcomes) = fetched?;
            self.open.insert(number, outcomes.into_iter());
        }
        let outcome = self.open.get_mut(&chunk).and_then(|outcomes| {
            let outcome = outcomes.next();
            outcome.map(|outcome| (outcome, outcomes.len() == 0))
        });
        match outcome {
            Some((outcome, was_last)) if outcome.row == row => {
                if was_last {
                    self.open.remove(&chunk);
                }
                Ok(outcome)
            }
            _ => Err(self.missing(row)),
        }
    }

    fn missing(&self, _row: RowNumber) -> Error {
        let chunk = self.runs.get(self.run).map_or(ChunkNumber::new(0), |&(_, _, chunk)| chunk);
        Error::Inconsistent { job: self.job, chunk, what: "a row has no outcome" }
    }
}
