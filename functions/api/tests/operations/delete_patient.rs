//! A patient that a customer deletes: what is left, and what lists and cohorts show then.

use bulk_api::operations::delete_patient::delete_patient;
use bulk_api::operations::get_cohort::size;
use bulk_api::operations::get_document_query::get_document_query;
use bulk_api::operations::get_patient_by_external_id::get_patient_by_external_id;
use bulk_api::operations::list_patients::{Selection, list_patients};
use bulk_api::{ApiError, IfMatch, PageRequest};
use bulk_domain::e_tag::ETag;
use bulk_domain::hash_key::Bucket;
use bulk_domain::ids::{CohortId, CustomerId, JobId, PatientId};
use bulk_domain::plan::ChunkNumber;
use bulk_domain::roster::{Roster, RosterEntry, RosterPlace};
use bulk_domain::row::Directory;
use bulk_memory::Cloud;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{WebhookSettings, Write};
use futures::executor::block_on;
use serde_json::json;
use uuid::Uuid;

const CUSTOMER: CustomerId = CustomerId::new(Uuid::from_u128(1));
const OTHER_CUSTOMER: CustomerId = CustomerId::new(Uuid::from_u128(2));
const COHORT: CohortId = CohortId::new(Uuid::from_u128(3));
const JOB: JobId = JobId::new(Uuid::from_u128(4));

fn cloud() -> Cloud {
    let cloud = Cloud::calm();
    for customer in [CUSTOMER, OTHER_CUSTOMER] {
        cloud.set_customer(customer, Directory::default(), WebhookSettings::default());
    }
    cloud
}

/// Stores a patient of the cohort with this external id.
fn patient(cloud: &Cloud, number: u32, external_id: &str) -> PatientId {
    let (name, cohorts) = (format!("Ada{number}"), [COHORT]);
    let row = json!({"externalId": external_id, "firstName": name, "cohorts": cohorts});
    let patient = block_on(cloud.add_row(CUSTOMER, JOB, &row)).unwrap();
    let entry = RosterEntry { job: JOB, chunk: ChunkNumber::new(number / 4) };
    for roster in [Roster::AllPatients, Roster::Cohort(COHORT)] {
        block_on(cloud.add_to_roster(CUSTOMER, roster, entry, &[patient])).unwrap();
    }
    patient
}

/// Stores documents of the patient that fill several pages.
fn find_documents(cloud: &Cloud, patient: PatientId) {
    cloud.set_page_bytes(100);
    let document = |number| json!({"id": format!("{number}"), "fileName": "a.pdf"});
    let documents: Vec<_> =
        (0..9).map(|number| serde_json::from_str(&document(number).to_string()).unwrap()).collect();
    let stored = block_on(cloud.add_documents(CUSTOMER, patient, &documents)).unwrap();
    assert!(stored.pages > 1);
}

fn delete(cloud: &Cloud, patient: PatientId) -> Result<(), ApiError> {
    block_on(delete_patient(cloud, CUSTOMER, patient, &IfMatch::any()))
}

fn cohort_size(cloud: &Cloud) -> usize {
    block_on(size(cloud, CUSTOMER, COHORT)).unwrap()
}

/// Returns a page of two patients, and where the next one begins.
fn page(
    cloud: &Cloud,
    roster: Roster,
    from: Option<RosterPlace>,
) -> (Vec<PatientId>, Option<RosterPlace>) {
    let request = from.map_or(PageRequest::first(2), |from| PageRequest::from(from, 2));
    let page =
        block_on(list_patients(cloud, CUSTOMER, roster, &Selection::default(), request)).unwrap();
    (page.items.iter().map(|patient| patient.id).collect(), page.next)
}

fn is_not_found<T>(answer: &Result<T, ApiError>) -> bool {
    matches!(answer, Err(ApiError::NotFound(_)))
}

#[test]
fn nothing_of_a_deleted_patient_is_found() {
    let cloud = cloud();
    let (deleted, other) = (patient(&cloud, 1, "A"), patient(&cloud, 2, "B"));
    find_documents(&cloud, deleted);
    delete(&cloud, deleted).unwrap();
    assert!(is_not_found(&block_on(get_document_query(&cloud, CUSTOMER, deleted))));
    let by_external_id =
        |id: &str| block_on(get_patient_by_external_id(&cloud, CUSTOMER, &id.parse().unwrap()));
    assert!(is_not_found(&by_external_id("A")));
    assert_eq!(by_external_id("B").unwrap().id, other);
    let entries = cloud.external_ids(CUSTOMER);
    assert_eq!(entries.iter().map(|(_, entry)| entry.patient).collect::<Vec<_>>(), [other]);
    assert!(cloud.document_pages().is_empty());
    assert!(cloud.patient_queries(CUSTOMER).unwrap().is_empty());
    assert!(is_not_found(&delete(&cloud, deleted)));
}

