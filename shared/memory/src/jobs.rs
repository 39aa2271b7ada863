//! The jobs table.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::{CustomerId, JobId};
use domain::job::{Job, JobStatus, LONGEST_LIFE};
use domain::outcome::Tally;
use domain::plan::ChunkNumber;
use domain::query::{QueryPart, QueryTally};
use domain::time::Timestamp;
use pipeline::ports::{
    ChangeState, ChunkEnd, ChunkQueries, CreateJob, EndChunk, FindOlderJobs, ListJobs, LoadJob, PortResult,
    RequestCancel, Watched, Watchlist, Write,
};

use crate::cloud::Billed;
use crate::{Cloud, Operation};

#[derive(Default, Debug)]
pub(crate) struct JobsState {
    jobs: BTreeMap<JobId, Stored>,
    transitions: Vec<Transition>,
    parts: BTreeMap<(JobId, ChunkNumber), ChunkParts>,
}

/// The document queries of a chunk.
#[derive(Debug)]
struct ChunkParts {
    open: BTreeSet<u32>,
    tally: QueryTally,
}

#[derive(Debug)]
struct Stored {
    job: Job,
    /// Until it is forgotten: when it is due, and how many chunks were pending.
    watched: Option<(Timestamp, Option<u32>)>,
}

/// A change of a job's state that took place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transition {
    /// The job.
    pub job: JobId,
    /// Its state before.
    pub from: JobStatus,
    /// Its state after.
    pub to: JobStatus,
}

impl Cloud {
    /// Every change of state so far, in the order in which they took place.
    pub fn transitions(&self) -> Vec<Transition> {
        self.state().jobs.transitions.clone()
    }

    /// Every job as it is stored.
    pub fn jobs(&self) -> Vec<Job> {
        self.state().jobs.jobs.values().map(|stored| stored.job.clone()).collect()
    }

    /// When the sweep has something to look at next.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.state().jobs.jobs.values().filter_map(|stored| stored.watched.map(|(due, _)| due)).min()
    }
}

/// An item of a job is small, but for its sets of pending chunks: 4 bytes each.
fn bytes(job: &Job) -> usize {
    700 + 4 * (job.pending_chunks.len() + job.pending_queries.len())
}

fn written<T>(value: T, bytes: usize) -> Billed<T> {
    Billed::new(value, bytes.div_ceil(1024) as u64, 1).with_bytes(bytes)
}

impl CreateJob for Cloud {
    async fn create_job(&self, job: &Job) -> PortResult<()> {
        self.call(Operation::PutItem, |state| {
            state
                .jobs
                .jobs
                .entry(job.id)
                .or_insert_with(|| Stored { job: job.clone(), watched: Some((job.upload_expires_at, None)) });
            Billed::request(())
        })
        .await
    }
}

impl LoadJob for Cloud {
    async fn load_job(&self, job: JobId) -> PortResult<Option<Job>> {
        self.call(Operation::GetItem, |state| {
            let job = state.jobs.jobs.get(&job).map(|stored| stored.job.clone());
            let bytes = job.as_ref().map_or(0, bytes);
            Billed::new(job, bytes.div_ceil(4096).max(1) as u64, 1).with_bytes(bytes)
        })
        .await
    }
}

impl ListJobs for Cloud {
    async fn list_jobs(
        &self,
        customer: CustomerId,
        from: Option<JobId>,
        limit: usize,
    ) -> PortResult<Vec<Job>> {
        self.call(Operation::Query, |state| {
            let jobs = state.jobs.jobs.values().rev().map(|stored| &stored.job);
            let listed = jobs
                .filter(|job| job.customer == customer && from.is_none_or(|from| job.id <= from))
                .take(limit);
            Billed::request(listed.cloned().collect())
        })
        .await
    }
}

impl FindOlderJobs for Cloud {
    async fn is_older_under_way(&self, job: &Job) -> PortResult<bool> {
        self.call(Operation::Query, |state| {
            let longest = i64::try_from(LONGEST_LIFE.as_millis()).unwrap_or(i64::MAX);
            let oldest = JobId::first_of_millis(job.id.created_millis().saturating_sub(longest));
            let mut older = state.jobs.jobs.range(oldest..job.id);
            Billed::request(older.any(|(_, Stored { job: older, .. })| {
                older.customer == job.customer && !older.status.is_final()
            }))
        })
        .await
    }
}

impl ChangeState for Cloud {
    async fn change_state(&self, from: JobStatus, job: &Job) -> PortResult<Write> {
        self.call(Operation::UpdateItem, |state| {
            let Some(stored) = state.jobs.jobs.get_mut(&job.id).filter(|stored| stored.job.status == from)
            else {
                return Billed::request(Write::Conflict);
            };
            stored.job.status = job.status;
            if job.status == JobStatus::Processing {
                stored.job.started_at = job.started_at;
                stored.job.file.clone_from(&job.file);
                stored.job.may_overtake = job.may_overtake;
                stored.job.pending_chunks.clone_from(&job.pending_chunks);
            }
            stored.job.finished_at = job.finished_at.or(stored.job.finished_at);
            stored.job.reason = job.reason.clone().or_else(|| stored.job.reason.clone());
            let bytes = bytes(&stored.job);
            state.jobs.transitions.push(Transition { job: job.id, from, to: job.status });
            written(Write::Done, bytes)
        })
        .await
    }
}

