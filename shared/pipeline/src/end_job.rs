//! How a job ends: its state changes once, a webhook is sent, and the sweep stops looking at the
//! job.

use bulk_domain::audit::ImportStep;
use bulk_domain::job::{Job, JobEvent, JobStatus};

use crate::Error;
use crate::audit::record_step;
use crate::messages::WebhookMessage;
use crate::ports::prelude::*;
use crate::ports::{PortResult, Ports, Write};

/// Ends a job that is still in the state in which it was read. Returns `None` if it is not, so that
/// the caller reads the job again.
pub async fn end_job<P: Ports>(
    ports: &P,
    job: &Job,
    event: JobEvent,
    reason: Option<String>,
) -> Result<Option<Job>, Error> {
    let Ok(ended) = job.clone().end(event, reason, ports.environment().now()) else {
        return Ok(None);
    };
    record_step(ports, job, ImportStep::EndJob).await?;
    if ports.jobs().change_state(job.status, &ended).await? == Write::Conflict {
        return Ok(None);
    }
    // An expired job stays watched, because its file may still arrive, and has no webhook, because
    // a customer that uploaded no file does not wait for one.
    if ended.status.is_final() {
        announce_end(ports, &ended).await?;
    }
    Ok(Some(ended))
}

/// Sends the webhook about the end of a job and removes the job from the lists. A retry sends a
/// webhook with the same id.
pub(crate) async fn announce_end<P: Ports>(ports: &P, job: &Job) -> Result<(), Error> {
    ports.queues().send_webhook(&WebhookMessage::about(job)).await?;
    remove_from_lists(ports, job).await
}

/// Removes a job from the open and the watched jobs. The job leaves the watched jobs last, so that
/// the sweep repeats an attempt that died in between.
pub(crate) async fn remove_from_lists<P: Ports>(ports: &P, job: &Job) -> Result<(), Error> {
    ports.jobs().remove_open_job(job.customer, job.id).await?;
    Ok(ports.jobs().unwatch(job.id).await?)
}

/// Returns whether the upload link of a waiting job has expired and no file was uploaded.
pub async fn is_expired<P: Ports>(ports: &P, job: &Job) -> PortResult<bool> {
    let has_expired =
        job.status == JobStatus::Waiting && ports.environment().now() > job.upload_expires_at;
    Ok(has_expired && ports.objects().find_upload(job.into()).await?.is_none())
}
