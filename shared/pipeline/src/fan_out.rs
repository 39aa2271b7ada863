//! An upload arrived: read it once, check it, plan its chunks and send them out.
//!
//! Nothing is created before the whole file is known to be sound. The order of the steps makes dying
//! between any two of them harmless: the plan is stored before the job enters `processing`, which makes
//! all chunks pending; the messages follow. Whoever finds the job in `processing` with the same upload,
//! because the event was delivered again, sends what is still pending once more.

use std::collections::HashMap;

use domain::csv::{FileError, FileScan, FileSummary, Limits};
use domain::ids::JobId;
use domain::job::{AcceptedFile, Job, JobEvent, JobStatus, Upload};
use domain::mutants::{Bug, has};
use domain::plan::{Chunk, Planner};
use domain::time::Timestamp;
use futures::StreamExt as _;

use crate::Error;
use crate::end_job::{announce_end, end_job};
use crate::messages::{FinishedMessage, UploadMessage, WebhookMessage};
use crate::plan_file::PlanFile;
use crate::ports::{
    ChangeState, Clock, JobRef, LoadJob, OpenJobs, ReadPlan, ReadUpload, SendChunks, SendFinished,
    SendUpload, SendWebhook, StorePlan, Watchlist, Write,
};

/// Time between the drawing of a job's id and the storing of the job, in milliseconds at most: four times what API
/// Gateway lets a call take.
const TIME_TO_CREATE: i64 = 2 * 60 * 1000;

