//! Repairs, every minute, what no message repairs: jobs without a file expire, lost events and
//! messages are sent again, and jobs past their time end.
//!
//! The sweep makes no decision that another function could make differently at the same time. The
//! messages that it sends are safe to repeat, and every change of state is conditional. So it is
//! harmless if two runs overlap, or if a run is late.

use std::time::Duration;

use bulk_domain::ids::JobId;
use bulk_domain::job::times::{LATE_UPLOAD_WATCH, STALLED_AFTER, TIME_TO_PROCESS, TIME_TO_START};
use bulk_domain::job::{Job, JobEvent, JobStatus};
use bulk_domain::mutants::{Bug, has};
use bulk_domain::time::Timestamp;
use futures::{StreamExt as _, stream};

use crate::Error;
use crate::abandon::{abandon_chunks, abandon_job, abandon_queries_of_job};
use crate::complete_chunk::resume_after_count;
use crate::end_job::{announce_end, end_job, remove_from_lists};
use crate::messages::{FinishedMessage, UploadMessage, WebhookMessage};
use crate::plan_file::PlanFile;
use crate::ports::prelude::*;
use crate::ports::{Ports, Watched, Write};
use crate::undo_job::send_undo;

/// Time without a completed part of document queries after which the pending parts are sent again.
/// It is longer than [`STALLED_AFTER`], because a gateway may be down for a while or limit the
/// rate, and every message that is sent again is one more to receive.
const QUERIES_STALLED_AFTER: Duration = Duration::from_hours(1);

/// Time between two searches for the file of an expired job. The S3 event starts the job at once,
/// so that only a lost event makes a search succeed.
const LATE_UPLOAD_LOOKS: Duration = Duration::from_mins(30);

/// Due jobs that are read at once: as many as one `BatchGetItem` reads (AWS limit).
const JOBS_PER_READ: u32 = 100;

/// Jobs that are looked at concurrently. A look makes three or four calls of 5 to 30 ms, one after
/// the other.
pub const CONCURRENT_LOOKS: usize = 50;

/// Time after which a run begins no further look, because the next run, a minute after this one,
/// continues where this one stopped. A look that has begun may use the rest of the function's five
/// minutes: the longest look abandons the document queries of a job of 100,000 patients.
pub const TIME_FOR_LOOKS: Duration = Duration::from_secs(55);

/// The outcome of a look at a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SweepOutcome {
    /// The job expired, because its link expired and no file was uploaded.
    Expired,
    /// The upload was sent to `fan-out` again.
    UploadSent,
    /// The pending chunks were sent again.
    ChunksSent,
    /// The pending document queries were sent again.
    QueriesSent,
    /// The pending document queries were abandoned, because their time is over.
    QueriesAbandoned,
    /// `finalize` was told again that the job has nothing left to wait for.
    FinishedSent,
    /// The pending chunks of an undo, or its end, were sent again.
    UndoSent,
    /// The webhook about the end of the job was sent again.
    Announced,
    /// The pending rows failed, because the job's time to process is over.
    RowsAbandoned,
    /// The job failed, because its file could not be read in time.
    JobAbandoned,
    /// No file was uploaded until long after the link expired, so that the job is not watched any
    /// longer.
    Unwatched,
    /// Nothing: the job makes progress.
    Nothing,
}

/// Looks at the due jobs for as long as a run has time, and passes the outcome of each look to
/// `tell`. A look that fails does not keep the run from the other jobs. Returns the number of
/// looks.
///
/// `time_to_query` is how long the document queries of a job may take, counted from the start of
/// the job.
pub async fn sweep<P: Ports>(
    ports: &P,
    time_to_query: Duration,
    tell: impl Fn(JobId, Result<SweepOutcome, Error>),
) -> Result<usize, Error> {
    let started = ports.environment().now();
    let sweep = Sweep { ports, time_to_query, now: started };
    let has_time = || ports.environment().now() < started.plus(TIME_FOR_LOOKS);
    let (mut looks, mut last) = (0, None);
    while has_time() {
        // Each read continues after the last one, because a job is still due if its look failed,
        // and must not keep this run from the jobs behind it.
        let due = ports.jobs().due_jobs(started, last, JOBS_PER_READ).await?;
        last = due.last().copied();
        if last.is_none() {
            break;
        }
        let ids: Vec<JobId> = due.iter().map(|watched| watched.job).collect();
        let mut loaded = ports.jobs().load_jobs(&ids).await?;
        let due =
            due.into_iter().filter_map(|watched| Some((watched, loaded.remove(&watched.job)?)));
        let due: Vec<(Watched, Job)> = due.collect();
        looks += due.len();
        let look = async |(watched, job): (Watched, Job)| {
            tell(watched.job, sweep.look(watched, &job).await);
        };
        stream::iter(due).for_each_concurrent(CONCURRENT_LOOKS, look).await;
    }
    Ok(looks)
}

struct Sweep<'a, P> {
    ports: &'a P,
    time_to_query: Duration,
    /// The start of the run, which is the present time in all its looks.
    now: Timestamp,
}

