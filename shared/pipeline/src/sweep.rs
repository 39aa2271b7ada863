//! Every minute: what nobody else does any more. Jobs without a file expire, lost events and messages are
//! sent again, and a job past its time ends.
//!
//! The sweep decides nothing that another function could decide otherwise at the same time: it sends messages
//! that are safe to repeat, and every state change it makes is conditional. Running it twice, concurrently or
//! late does no harm.

use std::time::Duration;

use domain::ids::JobId;
use domain::job::{Job, JobEvent, JobStatus, TIME_TO_PROCESS};
use domain::time::Timestamp;

use crate::Error;
use crate::abandon::Abandon;
use crate::end_job::{announce_end, end_job, is_expired};
use crate::messages::{FinishedMessage, UploadMessage, WebhookMessage};
use crate::plan_file::PlanFile;
use crate::ports::{
    ChangeState, ChunkQueries, Clock, EndChunk, FindUpload, LoadJob, LoadQueries, ReadOutcomes, ReadPlan,
    SendChunks, SendFinished, SendQueries, SendUpload, SendWebhook, StoreOutcomes, StoreQuery, Watched,
    Watchlist, Write,
};

/// Time without the end of a chunk after which the pending ones are sent again: longer than a message of a
/// worker that died stays invisible.
pub const STALLED_AFTER: Duration = Duration::from_mins(15);

/// The same for the end of a document query. A gateway may be down for a while, or asked at a rate, and every
/// message that is sent again is one more to be looked at.
pub const QUERIES_STALLED_AFTER: Duration = Duration::from_hours(1);

/// Jobs that one run looks at; the others are a minute later.
const JOBS_PER_RUN: u32 = 200;

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
    J: LoadJob + EndChunk + ChunkQueries + ChangeState + Watchlist,
    F: ReadPlan + StoreOutcomes + ReadOutcomes + FindUpload,
    P: LoadQueries + StoreQuery,
    U: SendUpload,
    S: SendChunks,
    Q: SendFinished,
    K: SendQueries,
    W: SendWebhook,
    C: Clock,
{
    /// Looks at every job that is due; one that fails does not keep the others from their turn.
    pub async fn run(&self) -> Result<Vec<(JobId, Result<Swept, Error>)>, Error> {
        let now = self.abandon.clock.now();
        let mut done = Vec::new();
        for watched in self.abandon.jobs.due(now, JOBS_PER_RUN).await? {
            done.push((watched.job, self.look(watched, now).await));
        }
        Ok(done)
    }

    async fn look(&self, watched: Watched, now: Timestamp) -> Result<Swept, Error> {
        let (jobs, webhooks) = (&self.abandon.jobs, &self.abandon.webhooks);
        let Some(job) = jobs.load_job(watched.job).await? else { return Ok(Swept::Fine) };
        let pending = self.pending(&job).await?;
        let next = self.next_look(&job, now);
        if !job.status.is_final() && jobs.look_again(watched, next, pending).await? == Write::Conflict {
            // Another run of the sweep has this job in hand.
            return Ok(Swept::Fine);
        }
        match job.status {
            JobStatus::Waiting => self.waiting(&job).await,
            JobStatus::Processing => self.processing(&job, watched.pending == Some(pending), now).await,
            JobStatus::Completed | JobStatus::Failed | JobStatus::Expired => {
                announce_end(jobs, webhooks, &job).await?;
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
            _ => now.plus(STALLED_AFTER),
        }
    }

    async fn waiting(&self, job: &Job) -> Result<Swept, Error> {
        let abandon = &self.abandon;
        if is_expired(&abandon.files, &abandon.clock, job).await? {
            let event = JobEvent::UploadExpired;
            end_job(&abandon.jobs, &abandon.webhooks, &abandon.clock, job, event, None).await?;
            return Ok(Swept::Expired);
        }
        if let Some(upload) = abandon.files.find_upload(job.into()).await? {
            let message = UploadMessage { customer: job.customer, job: job.id, upload };
            self.uploads.send_upload(&message).await?;
            return Ok(Swept::UploadSent);
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
            let late = now > started_at.plus(self.time_to_query);
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
        self.chunks.send_chunks(job.size(), &plan.messages(job, &job.pending_chunks)).await?;
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
