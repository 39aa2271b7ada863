//! What an operator finds about one patient in the tables, before and after its deletion.
#![allow(clippy::unwrap_used)]

use bulk_domain::document::{
    BulkDownload, CopyState, DocumentId, DocumentKey, DocumentName, Metadata,
};
use bulk_domain::hash_key::Bucket;
use bulk_domain::ids::{CohortId, CustomerId, DownloadId, JobId, PatientId};
use bulk_domain::plan::ChunkNumber;
use bulk_domain::query::QueryOutcome;
use bulk_domain::record::Correction;
use bulk_domain::roster::{Roster, RosterEntry};
use bulk_domain::row::Directory;
use bulk_domain::time::Timestamp;
use bulk_memory::Cloud;
use bulk_pipeline::correct_patient::{PatientCorrection, correct_patient};
use bulk_pipeline::delete_patient::delete_patient;
use bulk_pipeline::find_patient::{FoundPatient, find_patient, patients_with};
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{CopyRef, ExternalIdEntry, WebhookSettings, Write};
use futures::executor::block_on;
use serde_json::json;
use uuid::Uuid;

const CUSTOMER: CustomerId = CustomerId::new(Uuid::from_u128(1));
const OTHER_CUSTOMER: CustomerId = CustomerId::new(Uuid::from_u128(2));
const COHORT: CohortId = CohortId::new(Uuid::from_u128(3));

fn now() -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000)
}

fn entry() -> RosterEntry {
    RosterEntry { job: JobId::first_at(now()), chunk: ChunkNumber::new(7) }
}

fn cloud() -> Cloud {
    let cloud = Cloud::calm();
    for customer in [CUSTOMER, OTHER_CUSTOMER] {
        cloud.set_customer(customer, Directory::default(), WebhookSettings::default());
    }
    cloud
}

/// Stores a patient with an external id, a cohort and several pages of documents.
fn patient(cloud: &Cloud, number: u32) -> PatientId {
    let (name, cohorts) = (format!("Ada{number}"), [COHORT]);
    let row = json!({"externalId": "A", "firstName": name, "cohorts": cohorts});
    let patient = block_on(cloud.add_row(CUSTOMER, entry().job, &row)).unwrap();
    for roster in [Roster::AllPatients, Roster::Cohort(COHORT)] {
        block_on(cloud.add_to_roster(CUSTOMER, roster, entry(), &[patient])).unwrap();
    }
    cloud.set_page_bytes(100);
    let document = |number: u32| json!({"id": number.to_string(), "fileName": "a.pdf"});
    let documents: Vec<_> =
        (0..9).map(|number| serde_json::from_str(&document(number).to_string()).unwrap()).collect();
    let stored = block_on(cloud.add_documents(CUSTOMER, patient, &documents)).unwrap();
    assert!(stored.pages > 1);
    let record =
        block_on(cloud.store_copy(copy_of(patient), CopyState::Stored(cloud.now()), None)).unwrap();
    assert_eq!(record, Write::Done);
    patient
}

fn copy_of(patient: PatientId) -> CopyRef {
    let document = DocumentKey::of(&DocumentId::new("1").unwrap());
    CopyRef { customer: CUSTOMER, document: DocumentName { patient, document } }
}

fn find(cloud: &Cloud, customer: CustomerId, patient: PatientId) -> FoundPatient {
    let key = Cloud::hash_key(customer);
    block_on(find_patient(cloud, customer, &key, patient)).unwrap().unwrap()
}

