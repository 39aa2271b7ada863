//! What all tests start from: a customer with a job that has ended, and the calls that deliver its
//! webhooks.

use std::sync::Arc;

use bulk_domain::delivery::WebhookDelivery;
use bulk_domain::document::LinkKey;
use bulk_domain::ids::{CustomerId, FacilityId, JobId};
use bulk_domain::job::{AcceptedFile, Job, JobEvent, JobStatus, Upload};
use bulk_domain::time::Timestamp;
use bulk_domain::webhook::{WebhookKey, WebhookSubject};
use bulk_memory::{Cloud, NoFaults, QueueName, Received};
use bulk_pipeline::deliver_webhook::{DeliveryOutcome, deliver_webhook};
use bulk_pipeline::messages::WebhookMessage;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{WebhookSettings, Write};
use serde_json::json;
use uuid::Uuid;

pub const URL: &str = "https://hooks.example.com/import?token=secret";
pub const START: i64 = 1_800_000_000_000;

pub fn cloud() -> Cloud {
    Cloud::new(Arc::new(NoFaults), Timestamp::from_millis(START), 1)
}

pub fn settings(url: &str) -> WebhookSettings {
    let key = Some(WebhookKey::from_random(&[7; 32]));
    let link_key = Some(LinkKey::new([8; 32]));
    WebhookSettings { url: Some(url.to_owned()), key, link_key, ..WebhookSettings::default() }
}

pub fn customer(number: u128) -> CustomerId {
    CustomerId::new(Uuid::from_u128(number))
}

/// Stores a job that was canceled before its file was uploaded.
pub async fn canceled_job(cloud: &Cloud, customer: CustomerId, number: u128) -> Job {
    let (id, facility) = (JobId::new(Uuid::from_u128(number << 8)), FacilityId::new(Uuid::nil()));
    let job = Job::new(id, customer, facility, false, cloud.now());
    cloud.create_job(&job).await.unwrap();
    end(cloud, job).await
}

/// Stores a job that was canceled after its file was accepted.
pub async fn started_job(cloud: &Cloud, customer: CustomerId, number: u128) -> Job {
    let (id, facility) = (JobId::new(Uuid::from_u128(number << 8)), FacilityId::new(Uuid::nil()));
    let job = Job::new(id, customer, facility, false, cloud.now());
    cloud.create_job(&job).await.unwrap();
    let upload = Upload { version: "1".into(), etag: "\"e\"".into(), bytes: 9 };
    let columns =
        serde_json::from_value(json!({"width": 1, "columns": [[0, "firstName"]]})).unwrap();
    let accepted = job
        .accept(AcceptedFile { upload, columns, rows: 1, chunks: 1 }, false, cloud.now())
        .unwrap();
    assert_eq!(cloud.change_state(JobStatus::Waiting, &accepted).await.unwrap(), Write::Done);
    end(cloud, accepted).await
}

async fn end(cloud: &Cloud, job: Job) -> Job {
    let before = job.status;
    let ended = job.end(JobEvent::Canceled, Some("canceled".into()), cloud.now()).unwrap();
    assert_eq!(cloud.change_state(before, &ended).await.unwrap(), Write::Done);
    ended
}

/// Returns the message which says that the job reached `status`.
pub fn message(job: &Job, status: JobStatus) -> WebhookMessage {
    WebhookMessage::of(job.customer, WebhookSubject::job(job.id, status))
}

pub async fn announce(cloud: &Cloud, job: &Job, status: JobStatus) {
    cloud.send_webhook(&message(job, status)).await.unwrap();
}

pub async fn deliver(cloud: &Cloud, message: &WebhookMessage) -> DeliveryOutcome {
    deliver_webhook(cloud, cloud, message).await.unwrap()
}

/// Receives the next message of the queue. The clock goes forward to the time at which it can be
/// received.
pub fn next_message(cloud: &Cloud) -> Option<Received> {
    let next = cloud.with_queues(|queues| queues.get(QueueName::Webhooks).next_visible())?;
    cloud.set_time(next);
    let now = cloud.now();
    cloud.with_queues(|queues| queues.get(QueueName::Webhooks).receive(now, 0))
}

pub fn read(received: &Received) -> WebhookMessage {
    serde_json::from_str(&received.body).unwrap()
}

/// Receives the next message and handles it as the function does. Returns `None` if the queue is
/// empty.
pub async fn deliver_next(cloud: &Cloud) -> Option<DeliveryOutcome> {
    let received = next_message(cloud)?;
    let outcome = deliver(cloud, &read(&received)).await;
    let now = cloud.now();
    cloud.with_queues(|queues| match outcome {
        DeliveryOutcome::Busy { after } => {
            queues.get(QueueName::Webhooks).hide(received.receipt, now.plus(after));
        }
        _ => queues.get(QueueName::Webhooks).delete(received.receipt),
    });
    Some(outcome)
}

/// Delivers every message of the queue, in virtual time, until the queue is empty.
pub async fn deliver_all(cloud: &Cloud) {
    while deliver_next(cloud).await.is_some() {}
}

/// Returns the record of the delivery about `status`.
pub fn record(cloud: &Cloud, status: JobStatus) -> WebhookDelivery {
    cloud
        .deliveries()
        .into_iter()
        .find(|delivery| delivery.subject.event() == Some(status.into()))
        .unwrap()
}

/// Returns the statuses that the customer's server was told, in order.
pub fn told(cloud: &Cloud) -> Vec<String> {
    let status = |body: &[u8]| {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap();
        body["bulkPatientCreate"]["status"].as_str().unwrap().to_owned()
    };
    cloud.received().iter().map(|(_, request)| status(&request.body)).collect()
}