/// What came of an upload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FannedOut {
    /// Its rows are being imported.
    Processing {
        /// Rows in the file.
        rows: u32,
        /// Chunks sent.
        chunks: usize,
    },
    /// The file cannot be imported; the code says why.
    Rejected(&'static str),
    /// The job is bound to another upload, ended, or is not there.
    Ignored(&'static str),
    /// A disturbance kept the file from being read. The upload waits in the queue of uploads.
    Postponed,
}

/// The use case with its ports.
#[derive(Debug)]
pub struct FanOut<J, F, Q, D, W, C> {
    /// The jobs.
    pub jobs: J,
    /// Uploads and plans.
    pub files: F,
    /// Where chunks go.
    pub chunks: Q,
    /// Where finished jobs go.
    pub finished: D,
    /// Where webhooks go.
    pub webhooks: W,
    /// The time.
    pub clock: C,
    /// The largest file to accept.
    pub limits: Limits,
    /// Rows in a chunk.
    pub rows_per_chunk: u32,
}

impl<J, F, Q, D, W, C> FanOut<J, F, Q, D, W, C>
where
    J: LoadJob + OpenJobs + ChangeState + Watchlist,
    F: ReadUpload + StorePlan + ReadPlan,
    Q: SendChunks,
    D: SendFinished,
    W: SendWebhook,
    C: Clock,
{
    /// Handles S3's own event of an upload. Lambda invokes a function for an event three times within minutes and
    /// then drops the event (Lambda Developer Guide, "Asynchronous invocation"), so an upload that meets a disturbance is
    /// put into the queue of uploads, where it is retried for as long as it takes.
    pub async fn run_event(
        &self,
        uploads: &impl SendUpload,
        uploaded: &UploadMessage,
    ) -> Result<FannedOut, Error> {
        match self.run(uploaded).await {
            Err(error) if error.is_transient() => match uploads.send_upload(uploaded).await {
                Ok(()) => Ok(FannedOut::Postponed),
                Err(_) => Err(error),
            },
            done => done,
        }
    }

    /// Handles one upload. Safe to repeat, concurrently and late.
    pub async fn run(&self, uploaded: &UploadMessage) -> Result<FannedOut, Error> {
        loop {
            // None: another event changed the job, or our own write whose answer was lost. The job as it is now tells
            // what to do. A job changes three times at most (expired, processing, ended), so this ends.
            if let Some(done) = self.step(uploaded).await? {
                return Ok(done);
            }
        }
    }

    async fn step(&self, uploaded: &UploadMessage) -> Result<Option<FannedOut>, Error> {
        let Some(job) = self.jobs.load_job(uploaded.job).await? else {
            return Ok(Some(FannedOut::Ignored("no such job")));
        };
        if job.customer != uploaded.customer {
            return Ok(Some(FannedOut::Ignored("no such job")));
        }
        match (job.status, &job.file) {
            (JobStatus::Expired, _) if has(Bug::LateUploadDropped) => Ok(Some(FannedOut::Ignored("a bug"))),
            // S3 accepted the file of an expired job, because its upload began before the link ran out.
            (JobStatus::Waiting | JobStatus::Expired, _) => self.start(job, &uploaded.upload).await,
            (JobStatus::Processing, Some(file)) if file.upload.version == uploaded.upload.version => {
                self.resume(&job, file).await.map(Some)
            }
            (JobStatus::Processing, _) => {
                Ok(Some(FannedOut::Ignored("the job is bound to an earlier upload")))
            }
            (JobStatus::Failed, None) => {
                // Rejected, and perhaps not announced yet. The message's id is stable, so that saying
                // it twice is saying it once.
                announce_end(&self.jobs, &self.webhooks, &job).await?;
                Ok(Some(FannedOut::Ignored("the job has ended")))
            }
            (JobStatus::Completed | JobStatus::Failed, _) => {
                // This event may have entered the job once more, while another one took it to its end.
                self.jobs.leave(job.customer, job.id).await?;
                Ok(Some(FannedOut::Ignored("the job has ended")))
            }
        }
    }

    async fn start(&self, job: Job, upload: &Upload) -> Result<Option<FannedOut>, Error> {
        match self.scan((&job).into(), upload).await? {
            Ok((summary, chunks)) => self.accept(job, upload, summary, &chunks).await,
            Err(error) => self.reject(&job, &error).await,
        }
    }

    /// Reads the whole file as a stream; keeps 16 bytes of each row.
    async fn scan(
        &self,
        job: JobRef,
        upload: &Upload,
    ) -> Result<Result<(FileSummary, Vec<Chunk>), FileError>, Error> {
        if upload.bytes > u64::from(self.limits.bytes) {
            return Ok(Err(FileError::TooManyBytes { limit: self.limits.bytes.into() }));
        }
        let mut body = self.files.read_upload(job, upload, 0..upload.bytes).await?;
        let mut planner = Planner::new(self.rows_per_chunk);
        let mut scan = FileScan::new(self.limits);
        while let Some(bytes) = body.next().await {
            if let Err(error) = scan.push(&bytes?, &mut |row| planner.row(&row)) {
                return Ok(Err(error));
            }
        }
        Ok(scan.finish(&mut |row| planner.row(&row)).map(|summary| (summary, planner.finish())))
    }

    async fn accept(
        &self,
        job: Job,
        upload: &Upload,
        summary: FileSummary,
        chunks: &[Chunk],
    ) -> Result<Option<FannedOut>, Error> {
        let plan = self.store_plan(&job, upload, chunks).await?;
        let file = AcceptedFile {
            upload: upload.clone(),
            columns: summary.columns,
            rows: summary.rows,
            chunks: plan.chunk_count(),
        };
        let (before, now) = (job.status, self.clock.now());
        // In this order: `create_job` relies on an older job being seen here unless this one had stopped waiting.
        if !self.stop_waiting(&job).await? {
            return Ok(None);
        }
        let may_overtake = self.may_overtake(&job, now).await? && !has(Bug::OlderJobsIgnored);
        let Ok(job) = job.accept(file, may_overtake, now) else {
            return Ok(None);
        };
        if has(Bug::ChunksBeforeProcessing) {
            self.send(&job, &plan).await?;
        }
        if self.jobs.change_state(before, &job).await? == Write::Conflict {
            return Ok(None);
        }
        self.announce(&job).await?;
        self.send(&job, &plan).await?;
        Ok(Some(FannedOut::Processing { rows: job.total(), chunks: job.pending_chunks.len() }))
    }

    /// Notes that a job does not wait any more. Returns false if the job took a file already.
    ///
    /// A job is entered as long as it takes a file, but for one that the sweep has forgotten an hour after its link ran
    /// out. That one is entered again.
    async fn stop_waiting(&self, job: &Job) -> Result<bool, Error> {
        while self.jobs.stop_waiting(job.customer, job.id).await? == Write::Conflict {
            if !self.jobs.load_job(job.id).await?.is_some_and(|job| job.status.takes_file()) {
                return Ok(false);
            }
            self.jobs.enter_job(job.customer, job.id, self.clock.now()).await?;
        }
        Ok(true)
    }

    /// Returns whether the customer has an older job that may still write. Entries that a crash left of jobs that ended, or
    /// were never stored, are removed.
    async fn may_overtake(&self, job: &Job, now: Timestamp) -> Result<bool, Error> {
        let older = self.jobs.open_jobs(job.customer, job.id.older(), now).await?;
        let older: Vec<JobId> = older.into_iter().map(|open| open.job).collect();
        let stored = if older.is_empty() { HashMap::new() } else { self.jobs.load_jobs(&older).await? };
        let mut may_overtake = false;
        for id in older {
            let may_be_made = now.as_millis() - id.created_millis() < TIME_TO_CREATE;
            match stored.get(&id) {
                Some(older) if older.status.is_final() => self.jobs.leave(job.customer, id).await?,
                None if !may_be_made => self.jobs.leave(job.customer, id).await?,
                _ => may_overtake = true,
            }
        }
        Ok(may_overtake)
    }

    /// Stores the plan, unless the upload has one: an event that is delivered twice may meet two releases of this
    /// function, which cut chunks in different ways, and the chunks of the first plan may have been sent.
    async fn store_plan(&self, job: &Job, upload: &Upload, chunks: &[Chunk]) -> Result<PlanFile, Error> {
        let plan = PlanFile::of(chunks);
        Ok(match self.files.store_plan(job.into(), upload, plan.bytes()).await? {
            Write::Done => plan,
            Write::Conflict => PlanFile::read(self.files.read_plan(job.into(), upload, None).await?),
        })
    }

    async fn reject(&self, job: &Job, error: &FileError) -> Result<Option<FannedOut>, Error> {
        let (event, reason) = (JobEvent::FileRejected, Some(error.to_string()));
        let ended = end_job(&self.jobs, &self.webhooks, &self.clock, job, event, reason).await?;
        Ok(ended.map(|_| FannedOut::Rejected(error.code())))
    }

    /// Sends what is pending once more: the event came again, perhaps because the first try died.
    async fn resume(&self, job: &Job, file: &AcceptedFile) -> Result<FannedOut, Error> {
        self.announce(job).await?;
        let plan = self.files.read_plan(job.into(), &file.upload, None).await?;
        self.send(job, &PlanFile::read(plan)).await?;
        Ok(FannedOut::Processing { rows: job.total(), chunks: job.pending_chunks.len() })
    }

    async fn announce(&self, job: &Job) -> Result<(), Error> {
        Ok(self.webhooks.send_webhook(&WebhookMessage::about(job)).await?)
    }

    async fn send(&self, job: &Job, plan: &PlanFile) -> Result<(), Error> {
        let messages = plan.messages(job, &job.pending_chunks);
        if messages.is_empty() {
            return Ok(self.finished.send_finished(&FinishedMessage { job: job.id }).await?);
        }
        Ok(self.chunks.send_chunks(job.size(), &messages).await?)
    }
}
