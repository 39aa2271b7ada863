//! Every minute: what nobody else does any more. Jobs without a file expire, lost events and messages are
//! sent again, and a job past its time ends.
//!
//! The sweep decides nothing that another function could decide otherwise at the same time: it sends messages
//! that are safe to repeat, and every state change it makes is conditional. Running it twice, concurrently or
//! late does no harm.

use std::time::Duration;

use domain::ids::JobId;
use domain::job::{Job, JobEvent, JobStatus, LATE_UPLOAD_WATCH, TIME_TO_PROCESS, TIME_TO_START};
use domain::mutants::{Bug, has};
use domain::time::Timestamp;
use futures::{StreamExt as _, stream};

use crate::Error;
use crate::abandon::Abandon;
use crate::end_job::{announce_end, end_job, forget};
use crate::messages::{FinishedMessage, UploadMessage, WebhookMessage};
use crate::plan_file::PlanFile;
use crate::ports::{
    ChangeState, ChunkQueries, Clock, EndChunk, FindUpload, LoadJob, LoadQueries, OpenJobs, ReadOutcomes,
    ReadPlan, SendChunks, SendFinished, SendQueries, SendUpload, SendWebhook, StoreOutcomes, StoreQuery,
    Watched, Watchlist, Write,
};

/// Time without the end of a chunk after which the pending ones are sent again: longer than a message of a
/// worker that died stays invisible.
pub const STALLED_AFTER: Duration = Duration::from_mins(15);

/// The same for the end of a document query. A gateway may be down for a while, or asked at a rate, and every
/// message that is sent again is one more to be looked at.
pub const QUERIES_STALLED_AFTER: Duration = Duration::from_hours(1);

/// Time between two looks for the file of an expired job. Its S3 event starts it at once; this is for a lost event.
const LATE_UPLOAD_LOOKS: Duration = Duration::from_mins(30);

/// Due jobs that are read at once: what one `BatchGetItem` reads (AWS limit).
const JOBS_PER_READ: u32 = 100;

/// Jobs that are looked at beside each other. A look is three or four calls of 5 to 30 ms, one after the other.
pub const CONCURRENT_LOOKS: usize = 50;

/// Time after which a run begins no further look: the next run, a minute after this one, goes on where this one stopped.
/// A look that has begun has the rest of the function's five minutes. The longest one gives up the document queries of
/// a job of 100,000 patients.
pub const TIME_FOR_LOOKS: Duration = Duration::from_secs(55);

/// What was done for a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Swept {
    /// It expired.
    Expired,
    /// Its upload was handed over again.
    UploadSent,
    /// Its pending chunks were sent again.
    ChunksSent,
    /// Its document queries that have not ended were sent again.
    QueriesSent,
    /// Its document queries that have not ended were given up, past their time.
    QueriesGivenUp,
    /// Its end was asked for again.
    FinishedSent,
    /// Its last webhook was handed over again.
    Announced,
    /// Its pending rows were failed, past its time.
    Abandoned,
    /// Its file could not be read for so long that the job failed.
    GivenUp,
    /// No file came after its link ran out, and none is looked for any longer.
    Forgotten,
    /// It is getting on.
    Fine,
}

/// The use case with its ports.
#[derive(Debug)]
pub struct Sweep<J, F, P, U, S, Q, K, W, C> {
    /// What ends what cannot be done.
    pub abandon: Abandon<J, F, P, Q, K, W, C>,
    /// Where uploads go.
    pub uploads: U,
    /// Where chunks go.
    pub chunks: S,
    /// How long the document queries of a job may take, from its start on.
    pub time_to_query: Duration,
}

