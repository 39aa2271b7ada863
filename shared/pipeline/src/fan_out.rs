//! Reads an upload once, checks it, plans its chunks and sends them to the workers.
//!
//! Nothing is created before the whole file is known to be sound. The order of the steps makes it
//! harmless to die between any two of them: the plan is stored before the job enters `processing`,
//! which makes all chunks pending, and the messages follow. A retry that finds the job in
//! `processing` with the same upload sends the pending chunks again.
//!
//! An upload that no job will read is deleted at once: it is full of patient data. It is one that
//! was rejected, or that came after the job had another one, had ended, or was deleted with its
//! customer.

use std::collections::HashMap;
use std::time::Duration;

use bulk_domain::audit::ImportStep;
use bulk_domain::csv::{FileError, FileScan, FileSummary, Limits};
use bulk_domain::ids::JobId;
use bulk_domain::job::{AcceptedFile, Job, JobEvent, JobStatus, Upload};
use bulk_domain::mutants::{Bug, has};
use bulk_domain::plan::{Chunk, Planner};
use bulk_domain::time::Timestamp;
use futures::StreamExt as _;

use crate::Error;
use crate::audit::record_step;
use crate::end_job::{announce_end, end_job};
use crate::messages::{FinishedMessage, UploadMessage, WebhookMessage};
use crate::plan_file::PlanFile;
use crate::ports::prelude::*;
use crate::ports::{JobRef, Ports, Write};

/// The longest time between the creation of a job's id and the storing of the job: four times what
/// API Gateway lets a call take.
const TIME_TO_CREATE: Duration = Duration::from_mins(2);

/// Which files are accepted, and how many rows a chunk has.
#[derive(Clone, Copy, Debug)]
pub struct FanOutSettings {
    /// The largest file that is accepted.
    pub limits: Limits,
    /// Rows in a chunk.
    pub rows_per_chunk: u32,
}

