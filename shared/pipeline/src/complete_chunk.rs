//! How a chunk completes: its outcomes are stored, it is counted, and its document queries are
//! sent.
//!
//! A worker, a retry of the worker and `abandon` can all complete a chunk. The first outcomes that
//! are stored count: every later attempt counts those rather than its own, so that the job's counts
//! and the rows of the result always agree. The document queries are derived from the stored
//! outcomes, too.

use std::borrow::Cow;

use bulk_domain::audit::{AuditEvent, ImportStep, Phase};
use bulk_domain::job::Job;
use bulk_domain::mutants::{Bug, has};
use bulk_domain::outcome::{RowOutcome, RowResult, Tally};
use bulk_domain::plan::ChunkNumber;

use crate::Error;
use crate::audit::event_of_step;
use crate::messages::{FinishedMessage, QueryMessage};
use crate::ports::prelude::*;
use crate::ports::{Ports, Write};
use crate::query_parts::parts_of;

/// Completes a chunk. Returns its counts, or `None` if an earlier attempt has counted them.
pub async fn complete_chunk<P: Ports>(
    ports: &P,
    job: &Job,
    chunk: ChunkNumber,
    outcomes: &[RowOutcome],
) -> Result<Option<Tally>, Error> {
    if has(Bug::ChunkCountedEarly) {
        ports.jobs().complete_chunk(job.id, chunk, Tally::of(outcomes), 0).await?;
    }
    let outcomes = match ports.objects().store_outcomes(job.into(), chunk, outcomes).await? {
        Write::Done => Cow::Borrowed(outcomes),
        Write::Conflict => Cow::Owned(ports.objects().read_outcomes(job.into(), chunk).await?),
    };
    let tally = Tally::of(&outcomes);
    let messages = parts_of(ports, job, chunk, &outcomes);
    let queries: u32 = messages.iter().flat_map(|message| &message.patients).map(|_| 1).sum();
    if queries > 0 {
        ports.jobs().open_query_parts(job.id, chunk, messages.iter().map(|_| 1).sum()).await?;
    }
    // Before the chunk is counted, so that a retry repeats the event if this attempt dies.
    ports.audit_trail().record(&audit_event(ports, job, chunk, &outcomes)).await?;
    let completion = ports.jobs().complete_chunk(job.id, chunk, tally, queries).await?;
    ports.queues().send_queries(&messages).await?;
    if completion.was_last {
        ports.queues().send_finished(&FinishedMessage { job: job.id }).await?;
    }
    Ok(completion.counted.then_some(tally))
}

/// Returns the event that names the patients of a chunk.
fn audit_event<P: Ports>(
    ports: &P,
    job: &Job,
    chunk: ChunkNumber,
    outcomes: &[RowOutcome],
) -> AuditEvent {
    let patients = outcomes.iter().filter_map(|outcome| match outcome.result {
        RowResult::Succeeded { patient, .. } => patient,
        RowResult::Failed(_) => None,
    });
    event_of_step(ports, job, ImportStep::CompleteChunk, Phase::Ended).of_chunk(chunk, patients)
}

/// Does what a worker left undone if it died after it counted the chunk: sends the pending document
/// queries, and tells `finalize` if the job has nothing left to wait for.
pub async fn resume_after_count<P: Ports>(
    ports: &P,
    job: &Job,
    chunk: ChunkNumber,
) -> Result<(), Error> {
    send_pending_queries(ports, job, chunk).await?;
    if job.is_complete() {
        ports.queues().send_finished(&FinishedMessage { job: job.id }).await?;
    }
    Ok(())
}

/// Sends the pending document queries of a chunk, also those of a job that has ended: a canceled
/// job does not wait for its queries, but the patients that it created are still queried.
pub async fn send_pending_queries<P: Ports>(
    ports: &P,
    job: &Job,
    chunk: ChunkNumber,
) -> Result<(), Error> {
    if job.pending_queries.contains(&chunk) && !has(Bug::QueriesNotSentAgain) {
        let pending = pending_queries(ports, job, chunk).await?;
        ports.queues().send_queries(&pending).await?;
    }
    Ok(())
}

/// Returns the messages about the pending parts of a chunk's document queries.
pub async fn pending_queries<P: Ports>(
    ports: &P,
    job: &Job,
    chunk: ChunkNumber,
) -> Result<Vec<QueryMessage>, Error> {
    let pending = ports.jobs().pending_query_parts(job.id, chunk).await?;
    let outcomes = ports.objects().read_outcomes(job.into(), chunk).await?;
    let mut messages = parts_of(ports, job, chunk, &outcomes);
    messages.retain(|message| message.part().is_some_and(|part| pending.contains(&part.part)));
    Ok(messages)
}
