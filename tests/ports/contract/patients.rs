//! Patients: read in batches of any size, written on the condition that the version is the expected
//! one.

use bulk_domain::record::PatientRecord;
use bulk_pipeline::ports::{PatientStore, Write};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::given;

/// Bytes of the largest item that DynamoDB takes, names and keys included.
const LARGEST_ITEM: usize = 400 * 1024;

async fn load(
    ports: &impl PatientStore,
    customer: bulk_domain::ids::CustomerId,
    id: bulk_domain::ids::PatientId,
) -> Option<(PatientRecord, u64)> {
    let mut found = ports.load_patients(customer, &[id]).await.unwrap();
    assert!(found.len() <= 1);
    found.remove(&id).map(|found| (found.value, found.version))
}

pub async fn a_patient_is_loaded_as_it_was_stored_letter_by_letter(ports: &impl PatientStore) {
    let (customer, record) = (given::customer(), given::record("Straße des 17. Juni \u{1F600}"));
    assert_eq!(ports.store_patient(customer, &record, None).await.unwrap(), Write::Done);
    assert_eq!(load(ports, customer, record.patient.id).await.unwrap().0, record);
}

pub async fn a_patient_is_stored_only_over_the_version_that_was_read(ports: &impl PatientStore) {
    let (customer, id) = (given::customer(), given::patient());
    let [first, second, third, other] =
        ["1", "2", "3", "4"].map(|street| given::record_of(id, street));
    assert_eq!(
        ports.store_patient(customer, &other, Some(1)).await.unwrap(),
        Write::Conflict,
        "nothing is stored"
    );
    assert_eq!(load(ports, customer, id).await, None);

    assert_eq!(ports.store_patient(customer, &first, None).await.unwrap(), Write::Done);
    let (_, one) = load(ports, customer, id).await.unwrap();
    assert_eq!(
        ports.store_patient(customer, &other, None).await.unwrap(),
        Write::Conflict,
        "a version is stored"
    );
    assert_eq!(load(ports, customer, id).await.unwrap(), (first, one));

    assert_eq!(ports.store_patient(customer, &second, Some(one)).await.unwrap(), Write::Done);
    let (_, two) = load(ports, customer, id).await.unwrap();
    assert!(two > one);
    for version in [None, Some(one), Some(two + 1), Some(0)] {
        let write = ports.store_patient(customer, &other, version).await.unwrap();
        assert_eq!(write, Write::Conflict, "{version:?} over {two}");
    }
    assert_eq!(load(ports, customer, id).await.unwrap(), (second, two));

    assert_eq!(ports.store_patient(customer, &third, Some(two)).await.unwrap(), Write::Done);
    assert_eq!(load(ports, customer, id).await.unwrap().0, third);
}

pub async fn of_many_writes_over_one_version_one_takes_place(ports: &impl PatientStore) {
    let (customer, id) = (given::customer(), given::patient());
    for version in [None, Some(1)] {
        let records: Vec<_> =
            (0..8).map(|n| given::record_of(id, &format!("{n} of {version:?}"))).collect();
        let writes = records.iter().map(|record| ports.store_patient(customer, record, version));
        let writes = futures::future::try_join_all(writes).await.unwrap();
        let done: Vec<_> = (0..8).filter(|&index| writes[index] == Write::Done).collect();
        assert_eq!(done.len(), 1);
        assert_eq!(load(ports, customer, id).await.unwrap().0, records[done[0]]);
    }
}

pub async fn a_patient_of_one_customer_is_none_of_another(ports: &impl PatientStore) {
    let (customer, other, record) =
        (given::customer(), given::customer(), given::record("1 Main St"));
    let _ = ports.store_patient(customer, &record, None).await.unwrap();
    assert_eq!(load(ports, other, record.patient.id).await, None);
    let same_id = given::record_of(record.patient.id, "2 Oak Ave");
    assert_eq!(ports.store_patient(other, &same_id, None).await.unwrap(), Write::Done);
    assert_eq!(load(ports, customer, record.patient.id).await.unwrap().0, record);
    assert_eq!(load(ports, other, record.patient.id).await.unwrap().0, same_id);
}

