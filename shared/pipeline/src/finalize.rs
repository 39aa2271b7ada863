//! Finalizes a job that has nothing left to wait for: writes the result files and ends the job.
//!
//! The upload is streamed once more next to the outcomes, in row order, so that memory grows with
//! neither. A retry writes the same files again. The state changes once, and the webhook has the
//! same id every time.

pub(crate) mod kept;

use std::time::Duration;

use bulk_domain::audit::ImportStep;
use bulk_domain::csv::{RawRow, ResultCells, ResultWriter, RowReader, RowStatus, Separator};
use bulk_domain::ids::{JobId, RowNumber};
use bulk_domain::job::times::TIME_TO_PROCESS;
use bulk_domain::job::{AcceptedFile, Job, JobStatus};
use bulk_domain::outcome::{RowOutcome, RowResult};
use futures::StreamExt as _;

use crate::Error;
use crate::audit::record_step;
use crate::end_job::{announce_end, end_job};
use crate::messages::FinishedMessage;
use crate::outcomes::OutcomesInOrder;
use crate::ports::prelude::*;
use crate::ports::{FileWriter, ObjectStore, PortResult, Ports, ResultFile};
use crate::undo_job::end_undo;

/// Bytes of result rows that are collected before they are passed to the writer.
const WRITE_BATCH: usize = 256 * 1024;

/// The outcome of a message about a finished job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FinalizeOutcome {
    /// The result files are written, and the job ended.
    Ended {
        /// The status that it ended with.
        status: JobStatus,
        /// The time since its file was accepted.
        took: Duration,
    },
    /// The undo of the job ended.
    Undone,
    /// The job is not complete yet, or had ended before, or is deleted.
    Nothing,
}

/// Handles one message. Safe to repeat, concurrently and late.
pub async fn finalize<P: Ports>(
    ports: &P,
    message: &FinishedMessage,
) -> Result<FinalizeOutcome, Error> {
    loop {
        let Some(job) = ports.jobs().load_job(message.job).await? else {
            return Ok(FinalizeOutcome::Nothing);
        };
        match (job.status, job.file.clone()) {
            (JobStatus::Processing, Some(file)) if job.is_complete() => {
                record_step(ports, &job, ImportStep::WriteResults).await?;
                write_files(ports, &job, &file).await?;
                let (event, reason) = job.closing_event();
                // A conflict means that another attempt was first, the answer to a write of this
                // attempt was lost, or the customer has asked to cancel. The job is read again.
                if let Some(ended) = end_job(ports, &job, event, reason).await? {
                    let times = ended.started_at.zip(ended.finished_at);
                    let took = times.map_or(Duration::ZERO, |(start, end)| start.until(end));
                    return Ok(FinalizeOutcome::Ended { status: ended.status, took });
                }
            }
            (JobStatus::Completed | JobStatus::Failed, Some(_)) => {
                if let Some(undo) = job.undo.as_ref().filter(|undo| undo.is_decided()) {
                    // The plan or outcomes may have been deleted after their retention, so that no
                    // retry could write the file.
                    let deadline = undo.started_at.plus(TIME_TO_PROCESS);
                    let is_late = ports.environment().now() > deadline;
                    let has_ended = end_undo(ports, &job, undo, is_late).await?;
                    return Ok(if has_ended {
                        FinalizeOutcome::Undone
                    } else {
                        FinalizeOutcome::Nothing
                    });
                }
                // An earlier attempt may have died before it sent the webhook.
                announce_end(ports, &job).await?;
                return Ok(FinalizeOutcome::Nothing);
            }
            _ => return Ok(FinalizeOutcome::Nothing),
        }
    }
}

async fn write_files<P: Ports>(ports: &P, job: &Job, file: &AcceptedFile) -> Result<(), Error> {
    let mut results = Results::start(ports.objects(), job).await?;
    stream_rows(ports, job, file, &mut results).await?;
    results.finish().await
}

/// Takes the rows of an upload, in file order, each with its outcome.
trait RowSink {
    fn header(&mut self, row: &RawRow<'_>, separator: Separator);
    async fn row(&mut self, row: &RawRow<'_>, outcome: &RowOutcome) -> PortResult<()>;
}

/// Streams the upload of a job beside the outcomes.
async fn stream_rows<P: Ports>(
    ports: &P,
    job: &Job,
    file: &AcceptedFile,
    sink: &mut impl RowSink,
) -> Result<(), Error> {
    let objects = ports.objects();
    let plan = objects.read_plan(job.into(), &file.upload, None).await?;
    let mut outcomes = OutcomesInOrder::new(objects, job.into(), plan)?;
    let mut body = objects.read_upload(job.into(), &file.upload, 0..file.upload.bytes).await?;
    let separator = file.columns.separator();
    let mut reader = RowReader::new(separator);
    let mut number = RowNumber::FIRST;
    let (mut has_header, mut at_end) = (false, false);
    while !at_end {
        if let Some(bytes) = body.next().await {
            reader.push(&bytes?);
        } else {
            reader.finish();
            at_end = true;
        }
        while let Some(row) = reader.next_row().map_err(|_| changed(job.id))? {
            if has_header {
                sink.row(&row, &outcomes.take(number).await?).await?;
                number = number.next();
            } else {
                sink.header(&row, separator);
                has_header = true;
            }
        }
    }
    Ok(())
}

/// The result files of a job, while they are being written.
struct Results<W> {
    writer: Option<ResultWriter>,
    all: Batched<W>,
    /// `None` if no row failed.
    failures: Option<Batched<W>>,
}

impl<W: FileWriter> Results<W> {
    async fn start(objects: &impl ObjectStore<Writer = W>, job: &Job) -> PortResult<Self> {
        let all = Batched::new(objects.write_results(job.into(), ResultFile::Result).await?);
        let failures = match job.tally.failed {
            0 => None,
            _ => Some(Batched::new(objects.write_results(job.into(), ResultFile::Failures).await?)),
        };
        Ok(Self { writer: None, all, failures })
    }

    async fn finish(self) -> Result<(), Error> {
        self.all.finish().await?;
        if let Some(failures) = self.failures {
            failures.finish().await?;
        }
        Ok(())
    }
}

impl<W: FileWriter> RowSink for Results<W> {
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
            RowResult::Succeeded { patient, .. } => {
                let warnings = outcome.warnings.to_string();
                let reason = Some(warnings.as_str());
                let cells =
                    ResultCells { patient_id: *patient, status: RowStatus::Succeeded, reason };
                writer.row(row, cells, &mut self.all.bytes);
            }
            RowResult::Failed(reason) => {
                let reason = reason.to_string();
                let cells = ResultCells {
                    patient_id: None,
                    status: RowStatus::Failed,
                    reason: Some(&reason),
                };
                writer.row(row, cells, &mut self.all.bytes);
                if let Some(failures) = &mut self.failures {
                    writer.row(row, cells, &mut failures.bytes);
                    failures.flush_when_full().await?;
                }
            }
        }
        self.all.flush_when_full().await
    }
}

fn changed(job: JobId) -> Error {
    Error::Inconsistent { job, what: "the upload cannot be read any more" }
}

/// A file writer with the rows that are collected for it.
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
