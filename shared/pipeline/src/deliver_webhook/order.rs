//! The order of a job's webhooks: `processing`, then those about documents, then the one about the
//! end.
//!
//! The message about the completion of a job waits for those about documents, because a customer
//! reads it as "this was all". The job has completed only after all of its document queries ended,
//! so that there is nothing else to wait for. A job that failed was canceled or abandoned, and its
//! queries go on by themselves. The customer is told about the failure at once, and about the
//! documents when they are there.

use bulk_domain::delivery::{Order, WebhookDelivery};
use bulk_domain::job::Job;
use bulk_domain::mutants::{Bug, has};
use bulk_domain::time::Timestamp;
use bulk_domain::webhook::{WebhookEvent, WebhookSubject};

use crate::Error;
use crate::messages::WebhookMessage;
use crate::ports::prelude::*;
use crate::ports::{PortResult, Ports, Versioned, WebhookSettings};

/// Returns whether the customer is to be told about documents of the job's patients.
pub(super) fn has_documents(job: &Job, settings: &WebhookSettings) -> bool {
    let may_query = !job.dry_run && (job.queries > 0 || !job.status.is_final());
    settings.patient_webhooks && may_query
}

/// Returns whether the job's other webhooks let this one be posted now.
pub(super) async fn order<P: Ports>(
    ports: &P,
    job: &Job,
    event: WebhookEvent,
    settings: &WebhookSettings,
    now: Timestamp,
) -> Result<Order, Error> {
    match event {
        WebhookEvent::Processing => {
            // The job is read again, because it may have ended after the attempt began.
            let Some(job) = ports.jobs().load_job(job.id).await? else {
                return Ok(Order::TooLate);
            };
            if !job.status.is_final() {
                return Ok(Order::Free);
            }
            let end = delivery_of(ports, &job, job.status.into()).await?;
            Ok(WebhookDelivery::order_before(end.as_ref().map(|end| &end.value), now))
        }
        WebhookEvent::Documents => after_start(ports, job, now).await,
        WebhookEvent::Completed | WebhookEvent::Failed => {
            let order = after_start(ports, job, now).await?;
            if order != Order::Free || !has_documents(job, settings) {
                return Ok(order);
            }
            let documents = delivery_of(ports, job, WebhookEvent::Documents).await?;
            if documents.is_none() && !has(Bug::DocumentsNotTold) {
                // The webhook about `processing` was not delivered, or the customer chose these
                // webhooks later.
                send_first(ports, job, WebhookEvent::Documents).await?;
            }
            if event == WebhookEvent::Failed {
                return Ok(Order::Free);
            }
            let documents = documents.as_ref().map(|documents| &documents.value);
            let completed = job.finished_at.unwrap_or(job.created_at);
            Ok(WebhookDelivery::order_after_documents(documents, completed, now))
        }
    }
}

/// Returns whether the webhook about `processing` lets a later one of the job be posted now.
async fn after_start<P: Ports>(ports: &P, job: &Job, now: Timestamp) -> Result<Order, Error> {
    if job.file.is_none() || has(Bug::WebhookOutOfOrder) {
        // The job was never `processing`.
        return Ok(Order::Free);
    }
    let start = delivery_of(ports, job, WebhookEvent::Processing).await?;
    if start.is_none() {
        // The message about `processing` was sent before this one. It may still be in the queue, or
        // lost, because no URL was set when it was received, or because its record has expired.
        // Another message settles this in all cases, because the record recognizes a repetition.
        send_first(ports, job, WebhookEvent::Processing).await?;
    }
    Ok(WebhookDelivery::order_after(start.as_ref().map(|start| &start.value), now))
}

/// Returns the delivery of the webhook about another event of the job.
async fn delivery_of<P: Ports>(
    ports: &P,
    job: &Job,
    event: WebhookEvent,
) -> PortResult<Option<Versioned<WebhookDelivery>>> {
    ports.deliveries().load_delivery(job.customer, WebhookSubject::job(job.id, event)).await
}

/// Sends the first message of the queue about another event of the job.
pub(super) async fn send_first<P: Ports>(
    ports: &P,
    job: &Job,
    event: WebhookEvent,
) -> PortResult<()> {
    let subject = WebhookSubject::job(job.id, event);
    ports.queues().send_webhook(&WebhookMessage::of(job.customer, subject)).await
}