pub async fn of_hundreds_those_that_exist_are_found(ports: &impl PatientStore) {
    let customer = given::customer();
    let records: Vec<_> =
        (0..250).map(|number| given::record(&format!("{number} Main St"))).collect();
    let mut asked = Vec::new();
    for record in &records {
        asked.extend([given::patient(), record.patient.id]);
        assert_eq!(ports.store_patient(customer, record, None).await.unwrap(), Write::Done);
    }
    let found = ports.load_patients(customer, &asked).await.unwrap();
    assert_eq!(found.len(), records.len());
    assert!(records.iter().all(|record| found[&record.patient.id].value == *record));
}

pub async fn no_patient_is_found_if_none_is_asked_for(ports: &impl PatientStore) {
    assert_eq!(ports.load_patients(given::customer(), &[]).await.unwrap().len(), 0);
}

pub async fn a_patient_who_is_asked_for_twice_is_found_once(ports: &impl PatientStore) {
    let (customer, record) = (given::customer(), given::record("1 Main St"));
    let _ = ports.store_patient(customer, &record, None).await.unwrap();
    let asked = [record.patient.id, given::patient(), record.patient.id];
    assert_eq!(ports.load_patients(customer, &asked).await.unwrap().len(), 1);
}

/// DynamoDB answers a batch with 16 MB at most, and returns the other keys as unprocessed.
pub async fn answers_of_more_than_16_mb_come_complete(ports: &impl PatientStore) {
    let customer = given::customer();
    let records: Vec<_> = (0..45).map(|_| given::record_of_bytes(390_000)).collect();
    let stores = stream::iter(&records).map(|record| ports.store_patient(customer, record, None));
    let writes: Vec<Write> = stores.buffered(4).try_collect().await.unwrap();
    assert!(writes.iter().all(|write| *write == Write::Done));
    let asked: Vec<_> = records.iter().map(|record| record.patient.id).collect();
    let found = ports.load_patients(customer, &asked).await.unwrap();
    assert_eq!(found.len(), records.len());
    assert!(records.iter().all(|record| found[&record.patient.id].value == *record));
}

pub async fn the_largest_record_that_rows_make_is_stored(ports: &impl PatientStore) {
    let (customer, record) = (given::customer(), given::record_of_5000_addresses());
    assert_eq!(ports.store_patient(customer, &record, None).await.unwrap(), Write::Done);
    assert_eq!(load(ports, customer, record.patient.id).await.unwrap().0, record);
}

pub async fn a_patient_of_nearly_400_kb_is_stored_and_a_larger_one_refused_for_good(
    ports: &impl PatientStore,
) {
    let customer = given::customer();
    let large = given::record_of_bytes(LARGEST_ITEM - 200);
    assert_eq!(ports.store_patient(customer, &large, None).await.unwrap(), Write::Done);
    assert_eq!(load(ports, customer, large.patient.id).await.unwrap().0, large);

    let too_large = given::record_of_bytes(LARGEST_ITEM);
    let error = ports.store_patient(customer, &too_large, None).await.unwrap_err();
    assert!(!error.transient && error.code.contains("ValidationException"), "{error}");
    assert_eq!(load(ports, customer, too_large.patient.id).await, None);
}

contract!($ patients:
    a_patient_is_loaded_as_it_was_stored_letter_by_letter,
    a_patient_is_stored_only_over_the_version_that_was_read,
    of_many_writes_over_one_version_one_takes_place,
    a_patient_of_one_customer_is_none_of_another,
    of_hundreds_those_that_exist_are_found,
    no_patient_is_found_if_none_is_asked_for,
    a_patient_who_is_asked_for_twice_is_found_once,
    answers_of_more_than_16_mb_come_complete,
    the_largest_record_that_rows_make_is_stored,
    a_patient_of_nearly_400_kb_is_stored_and_a_larger_one_refused_for_good,
);
