//! Jobs, their chunks and what the sweep looks after.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::ops::RangeInclusive;

use domain::ids::{CustomerId, JobId};
use domain::job::{Job, JobStatus};
use domain::outcome::Tally;
use domain::plan::ChunkNumber;
use domain::query::{QueryPart, QueryTally};
use domain::time::Timestamp;

use super::{PortResult, Write};

/// Stores a new job.
pub trait CreateJob: Send + Sync {
    /// A job that is there already stays as it is: ids are fresh, so it is this one, stored by an earlier try.
    fn create_job(&self, job: &Job) -> impl Future<Output = PortResult<()>> + Send;
}

/// Reads a job.
pub trait LoadJob: Send + Sync {
    /// Returns the job as of now, or none if there is none with this id.
    fn load_job(&self, job: JobId) -> impl Future<Output = PortResult<Option<Job>>> + Send;
    /// Returns those of `jobs` that exist, as of now. No id may come twice.
    fn load_jobs(&self, jobs: &[JobId]) -> impl Future<Output = PortResult<HashMap<JobId, Job>>> + Send;
}

/// Lists a customer's jobs.
pub trait ListJobs: Send + Sync {
    /// The newest ones, newest first, from `from` on if it is given, at most `limit`. A job of the last second
    /// may not be among them yet.
    fn list_jobs(
        &self,
        customer: CustomerId,
        from: Option<JobId>,
        limit: usize,
    ) -> impl Future<Output = PortResult<Vec<Job>>> + Send;
}

/// The entry of a job among the open jobs of its customer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenJob {
    /// The job.
    pub job: JobId,
    /// Whether its file has not been accepted yet.
    pub is_waiting: bool,
}

/// Knows which jobs of a customer are open: entered, and neither over nor forgotten by the sweep.
///
/// All reads are consistent. An index of the jobs table would not do: DynamoDB updates indexes later than the table
/// (Developer Guide, "Using Global Secondary Indexes": eventually consistent), so a job of a moment ago may be missing.
/// An entry is written before its job, so that no job is without one; an entry whose job was never stored expires.
pub trait OpenJobs: Send + Sync {
    /// Enters a job that is about to wait for its file.
    fn enter_job(
        &self,
        customer: CustomerId,
        job: JobId,
        now: Timestamp,
    ) -> impl Future<Output = PortResult<()>> + Send;
    /// Notes that the file of a job is about to be accepted, on the condition that the job is entered.
    fn stop_waiting(
        &self,
        customer: CustomerId,
        job: JobId,
    ) -> impl Future<Output = PortResult<Write>> + Send;
    /// Takes a job out. Also if it is not there.
    fn leave(&self, customer: CustomerId, job: JobId) -> impl Future<Output = PortResult<()>> + Send;
    /// Returns the open jobs of a customer with these ids, in the order of their ids.
    fn open_jobs(
        &self,
        customer: CustomerId,
        ids: RangeInclusive<JobId>,
        now: Timestamp,
    ) -> impl Future<Output = PortResult<Vec<OpenJob>>> + Send;
}

/// Moves a job to another state.
pub trait ChangeState: Send + Sync {
    /// Writes status, times, file and reason of `job`, on the condition that the stored job is still
    /// `from` and, if `job` is `completed`, that no cancel was requested: a customer whose request to cancel was
    /// answered with success never sees the job complete. Entering `processing` also makes every chunk pending.
    fn change_state(&self, from: JobStatus, job: &Job) -> impl Future<Output = PortResult<Write>> + Send;
}

/// What is left of a job after one of its chunks ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChunkEnd {
    /// Whether this call ended the chunk; false if it had ended before.
    pub counted: bool,
    /// Whether the job has nothing left to wait for.
    pub was_last: bool,
}

/// Ends a chunk.
pub trait EndChunk: Send + Sync {
    /// Takes the chunk out of the pending ones and adds its counts, once and never again. If it starts
    /// `queries`, it is put among those with queries by the same write.
    fn end_chunk(
        &self,
        job: JobId,
        chunk: ChunkNumber,
        tally: Tally,
        queries: u32,
    ) -> impl Future<Output = PortResult<ChunkEnd>> + Send;
}

/// Keeps account of the document queries of chunks, part by part.
pub trait ChunkQueries: Send + Sync {
    /// Opens parts 0 to `parts` of a chunk, unless they were opened before.
    fn open_parts(
        &self,
        job: JobId,
        chunk: ChunkNumber,
        parts: u32,
    ) -> impl Future<Output = PortResult<()>> + Send;
    /// The parts of a chunk that have not ended.
    fn open_parts_of(
        &self,
        job: JobId,
        chunk: ChunkNumber,
    ) -> impl Future<Output = PortResult<BTreeSet<u32>>> + Send;
    /// Ends a part and adds its counts, once and never again. Gives the counts of the whole chunk if none of
    /// its parts is open any more, whoever ended the last one.
    fn end_part(
        &self,
        part: QueryPart,
        tally: QueryTally,
    ) -> impl Future<Output = PortResult<Option<QueryTally>>> + Send;
    /// Takes the chunk out of those with queries and adds its counts to the job, once and never again.
    fn end_queries(
        &self,
        job: JobId,
        chunk: ChunkNumber,
        tally: QueryTally,
    ) -> impl Future<Output = PortResult<ChunkEnd>> + Send;
}

/// Asks for a job to be canceled.
pub trait RequestCancel: Send + Sync {
    /// Notes it, on the condition that the job is still `processing`.
    fn request_cancel(&self, job: JobId) -> impl Future<Output = PortResult<Write>> + Send;
}

/// A job that the sweep looks after, with how many chunks were pending when it looked last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watched {
    /// The job.
    pub job: JobId,
    /// When to look.
    pub due: Timestamp,
    /// Chunks that were pending at the last look; none before the first look at a processing job.
    pub pending: Option<u32>,
}

/// The list of jobs that are not over and done with. A job is on it from its creation until its last
/// webhook is handed over.
pub trait Watchlist: Send + Sync {
    /// Returns jobs that are due by `now`, at most `limit`, longest due first; those behind `after`, if it is given.
    fn due(
        &self,
        now: Timestamp,
        after: Option<Watched>,
        limit: u32,
    ) -> impl Future<Output = PortResult<Vec<Watched>>> + Send;
    /// Sets when to look again, on the condition that nobody else did since `watched` was read.
    fn look_again(
        &self,
        watched: Watched,
        next: Timestamp,
        pending: u32,
    ) -> impl Future<Output = PortResult<Write>> + Send;
    /// Takes the job off the list.
    fn forget(&self, job: JobId) -> impl Future<Output = PortResult<()>> + Send;
}
