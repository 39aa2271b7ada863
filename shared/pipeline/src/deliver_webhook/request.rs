//! The request of a webhook about a job, and the event that tells the audit trail about a webhook.

use std::time::Duration;

use bulk_domain::audit::{Action, Actor, AuditEvent, Link, Objects, Phase};
use bulk_domain::delivery::WebhookDelivery;
use bulk_domain::job::Job;
use bulk_domain::time::Timestamp;
use bulk_domain::webhook::{
    DocumentsMessage, JobMessage, WebhookEvent, WebhookSubject, signed_headers,
};

use super::documents::Page;
use crate::Error;
use crate::ports::prelude::*;
use crate::ports::{Ports, ResultFile, WebhookRequest, WebhookSettings};

/// How long a link to a result is valid.
pub const RESULT_LINK_VALID: Duration = Duration::from_mins(3);

/// How long the customer's server may take to answer a webhook or a ping.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(4);

/// Returns whether the webhook about this subject has patient data, or a link to it.
pub(super) fn has_patient_data(subject: WebhookSubject) -> bool {
    match subject.event() {
        Some(WebhookEvent::Documents | WebhookEvent::Completed) | None => true,
        Some(WebhookEvent::Processing | WebhookEvent::Failed) => false,
    }
}

/// Returns the webhook of a delivery, signed for an attempt that begins now. `page` has the
/// patients of a webhook about documents.
pub(super) async fn request<P: Ports>(
    ports: &P,
    (job, event): (&Job, WebhookEvent),
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
        let result = match event {
            WebhookEvent::Completed => {
                let link = ports.objects().sign_download(
                    job.into(),
                    ResultFile::Result,
                    RESULT_LINK_VALID,
                );
                Some(link.await?)
            }
            WebhookEvent::Processing | WebhookEvent::Documents | WebhookEvent::Failed => None,
        };
        let reason = job.reason.as_deref().filter(|_| event == WebhookEvent::Failed);
        JobMessage::new(job.id, event, result.as_deref(), reason, now).to_body()
    };
    Ok(signed(delivery, body, url, settings, now))
}

/// Returns the request of a webhook with this body.
pub(super) fn signed(
    delivery: &WebhookDelivery,
    body: Vec<u8>,
    url: String,
    settings: &WebhookSettings,
    now: Timestamp,
) -> WebhookRequest {
    let headers = signed_headers(&settings.signing_keys(now), delivery.message_id(), now, &body);
    WebhookRequest { url, headers, body, within: ANSWER_TIME }
}

/// Returns what a webhook about a job has: the patients, and the links.
pub(super) fn objects(event: WebhookEvent, page: Option<&Page>) -> Objects {
    let patients = page.map(|page| page.patients.as_slice()).unwrap_or_default();
    let documents = patients.iter().map(|patient| patient.documents.len()).sum();
    let result = (event == WebhookEvent::Completed).then_some(Link::Result);
    let document = (documents > 0).then_some(Link::Document);
    Objects {
        links: result.into_iter().chain(document).collect(),
        patients: patients.iter().map(|patient| patient.patient_id).collect(),
        documents,
        ..Objects::default()
    }
}

/// Returns the event that a webhook with these objects is about to be posted.
pub(super) fn audit_event(
    delivery: &WebhookDelivery,
    request: &WebhookRequest,
    objects: Objects,
    now: Timestamp,
) -> AuditEvent {
    AuditEvent {
        time: now,
        phase: Phase::Begun,
        action: Action::webhook(&request.url),
        customer: Some(delivery.customer),
        actor: Actor::Service,
        objects: Objects {
            jobs: delivery.subject.job_id().into_iter().collect(),
            message: Some(delivery.message_id()),
            ..objects
        },
        outcome: None,
    }
}
