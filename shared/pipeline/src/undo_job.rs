//! Begins the undo of a job, sends its chunks, and ends it.

use bulk_domain::audit::ImportStep;
use bulk_domain::job::Job;
use bulk_domain::job::times::STALLED_AFTER;
use bulk_domain::job::undo::UndoRefusal;
use bulk_domain::mutants::{Bug, has};
use bulk_domain::plan::ChunkNumber;
use bulk_domain::undo::Undo;

use crate::Error;
use crate::audit::record_step;
use crate::end_job::announce_end;
use crate::finalize::kept::write_kept_patients;
use crate::messages::{FinishedMessage, UndoMessage};
use crate::ports::prelude::*;
use crate::ports::{PortResult, Ports, Write};

/// What a request to undo a job led to.
#[derive(Debug)]
pub enum UndoRequest {
    /// The undo runs, or has ended. The job is as it was read last.
    Accepted(Box<Job>),
    /// The job cannot be undone.
    Refused(UndoRefusal),
    /// The job was changed at the same time, so that the caller reads it again.
    Changed,
}

/// Begins the undo of a job, unless it has begun before. Safe to repeat, concurrently and late.
pub async fn request_undo<P: Ports>(ports: &P, job: Job) -> Result<UndoRequest, Error> {
    if let Some(undo) = &job.undo {
        if undo.is_decided() || job.new_undo(undo.started_at).pending_chunks == undo.pending_chunks
        {
            // The attempt that began the undo may have died before it sent anything.
            send_undo(ports, &job).await?;
        }
        return Ok(UndoRequest::Accepted(Box::new(job)));
    }
    if let Some(refusal) = job.undo_refusal() {
        return Ok(UndoRequest::Refused(refusal));
    }
    if !ports.objects().has_outcomes((&job).into(), ChunkNumber::new(0)).await? {
        return Ok(UndoRequest::Refused(UndoRefusal::TooOld));
    }
    let undo = job.new_undo(ports.environment().now());
    let due = undo.started_at.plus(STALLED_AFTER);
    if ports.jobs().begin_undo(&job, &undo, due).await? == Write::Conflict {
        // Another call has begun the undo, or the end of the job is not announced yet.
        let read = ports.jobs().load_job(job.id).await?;
        if read.is_some_and(|read| read.undo.is_none()) {
            announce_end(ports, &job).await?;
        }
        return Ok(UndoRequest::Changed);
    }
    let job = Job { undo: Some(undo), ..job };
    send_undo(ports, &job).await?;
    Ok(UndoRequest::Accepted(Box::new(job)))
}

/// Sends what is left of an undo: its pending chunks, or its end.
pub(crate) async fn send_undo<P: Ports>(ports: &P, job: &Job) -> PortResult<()> {
    let Some(undo) = &job.undo else { return Ok(()) };
    if undo.is_decided() {
        return ports.queues().send_finished(&FinishedMessage { job: job.id }).await;
    }
    let message =
        |chunk: &ChunkNumber| UndoMessage { customer: job.customer, job: job.id, chunk: *chunk };
    let messages: Vec<UndoMessage> = undo.pending_chunks.iter().map(message).collect();
    ports.queues().send_undo(&messages).await
}

/// Ends an undo with every patient decided: writes the file of kept patients, unless
/// the file is abandoned. Returns whether this call has ended the undo.
pub(crate) async fn end_undo<P: Ports>(
    ports: &P,
    job: &Job,
    undo: &Undo,
    abandons_file: bool,
) -> Result<bool, Error> {
    let mut kept = None;
    if let (true, Some(file)) = (undo.tally.kept > 0 && !abandons_file, &job.file) {
        record_step(ports, job, ImportStep::WriteResults).await?;
        let in_file = write_kept_patients(ports, job, file).await?;
        kept = Some(if has(Bug::KeptCountedTwice) { undo.tally.kept } else { in_file });
    }
    let now = ports.environment().now();
    Ok(ports.jobs().end_undo(job.id, kept, now).await? == Write::Done)
}
