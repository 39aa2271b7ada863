//! An upload arrived: read it once, check it, plan its chunks and send them out.
//!
//! Nothing is created before the whole file is known to be sound. The order of the steps makes dying
//! between any two of them harmless: the plan is stored before the job enters `processing`, which makes
//! all chunks pending; the messages follow. Whoever finds the job in `processing` with the same upload,
//! because the event was delivered again, sends what is still pending once more.

use domain::csv::{FileError, FileScan, FileSummary, Limits};
use domain::job::{AcceptedFile, Job, JobEvent, JobStatus, Upload};
use domain::plan::{Chunk, Planner};
use futures::StreamExt as _;

use crate::Error;
use crate::end_job::{announce_end, end_job};
use crate::messages::{FinishedMessage, UploadMessage, WebhookMessage};
use crate::plan_file::PlanFile;
use crate::ports::{
    ChangeState, Clock, FindOlderJobs, JobRef, LoadJob, ReadPlan, ReadUpload, SendChunks, SendFinished,
    SendWebhook, StorePlan, Watchlist, Write,
};

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
    J: LoadJob + FindOlderJobs + ChangeState + Watchlist,
    F: ReadUpload + StorePlan + ReadPlan,
    Q: SendChunks,
    D: SendFinished,
    W: SendWebhook,
    C: Clock,
{
    /// Handles one upload. Safe to repeat, concurrently and late.
    pub async fn run(&self, uploaded: &UploadMessage) -> Result<FannedOut, Error> {
        loop {
            // None: the job changed under our hands, by another event or by our own write whose answer
            // got lost. What it is now tells what to do; a job leaves `waiting` once, so this ends.
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
            (JobStatus::Waiting, _) => self.start(job, &uploaded.upload).await,
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
            (JobStatus::Completed | JobStatus::Failed | JobStatus::Expired, _) => {
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
        let plan = PlanFile::of(chunks);
        self.files.store_plan((&job).into(), upload, plan.bytes()).await?;
        let file = AcceptedFile {
            upload: upload.clone(),
            columns: summary.columns,
            rows: summary.rows,
            chunks: u32::try_from(chunks.len()).unwrap_or(u32::MAX),
        };
        // Whoever is older is there by now: jobs are as old as their ids.
        let may_overtake = self.jobs.is_older_under_way(&job).await?;
        let Ok(job) = job.accept(file, may_overtake, self.clock.now()) else {
            return Ok(None);
        };
        if self.jobs.change_state(JobStatus::Waiting, &job).await? == Write::Conflict {
            return Ok(None);
        }
        self.announce(&job).await?;
        self.send(&job, &plan).await?;
        Ok(Some(FannedOut::Processing { rows: job.total(), chunks: job.pending_chunks.len() }))
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
