//! A customer with a job that has ended, and what the tests do with its webhooks.

use std::sync::Arc;

use domain::delivery::WebhookDelivery;
use domain::ids::{CustomerId, FacilityId, JobId};
use domain::job::{Job, JobEvent, JobStatus};
use domain::time::Timestamp;
use domain::webhook::WebhookKey;
use memory::{Cloud, QueueName, Received, Reliable};
use pipeline::deliver_webhook::{DeliverWebhook, Delivery};
use pipeline::messages::WebhookMessage;
use pipeline::ports::{ChangeState as _, Clock as _, CreateJob as _, SendWebhook as _, WebhookSettings};
use uuid::Uuid;

pub const URL: &str = "https://hooks.example.com/import?token=secret";
pub const START: i64 = 1_800_000_000_000;

pub fn cloud() -> Cloud {
    Cloud::new(Arc::new(Reliable), Timestamp::from_millis(START), 1)
}

pub fn settings(url: &str) -> WebhookSettings {
    let key = Some(WebhookKey::from_random(&[7; 32]));
    WebhookSettings { url: Some(url.to_owned()), key, ..WebhookSettings::default() }
}

pub fn customer(number: u128) -> CustomerId {
    CustomerId::new(Uuid::from_u128(number))
}

/// A job that has failed.
pub async fn ended_job(cloud: &Cloud, customer: CustomerId, number: u128) -> Job {
    let (id, facility) = (JobId::new(Uuid::from_u128(number << 8)), FacilityId::new(Uuid::nil()));
    let job = Job::new(id, customer, facility, false, cloud.now());
    cloud.create_job(&job).await.unwrap();
    let ended = job.end(JobEvent::Canceled, Some("canceled".into()), cloud.now()).unwrap();
    let _ = cloud.change_state(JobStatus::Waiting, &ended).await.unwrap();
    ended
}

pub async fn announce(cloud: &Cloud, job: &Job, status: JobStatus) {
    let message = WebhookMessage { status, ..WebhookMessage::about(job) };
    cloud.send_webhook(&message).await.unwrap();
}

pub async fn deliver(cloud: &Cloud, message: &WebhookMessage) -> Delivery {
    let deliver = DeliverWebhook {
        jobs: cloud.clone(),
        settings: cloud.clone(),
        files: cloud.clone(),
        http: cloud.clone(),
        webhooks: cloud.clone(),
        clock: cloud.clone(),
    };
    deliver.run(message).await.unwrap()
}

/// The next message of the queue, at its time.
pub fn next_message(cloud: &Cloud) -> Option<Received> {
    let next = cloud.with_queues(|queues| queues.get(QueueName::Webhooks).next_visible())?;
    cloud.set_time(next);
    let now = cloud.now();
    cloud.with_queues(|queues| queues.get(QueueName::Webhooks).receive(now, 0))
}

/// Works the queue off, in virtual time, until nothing is left in it.
pub async fn work_off(cloud: &Cloud) {
    while let Some(received) = next_message(cloud) {
        deliver(cloud, &serde_json::from_str(&received.body).unwrap()).await;
        cloud.with_queues(|queues| queues.get(QueueName::Webhooks).delete(received.receipt));
    }
}

/// The record of the delivery about `status`.
pub fn record(cloud: &Cloud, status: JobStatus) -> WebhookDelivery {
    cloud.deliveries().into_iter().find(|delivery| delivery.status == status).unwrap()
}

/// The statuses that the server was told, in order.
pub fn told(cloud: &Cloud) -> Vec<String> {
    let status = |body: &[u8]| {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap();
        body["bulkPatientCreate"]["status"].as_str().unwrap().to_owned()
    };
    cloud.received().iter().map(|(_, request)| status(&request.body)).collect()
}
