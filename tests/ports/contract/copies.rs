//! Copies of documents' contents: readable once they are finished, and gone with their patient.

use bulk_domain::document::{DocumentId, DocumentKey, DocumentName};
use bulk_domain::ids::PatientId;
use bulk_domain::media_type::MediaType;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{CopyRef, CopyStore};

use crate::backend::Versions;
use crate::given;

fn copy_of(patient: PatientId, id: &str) -> CopyRef {
    let document = DocumentKey::of(&DocumentId::new(id).unwrap());
    CopyRef { customer: given::customer(), document: DocumentName { patient, document } }
}

fn media_type() -> MediaType {
    MediaType::new("text/plain; charset=utf-8").unwrap()
}

pub async fn a_copy_that_is_never_finished_leaves_the_one_before(ports: &impl CopyStore) {
    let copy = copy_of(given::patient(), "1");
    store(ports, copy).await;
    let other = MediaType::new("application/pdf").unwrap();
    let mut writer = ports.write_copy(copy, &other).await.unwrap();
    writer.write(b"%PDF").await.unwrap();
    drop(writer);
    assert_eq!(ports.find_copy(copy).await.unwrap(), Some(media_type()));
}

async fn store(ports: &impl CopyStore, copy: CopyRef) {
    let mut writer = ports.write_copy(copy, &media_type()).await.unwrap();
    writer.write(b"content").await.unwrap();
    writer.finish().await.unwrap();
}

pub async fn a_copy_is_found_with_its_media_type_when_it_is_finished_and_not_before(
    ports: &impl CopyStore,
) {
    let copy = copy_of(given::patient(), "1");
    assert_eq!(ports.find_copy(copy).await.unwrap(), None);
    let mut writer = ports.write_copy(copy, &media_type()).await.unwrap();
    writer.write(b"content").await.unwrap();
    assert_eq!(ports.find_copy(copy).await.unwrap(), None);
    writer.finish().await.unwrap();
    assert_eq!(ports.find_copy(copy).await.unwrap(), Some(media_type()));
    assert_eq!(ports.find_copy(copy_of(copy.document.patient, "2")).await.unwrap(), None);
}

pub async fn copies_of_a_patient_are_deleted_with_all_their_versions_and_no_others(
    ports: &(impl CopyStore + Versions),
) {
    let (patient, other) = (given::patient(), given::patient());
    let copies = [copy_of(patient, "1"), copy_of(patient, "2")];
    let kept = CopyRef { customer: copies[0].customer, ..copy_of(other, "1") };
    let copies = copies.map(|copy| CopyRef { customer: kept.customer, ..copy });
    for copy in [copies[0], copies[0], copies[1], kept] {
        store(ports, copy).await;
    }
    assert_eq!(ports.versions_of_copies(kept.customer, patient).await, 3);
    for _ in 0..2 {
        ports.delete_copies(kept.customer, patient).await.unwrap();
        for copy in copies {
            assert_eq!(ports.find_copy(copy).await.unwrap(), None);
        }
        assert_eq!(ports.find_copy(kept).await.unwrap(), Some(media_type()));
        assert_eq!(ports.versions_of_copies(kept.customer, patient).await, 0);
        assert_eq!(ports.versions_of_copies(kept.customer, other).await, 1);
    }
}

contract!($ copies:
    a_copy_is_found_with_its_media_type_when_it_is_finished_and_not_before,
    a_copy_that_is_never_finished_leaves_the_one_before,
    copies_of_a_patient_are_deleted_with_all_their_versions_and_no_others,
);