impl<J, F, P, U, S, Q, K, W, C> Sweep<J, F, P, U, S, Q, K, W, C>
where
    J: LoadJob + OpenJobs + EndChunk + ChunkQueries + ChangeState + Watchlist,
    F: ReadPlan + StoreOutcomes + ReadOutcomes + FindUpload,
    P: LoadQueries + StoreQuery,
    U: SendUpload,
    S: SendChunks,
    Q: SendFinished,
    K: SendQueries,
    W: SendWebhook,
    C: Clock,
{
    /// Looks at the jobs that are due, for as long as a run has time, and tells what came of each. A look that fails
    /// does not keep the other jobs from theirs. Returns the number of looks.
    pub async fn run(&self, tell: impl Fn(JobId, Result<Swept, Error>)) -> Result<usize, Error> {
        let jobs = &self.abandon.jobs;
        let started = self.abandon.clock.now();
        let has_time = || self.abandon.clock.now() < started.plus(TIME_FOR_LOOKS);
        let (mut looks, mut last) = (0, None);
        while has_time() {
            // From where the last read ended: a job whose look failed is still on the list, and must not keep this run
            // from those behind it.
            let due = jobs.due(started, last, JOBS_PER_READ).await?;
            last = due.last().copied();
            if last.is_none() {
                break;
            }
            let ids: Vec<JobId> = due.iter().map(|watched| watched.job).collect();
            let mut loaded = jobs.load_jobs(&ids).await?;
            let due = due.into_iter().filter_map(|watched| Some((watched, loaded.remove(&watched.job)?)));
            let due: Vec<(Watched, Job)> = due.collect();
            looks += due.len();
            let look = async |(watched, job): (Watched, Job)| {
                tell(watched.job, self.look(watched, &job, started).await);
            };
            stream::iter(due).for_each_concurrent(CONCURRENT_LOOKS, look).await;
        }
        Ok(looks)
    }

    async fn look(&self, watched: Watched, job: &Job, now: Timestamp) -> Result<Swept, Error> {
        let (jobs, webhooks) = (&self.abandon.jobs, &self.abandon.webhooks);
        let pending = self.pending(job).await?;
        let next = self.next_look(job, now);
        if !job.status.is_final() && jobs.look_again(watched, next, pending).await? == Write::Conflict {
            // Another run of the sweep looks at this job.
            return Ok(Swept::Fine);
        }
        match job.status {
            JobStatus::Waiting | JobStatus::Expired => self.without_file(job, now).await,
            JobStatus::Processing => self.processing(job, watched.pending == Some(pending), now).await,
            JobStatus::Completed | JobStatus::Failed => {
                announce_end(jobs, webhooks, job).await?;
                Ok(Swept::Announced)
            }
        }
    }

    /// What a job waits for: chunks, and once they have all ended parts of document queries.
    async fn pending(&self, job: &Job) -> Result<u32, Error> {
        let mut pending = job.pending_chunks.len();
        if pending == 0 {
            for chunk in &job.pending_queries {
                pending += self.abandon.jobs.open_parts_of(job.id, *chunk).await?.len();
            }
        }
        Ok(u32::try_from(pending).unwrap_or(u32::MAX))
    }

    fn next_look(&self, job: &Job, now: Timestamp) -> Timestamp {
        match job.started_at.map(|started| started.plus(self.time_to_query)) {
            Some(late) if job.pending_chunks.is_empty() && !job.pending_queries.is_empty() => {
                let next = now.plus(QUERIES_STALLED_AFTER);
                if late > now {
                    next.min(late.plus(Duration::from_millis(1)))
                } else {
                    now.plus(STALLED_AFTER)
                }
            }
            _ if job.status.takes_file() => now.plus(LATE_UPLOAD_LOOKS),
            _ => now.plus(STALLED_AFTER),
        }
    }

    /// A job whose file was not accepted, after its link ran out.
    async fn without_file(&self, job: &Job, now: Timestamp) -> Result<Swept, Error> {
        let abandon = &self.abandon;
        let found = abandon.files.find_upload(job.into()).await?.filter(|_| !has(Bug::LostUploadsLost));
        let Some(upload) = found else {
            return self.without_upload(job, now).await;
        };
        if now > job.upload_expires_at.plus(TIME_TO_START) {
            abandon.give_up(job).await?;
            return Ok(Swept::GivenUp);
        }
        let message = UploadMessage { customer: job.customer, job: job.id, upload };
        self.uploads.send_upload(&message).await?;
        Ok(Swept::UploadSent)
    }

    /// A job that nothing was uploaded for. It is forgotten by a look after the hour for late uploads, never by the
    /// clock alone: where S3 did not answer for hours, the file may have been there all the time.
    async fn without_upload(&self, job: &Job, now: Timestamp) -> Result<Swept, Error> {
        let abandon = &self.abandon;
        if now > job.upload_expires_at && job.status == JobStatus::Waiting {
            let event = JobEvent::UploadExpired;
            end_job(&abandon.jobs, &abandon.webhooks, &abandon.clock, job, event, None).await?;
            return Ok(Swept::Expired);
        }
        if now > job.upload_expires_at.plus(LATE_UPLOAD_WATCH) {
            forget(&abandon.jobs, job).await?;
            return Ok(Swept::Forgotten);
        }
        Ok(Swept::Fine)
    }

    async fn processing(&self, job: &Job, stalled: bool, now: Timestamp) -> Result<Swept, Error> {
        if job.is_worked_off() {
            self.abandon.finished.send_finished(&FinishedMessage { job: job.id }).await?;
            return Ok(Swept::FinishedSent);
        }
        let (Some(file), Some(started_at)) = (&job.file, job.started_at) else { return Ok(Swept::Fine) };
        if job.pending_chunks.is_empty() {
            let late = now > started_at.plus(self.time_to_query) && !has(Bug::NoQueryDeadline);
            return self.querying(job, stalled, late).await;
        }
        let late = now > started_at.plus(TIME_TO_PROCESS);
        if !(stalled || late) {
            return Ok(Swept::Fine);
        }
        // Fan-out may have died before it could say that the job is processing; that comes before its end.
        self.abandon.webhooks.send_webhook(&WebhookMessage::about(job)).await?;
        let plan = self.abandon.files.read_plan(job.into(), &file.upload, None).await?;
        let plan = PlanFile::read(plan);
        if late {
            self.abandon.job(job, &plan.chunks().collect::<Option<Vec<_>>>().unwrap_or_default()).await?;
            return Ok(Swept::Abandoned);
        }
        if !has(Bug::StalledChunksLost) {
            self.chunks.send_chunks(job.size(), &plan.messages(job, &job.pending_chunks)).await?;
        }
        Ok(Swept::ChunksSent)
    }

    async fn querying(&self, job: &Job, stalled: bool, late: bool) -> Result<Swept, Error> {
        if late {
            self.abandon.queries_of(job).await?;
            return Ok(Swept::QueriesGivenUp);
        }
        if !stalled {
            return Ok(Swept::Fine);
        }
        for chunk in &job.pending_queries {
            self.abandon.close_chunk().go_on(job, *chunk).await?;
        }
        Ok(Swept::QueriesSent)
    }
}
