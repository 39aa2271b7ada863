//! The messages with links to the documents of a patient, after a bulk download has ended.

use std::collections::{BTreeMap, BTreeSet};

use bulk_domain::delivery::DeliveryState;
use bulk_domain::document::{BulkDownload, DocumentKey, DocumentName, DocumentRecord, Metadata};
use bulk_domain::ids::{DownloadId, JobId, PatientId};
use bulk_domain::media_type::MediaType;
use bulk_domain::row::Directory;
use bulk_domain::webhook::{LinksPage, WebhookSubject};
use bulk_memory::Cloud;
use bulk_pipeline::messages::WebhookMessage;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{CopyRef, WebhookSettings, Write};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::setup::{URL, customer, deliver_all, settings};

/// A patient with documents, and a bulk download of them that has ended.
struct Given {
    cloud: Cloud,
    patient: PatientId,
    download: BulkDownload,
}

impl Given {
    /// Every document has a copy, except for the last `errors` ones.
    async fn new(documents: u32, errors: u32) -> Self {
        let cloud = Cloud::calm();
        let settings = WebhookSettings { is_verified: true, ..settings(URL) };
        cloud.set_customer(customer(1), Directory::default(), settings);
        let patient = add_patient(&cloud, false).await;
        let records: Vec<DocumentRecord> = (0..documents).map(record).collect();
        cloud.add_documents(customer(1), patient, &records).await.unwrap();
        let copied: Vec<&DocumentRecord> =
            records.iter().take((documents - errors) as usize).collect();
        for record in &copied {
            let copy = copy_of(patient, record);
            let media_type = MediaType::new("application/pdf").unwrap();
            cloud.write_copy(copy, &media_type).await.unwrap().finish().await.unwrap();
        }
        let id = DownloadId::new(Uuid::from_u128(0x77 << 8));
        let texts = BTreeMap::from([("chart".to_owned(), "7731".to_owned())]);
        let metadata = Metadata::try_from(texts).unwrap();
        let download = BulkDownload::new(id, (customer(1), patient), metadata, cloud.now());
        let download = download.ended(documents, &copied);
        assert_eq!(cloud.store_download(&download, None).await.unwrap(), Write::Done);
        let given = Self { cloud, patient, download };
        given.send().await;
        given
    }

    /// Sends the messages as the worker does that ends the bulk download.
    async fn send(&self) {
        for page in 0..self.download.messages() {
            let links = LinksPage { download: self.download.id, patient: self.patient, page };
            let message = WebhookMessage::of(customer(1), WebhookSubject::Links { links });
            self.cloud.send_webhook(&message).await.unwrap();
        }
    }

    fn bodies(&self) -> Vec<Value> {
        let received = self.cloud.received();
        received.iter().map(|(_, request)| serde_json::from_slice(&request.body).unwrap()).collect()
    }

    fn states(&self) -> Vec<DeliveryState> {
        self.cloud.deliveries().iter().map(|delivery| delivery.state).collect()
    }
}

async fn add_patient(cloud: &Cloud, opted_out: bool) -> PatientId {
    // The younger job's value counts.
    let job = JobId::new(Uuid::from_u128(4 + u128::from(opted_out)));
    let fields = json!({"externalId": "A-1", "hieOptOut": opted_out});
    cloud.add_row(customer(1), job, &fields).await.unwrap()
}

fn record(number: u32) -> DocumentRecord {
    serde_json::from_value(json!({
        "id": format!("d{number}"), "fileName": "A title.pdf", "mimeType": "application/pdf", "size": 9,
    }))
    .unwrap()
}

fn copy_of(patient: PatientId, record: &DocumentRecord) -> CopyRef {
    let document = DocumentKey::of(&record.document.id);
    CopyRef { customer: customer(1), document: DocumentName { patient, document } }
}

fn documents(body: &Value) -> &Vec<Value> {
    body["patients"][0]["documents"].as_array().unwrap()
}

#[tokio::test]
async fn a_message_has_the_shape_that_clients_read() {
    let given = Given::new(2, 1).await;
    deliver_all(&given.cloud).await;
    let [body] = &given.bodies()[..] else { panic!() };
    let (messages, patient) = (given.cloud.deliveries(), given.patient);
    let [document] = &documents(body)[..] else { panic!("{body}") };
    let name = copy_of(patient, &record(0)).document;
    let expected = json!({
        "meta": {
            "messageId": messages[0].message_id(), "requestId": given.download.id,
            "when": "2027-01-15T08:00:00.000Z", "type": "medical.document-bulk-download-urls",
            "data": {"chart": "7731"},
        },
        "patients": [{
            "patientId": patient, "externalId": "A-1", "status": "completed", "errors": 1,
            "documents": [{
                "id": "d0", "fileName": format!("{name}.pdf"), "description": "A title.pdf",
                "mimeType": "application/pdf", "size": 9, "url": document["url"],
            }],
            "pagination": {"page": 1, "totalPages": 1, "totalItems": 1},
        }],
    });
    assert_eq!(*body, expected);
}

