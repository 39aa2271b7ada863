//! Patients by the external ids that their customer has given them.

use bulk_domain::ids::CustomerId;
use bulk_domain::patient::ExternalId;
use bulk_domain::record::PatientRecord;
use bulk_pipeline::ports::{PatientStore, Write};

use crate::given;

fn with_id(external_id: &str) -> PatientRecord {
    let mut record = given::record("1 Main St");
    record.patient.external_id = Some(external_id.parse().unwrap());
    record
}

async fn find(
    ports: &impl PatientStore,
    customer: CustomerId,
    id: &str,
) -> Vec<bulk_domain::ids::PatientId> {
    let id: ExternalId = id.parse().unwrap();
    let mut found = ports.find_by_external_id(customer, &id).await.unwrap();
    found.sort();
    found
}

pub async fn all_patients_with_the_id_are_found_and_no_others(ports: &impl PatientStore) {
    let (customer, other) = (given::customer(), given::customer());
    let records = ["Nº 7/ä#李", "Nº 7/ä#李", "nº 7/ä#李", "Nº 7"].map(with_id);
    for record in &records {
        assert_eq!(ports.store_patient(customer, record, None).await.unwrap(), Write::Done);
    }
    assert_eq!(ports.store_patient(other, &with_id("Nº 7"), None).await.unwrap(), Write::Done);
    let [first, second, _, fourth] = records.map(|record| record.patient.id);
    assert_eq!(find(ports, customer, "Nº 7/ä#李").await, [first, second]);
    assert_eq!(find(ports, customer, "Nº 7").await, [fourth]);
    assert_eq!(find(ports, customer, "Nº").await, []);
}

pub async fn a_patient_is_found_by_the_id_that_it_has_now(ports: &impl PatientStore) {
    let (customer, mut record) = (given::customer(), with_id("old"));
    assert_eq!(ports.store_patient(customer, &record, None).await.unwrap(), Write::Done);
    record.patient.external_id = Some("new".parse().unwrap());
    assert_eq!(ports.store_patient(customer, &record, Some(1)).await.unwrap(), Write::Done);
    assert_eq!(find(ports, customer, "old").await, []);
    assert_eq!(find(ports, customer, "new").await, [record.patient.id]);
    record.patient.external_id = None;
    assert_eq!(ports.store_patient(customer, &record, Some(2)).await.unwrap(), Write::Done);
    assert_eq!(find(ports, customer, "new").await, []);
}

contract!($ external_ids:
    all_patients_with_the_id_are_found_and_no_others,
    a_patient_is_found_by_the_id_that_it_has_now,
);
