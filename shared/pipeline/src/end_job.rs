//! The end of a job: the state changes once, the customer is told, and the sweep stops looking.

use domain::job::{Job, JobEvent, JobStatus};

use crate::Error;
use crate::messages::WebhookMessage;
use crate::ports::{ChangeState, Clock, FindUpload, OpenJobs, PortResult, SendWebhook, Watchlist, Write};

/// Ends a job that is still in the state it was read in. None: it is not, look again.
pub async fn end_job(
    jobs: &(impl ChangeState + OpenJobs + Watchlist),
    webhooks: &impl SendWebhook,
    clock: &impl Clock,
    job: &Job,
    event: JobEvent,
    reason: Option<String>,
) -> Result<Option<Job>, Error> {
    let Ok(ended) = job.clone().end(event, reason, clock.now()) else { return Ok(None) };
    if jobs.change_state(job.status, &ended).await? == Write::Conflict {
        return Ok(None);
    }
    // The sweep goes on looking for the file of an expired job, and the customer is not told: nobody waits for a job
    // without a file.
    if ended.status.is_final() {
        announce_end(jobs, webhooks, &ended).await?;
    }
    Ok(Some(ended))
}

/// Tells the customer that a job ended, and forgets it. Every repetition sends the same message, with the same id.
pub async fn announce_end(
    jobs: &(impl OpenJobs + Watchlist),
    webhooks: &impl SendWebhook,
    job: &Job,
) -> Result<(), Error> {
    webhooks.send_webhook(&WebhookMessage::about(job)).await?;
    forget(jobs, job).await
}

/// Takes a job off the lists of what is under way. The sweep repeats it until all of it is done, because the job leaves
/// the sweep's own list last.
pub async fn forget(jobs: &(impl OpenJobs + Watchlist), job: &Job) -> Result<(), Error> {
    jobs.leave(job.customer, job.id).await?;
    Ok(jobs.forget(job.id).await?)
}

/// Whether a job's upload link has run out without a file being there.
pub async fn is_expired(files: &impl FindUpload, clock: &impl Clock, job: &Job) -> PortResult<bool> {
    let ran_out = job.status == JobStatus::Waiting && clock.now() > job.upload_expires_at;
    Ok(ran_out && files.find_upload(job.into()).await?.is_none())
}
