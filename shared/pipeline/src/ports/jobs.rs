//! Jobs, their chunks, and the lists of jobs that are under way.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::ops::RangeInclusive;

use bulk_domain::ids::{CustomerId, JobId};
use bulk_domain::job::{Job, JobStatus};
use bulk_domain::outcome::Tally;
use bulk_domain::plan::ChunkNumber;
use bulk_domain::query::{QueryPart, QueryTally};
use bulk_domain::time::Timestamp;
use bulk_domain::undo::{Undo, UndoTally};

use super::{PortResult, Write};

/// The jobs.
///
/// Two lists are kept beside them. The *open jobs* of a customer may still write rows. They are
/// read consistently, because an index could miss a job of the last second (Developer Guide, "Using
/// Global Secondary Indexes": eventually consistent). The *watched jobs* are those that the sweep
/// looks at.
pub trait JobStore: Send + Sync {
    /// Stores a new job. A job with the same id stays as it is: ids are fresh, so an earlier
    /// attempt has stored it.
    fn create_job(&self, job: &Job) -> impl Future<Output = PortResult<()>> + Send;
    /// Returns the job with this id, if there is one.
    fn load_job(&self, job: JobId) -> impl Future<Output = PortResult<Option<Job>>> + Send;
    /// Returns those of `jobs` that exist. No id may be there twice.
    fn load_jobs(
        &self,
        jobs: &[JobId],
    ) -> impl Future<Output = PortResult<HashMap<JobId, Job>>> + Send;
    /// Returns up to `limit` jobs of a customer, newest first, from `from` on if it is given. Reads
    /// an index, so that a job of the last second may be missing.
    fn list_jobs(
        &self,
        customer: CustomerId,
        from: Option<JobId>,
        limit: usize,
    ) -> impl Future<Output = PortResult<Vec<Job>>> + Send;
    /// Returns up to `limit` jobs of a customer, oldest first, from `from` on. Reads the same
    /// index.
    fn list_jobs_back(
        &self,
        customer: CustomerId,
        from: JobId,
        limit: usize,
    ) -> impl Future<Output = PortResult<Vec<Job>>> + Send;
    /// Writes status, times, file and reason of `job`. If the job enters `processing`, all its
    /// chunks become pending.
    ///
    /// Condition: the stored job is in the state `from` and, if `job` is `completed`, no cancel was
    /// requested. The second part makes sure that a customer never sees a job complete after a
    /// request to cancel it was accepted.
    fn change_state(
        &self,
        from: JobStatus,
        job: &Job,
    ) -> impl Future<Output = PortResult<Write>> + Send;
    /// Stores the request to cancel a job.
    ///
    /// Condition: the job is `processing`.
    fn request_cancel(&self, job: JobId) -> impl Future<Output = PortResult<Write>> + Send;

    /// Takes a chunk out of the job's pending ones and adds its counts, both exactly once. If the
    /// chunk starts document queries, the same write adds it to the chunks with pending queries.
    fn complete_chunk(
        &self,
        job: JobId,
        chunk: ChunkNumber,
        tally: Tally,
        queries: u32,
    ) -> impl Future<Output = PortResult<ChunkCompletion>> + Send;
    /// Stores that the parts 0 to `parts` of a chunk's document queries are pending, unless this
    /// was stored before.
    fn open_query_parts(
        &self,
        job: JobId,
        chunk: ChunkNumber,
        parts: u32,
    ) -> impl Future<Output = PortResult<()>> + Send;
    /// Returns the pending parts of a chunk's document queries.
    fn pending_query_parts(
        &self,
        job: JobId,
        chunk: ChunkNumber,
    ) -> impl Future<Output = PortResult<BTreeSet<u32>>> + Send;
    /// Takes a part out of the chunk's pending ones and adds its counts, both exactly once. Returns
    /// the counts of the whole chunk if none of its parts is pending, also if another call has
    /// completed the last one.
    fn complete_query_part(
        &self,
        part: QueryPart,
        tally: QueryTally,
    ) -> impl Future<Output = PortResult<Option<QueryTally>>> + Send;
    /// Takes a chunk out of those with pending document queries and adds its counts to the job,
    /// both exactly once.
    fn complete_queries(
        &self,
        job: JobId,
        chunk: ChunkNumber,
        tally: QueryTally,
    ) -> impl Future<Output = PortResult<ChunkCompletion>> + Send;