/// The outcome of an upload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FanOutOutcome {
    /// The rows are being imported.
    Processing {
        /// Rows in the file.
        rows: u32,
        /// Chunks that were sent.
        chunks: usize,
    },
    /// The file cannot be imported, for the reason with this code.
    Rejected(&'static str),
    /// The job does not wait for this upload, for this reason.
    Ignored(&'static str),
    /// The job does not wait for this upload, for this reason, and the upload was deleted.
    Deleted(&'static str),
    /// A transient error kept the file from being imported, so that the upload was sent to the
    /// queue of uploads.
    Postponed,
}

/// Whether a scanned file can be imported.
enum Scanned {
    Sound(FileSummary, Vec<Chunk>),
    Bad(FileError),
}

/// Handles the S3 event of an upload. Lambda invokes a function for an event three times within
/// minutes and then drops the event (Lambda Developer Guide, "Asynchronous invocation"). So an
/// upload that meets a transient error is sent to the queue of uploads, where it is retried for as
/// long as it takes.
pub async fn fan_out_event<P: Ports>(
    ports: &P,
    settings: FanOutSettings,
    uploaded: &UploadMessage,
) -> Result<FanOutOutcome, Error> {
    match fan_out(ports, settings, uploaded).await {
        Err(error) if error.is_transient() => match ports.queues().send_upload(uploaded).await {
            Ok(()) => Ok(FanOutOutcome::Postponed),
            Err(_) => Err(error),
        },
        done => done,
    }
}

/// Handles an upload. Safe to repeat, concurrently and late.
pub async fn fan_out<P: Ports>(
    ports: &P,
    settings: FanOutSettings,
    uploaded: &UploadMessage,
) -> Result<FanOutOutcome, Error> {
    loop {
        // After a conflict the job is read again: another event changed it, or the answer to a
        // write of this attempt was lost. A job changes three times at most (expired, processing,
        // ended), so the loop ends.
        if let Some(outcome) = step(ports, settings, uploaded).await? {
            return Ok(outcome);
        }
    }
}

/// Does what the state of the job asks for. Returns `None` if a write met a conflict.
async fn step<P: Ports>(
    ports: &P,
    settings: FanOutSettings,
    uploaded: &UploadMessage,
) -> Result<Option<FanOutOutcome>, Error> {
    let job = ports.jobs().load_job(uploaded.job).await?;
    let Some(job) = job.filter(|job| job.customer == uploaded.customer) else {
        // A link is answered after its job is stored, so that the job is deleted.
        return delete(ports, uploaded, "no such job").await;
    };
    match (job.status, &job.file) {
        (JobStatus::Expired, _) if has(Bug::LateUploadDropped) => {
            Ok(Some(FanOutOutcome::Ignored("a bug")))
        }
        // S3 accepts the file of an expired job if its upload began before the link expired.
        (JobStatus::Waiting | JobStatus::Expired, _) => {
            start(ports, settings, job, &uploaded.upload).await
        }
        (JobStatus::Processing, Some(file)) if file.upload.version == uploaded.upload.version => {
            resume(ports, &job, file).await.map(Some)
        }
        (JobStatus::Processing, _) => {
            delete(ports, uploaded, "the job is bound to an earlier upload").await
        }
        (JobStatus::Failed, None) => {
            // The file was rejected, and the attempt may have died before the webhook was sent.
            announce_end(ports, &job).await?;
            delete(ports, uploaded, "the job has ended").await
        }
        (JobStatus::Completed | JobStatus::Failed, file) => {
            // An attempt with this event may have added the job to the open jobs again while
            // another attempt ended it.
            ports.jobs().remove_open_job(job.customer, job.id).await?;
            if file.as_ref().is_some_and(|file| file.upload.version == uploaded.upload.version) {
                return Ok(Some(FanOutOutcome::Ignored("the job has ended")));
            }
            delete(ports, uploaded, "the job has ended").await
        }
    }
}

/// Deletes an upload that came for a job that does not wait for it, for this reason.
async fn delete<P: Ports>(
    ports: &P,
    uploaded: &UploadMessage,
    reason: &'static str,
) -> Result<Option<FanOutOutcome>, Error> {
    let job = JobRef { customer: uploaded.customer, job: uploaded.job };
    let is_deleted = delete_unread(ports, job, &uploaded.upload).await?;
    Ok(Some(if is_deleted {
        FanOutOutcome::Deleted(reason)
    } else {
        FanOutOutcome::Ignored(reason)
    }))
}

/// Deletes an upload that no job will read. Returns `false` if it has no version: then it stays,
/// because another upload may have taken its place.
async fn delete_unread<P: Ports>(ports: &P, job: JobRef, upload: &Upload) -> Result<bool, Error> {
    if upload.is_versioned() {
        ports.objects().delete_upload(job, upload).await?;
    }
    Ok(upload.is_versioned())
}

async fn start<P: Ports>(
    ports: &P,
    settings: FanOutSettings,
    job: Job,
    upload: &Upload,
) -> Result<Option<FanOutOutcome>, Error> {
    record_step(ports, &job, ImportStep::ReadFile).await?;
    match scan(ports, settings, &job, upload).await {
        Ok(Scanned::Sound(summary, chunks)) => accept(ports, job, upload, summary, &chunks).await,
        Ok(Scanned::Bad(error)) => reject(ports, &job, upload, &error).await,
        // Another attempt may have rejected the upload meanwhile, and deleted it.
        Err(error) if !error.is_transient() => {
            let job = ports.jobs().load_job(job.id).await?;
            if job.is_some_and(|job| job.status.takes_file()) { Err(error) } else { Ok(None) }
        }
        Err(error) => Err(error),
    }
}

/// Reads the whole file as a stream, and keeps 16 bytes of each row.
async fn scan<P: Ports>(
    ports: &P,
    settings: FanOutSettings,
    job: &Job,
    upload: &Upload,
) -> Result<Scanned, Error> {
    let FanOutSettings { limits, rows_per_chunk } = settings;
    if upload.bytes > u64::from(limits.bytes) {
        return Ok(Scanned::Bad(FileError::TooManyBytes { limit: limits.bytes.into() }));
    }
    let mut body = ports.objects().read_upload(job.into(), upload, 0..upload.bytes).await?;
    let mut planner = Planner::new(rows_per_chunk);
    let mut scan = FileScan::new(limits).with_mappings(job.mappings.clone());
    while let Some(bytes) = body.next().await {
        if let Err(error) = scan.push(&bytes?, &mut |row| planner.row(&row)) {
            return Ok(Scanned::Bad(error));
        }
    }
    Ok(match scan.finish(&mut |row| planner.row(&row)) {
        Ok(summary) => Scanned::Sound(summary, planner.finish()),
        Err(error) => Scanned::Bad(error),
    })
}

async fn accept<P: Ports>(
    ports: &P,
    job: Job,
    upload: &Upload,
    summary: FileSummary,
    chunks: &[Chunk],
) -> Result<Option<FanOutOutcome>, Error> {
    let plan = store_plan(ports, &job, upload, chunks).await?;
    let file = AcceptedFile {
        upload: upload.clone(),
        columns: summary.columns,
        rows: summary.rows,
        chunks: plan.chunk_count(),
    };
    let (before, now) = (job.status, ports.environment().now());
    // The order matters: `create_job` relies on it that an older job is seen here unless this job
    // had stopped waiting.
    if !stop_waiting(ports, &job).await? {
        return Ok(None);
    }
    let may_overtake = may_overtake(ports, &job, now).await? && !has(Bug::OlderJobsIgnored);
    let Ok(job) = job.accept(file, may_overtake, now) else {
        return Ok(None);
    };
    if has(Bug::ChunksBeforeProcessing) {
        send_pending(ports, &job, &plan).await?;
    }
    if ports.jobs().change_state(before, &job).await? == Write::Conflict {
        return Ok(None);
    }
    ports.queues().send_webhook(&WebhookMessage::about(&job)).await?;
    send_pending(ports, &job, &plan).await.map(Some)
}

/// Notes in the open jobs that a job does not wait any longer. Returns false if the job has
/// accepted a file already.
///
/// A job is one of the open jobs for as long as it accepts a file, unless the sweep stopped
/// watching it an hour after its link expired. Such a job is added again.
async fn stop_waiting<P: Ports>(ports: &P, job: &Job) -> Result<bool, Error> {
    let jobs = ports.jobs();
    while jobs.stop_waiting(job.customer, job.id).await? == Write::Conflict {
        if !jobs.load_job(job.id).await?.is_some_and(|job| job.status.takes_file()) {
            return Ok(false);
        }
        jobs.add_open_job(job.customer, job.id, ports.environment().now()).await?;
    }
    Ok(true)
}

/// Returns whether the customer has an older job that may still write. Removes the entries of jobs
/// that have ended or were never stored, which an attempt left when it died.
async fn may_overtake<P: Ports>(ports: &P, job: &Job, now: Timestamp) -> Result<bool, Error> {
    let jobs = ports.jobs();
    let older = jobs.open_jobs(job.customer, job.id.older(), now).await?;
    let older: Vec<JobId> = older.into_iter().map(|open| open.job).collect();
    let stored = if older.is_empty() { HashMap::new() } else { jobs.load_jobs(&older).await? };
    let mut may_overtake = false;
    for id in older {
        let may_be_created = id.created_at().until(now) < TIME_TO_CREATE;
        match stored.get(&id) {
            Some(older) if older.status.is_final() => {
                jobs.remove_open_job(job.customer, id).await?;
            }
            None if !may_be_created => jobs.remove_open_job(job.customer, id).await?,
            _ => may_overtake = true,
        }
    }
    Ok(may_overtake)
}

/// Stores the plan, unless the upload has one. An event that is received twice may meet two
/// releases of this function, which cut chunks in different ways, and the chunks of the first plan
/// may have been sent.
async fn store_plan<P: Ports>(
    ports: &P,
    job: &Job,
    upload: &Upload,
    chunks: &[Chunk],
) -> Result<PlanFile, Error> {
    let plan = PlanFile::of(chunks);
    Ok(match ports.objects().store_plan(job.into(), upload, plan.bytes()).await? {
        Write::Done => plan,
        Write::Conflict => {
            PlanFile::read(ports.objects().read_plan(job.into(), upload, None).await?)
        }
    })
}

async fn reject<P: Ports>(
    ports: &P,
    job: &Job,
    upload: &Upload,
    error: &FileError,
) -> Result<Option<FanOutOutcome>, Error> {
    let (event, reason) = (JobEvent::FileRejected, Some(error.to_string()));
    if end_job(ports, job, event, reason).await?.is_none() {
        return Ok(None);
    }
    delete_unread(ports, job.into(), upload).await?;
    Ok(Some(FanOutOutcome::Rejected(error.code())))
}

/// Sends the pending messages again, because an earlier attempt may have died before it sent them.
async fn resume<P: Ports>(
    ports: &P,
    job: &Job,
    file: &AcceptedFile,
) -> Result<FanOutOutcome, Error> {
    ports.queues().send_webhook(&WebhookMessage::about(job)).await?;
    let plan = ports.objects().read_plan(job.into(), &file.upload, None).await?;
    send_pending(ports, job, &PlanFile::read(plan)).await
}

/// Sends the pending chunks to the workers. If no chunk is pending, tells `finalize`, because the
/// job may have nothing left to wait for.
async fn send_pending<P: Ports>(
    ports: &P,
    job: &Job,
    plan: &PlanFile,
) -> Result<FanOutOutcome, Error> {
    let messages = plan.messages(job, &job.pending_chunks);
    if messages.is_empty() {
        ports.queues().send_finished(&FinishedMessage { job: job.id }).await?;
    } else {
        ports.queues().send_chunks(job.size(), &messages).await?;
    }
    Ok(FanOutOutcome::Processing { rows: job.total(), chunks: job.pending_chunks.len() })
}