#[test]
fn every_place_of_a_patient_is_found_and_none_of_another() {
    let cloud = cloud();
    let (wanted, other) = (patient(&cloud, 1), patient(&cloud, 2));
    let download = DownloadId::new(Uuid::from_u128(4));
    let download =
        BulkDownload::new(download, (CUSTOMER, wanted), Metadata::default(), cloud.now());
    assert_eq!(block_on(cloud.store_download(&download, None)).unwrap(), Write::Done);
    let found = find(&cloud, CUSTOMER, wanted);
    assert_eq!(found.bucket, Bucket::of(wanted).unwrap());
    assert_eq!(found.record.unwrap().patient.id, wanted);
    assert_eq!(found.deleted, None);
    assert_eq!(found.jobs.into_iter().collect::<Vec<_>>(), [entry().job]);
    let id = Cloud::hash_key(CUSTOMER).external_id(&"A".parse().unwrap());
    let of_patient = |(hash, entry): &(_, ExternalIdEntry)| *hash == id && entry.patient == wanted;
    assert_eq!(found.external_ids.iter().filter(|entry| of_patient(entry)).count(), 1);
    assert_eq!(found.external_ids.len(), 1);
    assert_eq!(found.rosters, [(Roster::AllPatients, entry()), (Roster::Cohort(COHORT), entry())]);
    assert_eq!(found.query.unwrap().outcome, Some(QueryOutcome::Documents(9)));
    assert_eq!(found.documents.len(), 9);
    assert_eq!(found.copies, [(copy_of(wanted).document, CopyState::Stored(cloud.now()))]);
    assert_eq!(found.download, Some(download));
    assert!(found.calls.is_empty());
    let all = block_on(patients_with(&cloud, CUSTOMER, id)).unwrap();
    assert_eq!(all, [wanted, other].into());
}

#[test]
fn a_corrected_patient_is_found_in_the_item_of_its_new_identity() {
    let cloud = cloud();
    let patient = patient(&cloud, 1);
    let before = find(&cloud, CUSTOMER, patient).record.unwrap().patient;
    let correction = Correction {
        first_name: "Grace".parse().unwrap(),
        last_name: before.last_name,
        dob: before.dob,
        gender: before.gender_at_birth,
        addresses: before.address,
        contacts: Vec::new(),
        ssn: None,
        drivers_license: None,
        external_id: None,
        hie_opt_out: None,
    };
    let key = Cloud::hash_key(CUSTOMER);
    let corrected = correct_patient(&cloud, CUSTOMER, &key, patient, &correction, |_| true);
    assert!(matches!(block_on(corrected).unwrap(), PatientCorrection::Done(_)));
    let found = find(&cloud, CUSTOMER, patient);
    assert_ne!(found.bucket, Bucket::of(patient).unwrap());
    assert_eq!(found.record.unwrap().patient.first_name, correction.first_name);
    assert_eq!(found.deleted, None);
    assert_eq!(found.jobs, [entry().job].into());
    assert_eq!(found.calls.len(), 1);
    assert_eq!(found.external_ids.len(), 1);
    assert_eq!(found.rosters.len(), 2);
}

#[test]
fn what_is_left_of_a_deleted_patient_is_found() {
    let cloud = cloud();
    let patient = patient(&cloud, 1);
    let key = Cloud::hash_key(CUSTOMER);
    assert!(block_on(delete_patient(&cloud, CUSTOMER, &key, patient)).unwrap());
    let found = find(&cloud, CUSTOMER, patient);
    assert_eq!(found.record, None);
    let deleted = found.deleted.unwrap();
    assert_eq!((deleted.id, deleted.at), (patient, cloud.now()));
    assert_eq!(found.jobs.into_iter().collect::<Vec<_>>(), [entry().job]);
    assert_eq!((found.external_ids, found.query), (Vec::new(), None));
    assert_eq!(found.rosters, [(Roster::AllPatients, entry())]);
    assert!(found.documents.is_empty() && found.copies.is_empty());
}

#[test]
fn nothing_of_another_customer_is_found() {
    let cloud = cloud();
    let patient = patient(&cloud, 1);
    let found = find(&cloud, OTHER_CUSTOMER, patient);
    assert_eq!((found.record, found.query, found.rosters), (None, None, Vec::new()));
    assert!(found.jobs.is_empty() && found.external_ids.is_empty() && found.documents.is_empty());
}

#[test]
fn an_id_that_no_patient_ever_had_is_told_as_such() {
    let cloud = cloud();
    let id = PatientId::new(Uuid::now_v7());
    let key = Cloud::hash_key(CUSTOMER);
    assert_eq!(block_on(find_patient(&cloud, CUSTOMER, &key, id)).unwrap(), None);
}
