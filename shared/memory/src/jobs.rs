//! The jobs table in memory: jobs, their indexes, the entries of open jobs and the parts of
//! document queries.

mod listed;
mod observed;
mod undo;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;

use bulk_domain::ids::{CustomerId, JobId};
use bulk_domain::job::times::LONGEST_LIFE;
use bulk_domain::job::{Job, JobStatus};
use bulk_domain::mutants::{Bug, has};
use bulk_domain::outcome::Tally;
use bulk_domain::plan::ChunkNumber;
use bulk_domain::query::{QueryPart, QueryTally};
use bulk_domain::time::Timestamp;
use bulk_domain::undo::{Undo, UndoTally};
use bulk_pipeline::ports::{ChunkCompletion, JobStore, OpenJob, PortResult, Watched, Write};

use crate::call::Billed;
use crate::cloud::State;
use crate::lagging_index::LaggingIndex;
use crate::patients::KEYS_PER_BATCH;
use crate::{Cloud, Operation, Resource};
pub use observed::Transition;

#[derive(Default, Debug)]
pub(crate) struct JobsState {
    jobs: BTreeMap<JobId, Stored>,
    by_customer: LaggingIndex<(CustomerId, JobId), ()>,
    watched: LaggingIndex<JobId, Watched>,
    open: BTreeMap<(CustomerId, JobId), OpenEntry>,
    transitions: Vec<Transition>,
    parts: BTreeMap<(JobId, ChunkNumber), ChunkParts>,
}

/// An open job as its customer's entry has it, which counts only until it expires.
#[derive(Clone, Copy, Debug)]
struct OpenEntry {
    is_waiting: bool,
    expires_at: Timestamp,
}

/// The document queries of a chunk: the parts that are still open, and the sum of the completed
/// ones.
#[derive(Debug)]
struct ChunkParts {
    open: BTreeSet<u32>,
    tally: QueryTally,
}

#[derive(Debug)]
struct Stored {
    job: Job,
    /// When the sweep looks at the job next, and how many chunks were pending at its last look.
    /// None once the job is no longer watched.
    watched: Option<(Timestamp, Option<u32>)>,
}

impl State {
    /// Sets when the sweep looks at a job next, or takes the job off the watchlist.
    fn watch(&mut self, job: JobId, watched: Option<(Timestamp, Option<u32>)>) {
        let shown = self.shown_by_indexes();
        if let Some(stored) = self.jobs.jobs.get_mut(&job) {
            stored.watched = watched;
            let entry = watched.map(|(due, pending)| Watched { job, due, pending });
            self.jobs.watched.update(shown, job, entry);
        }
    }
}

/// Returns about how many bytes the item of a job has: it is small, except for its sets of pending
/// chunks with 4 bytes each.
fn bytes(job: &Job) -> usize {
    let undone = job.undo.as_ref().map_or(0, |undo| undo.pending_chunks.len());
    700 + 4 * (job.pending_chunks.len() + job.pending_queries.len() + undone)
}

fn written<T>(value: T, bytes: usize) -> Billed<T> {
    Billed::new(value, bytes.div_ceil(1024) as u64, 1).with_bytes(bytes)
}

impl JobStore for Cloud {
    async fn create_job(&self, job: &Job) -> PortResult<()> {
        self.call(Operation::PutItem, Resource::JOBS, |state| {
            if let Entry::Vacant(vacant) = state.jobs.jobs.entry(job.id) {
                vacant.insert(Stored { job: job.clone(), watched: None });
                state.watch(job.id, Some((job.upload_expires_at, None)));
                let shown = state.shown_by_indexes();
                state.jobs.by_customer.update(shown, (job.customer, job.id), Some(()));
            }
            Billed::request(())
        })
        .await
    }

    async fn load_job(&self, job: JobId) -> PortResult<Option<Job>> {
        self.call(Operation::GetItem, Resource::JOBS, |state| {
            let job = state.jobs.jobs.get(&job).map(|stored| stored.job.clone());
            let bytes = job.as_ref().map_or(0, bytes);
            Billed::new(job, bytes.div_ceil(4096).max(1) as u64, 1).with_bytes(bytes)
        })
        .await
    }

    async fn load_jobs(&self, jobs: &[JobId]) -> PortResult<HashMap<JobId, Job>> {
        let mut loaded = HashMap::with_capacity(jobs.len());
        for jobs in jobs.chunks(KEYS_PER_BATCH) {
            let batch = self.call(Operation::BatchGetItem, Resource::JOBS, |state| {
                let stored = |id: &JobId| Some((*id, state.jobs.jobs.get(id)?.job.clone()));
                let found: Vec<(JobId, Job)> = jobs.iter().filter_map(stored).collect();
                let units =
                    found.iter().map(|(_, job)| bytes(job).div_ceil(4096) as u64).sum::<u64>()
                        + (jobs.len() - found.len()) as u64;
                Billed::new(found, units, jobs.len() as u64)
            });
            loaded.extend(batch.await?);
        }
        Ok(loaded)
    }

