//! The end of a chunk: its outcomes are stored, it is counted, its document queries are sent, and whoever ends the
//! last one says so.
//!
//! A chunk can be ended by a worker, by the same worker again, or by `abandon`. The first outcomes that are
//! stored are the outcomes; whoever comes later counts those, not its own, so that the counts of the job
//! and the rows of the result can never differ. The queries follow from the outcomes, too.

use std::borrow::Cow;

use domain::job::Job;
use domain::mutants::{Bug, has};
use domain::outcome::{RowOutcome, Tally};
use domain::plan::ChunkNumber;

use crate::Error;
use crate::chunk_queries::parts_of;
use crate::messages::{FinishedMessage, QueryMessage};
use crate::ports::{ChunkQueries, EndChunk, ReadOutcomes, SendFinished, SendQueries, StoreOutcomes, Write};

/// What ends chunks.
#[derive(Debug)]
pub struct CloseChunk<'a, J, F, Q, K> {
    /// The jobs.
    pub jobs: &'a J,
    /// Outcomes.
    pub files: &'a F,
    /// Where finished jobs go.
    pub finished: &'a Q,
    /// Where document queries go.
    pub queries: &'a K,
}

impl<J, F, Q, K> CloseChunk<'_, J, F, Q, K>
where
    J: EndChunk + ChunkQueries,
    F: StoreOutcomes + ReadOutcomes,
    Q: SendFinished,
    K: SendQueries,
{
    /// Ends a chunk; gives its counts, or none if it had been counted before.
    pub async fn run(
        &self,
        job: &Job,
        chunk: ChunkNumber,
        outcomes: &[RowOutcome],
    ) -> Result<Option<Tally>, Error> {
        if has(Bug::ChunkCountedEarly) {
            self.jobs.end_chunk(job.id, chunk, Tally::of(outcomes), 0).await?;
        }
        let outcomes = match self.files.store_outcomes(job.into(), chunk, outcomes).await? {
            Write::Done => Cow::Borrowed(outcomes),
            Write::Conflict => Cow::Owned(self.files.read_outcomes(job.into(), chunk).await?),
        };
        let tally = Tally::of(&outcomes);
        let parts = parts_of(job.customer, job.id, chunk, &outcomes);
        let queries: usize = parts.iter().map(|part| part.patients.len()).sum();
        if queries > 0 {
            self.jobs.open_parts(job.id, chunk, u32::try_from(parts.len()).unwrap_or(u32::MAX)).await?;
        }
        let queries = u32::try_from(queries).unwrap_or(u32::MAX);
        let end = self.jobs.end_chunk(job.id, chunk, tally, queries).await?;
        self.queries.send_queries(&parts).await?;
        if end.was_last {
            self.finished.send_finished(&FinishedMessage { job: job.id }).await?;
        }
        Ok(end.counted.then_some(tally))
    }

    /// Goes on where somebody may have died after the chunk was counted: sends the queries that have not ended,
    /// and says that the job is worked off, if it is.
    pub async fn go_on(&self, job: &Job, chunk: ChunkNumber) -> Result<(), Error> {
        self.send_open_queries(job, chunk).await?;
        if job.is_worked_off() {
            self.finished.send_finished(&FinishedMessage { job: job.id }).await?;
        }
        Ok(())
    }

    /// Sends the queries of a chunk that have not ended. Also for a job that has: a canceled one does not wait for
    /// its queries, but the patients whom it created are to be queried.
    pub async fn send_open_queries(&self, job: &Job, chunk: ChunkNumber) -> Result<(), Error> {
        if job.pending_queries.contains(&chunk) && !has(Bug::QueriesNotSentAgain) {
            self.queries.send_queries(&self.open_queries(job, chunk).await?).await?;
        }
        Ok(())
    }

    /// The queries of a chunk that have not ended.
    pub async fn open_queries(&self, job: &Job, chunk: ChunkNumber) -> Result<Vec<QueryMessage>, Error> {
        let open = self.jobs.open_parts_of(job.id, chunk).await?;
        let outcomes = self.files.read_outcomes(job.into(), chunk).await?;
        let mut parts = parts_of(job.customer, job.id, chunk, &outcomes);
        parts.retain(|message| message.part().is_some_and(|part| open.contains(&part.part)));
        Ok(parts)
    }
}
