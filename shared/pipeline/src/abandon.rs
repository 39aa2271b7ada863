//! Dead letters: what could not be done, however often it was tried, ends as a failure that its customer sees,
//! so that the job always ends.

use domain::job::{INTERNAL_ERROR, Job, JobEvent, JobStatus};
use domain::outcome::{FailureReason, RowOutcome, RowResult, Tally};
use domain::plan::{Chunk, ChunkNumber};
use domain::query::{QueryPart, QueryTally};
use futures::{StreamExt as _, stream};

use crate::Error;
use crate::chunk_queries::{GivenUp, end_part, give_up};
use crate::close_chunk::CloseChunk;
use crate::deliver_webhook::update_delivery;
use crate::end_job::end_job;
use crate::messages::{
    ChunkMessage, DeadLetter, FinishedMessage, QueryMessage, UploadMessage, WebhookMessage,
};
use crate::plan_file::chunk_of;
use crate::ports::{
    ChangeState, ChunkQueries, Clock, DeliveryLog, EndChunk, LoadJob, LoadQueries, OpenJobs, ReadOutcomes,
    ReadPlan, SendFinished, SendQueries, SendWebhook, StoreOutcomes, StoreQuery, Watchlist,
};

/// Parts of document queries that are given up at the same time: of a job of 100,000 patients there are 10,000, a dozen
/// calls each, in one run of the sweep.
const CONCURRENT_PARTS: usize = 16;

/// What came of a dead letter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Abandoned {
    /// The rows of the chunk are failed now.
    Chunk(Tally),
    /// The job is failed now.
    Job,
    /// The queries have ended now, like this.
    Queries(QueryTally),
    /// The webhook's delivery is failed now.
    Webhook,
    /// There was nothing left to end.
    Nothing,
}

/// The use case with its ports.
#[derive(Debug)]
pub struct Abandon<J, F, P, Q, K, W, C> {
    /// The jobs.
    pub jobs: J,
    /// Plans and outcomes.
    pub files: F,
    /// How the queries of patients stand.
    pub patients: P,
    /// Where finished jobs go.
    pub finished: Q,
    /// Where document queries go.
    pub queries: K,
    /// Where webhooks go.
    pub webhooks: W,
    /// The time.
    pub clock: C,
}

impl<J, F, P, Q, K, W, C> Abandon<J, F, P, Q, K, W, C>
where
    J: LoadJob + OpenJobs + EndChunk + ChunkQueries + ChangeState + Watchlist + DeliveryLog,
    F: ReadPlan + StoreOutcomes + ReadOutcomes,
    P: LoadQueries + StoreQuery,
    Q: SendFinished,
    K: SendQueries,
    W: SendWebhook,
    C: Clock,
{
    /// Handles one dead letter. Safe to repeat, concurrently and late.
    pub async fn run(&self, letter: &DeadLetter) -> Result<Abandoned, Error> {
        match letter {
            DeadLetter::Chunk(message) => self.chunk(message).await,
            DeadLetter::Query(message) => match self.queries(message).await? {
                GivenUp { tally, busy_until: None } => Ok(Abandoned::Queries(tally)),
                GivenUp { busy_until: Some(_), .. } => Err(Error::QueryUnderWay),
            },
            DeadLetter::Upload(message) => self.upload(message).await,
            DeadLetter::Webhook(message) => self.webhook(message).await,
            DeadLetter::Finished(message) => self.finished(message).await,
        }
    }

    /// A webhook that could not be handled, through no fault of the receiver.
    async fn webhook(&self, message: &WebhookMessage) -> Result<Abandoned, Error> {
        let given_up = update_delivery(&self.jobs, message, |delivery| {
            delivery.start_round(message.carrier.round);
            delivery.give_up(self.clock.now());
        });
        Ok(given_up.await?.map_or(Abandoned::Nothing, |_| Abandoned::Webhook))
    }
}