    /// Stores the undo of an ended job, with all its chunks pending, and adds the job to the
    /// watched jobs, at which the sweep looks at the time `due`.
    ///
    /// Condition: the job is as `job` says, has no undo, and is no watched job, because its end is
    /// announced.
    fn begin_undo(
        &self,
        job: &Job,
        undo: &Undo,
        due: Timestamp,
    ) -> impl Future<Output = PortResult<Write>> + Send;
    /// Takes a chunk out of the pending ones of an undo and adds its counts, both exactly once.
    fn complete_undo_chunk(
        &self,
        job: JobId,
        chunk: ChunkNumber,
        tally: UndoTally,
    ) -> impl Future<Output = PortResult<ChunkCompletion>> + Send;
    /// Ends an undo, and removes its job from the watched jobs. `kept` is the number of patients
    /// in the file of kept patients, which replaces the sum of the chunks' counts; `None` if there
    /// is no file.
    ///
    /// Condition: the undo has no pending chunks and has not ended.
    fn end_undo(
        &self,
        job: JobId,
        kept: Option<u32>,
        now: Timestamp,
    ) -> impl Future<Output = PortResult<Write>> + Send;

    /// Adds a job that waits for its file to the open jobs. This comes before the job is stored, so
    /// that no job is missing from the open jobs. The entry of a job that is never stored expires.
    fn add_open_job(
        &self,
        customer: CustomerId,
        job: JobId,
        now: Timestamp,
    ) -> impl Future<Output = PortResult<()>> + Send;
    /// Notes in the open jobs that the file of a job is about to be accepted.
    ///
    /// Condition: the job is one of the open jobs.
    fn stop_waiting(
        &self,
        customer: CustomerId,
        job: JobId,
    ) -> impl Future<Output = PortResult<Write>> + Send;
    /// Removes a job from the open jobs, if it is one of them.
    fn remove_open_job(
        &self,
        customer: CustomerId,
        job: JobId,
    ) -> impl Future<Output = PortResult<()>> + Send;
    /// Returns the open jobs of a customer with these ids, in the order of their ids.
    fn open_jobs(
        &self,
        customer: CustomerId,
        ids: RangeInclusive<JobId>,
        now: Timestamp,
    ) -> impl Future<Output = PortResult<Vec<OpenJob>>> + Send;

    /// Returns up to `limit` watched jobs that are due by `now`, longest due first. If `after` is
    /// given, only jobs after it are returned. Reads an index, so that it may lag by a second.
    fn due_jobs(
        &self,
        now: Timestamp,
        after: Option<Watched>,
        limit: u32,
    ) -> impl Future<Output = PortResult<Vec<Watched>>> + Send;
    /// Sets when a watched job is due next.
    ///
    /// Condition: no other run of the sweep has set it since `watched` was read.
    fn set_due(
        &self,
        watched: Watched,
        next: Timestamp,
        pending: u32,
    ) -> impl Future<Output = PortResult<Write>> + Send;
    /// Removes a job from the watched jobs, unless its undo is under way.
    fn unwatch(&self, job: JobId) -> impl Future<Output = PortResult<()>> + Send;
}

/// What is left of a job after one of its chunks, or the document queries of a chunk, completed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChunkCompletion {
    /// Whether this call has counted the chunk; false if an earlier call has counted it.
    pub counted: bool,
    /// Whether the job has nothing left to wait for.
    pub was_last: bool,
}

/// An entry of the open jobs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenJob {
    /// The id of the open job.
    pub job: JobId,
    /// Whether the job waits for its file.
    pub is_waiting: bool,
}

/// A watched job: from its creation until its last webhook is sent, and while its undo is under
/// way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watched {
    /// The id of the watched job.
    pub job: JobId,
    /// When the sweep has to look at the job.
    pub due: Timestamp,
    /// The number of chunks or parts that were pending at the last look; `None` before the first
    /// look.
    pub pending: Option<u32>,
}