impl EndChunk for Cloud {
    async fn end_chunk(
        &self,
        job: JobId,
        chunk: ChunkNumber,
        tally: Tally,
        queries: u32,
    ) -> PortResult<ChunkEnd> {
        self.call(Operation::UpdateItem, |state| {
            let Some(Stored { job, .. }) = state.jobs.jobs.get_mut(&job) else {
                return Billed::request(ChunkEnd { counted: false, was_last: false });
            };
            let bytes = bytes(job);
            let counted = job.pending_chunks.remove(&chunk);
            if counted {
                job.successful += tally.successful;
                job.failed += tally.failed;
                if queries > 0 {
                    job.pending_queries.insert(chunk);
                    job.queries += queries;
                }
            }
            written(ChunkEnd { counted, was_last: job.is_worked_off() }, bytes)
        })
        .await
    }
}

impl ChunkQueries for Cloud {
    async fn open_parts(&self, job: JobId, chunk: ChunkNumber, parts: u32) -> PortResult<()> {
        self.call(Operation::PutItem, |state| {
            let fresh = || ChunkParts { open: (0..parts).collect(), tally: QueryTally::default() };
            state.jobs.parts.entry((job, chunk)).or_insert_with(fresh);
            Billed::request(())
        })
        .await
    }

    async fn open_parts_of(&self, job: JobId, chunk: ChunkNumber) -> PortResult<BTreeSet<u32>> {
        self.call(Operation::GetItem, |state| {
            let parts = state.jobs.parts.get(&(job, chunk));
            Billed::request(parts.map(|parts| parts.open.clone()).unwrap_or_default())
        })
        .await
    }

    async fn end_part(&self, part: QueryPart, tally: QueryTally) -> PortResult<Option<QueryTally>> {
        self.call(Operation::UpdateItem, |state| {
            let Some(parts) = state.jobs.parts.get_mut(&(part.job, part.chunk)) else {
                return Billed::request(None);
            };
            if parts.open.remove(&part.part) {
                parts.tally.successful += tally.successful;
                parts.tally.failed += tally.failed;
            }
            Billed::request(parts.open.is_empty().then_some(parts.tally))
        })
        .await
    }

    async fn end_queries(&self, job: JobId, chunk: ChunkNumber, tally: QueryTally) -> PortResult<ChunkEnd> {
        self.call(Operation::UpdateItem, |state| {
            let Some(Stored { job, .. }) = state.jobs.jobs.get_mut(&job) else {
                return Billed::request(ChunkEnd { counted: false, was_last: false });
            };
            let bytes = bytes(job);
            let counted = job.pending_queries.remove(&chunk);
            if counted {
                job.queries_ended.successful += tally.successful;
                job.queries_ended.failed += tally.failed;
            }
            written(ChunkEnd { counted, was_last: job.is_worked_off() }, bytes)
        })
        .await
    }
}

impl RequestCancel for Cloud {
    async fn request_cancel(&self, job: JobId) -> PortResult<Write> {
        self.call(Operation::UpdateItem, |state| match state.jobs.jobs.get_mut(&job) {
            Some(Stored { job, .. }) if job.status == JobStatus::Processing => {
                job.cancel_requested = true;
                Billed::request(Write::Done)
            }
            _ => Billed::request(Write::Conflict),
        })
        .await
    }
}

impl Watchlist for Cloud {
    async fn due(&self, now: Timestamp, limit: u32) -> PortResult<Vec<Watched>> {
        self.call(Operation::Query, |state| {
            let due: BTreeSet<(Timestamp, JobId, Option<u32>)> = state
                .jobs
                .jobs
                .iter()
                .filter_map(|(job, stored)| stored.watched.map(|(due, pending)| (due, *job, pending)))
                .filter(|(due, ..)| *due <= now)
                .collect();
            let due: Vec<Watched> = due
                .into_iter()
                .take(limit as usize)
                .map(|(due, job, pending)| Watched { job, due, pending })
                .collect();
            let items = due.len() as u64;
            Billed::new(due, items.div_ceil(8).max(1), items)
        })
        .await
    }

    async fn look_again(&self, watched: Watched, next: Timestamp, pending: u32) -> PortResult<Write> {
        self.call(Operation::UpdateItem, |state| {
            let entry = state.jobs.jobs.get_mut(&watched.job).and_then(|stored| stored.watched.as_mut());
            let Some(entry) = entry.filter(|(due, _)| *due == watched.due) else {
                return Billed::request(Write::Conflict);
            };
            *entry = (next, Some(pending));
            Billed::request(Write::Done)
        })
        .await
    }

    async fn forget(&self, job: JobId) -> PortResult<()> {
        self.call(Operation::UpdateItem, |state| {
            if let Some(stored) = state.jobs.jobs.get_mut(&job) {
                stored.watched = None;
            }
            Billed::request(())
        })
        .await
    }
}
