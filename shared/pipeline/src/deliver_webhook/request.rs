//! The request of a webhook about a job, and the event that tells the audit trail about it.

use std::time::Duration;

use bulk_domain::audit::{Action, AuditEvent, Link, Objects, Phase};
use bulk_domain::delivery::WebhookDelivery;
use bulk_domain::job::Job;
use bulk_domain::time::Timestamp;
use bulk_domain::webhook::{DocumentsMessage, JobMessage, WebhookEvent, signed_headers};

use super::documents::Page;
use crate::Error;
use crate::ports::prelude::*;
use crate::ports::{Ports, ResultFile, WebhookRequest, WebhookSettings};

/// How long a download link is valid.
pub const LINK_VALID: Duration = Duration::from_mins(3);

/// How long the customer's server may take to answer a webhook or a ping.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(4);

/// Returns whether the webhook about this event has patient data, or a link to it.
pub(super) fn has_patient_data(event: WebhookEvent) -> bool {
    match event {
        WebhookEvent::Documents | WebhookEvent::Completed => true,
        WebhookEvent::Processing | WebhookEvent::Failed => false,
    }
}

/// Returns the webhook of a delivery, signed for an attempt that begins now. `page` has the
/// patients of a webhook about documents.
pub(super) async fn request<P: Ports>(
    ports: &P,
    job: &Job,
    delivery: &WebhookDelivery,
    page: Option<&Page>,
    url: String,
    settings: &WebhookSettings,
) -> Result<WebhookRequest, Error> {
    let now = ports.environment().now();
    let body = if let Some(page) = page {
        DocumentsMessage::new(job.id, delivery.documents.from, &page.patients, now).to_body()
    } else {
        // The link is signed in each attempt, so that it is always valid for its full time.
        let result = match delivery.event {
            WebhookEvent::Completed => {
                let link =
                    ports.objects().sign_download(job.into(), ResultFile::Result, LINK_VALID);
                Some(link.await?)
            }
            WebhookEvent::Processing | WebhookEvent::Documents | WebhookEvent::Failed => None,
        };
        let reason = job.reason.as_deref().filter(|_| delivery.event == WebhookEvent::Failed);
        JobMessage::new(job.id, delivery.event, result.as_deref(), reason, now).to_body()
    };
    let headers = signed_headers(&settings.signing_keys(now), delivery.message_id(), now, &body);
    Ok(WebhookRequest { url, headers, body, within: ANSWER_TIME })
}

/// Returns the event that a webhook is about to be posted.
pub(super) fn audit_event(
    delivery: &WebhookDelivery,
    page: Option<&Page>,
    request: &WebhookRequest,
    now: Timestamp,
) -> AuditEvent {
    let WebhookDelivery { customer, job, .. } = *delivery;
    let event = AuditEvent::of_job(now, Phase::Begun, Action::webhook(&request.url), customer, job);
    let links = (delivery.event == WebhookEvent::Completed).then_some(Link::Result);
    let patients = page.map(|page| page.patients.as_slice()).unwrap_or_default();
    let objects = Objects {
        message: Some(delivery.message_id()),
        links: links.into_iter().collect(),
        patients: patients.iter().map(|patient| patient.patient_id).collect(),
        ..event.objects.clone()
    };
    AuditEvent { objects, ..event }
}