    async fn list_jobs(
        &self,
        customer: CustomerId,
        from: Option<JobId>,
        limit: usize,
    ) -> PortResult<Vec<Job>> {
        self.listed(|jobs| {
            let listed = jobs
                .rev()
                .filter(|(owner, job)| *owner == customer && from.is_none_or(|from| *job <= from));
            listed.take(limit).map(|(_, id)| *id).collect()
        })
        .await
    }

    async fn list_jobs_back(
        &self,
        customer: CustomerId,
        from: JobId,
        limit: usize,
    ) -> PortResult<Vec<Job>> {
        self.listed(|jobs| {
            let listed = jobs.filter(|(owner, job)| *owner == customer && *job >= from);
            listed.take(limit).map(|(_, id)| *id).collect()
        })
        .await
    }

    async fn add_open_job(
        &self,
        customer: CustomerId,
        job: JobId,
        now: Timestamp,
    ) -> PortResult<()> {
        self.call(Operation::PutItem, Resource::OPEN_JOBS, |state| {
            let entry = OpenEntry { is_waiting: true, expires_at: now.plus(LONGEST_LIFE) };
            state.jobs.open.insert((customer, job), entry);
            Billed::request(())
        })
        .await
    }

    async fn stop_waiting(&self, customer: CustomerId, job: JobId) -> PortResult<Write> {
        self.call(Operation::UpdateItem, Resource::OPEN_JOBS, |state| {
            match state.jobs.open.get_mut(&(customer, job)) {
                Some(entry) => {
                    entry.is_waiting = false;
                    Billed::request(Write::Done)
                }
                None => Billed::request(Write::Conflict),
            }
        })
        .await
    }

    async fn remove_open_job(&self, customer: CustomerId, job: JobId) -> PortResult<()> {
        self.call(Operation::DeleteItem, Resource::OPEN_JOBS, |state| {
            state.jobs.open.remove(&(customer, job));
            Billed::request(())
        })
        .await
    }

    async fn open_jobs(
        &self,
        customer: CustomerId,
        ids: RangeInclusive<JobId>,
        now: Timestamp,
    ) -> PortResult<Vec<OpenJob>> {
        self.call(Operation::Query, Resource::OPEN_JOBS, |state| {
            let entries = state.jobs.open.range((customer, *ids.start())..=(customer, *ids.end()));
            let open = entries.filter(|(_, entry)| entry.expires_at > now);
            let open =
                open.map(|((_, job), entry)| OpenJob { job: *job, is_waiting: entry.is_waiting });
            Billed::request(open.collect())
        })
        .await
    }

    async fn change_state(&self, from: JobStatus, job: &Job) -> PortResult<Write> {
        self.call(Operation::UpdateItem, Resource::JOBS, |state| {
            let allows = |stored: &Job| {
                let is_canceled = stored.cancel_requested && !has(Bug::CompletedAfterCancel);
                let is_from = stored.status == from || has(Bug::StateUnconditional);
                is_from && !(job.status == JobStatus::Completed && is_canceled)
            };
            let Some(stored) =
                state.jobs.jobs.get_mut(&job.id).filter(|stored| allows(&stored.job))
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
            stored.job.finished_at = job.finished_at;
            stored.job.reason = job.reason.clone().or_else(|| stored.job.reason.clone());
            let bytes = bytes(&stored.job);
            state.jobs.transitions.push(Transition { job: job.id, from, to: job.status });
            written(Write::Done, bytes)
        })
        .await
    }

    async fn complete_chunk(
        &self,
        job: JobId,
        chunk: ChunkNumber,
        tally: Tally,
        queries: u32,
    ) -> PortResult<ChunkCompletion> {
        self.call(Operation::UpdateItem, Resource::JOBS, |state| {
            let Some(Stored { job, .. }) = state.jobs.jobs.get_mut(&job) else {
                return Billed::request(ChunkCompletion { counted: false, was_last: false });
            };
            let bytes = bytes(job);
            let counted = job.pending_chunks.remove(&chunk);
            if counted || has(Bug::ChunkCountedTwice) {
                job.tally += tally;
                if queries > 0 {
                    job.pending_queries.insert(chunk);
                    job.queries += queries;
                }
            }
            written(ChunkCompletion { counted, was_last: job.is_complete() }, bytes)
        })
        .await
    }

    async fn open_query_parts(&self, job: JobId, chunk: ChunkNumber, parts: u32) -> PortResult<()> {
        self.call(Operation::PutItem, Resource::QUERY_PARTS, |state| {
            let fresh = || ChunkParts { open: (0..parts).collect(), tally: QueryTally::default() };
            state.jobs.parts.entry((job, chunk)).or_insert_with(fresh);
            Billed::request(())
        })
        .await
    }