#[test]
fn a_patient_of_another_customer_is_not_deleted() {
    let cloud = cloud();
    let patient = patient(&cloud, 1, "A");
    assert!(is_not_found(&block_on(delete_patient(
        &cloud,
        OTHER_CUSTOMER,
        patient,
        &IfMatch::any()
    ))));
    assert_eq!(cloud.patients(CUSTOMER).unwrap().len(), 1);
}

#[test]
fn a_patient_that_has_changed_since_it_was_read_stays() {
    let cloud = cloud();
    let patient = patient(&cloud, 1, "A");
    let record = cloud.patients(CUSTOMER).unwrap().remove(0);
    let delete =
        |tag: &ETag| block_on(delete_patient(&cloud, CUSTOMER, patient, &IfMatch::tag(tag)));
    let stale = ETag::of(&"another state");
    assert!(matches!(delete(&stale), Err(ApiError::PreconditionFailed)));
    assert_eq!(cloud.patients(CUSTOMER).unwrap().len(), 1);
    delete(&ETag::of(&record.patient)).unwrap();
    assert!(is_not_found(&delete(&stale)), "what is gone is not found, whatever was expected");
}

#[test]
fn a_repeated_call_cleans_up_what_a_call_that_died_left_behind() {
    let cloud = cloud();
    let patient = patient(&cloud, 1, "A");
    find_documents(&cloud, patient);
    let bucket = Bucket::of(patient).unwrap();
    let mut known = block_on(cloud.load_people(CUSTOMER, &[bucket])).unwrap();
    let mut known = known.remove(&bucket).unwrap();
    assert!(known.value.delete(patient, &Cloud::hash_key(CUSTOMER), None, cloud.now()));
    let version = Some(known.version);
    let write = block_on(cloud.store_person(CUSTOMER, bucket, &known.value, version)).unwrap();
    assert_eq!(write, Write::Done);
    assert_eq!((cohort_size(&cloud), cloud.external_ids(CUSTOMER).len()), (1, 1));
    assert!(is_not_found(&delete(&cloud, patient)));
    assert_eq!((cohort_size(&cloud), cloud.external_ids(CUSTOMER).len()), (0, 0));
    assert!(cloud.document_pages().is_empty());
    assert!(cloud.patient_queries(CUSTOMER).unwrap().is_empty());
}

#[test]
fn the_next_patient_with_the_external_id_is_still_warned_of_the_others() {
    let cloud = cloud();
    let (first, second) = (patient(&cloud, 1, "A"), patient(&cloud, 2, "A"));
    delete(&cloud, first).unwrap();
    let id = Cloud::hash_key(CUSTOMER).external_id(&"A".parse().unwrap());
    let new = PatientId::new(Uuid::from_u128(9));
    let others = block_on(cloud.add_external_id(CUSTOMER, id, new, JOB, 9)).unwrap();
    assert!(others.iter().any(|entry| entry.patient == second));
}

#[test]
fn no_page_misses_a_patient_who_stays_and_the_size_of_the_cohort_is_right() {
    for roster in [Roster::AllPatients, Roster::Cohort(COHORT)] {
        let cloud = cloud();
        let all: Vec<PatientId> = (0..11).map(|number| patient(&cloud, number, "A")).collect();
        let (first, next) = page(&cloud, roster, None);
        assert_eq!(first, all[..2]);
        // One on the page that was read, one at the place of the next page, and a whole entry.
        for index in [0, 2, 4, 5, 6, 7] {
            delete(&cloud, all[index]).unwrap();
        }
        assert_eq!(cohort_size(&cloud), 5);
        let (second, next) = page(&cloud, roster, next);
        assert_eq!(second, [all[3], all[8]]);
        let (third, next) = page(&cloud, roster, next);
        assert_eq!((&third[..], next), (&all[9..], None));
    }
}

#[test]
fn lists_of_deleted_patients_end() {
    let cloud = cloud();
    let all: Vec<PatientId> = (0..9).map(|number| patient(&cloud, number, "A")).collect();
    let (_, next) = page(&cloud, Roster::Cohort(COHORT), None);
    for patient in all {
        delete(&cloud, patient).unwrap();
    }
    for from in [None, next] {
        for roster in [Roster::AllPatients, Roster::Cohort(COHORT)] {
            assert_eq!(page(&cloud, roster, from), (Vec::new(), None));
        }
    }
    assert_eq!(cohort_size(&cloud), 0);
}
