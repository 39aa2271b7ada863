//! Abandons work that failed as often as it may, or for too long. Abandoned work becomes a failure
//! that the customer sees, so that every job ends.

use bulk_domain::document::DownloadTally;
use bulk_domain::job::{INTERNAL_ERROR, Job, JobEvent, JobStatus};
use bulk_domain::outcome::{FailureReason, RowOutcome, RowResult, Tally};
use bulk_domain::plan::{Chunk, ChunkNumber};
use bulk_domain::query::{QueryPart, QueryTally};
use bulk_domain::undo::UndoTally;
use futures::{StreamExt as _, stream};

use crate::Error;
use crate::complete_chunk::{
    complete_chunk, pending_queries, resume_after_count, send_pending_queries,
};
use crate::deliver_webhook::abandon_delivery;
use crate::download_documents::abandon_download;
use crate::end_job::end_job;
use crate::messages::{ChunkMessage, DeadLetter, FinishedMessage, UploadMessage};
use crate::plan_file::chunk_of;
use crate::ports::Ports;
use crate::ports::prelude::*;
use crate::query_parts::{AbandonedQueries, abandon_queries, complete_part};
use crate::undo_chunk::{UndoChunkOutcome, abandon_undo_chunk};
use crate::undo_job::end_undo;
use crate::withdrawal::delete_left_documents;

/// Parts of document queries that are abandoned at the same time. A job of 100,000 patients has
/// 4,000 parts, and one run of the sweep abandons them all with a dozen calls each.
const CONCURRENT_PARTS: usize = 16;

/// The outcome of abandoning the work of a dead letter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AbandonOutcome {
    /// The rows of the chunk failed.
    Chunk(Tally),
    /// The job failed, because its file could not be read or its result could not be written.
    Job,
    /// The document queries ended with these counts.
    Queries(QueryTally),
    /// The chunk of an undo ended with these counts. Patients that could not be deleted are kept.
    Undo(UndoTally),
    /// The undo ended without the file of kept patients, because it could not be written.
    KeptFile,
    /// The bulk download ended with these counts, and the links that are there are on their way.
    Download(DownloadTally),
    /// The delivery of the webhook failed.
    Webhook,
    /// There was nothing left to abandon.
    Nothing,
}

/// Abandons the work of a dead letter. Safe to repeat, concurrently and late.
pub async fn abandon<P: Ports>(ports: &P, letter: &DeadLetter) -> Result<AbandonOutcome, Error> {
    match letter {
        DeadLetter::Chunk(message) => abandon_chunk(ports, message).await,
        DeadLetter::Query(message) => match abandon_queries(ports, message).await? {
            AbandonedQueries { tally, leased_until: None } => Ok(AbandonOutcome::Queries(tally)),
            AbandonedQueries { leased_until: Some(_), .. } => Err(Error::QueryLeased),
        },
        // The caller asks again for a copy that it still wants.
        DeadLetter::Copy(_) => Ok(AbandonOutcome::Nothing),
        // Never abandoned: what is left is deleted here, or the letter is retried.
        DeadLetter::Withdrawal(message) => {
            delete_left_documents(ports, message).await?;
            Ok(AbandonOutcome::Nothing)
        }
        DeadLetter::Download(message) => Ok(match abandon_download(ports, message).await? {
            Some(tally) => AbandonOutcome::Download(tally),
            None => AbandonOutcome::Nothing,
        }),
        DeadLetter::Upload(message) => abandon_upload(ports, message).await,
        DeadLetter::Webhook(message) => Ok(match abandon_delivery(ports, message).await? {
            Some(_) => AbandonOutcome::Webhook,
            None => AbandonOutcome::Nothing,
        }),
        DeadLetter::Undo(message) => Ok(match abandon_undo_chunk(ports, message).await? {
            UndoChunkOutcome::Chunk(tally) => AbandonOutcome::Undo(tally),
            UndoChunkOutcome::Nothing => AbandonOutcome::Nothing,
        }),
        DeadLetter::Finished(message) => abandon_finalize(ports, message).await,
    }
}

/// Fails the rows of a chunk that no worker could import.
async fn abandon_chunk<P: Ports>(
    ports: &P,
    message: &ChunkMessage,
) -> Result<AbandonOutcome, Error> {
    let Some(job) = ports.jobs().load_job(message.job).await? else {
        return Ok(AbandonOutcome::Nothing);
    };
    let (JobStatus::Processing, Some(file)) = (job.status, &job.file) else {
        send_pending_queries(ports, &job, message.chunk).await?;
        return Ok(AbandonOutcome::Nothing);
    };
    if !job.pending_chunks.contains(&message.chunk) {
        // The worker may have died right after it counted the chunk.
        resume_after_count(ports, &job, message.chunk).await?;
        return Ok(AbandonOutcome::Nothing);
    }
    let line = Some(message.plan.0..message.plan.1);
    let line = ports.objects().read_plan((&job).into(), &file.upload, line).await?;
    match chunk_of(message, &line) {
        Some(chunk) => fail_rows(ports, &job, &chunk).await,
        // The message points into another plan. The sweep sends one that points into the plan of
        // the job.
        None => Ok(AbandonOutcome::Nothing),
    }
}