#[tokio::test]
async fn many_documents_are_told_in_several_messages_each_once() {
    let given = Given::new(230, 20).await;
    deliver_all(&given.cloud).await;
    let bodies = given.bodies();
    assert_eq!(bodies.iter().map(|body| documents(body).len()).collect::<Vec<_>>(), [100, 100, 10]);
    let links: BTreeSet<&str> = bodies
        .iter()
        .flat_map(documents)
        .map(|document| document["url"].as_str().unwrap())
        .collect();
    assert_eq!(links.len(), 210);
    for (page, body) in (1..).zip(&bodies) {
        let patient = &body["patients"][0];
        let pagination = json!({"page": page, "totalPages": 3, "totalItems": 210});
        assert_eq!((&patient["pagination"], &patient["errors"]), (&pagination, &json!(20)));
    }
}

#[tokio::test]
async fn a_patient_without_documents_is_completed_and_one_without_copies_failed() {
    for (count, status) in [(0, "completed"), (3, "failed")] {
        let given = Given::new(count, count).await;
        deliver_all(&given.cloud).await;
        let [body] = &given.bodies()[..] else { panic!() };
        assert_eq!(body["patients"][0]["status"], status);
        assert!(documents(body).is_empty());
    }
}

#[tokio::test]
async fn each_attempt_signs_its_links_and_keeps_the_id_of_the_message() {
    let given = Given::new(2, 0).await;
    given.cloud.set_answers(URL, vec![500]);
    given.cloud.expire_copy(copy_of(given.patient, &record(1)));
    deliver_all(&given.cloud).await;
    let [first, second] = &given.bodies()[..] else { panic!() };
    assert_eq!(first["meta"]["messageId"], second["meta"]["messageId"]);
    assert_ne!(first["meta"]["when"], second["meta"]["when"]);
    for body in [first, second] {
        assert_eq!(documents(body).len(), 1, "a copy has reached the end of its retention");
        assert!(documents(body)[0]["url"].as_str().unwrap().contains("?expires=3600&"));
    }
    assert_eq!(given.states(), [DeliveryState::Delivered]);
}

#[tokio::test]
async fn nothing_is_sent_about_a_patient_who_was_opted_out_meanwhile() {
    let given = Given::new(2, 0).await;
    assert_eq!(add_patient(&given.cloud, true).await, given.patient);
    deliver_all(&given.cloud).await;
    assert!(given.cloud.received().is_empty());
    assert_eq!(given.states(), [DeliveryState::Skipped]);
}

#[tokio::test]
async fn only_the_newest_bulk_download_of_a_patient_is_told() {
    let given = Given::new(2, 0).await;
    let next = DownloadId::new(Uuid::from_u128(0x78 << 8));
    let of = (customer(1), given.patient);
    let next = BulkDownload::new(next, of, Metadata::default(), given.cloud.now()).ended(0, &[]);
    assert_eq!(given.cloud.store_download(&next, Some(1)).await.unwrap(), Write::Done);
    deliver_all(&given.cloud).await;
    assert!(given.cloud.received().is_empty());
    assert_eq!(given.states(), [DeliveryState::Skipped]);
}

#[tokio::test]
async fn no_link_is_sent_to_a_url_that_answers_no_ping() {
    let given = Given::new(2, 0).await;
    given.cloud.set_customer(customer(1), Directory::default(), settings(URL));
    given.cloud.set_pong(URL, false);
    deliver_all(&given.cloud).await;
    assert!(given.cloud.received().is_empty());
    assert_eq!(given.states(), [DeliveryState::Failed]);
}

#[tokio::test]
async fn a_repeated_message_is_sent_once() {
    let given = Given::new(2, 0).await;
    given.send().await;
    deliver_all(&given.cloud).await;
    given.send().await;
    deliver_all(&given.cloud).await;
    assert_eq!(given.bodies().len(), 1);
}

#[tokio::test]
async fn the_audit_trail_has_the_patient_and_the_number_of_links() {
    let given = Given::new(3, 1).await;
    deliver_all(&given.cloud).await;
    let events = given.cloud.audit_events();
    let event = events.iter().find(|event| event.objects.message.is_some()).unwrap();
    assert_eq!((&event.objects.patients, event.objects.documents), (&[given.patient].into(), 2));
    assert!(event.objects.jobs.is_empty() && event.objects.links.len() == 1);
}
