//! Bulk downloads: one at a time for each patient, and only for a customer that the links can be
//! sent to.

use bulk_api::ApiError;
use bulk_api::operations::start_bulk_download::start_bulk_download;
use bulk_domain::document::{BulkDownload, Metadata};
use bulk_domain::ids::{CustomerId, JobId, PatientId};
use bulk_domain::row::Directory;
use bulk_memory::{Cloud, QueueName};
use bulk_pipeline::messages::DownloadMessage;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{WebhookSettings, Write};
use futures::executor::block_on;
use serde_json::json;
use uuid::Uuid;

const CUSTOMER: CustomerId = CustomerId::new(Uuid::from_u128(1));

fn cloud(url: Option<&str>) -> Cloud {
    let cloud = Cloud::calm();
    let settings = WebhookSettings { url: url.map(str::to_owned), ..WebhookSettings::default() };
    cloud.set_customer(CUSTOMER, Directory::default(), settings);
    cloud
}

fn add_patient(cloud: &Cloud, opted_out: bool) -> PatientId {
    let job = JobId::new(Uuid::from_u128(4));
    block_on(cloud.add_row(CUSTOMER, job, &json!({"hieOptOut": opted_out}))).unwrap()
}

fn start(cloud: &Cloud, patient: PatientId) -> Result<BulkDownload, ApiError> {
    block_on(start_bulk_download(cloud, CUSTOMER, patient, Metadata::default()))
}

fn messages(cloud: &Cloud) -> Vec<DownloadMessage> {
    let now = cloud.now();
    cloud.with_queues(|queues| {
        let queue = queues.get(QueueName::Downloads);
        std::iter::from_fn(|| {
            let received = queue.receive(now, 0)?;
            queue.delete(received.receipt);
            Some(serde_json::from_str(&received.body).unwrap())
        })
        .collect()
    })
}

#[test]
fn a_call_is_answered_by_the_bulk_download_that_has_not_ended() {
    let cloud = cloud(Some("https://customer.example/"));
    let patient = add_patient(&cloud, false);
    let first = start(&cloud, patient).unwrap();
    assert_eq!(start(&cloud, patient).unwrap(), first);
    let message = DownloadMessage { customer: CUSTOMER, patient, download: first.id };
    assert_eq!(messages(&cloud), [message, message], "the first call may have died");
    let ended = first.clone().ended(0, &[]);
    assert_eq!(block_on(cloud.store_download(&ended, Some(1))).unwrap(), Write::Done);
    let next = start(&cloud, patient).unwrap();
    assert_ne!(next.id, first.id);
    assert_eq!(next.tally, None);
}

#[test]
fn without_a_url_the_call_says_what_to_do() {
    let cloud = cloud(None);
    let patient = add_patient(&cloud, false);
    let refused = start(&cloud, patient).unwrap_err();
    assert!(matches!(refused, ApiError::BadRequest(text) if text.contains("POST /settings")));
    assert!(cloud.downloads().is_empty() && messages(&cloud).is_empty());
}

#[test]
fn without_a_gateway_there_is_nothing_to_download() {
    let cloud = cloud(Some("https://customer.example/")).without_gateway();
    let patient = add_patient(&cloud, false);
    assert!(matches!(start(&cloud, patient), Err(ApiError::Conflict(_))));
}

#[test]
fn patients_who_are_unknown_or_opted_out_are_not_found() {
    let cloud = cloud(Some("https://customer.example/"));
    for patient in [add_patient(&cloud, true), PatientId::new(Uuid::from_u128(99))] {
        assert!(matches!(start(&cloud, patient), Err(ApiError::NotFound(_))));
    }
    assert!(cloud.downloads().is_empty());
}