/// Fails a job because `finalize` could not write its result, or ends its undo without a file.
async fn abandon_finalize<P: Ports>(
    ports: &P,
    message: &FinishedMessage,
) -> Result<AbandonOutcome, Error> {
    let job = ports.jobs().load_job(message.job).await?;
    if let Some(job) = &job
        && let Some(undo) = job.undo.as_ref().filter(|undo| undo.is_decided())
    {
        let has_ended = end_undo(ports, job, undo, true).await?;
        return Ok(if has_ended { AbandonOutcome::KeptFile } else { AbandonOutcome::Nothing });
    }
    match job {
        Some(job) if job.status == JobStatus::Processing && job.is_complete() => {
            abandon_job(ports, &job).await
        }
        _ => Ok(AbandonOutcome::Nothing),
    }
}

/// Fails a job because `fan-out` could not read its upload.
async fn abandon_upload<P: Ports>(
    ports: &P,
    message: &UploadMessage,
) -> Result<AbandonOutcome, Error> {
    match ports.jobs().load_job(message.job).await? {
        Some(job) if job.status.takes_file() => abandon_job(ports, &job).await,
        _ => Ok(AbandonOutcome::Nothing),
    }
}

/// Fails a job with an internal error as its reason, because the file is not at fault.
pub(crate) async fn abandon_job<P: Ports>(ports: &P, job: &Job) -> Result<AbandonOutcome, Error> {
    let reason = Some(INTERNAL_ERROR.to_owned());
    let ended = end_job(ports, job, JobEvent::Abandoned, reason).await?;
    Ok(ended.map_or(AbandonOutcome::Nothing, |_| AbandonOutcome::Job))
}

/// Fails the rows of all pending chunks of a job.
pub(crate) async fn abandon_chunks<P: Ports>(
    ports: &P,
    job: &Job,
    chunks: &[Chunk],
) -> Result<(), Error> {
    for chunk in chunks.iter().filter(|chunk| job.pending_chunks.contains(&chunk.number)) {
        fail_rows(ports, job, chunk).await?;
    }
    Ok(())
}

/// Abandons all pending document queries of a job. A query that is leased to a worker is ended by
/// the worker, or by the retry of its message. An error in one chunk does not keep the queries of
/// the other chunks from being abandoned.
pub(crate) async fn abandon_queries_of_job<P: Ports>(ports: &P, job: &Job) -> Result<(), Error> {
    let mut first_error = None;
    for chunk in &job.pending_queries {
        if let Err(error) = abandon_queries_of_chunk(ports, job, *chunk).await {
            first_error = first_error.or(Some(error));
        }
    }
    first_error.map_or(Ok(()), Err)
}

async fn abandon_queries_of_chunk<P: Ports>(
    ports: &P,
    job: &Job,
    chunk: ChunkNumber,
) -> Result<(), Error> {
    let messages = pending_queries(ports, job, chunk).await?;
    let abandoned = stream::iter(&messages).map(|message| abandon_queries(ports, message));
    let abandoned: Vec<Result<AbandonedQueries, Error>> =
        abandoned.buffer_unordered(CONCURRENT_PARTS).collect().await;
    if messages.is_empty() {
        // A worker completed the last part and died before it completed the chunk.
        let part = QueryPart { job: job.id, chunk, part: 0 };
        complete_part(ports, part, QueryTally::default()).await?;
    }
    abandoned.into_iter().try_for_each(|abandoned| abandoned.map(|_| ()))
}

async fn fail_rows<P: Ports>(ports: &P, job: &Job, chunk: &Chunk) -> Result<AbandonOutcome, Error> {
    let reason =
        if job.cancel_requested { FailureReason::Canceled } else { FailureReason::Internal };
    let outcomes: Vec<RowOutcome> = chunk
        .row_numbers()
        .map(|row| RowOutcome::new(row, RowResult::Failed(reason.clone())))
        .collect();
    let tally = complete_chunk(ports, job, chunk.number, &outcomes).await?;
    Ok(tally.map_or(AbandonOutcome::Nothing, AbandonOutcome::Chunk))
}