    async fn pending_query_parts(
        &self,
        job: JobId,
        chunk: ChunkNumber,
    ) -> PortResult<BTreeSet<u32>> {
        self.call(Operation::GetItem, Resource::QUERY_PARTS, |state| {
            let parts = state.jobs.parts.get(&(job, chunk));
            Billed::request(parts.map(|parts| parts.open.clone()).unwrap_or_default())
        })
        .await
    }

    async fn complete_query_part(
        &self,
        part: QueryPart,
        tally: QueryTally,
    ) -> PortResult<Option<QueryTally>> {
        self.call(Operation::UpdateItem, Resource::QUERY_PARTS, |state| {
            let Some(parts) = state.jobs.parts.get_mut(&(part.job, part.chunk)) else {
                return Billed::request(None);
            };
            if parts.open.remove(&part.part) || has(Bug::PartCountedTwice) {
                parts.tally.successful += tally.successful;
                parts.tally.failed += tally.failed;
            }
            Billed::request(parts.open.is_empty().then_some(parts.tally))
        })
        .await
    }

    async fn complete_queries(
        &self,
        job: JobId,
        chunk: ChunkNumber,
        tally: QueryTally,
    ) -> PortResult<ChunkCompletion> {
        self.call(Operation::UpdateItem, Resource::JOBS, |state| {
            let Some(Stored { job, .. }) = state.jobs.jobs.get_mut(&job) else {
                return Billed::request(ChunkCompletion { counted: false, was_last: false });
            };
            let bytes = bytes(job);
            let counted = job.pending_queries.remove(&chunk);
            if counted {
                job.queries_ended.successful += tally.successful;
                job.queries_ended.failed += tally.failed;
            }
            written(ChunkCompletion { counted, was_last: job.is_complete() }, bytes)
        })
        .await
    }

    async fn request_cancel(&self, job: JobId) -> PortResult<Write> {
        self.call(Operation::UpdateItem, Resource::JOBS, |state| {
            match state.jobs.jobs.get_mut(&job) {
                Some(Stored { job, .. }) if job.status == JobStatus::Processing => {
                    job.cancel_requested = true;
                    Billed::request(Write::Done)
                }
                _ => Billed::request(Write::Conflict),
            }
        })
        .await
    }

    async fn due_jobs(
        &self,
        now: Timestamp,
        after: Option<Watched>,
        limit: u32,
    ) -> PortResult<Vec<Watched>> {
        self.call(Operation::Query, Resource::WATCHED_JOBS, |state| {
            let watched = state.jobs.watched.at(state.now).values();
            let place = |watched: &Watched| (watched.due, watched.job);
            let mut due: Vec<Watched> = watched
                .filter(|watched| {
                    watched.due <= now && after.is_none_or(|last| place(watched) > place(&last))
                })
                .copied()
                .collect();
            due.sort_unstable_by_key(place);
            due.truncate(limit as usize);
            let items = due.len() as u64;
            Billed::new(due, items.div_ceil(8).max(1), items)
        })
        .await
    }

    async fn set_due(&self, watched: Watched, next: Timestamp, pending: u32) -> PortResult<Write> {
        self.call(Operation::UpdateItem, Resource::JOBS, |state| {
            let entry = state.jobs.jobs.get(&watched.job).and_then(|stored| stored.watched);
            if entry.is_none_or(|(due, _)| due != watched.due) {
                return Billed::request(Write::Conflict);
            }
            state.watch(watched.job, Some((next, Some(pending))));
            Billed::request(Write::Done)
        })
        .await
    }

    async fn unwatch(&self, job: JobId) -> PortResult<()> {
        self.call(Operation::UpdateItem, Resource::JOBS, |state| {
            let undo = state.jobs.jobs.get(&job).and_then(|stored| stored.job.undo.as_ref());
            if undo.is_none_or(|undo| undo.finished_at.is_some()) {
                state.watch(job, None);
            }
            Billed::request(())
        })
        .await
    }

    async fn begin_undo(&self, job: &Job, undo: &Undo, due: Timestamp) -> PortResult<Write> {
        self.call(Operation::UpdateItem, Resource::JOBS, |state| state.begin_undo(job, undo, due))
            .await
    }

    async fn complete_undo_chunk(
        &self,
        job: JobId,
        chunk: ChunkNumber,
        tally: UndoTally,
    ) -> PortResult<ChunkCompletion> {
        self.call(Operation::UpdateItem, Resource::JOBS, |state| {
            state.complete_undo_chunk(job, chunk, tally)
        })
        .await
    }

    async fn end_undo(&self, job: JobId, kept: Option<u32>, now: Timestamp) -> PortResult<Write> {
        self.call(Operation::UpdateItem, Resource::JOBS, |state| state.end_undo(job, kept, now))
            .await
    }
}
