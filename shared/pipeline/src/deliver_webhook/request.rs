//! The request of a webhook about a job, and the event that tells the audit trail about it.

use std::time::Duration;

use bulk_domain::audit::{Action, AuditEvent, Link, Objects, Phase};
use bulk_domain::job::{Job, JobStatus};
use bulk_domain::time::Timestamp;
use bulk_domain::webhook::{JobMessage, message_id, signed_headers};

use crate::Error;
use crate::messages::WebhookMessage;
use crate::ports::prelude::*;
use crate::ports::{Ports, ResultFile, WebhookRequest, WebhookSettings};

/// How long a download link is valid.
pub const LINK_VALID: Duration = Duration::from_mins(3);

/// How long the customer's server may take to answer a webhook or a ping.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(4);

/// Returns whether the webhook about this status has a link to patient data.
pub(super) fn has_link(status: JobStatus) -> bool {
    status == JobStatus::Completed
}

/// Returns the webhook that a job reached a status, signed for an attempt that begins now.
pub(super) async fn request<P: Ports>(
    ports: &P,
    job: &Job,
    status: JobStatus,
    url: String,
    settings: &WebhookSettings,
) -> Result<WebhookRequest, Error> {
    let now = ports.environment().now();
    // The link is signed in each attempt, so that it is always valid for its full time.
    let result = if has_link(status) {
        Some(ports.objects().sign_download(job.into(), ResultFile::Result, LINK_VALID).await?)
    } else {
        None
    };
    let reason = if status == JobStatus::Failed { job.reason.as_deref() } else { None };
    let message = JobMessage::new(job.id, status, result.as_deref(), reason, now);
    let body = message.to_body();
    let headers =
        signed_headers(&settings.signing_keys(now), message_id(job.id, status), now, &body);
    Ok(WebhookRequest { url, headers, body, within: ANSWER_TIME })
}

/// Returns the event that a webhook is about to be posted.
pub(super) fn audit_event(
    message: &WebhookMessage,
    request: &WebhookRequest,
    now: Timestamp,
) -> AuditEvent {
    let WebhookMessage { customer, job, status, .. } = *message;
    let event = AuditEvent::of_job(now, Phase::Begun, Action::webhook(&request.url), customer, job);
    let links = has_link(status).then_some(Link::Result);
    let message = Some(message_id(job, status));
    let objects = Objects { message, links: links.into_iter().collect(), ..event.objects.clone() };
    AuditEvent { objects, ..event }
}
