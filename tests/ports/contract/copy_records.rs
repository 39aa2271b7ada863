//! The records of copies, of which each is replaced on the condition of its version.

use std::time::Duration;

use bulk_domain::document::{CopyFailure, CopyState, DocumentId, DocumentKey, DocumentName};
use bulk_domain::ids::PatientId;
use bulk_pipeline::ports::{CopyRef, DocumentStore, Write};

use crate::given;

fn copy_of(patient: PatientId) -> CopyRef {
    let document = DocumentKey::of(&DocumentId::new("urn:oid:2.999.1").unwrap());
    CopyRef { customer: given::customer(), document: DocumentName { patient, document } }
}

pub async fn a_record_is_read_as_it_was_stored(ports: &impl DocumentStore) {
    let copy = copy_of(given::patient());
    assert!(ports.load_copy(copy).await.unwrap().is_none());
    let now = given::at(given::NOW);
    let states = [
        CopyState::leased(given::query_attempt(), now),
        CopyState::failed(CopyFailure::Unavailable, Some(Duration::from_secs(7)), now),
        CopyState::failed(CopyFailure::NotTheDocument, None, now),
        CopyState::Stored(now),
    ];
    let mut version = None;
    for state in states {
        assert_eq!(ports.store_copy(copy, state, version).await.unwrap(), Write::Done);
        let read = ports.load_copy(copy).await.unwrap().unwrap();
        assert_eq!((read.value, Some(read.version)), (state, Some(version.unwrap_or(0) + 1)));
        version = Some(read.version);
    }
}

pub async fn a_record_is_stored_on_the_condition_of_its_version(ports: &impl DocumentStore) {
    let copy = copy_of(given::patient());
    let stored = CopyState::Stored(given::at(given::NOW));
    let store = async |version| ports.store_copy(copy, stored, version).await.unwrap();
    assert_eq!(store(Some(1)).await, Write::Conflict);
    assert_eq!(store(None).await, Write::Done);
    assert_eq!(store(None).await, Write::Conflict);
    assert_eq!(store(Some(2)).await, Write::Conflict);
    assert_eq!(store(Some(1)).await, Write::Done);
    assert_eq!(ports.load_copy(copy).await.unwrap().unwrap().version, 2);
}

pub async fn the_records_of_a_patient_are_deleted_and_the_query_stays(ports: &impl DocumentStore) {
    let (copy, other) = (copy_of(given::patient()), copy_of(given::patient()));
    let (customer, patient) = (copy.customer, copy.document.patient);
    let other = CopyRef { customer, ..other };
    let stored = CopyState::Stored(given::at(given::NOW));
    for copy in [copy, other] {
        assert_eq!(ports.store_copy(copy, stored, None).await.unwrap(), Write::Done);
    }
    let query = given::query();
    assert_eq!(ports.store_query(customer, patient, &query, None).await.unwrap(), Write::Done);
    let second = DocumentKey::of(&DocumentId::new("urn:oid:2.999.2").unwrap());
    let second = CopyRef { document: DocumentName { document: second, ..copy.document }, ..copy };
    let leased = CopyState::leased(given::query_attempt(), given::at(given::NOW));
    assert_eq!(ports.store_copy(second, leased, None).await.unwrap(), Write::Done);
    assert_eq!(ports.load_copies(customer, patient).await.unwrap().len(), 2);
    for _ in 0..2 {
        ports.delete_copy_records(customer, patient).await.unwrap();
        assert!(ports.load_copy(copy).await.unwrap().is_none());
        assert!(ports.load_copies(customer, patient).await.unwrap().is_empty());
        assert!(ports.load_copy(other).await.unwrap().is_some());
        assert_eq!(ports.load_queries(customer, &[patient]).await.unwrap().len(), 1);
    }
}

pub async fn all_records_of_a_patient_are_read(ports: &impl DocumentStore) {
    let of = |patient, customer, id: String| {
        let document = DocumentKey::of(&DocumentId::new(&id).unwrap());
        CopyRef { customer, document: DocumentName { patient, document } }
    };
    let (patient, customer) = (given::patient(), given::customer());
    assert!(ports.load_copies(customer, patient).await.unwrap().is_empty());
    let copies: Vec<CopyRef> =
        (0..30).map(|number| of(patient, customer, format!("2.999.{number}"))).collect();
    let others = [(given::patient(), customer), (patient, given::customer())];
    let others = others.map(|(patient, customer)| of(patient, customer, "2.999.99".to_owned()));
    let stored = CopyState::Stored(given::at(given::NOW));
    for copy in copies.iter().chain(&others) {
        assert_eq!(ports.store_copy(*copy, stored, None).await.unwrap(), Write::Done);
    }
    let query = given::query();
    assert_eq!(ports.store_query(customer, patient, &query, None).await.unwrap(), Write::Done);
    let read = ports.load_copies(customer, patient).await.unwrap();
    assert_eq!(read.len(), copies.len());
    for copy in copies {
        let record = &read[&copy.document.document];
        assert_eq!((record.value, record.version), (stored, 1));
    }
}

contract!($ copy_records:
    a_record_is_read_as_it_was_stored,
    all_records_of_a_patient_are_read,
    a_record_is_stored_on_the_condition_of_its_version,
    the_records_of_a_patient_are_deleted_and_the_query_stays,
);
