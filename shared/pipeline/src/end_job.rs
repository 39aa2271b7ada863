//! The end of a job: the state changes once, the customer is told, and the sweep stops looking.

use domain::job::{Job, JobEvent, JobStatus};

use crate::Error;
use crate::messages::WebhookMessage;
use crate::ports::{ChangeState, Clock, FindUpload, PortResult, SendWebhook, Watchlist, Write};

/// Ends a job that is still in the state it was read in. None: it is not, look again.
pub async fn end_job(
    jobs: &(impl ChangeState + Watchlist),
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
    announce_end(jobs, webhooks, &ended).await?;
    Ok(Some(ended))
}

/// Says that a job ended, as often as it is asked to: the message's id is always the same.
pub async fn announce_end(
    jobs: &impl Watchlist,
    webhooks: &impl SendWebhook,
    job: &Job,
) -> Result<(), Error> {
    // Nobody waits for a job without a file, so that nobody is told when it expires.
    if job.status != JobStatus::Expired {
        webhooks.send_webhook(&WebhookMessage::about(job)).await?;
    }
    Ok(jobs.forget(job.id).await?)
}

/// Whether a job's upload link has run out without a file being there.
pub async fn is_expired(files: &impl FindUpload, clock: &impl Clock, job: &Job) -> PortResult<bool> {
    let ran_out = job.status == JobStatus::Waiting && clock.now() > job.upload_expires_at;
    Ok(ran_out && files.find_upload(job.into()).await?.is_none())
}