impl<J, F, P, Q, K, W, C> Abandon<J, F, P, Q, K, W, C>
where
    J: LoadJob + OpenJobs + EndChunk + ChunkQueries + ChangeState + Watchlist,
    F: ReadPlan + StoreOutcomes + ReadOutcomes,
    P: LoadQueries + StoreQuery,
    Q: SendFinished,
    K: SendQueries,
    W: SendWebhook,
    C: Clock,
{
    /// A chunk that no worker could import: its rows fail.
    async fn chunk(&self, message: &ChunkMessage) -> Result<Abandoned, Error> {
        let Some(job) = self.jobs.load_job(message.job).await? else { return Ok(Abandoned::Nothing) };
        let (JobStatus::Processing, Some(file)) = (job.status, &job.file) else {
            self.close_chunk().send_open_queries(&job, message.chunk).await?;
            return Ok(Abandoned::Nothing);
        };
        if !job.pending_chunks.contains(&message.chunk) {
            // Its worker may have died right after it was counted.
            self.close_chunk().go_on(&job, message.chunk).await?;
            return Ok(Abandoned::Nothing);
        }
        let line = Some(message.plan.0..message.plan.1);
        let line = self.files.read_plan((&job).into(), &file.upload, line).await?;
        match chunk_of(message, &line) {
            Some(chunk) => self.fail_rows(&job, &chunk).await,
            // A message that points nowhere says nothing about the chunk; the sweep sends a right one.
            None => Ok(Abandoned::Nothing),
        }
    }

    /// A job whose result could not be built.
    async fn finished(&self, message: &FinishedMessage) -> Result<Abandoned, Error> {
        match self.jobs.load_job(message.job).await? {
            Some(job) if job.status == JobStatus::Processing && job.is_worked_off() => {
                self.give_up(&job).await
            }
            _ => Ok(Abandoned::Nothing),
        }
    }

    /// A job whose upload could not be read.
    async fn upload(&self, message: &UploadMessage) -> Result<Abandoned, Error> {
        match self.jobs.load_job(message.job).await? {
            Some(job) if job.status.takes_file() => self.give_up(&job).await,
            _ => Ok(Abandoned::Nothing),
        }
    }

    /// Everything that a job still waits for, past its time.
    pub async fn job(&self, job: &Job, chunks: &[Chunk]) -> Result<Abandoned, Error> {
        for chunk in chunks.iter().filter(|chunk| job.pending_chunks.contains(&chunk.number)) {
            self.fail_rows(job, chunk).await?;
        }
        Ok(Abandoned::Job)
    }

    /// The document queries that a job still waits for, past their time. Whoever is at one of them ends it, or its
    /// message comes again and does.
    /// One that fails does not keep the others from their end.
    pub async fn queries_of(&self, job: &Job) -> Result<(), Error> {
        let mut failure = None;
        for chunk in &job.pending_queries {
            if let Err(error) = self.queries_of_chunk(job, *chunk).await {
                failure = failure.or(Some(error));
            }
        }
        failure.map_or(Ok(()), Err)
    }

    async fn queries_of_chunk(&self, job: &Job, chunk: ChunkNumber) -> Result<(), Error> {
        let messages = self.close_chunk().open_queries(job, chunk).await?;
        let given_up = stream::iter(&messages).map(|message| self.queries(message));
        let given_up: Vec<Result<GivenUp, Error>> =
            given_up.buffer_unordered(CONCURRENT_PARTS).collect().await;
        if messages.is_empty() {
            // Whoever ended the last part died before it could say so.
            let part = QueryPart { job: job.id, chunk, part: 0 };
            end_part(&self.jobs, &self.finished, part, QueryTally::default()).await?;
        }
        given_up.into_iter().try_for_each(|given_up| given_up.map(|_| ()))
    }

    async fn queries(&self, message: &QueryMessage) -> Result<GivenUp, Error> {
        give_up(&self.jobs, &self.patients, &self.finished, &self.clock, message).await
    }

    /// What ends chunks.
    pub(crate) fn close_chunk(&self) -> CloseChunk<'_, J, F, Q, K> {
        let Self { jobs, files, finished, queries, .. } = self;
        CloseChunk { jobs, files, finished, queries }
    }

    async fn fail_rows(&self, job: &Job, chunk: &Chunk) -> Result<Abandoned, Error> {
        let reason = if job.cancel_requested { FailureReason::Canceled } else { FailureReason::Internal };
        let outcomes: Vec<RowOutcome> =
            chunk.row_numbers().map(|row| RowOutcome::new(row, RowResult::Failed(reason.clone()))).collect();
        let tally = self.close_chunk().run(job, chunk.number, &outcomes).await?;
        Ok(tally.map_or(Abandoned::Nothing, Abandoned::Chunk))
    }

    /// Ends a job as failed, through no fault of its file.
    pub async fn give_up(&self, job: &Job) -> Result<Abandoned, Error> {
        let reason = Some(INTERNAL_ERROR.to_owned());
        let ended = end_job(&self.jobs, &self.webhooks, &self.clock, job, JobEvent::GivenUp, reason).await?;
        Ok(ended.map_or(Abandoned::Nothing, |_| Abandoned::Job))
    }
}