impl<P: Ports> Sweep<'_, P> {
    async fn look(&self, watched: Watched, job: &Job) -> Result<SweepOutcome, Error> {
        let pending = self.pending(job).await?;
        let next = self.next_look(job);
        if (!job.status.is_final() || job.undo.is_some())
            && self.ports.jobs().set_due(watched, next, pending).await? == Write::Conflict
        {
            // Another run of the sweep looks at this job, so that this run leaves it alone.
            return Ok(SweepOutcome::Nothing);
        }
        match job.status {
            JobStatus::Waiting | JobStatus::Expired => self.without_file(job).await,
            JobStatus::Processing => self.processing(job, watched.pending == Some(pending)).await,
            JobStatus::Completed | JobStatus::Failed if job.undo.is_some() => {
                let is_stalled = watched.pending == Some(pending);
                if !is_stalled || has(Bug::StalledUndoLost) {
                    return Ok(SweepOutcome::Nothing);
                }
                send_undo(self.ports, job).await?;
                Ok(SweepOutcome::UndoSent)
            }
            JobStatus::Completed | JobStatus::Failed => {
                announce_end(self.ports, job).await?;
                Ok(SweepOutcome::Announced)
            }
        }
    }

    /// Returns how much a job waits for: its pending chunks or, once there are none, its pending
    /// parts of document queries. An ended job waits for the chunks of its undo.
    async fn pending(&self, job: &Job) -> Result<u32, Error> {
        if let Some(undo) = &job.undo {
            return Ok(undo.pending_chunks.iter().map(|_| 1).sum());
        }
        let mut pending = job.pending_chunks.iter().map(|_| 1).sum();
        if pending == 0 {
            for chunk in &job.pending_queries {
                let parts = self.ports.jobs().pending_query_parts(job.id, *chunk).await?;
                pending += parts.iter().map(|_| 1).sum::<u32>();
            }
        }
        Ok(pending)
    }

    fn next_look(&self, job: &Job) -> Timestamp {
        let now = self.now;
        match job.started_at.map(|started| started.plus(self.time_to_query)) {
            Some(late)
                if job.undo.is_none()
                    && job.pending_chunks.is_empty()
                    && !job.pending_queries.is_empty() =>
            {
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

    /// Looks at a job that has accepted no file, after its link expired.
    async fn without_file(&self, job: &Job) -> Result<SweepOutcome, Error> {
        let found = self.ports.objects().find_upload(job.into()).await?;
        let Some(upload) = found.filter(|_| !has(Bug::LostUploadsLost)) else {
            return self.without_upload(job).await;
        };
        if self.now > job.upload_expires_at.plus(TIME_TO_START) {
            abandon_job(self.ports, job).await?;
            return Ok(SweepOutcome::JobAbandoned);
        }
        let message = UploadMessage { customer: job.customer, job: job.id, upload };
        self.ports.queues().send_upload(&message).await?;
        Ok(SweepOutcome::UploadSent)
    }

    /// Looks at a job without an upload. The watch of the job ends with a look after the hour for
    /// late uploads, and never by the clock alone, because during an outage of S3 of several hours
    /// the file may have been there all the time.
    async fn without_upload(&self, job: &Job) -> Result<SweepOutcome, Error> {
        if self.now > job.upload_expires_at && job.status == JobStatus::Waiting {
            end_job(self.ports, job, JobEvent::UploadExpired, None).await?;
            return Ok(SweepOutcome::Expired);
        }
        if self.now > job.upload_expires_at.plus(LATE_UPLOAD_WATCH) {
            remove_from_lists(self.ports, job).await?;
            return Ok(SweepOutcome::Unwatched);
        }
        Ok(SweepOutcome::Nothing)
    }

    async fn processing(&self, job: &Job, is_stalled: bool) -> Result<SweepOutcome, Error> {
        let ports = self.ports;
        if job.is_complete() {
            ports.queues().send_finished(&FinishedMessage { job: job.id }).await?;
            return Ok(SweepOutcome::FinishedSent);
        }
        let (Some(file), Some(started_at)) = (&job.file, job.started_at) else {
            return Ok(SweepOutcome::Nothing);
        };
        if job.pending_chunks.is_empty() {
            let is_late =
                self.now > started_at.plus(self.time_to_query) && !has(Bug::NoQueryDeadline);
            return self.querying(job, is_stalled, is_late).await;
        }
        let is_late = self.now > started_at.plus(TIME_TO_PROCESS);
        if !(is_stalled || is_late) {
            return Ok(SweepOutcome::Nothing);
        }
        // `fan-out` may have died before it sent the webhook about `processing`, which has to come
        // before the one about the end.
        ports.queues().send_webhook(&WebhookMessage::about(job)).await?;
        let plan = PlanFile::read(ports.objects().read_plan(job.into(), &file.upload, None).await?);
        if is_late {
            let chunks = plan.chunks().collect::<Option<Vec<_>>>();
            let unreadable = Error::Inconsistent { job: job.id, what: "the plan cannot be read" };
            abandon_chunks(ports, job, &chunks.ok_or(unreadable)?).await?;
            return Ok(SweepOutcome::RowsAbandoned);
        }
        if !has(Bug::StalledChunksLost) {
            ports
                .queues()
                .send_chunks(job.size(), &plan.messages(job, &job.pending_chunks))
                .await?;
        }
        Ok(SweepOutcome::ChunksSent)
    }

    /// Looks at a job that waits for document queries only.
    async fn querying(
        &self,
        job: &Job,
        is_stalled: bool,
        is_late: bool,
    ) -> Result<SweepOutcome, Error> {
        if is_late {
            abandon_queries_of_job(self.ports, job).await?;
            return Ok(SweepOutcome::QueriesAbandoned);
        }
        if !is_stalled {
            return Ok(SweepOutcome::Nothing);
        }
        for chunk in &job.pending_queries {
            resume_after_count(self.ports, job, *chunk).await?;
        }
        Ok(SweepOutcome::QueriesSent)
    }
}
