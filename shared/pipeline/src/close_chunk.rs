//! The end of a chunk: its outcomes are stored, it is counted, and whoever ends the last one says so.
//!
//! A chunk can be ended by a worker, by the same worker again, or by `abandon`. The first outcomes that are
//! stored are the outcomes; whoever comes later counts those, not its own, so that the counts of the job
//! and the rows of the result can never differ.

use domain::job::Job;
use domain::outcome::{RowOutcome, Tally};
use domain::plan::ChunkNumber;

use crate::Error;
use crate::messages::FinishedMessage;
use crate::ports::{EndChunk, ReadOutcomes, SendFinished, StoreOutcomes, Write};

/// Ends a chunk; gives its counts, or none if it had been counted before.
pub async fn close_chunk(
    jobs: &impl EndChunk,
    files: &(impl StoreOutcomes + ReadOutcomes),
    finished: &impl SendFinished,
    job: &Job,
    chunk: ChunkNumber,
    outcomes: &[RowOutcome],
) -> Result<Option<Tally>, Error> {
    let tally = match files.store_outcomes(job.into(), chunk, outcomes).await? {
        Write::Done => Tally::of(outcomes),
        Write::Conflict => Tally::of(&files.read_outcomes(job.into(), chunk).await?),
    };
    let end = jobs.end_chunk(job.id, chunk, tally).await?;
    if end.was_last {
        finished.send_finished(&FinishedMessage { job: job.id }).await?;
    }
    Ok(end.counted.then_some(tally))
}
