//! What is deleted of the documents of patients who were opted out or deleted, if the attempt that
//! did so died before it deleted them.
#![allow(clippy::unwrap_used)]

use bulk_domain::document::{CopyState, DocumentId, DocumentKey, DocumentName};
use bulk_domain::ids::{CustomerId, JobId, PatientId};
use bulk_domain::media_type::MediaType;
use bulk_domain::row::Directory;
use bulk_memory::Cloud;
use bulk_pipeline::messages::WithdrawalMessage;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{CopyRef, WebhookSettings, Write};
use bulk_pipeline::withdrawal::delete_left_documents;
use serde_json::json;
use uuid::Uuid;

const CUSTOMER: CustomerId = CustomerId::new(Uuid::from_u128(1));

fn cloud() -> Cloud {
    let cloud = Cloud::calm();
    cloud.set_customer(CUSTOMER, Directory::default(), WebhookSettings::default());
    cloud
}

/// Stores a patient with several pages of documents and a copy of one of them.
async fn patient(cloud: &Cloud, name: &str) -> PatientId {
    let (job, row) = (JobId::first_at(cloud.now()), json!({"firstName": name}));
    let patient = cloud.add_row(CUSTOMER, job, &row).await.unwrap();
    find_documents(cloud, patient).await;
    let document = DocumentKey::of(&DocumentId::new("1").unwrap());
    let copy = CopyRef { customer: CUSTOMER, document: DocumentName { patient, document } };
    assert_eq!(
        cloud.store_copy(copy, CopyState::Stored(cloud.now()), None).await.unwrap(),
        Write::Done
    );
    let mut writer = cloud.write_copy(copy, &MediaType::new("text/plain").unwrap()).await.unwrap();
    writer.write(b"content").await.unwrap();
    writer.finish().await.unwrap();
    patient
}

/// Stores a query of the patient that has found documents of several pages.
async fn find_documents(cloud: &Cloud, patient: PatientId) {
    cloud.set_page_bytes(100);
    let document = |number: u32| json!({"id": number.to_string(), "fileName": "a.pdf"});
    let documents: Vec<_> =
        (0..9).map(|number| serde_json::from_value(document(number)).unwrap()).collect();
    let found = cloud.add_documents(CUSTOMER, patient, &documents).await.unwrap();
    assert!(found.pages > 1);
}

/// Stores an opt-out, or an opt-in, as an attempt does that dies right after that.
async fn opt_out(cloud: &Cloud, patient: PatientId, opt_out: bool) {
    let (bucket, mut known) = cloud.load_item_of(CUSTOMER, patient).await.unwrap().unwrap();
    let call = JobId::of_call(cloud.new_id());
    known.value.patient_mut(patient).unwrap().set_opt_out(opt_out, call, cloud.now());
    let version = Some(known.version);
    let write = cloud.store_person(CUSTOMER, bucket, &known.value, version).await.unwrap();
    assert_eq!(write, Write::Done);
}

/// Stores a deletion, as an attempt does that dies right after that.
async fn delete(cloud: &Cloud, patient: PatientId) {
    let (bucket, mut known) = cloud.load_item_of(CUSTOMER, patient).await.unwrap().unwrap();
    assert!(known.value.delete(patient, &Cloud::hash_key(CUSTOMER), None, cloud.now()));
    let version = Some(known.version);
    let write = cloud.store_person(CUSTOMER, bucket, &known.value, version).await.unwrap();
    assert_eq!(write, Write::Done);
}

/// Returns the number of stored things about the documents of a patient: the documents of the first
/// page and the further pages, the records of copies, and the copies.
async fn left(cloud: &Cloud, patient: PatientId) -> [usize; 3] {
    let queries = cloud.load_queries(CUSTOMER, &[patient]).await.unwrap();
    let first = queries.get(&patient).and_then(|query| query.value.documents.as_ref());
    let pages = cloud.document_pages().iter().filter(|(of, _)| *of == patient).count();
    let records = cloud.load_copies(CUSTOMER, patient).await.unwrap().len();
    let first = first.map_or(0, |documents| documents.first.len());
    [first + pages, records, cloud.versions_of_copies(CUSTOMER, patient)]
}

#[tokio::test]
async fn documents_of_opted_out_and_deleted_patients_are_deleted_and_no_others() {
    let cloud = cloud();
    let [out, gone, stays] =
        [patient(&cloud, "Ada").await, patient(&cloud, "Eva").await, patient(&cloud, "Ida").await];
    let before = left(&cloud, stays).await;
    assert!(before.iter().all(|count| *count > 0), "{before:?}");
    opt_out(&cloud, out, true).await;
    delete(&cloud, gone).await;
    let message = WithdrawalMessage { customer: CUSTOMER, withdrawn: vec![out, gone, stays] };
    for _ in 0..2 {
        assert_eq!(delete_left_documents(&cloud, &message).await.unwrap(), 2);
        assert_eq!(left(&cloud, out).await, [0; 3]);
        assert_eq!(left(&cloud, gone).await, [0; 3]);
        assert_eq!(left(&cloud, stays).await, before);
    }
    let queries = cloud.load_queries(CUSTOMER, &[out, gone]).await.unwrap();
    assert!(queries.contains_key(&out) && !queries.contains_key(&gone));
}

#[tokio::test]
async fn what_is_found_after_the_patient_was_opted_in_again_stays() {
    let cloud = cloud();
    let patient = patient(&cloud, "Ada").await;
    for is_out in [true, false] {
        opt_out(&cloud, patient, is_out).await;
    }
    find_documents(&cloud, patient).await;
    let before = left(&cloud, patient).await;
    let message = WithdrawalMessage { customer: CUSTOMER, withdrawn: vec![patient] };
    assert_eq!(delete_left_documents(&cloud, &message).await.unwrap(), 0);
    assert_eq!(left(&cloud, patient).await, before);
}
