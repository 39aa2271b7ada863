//! The entries of external ids: of two patients under one id, the later one is told of the earlier.

use std::collections::BTreeSet;

use bulk_domain::hash_key::ExternalIdHash;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_pipeline::ports::{ExternalIdEntry, ExternalIdStore};

use crate::given;

fn hash(external_id: &str) -> ExternalIdHash {
    given::HASH_KEY.external_id(&external_id.parse().unwrap())
}

async fn read(
    ports: &impl ExternalIdStore,
    customer: CustomerId,
    id: ExternalIdHash,
) -> Vec<ExternalIdEntry> {
    ports.read_external_id(customer, id, None, 100).await.unwrap()
}

fn patients(entries: &[ExternalIdEntry]) -> BTreeSet<PatientId> {
    entries.iter().map(|entry| entry.patient).collect()
}

pub async fn a_patient_is_told_of_those_before(ports: &impl ExternalIdStore) {
    let (customer, id) = (given::customer(), hash("Nº 7/ä#李"));
    let mut before = BTreeSet::new();
    for patient in [(); 4].map(|()| given::patient()) {
        for _ in 0..2 {
            let add = ports.add_external_id(customer, id, patient, given::job_id(), 20);
            let mut others = patients(&add.await.unwrap());
            if before.is_empty() {
                assert!(others.is_empty(), "the first entry");
            } else {
                assert_eq!(others, before);
            }
            others.insert(patient);
        }
        before.insert(patient);
    }
    assert_eq!(patients(&read(ports, customer, id).await), before);
}

pub async fn of_many_patients_at_the_same_time_all_but_one_are_told(ports: &impl ExternalIdStore) {
    let (customer, id, job) = (given::customer(), hash("MRN"), given::job_id());
    let all = [(); 8].map(|()| given::patient());
    let adds = all.map(|patient| ports.add_external_id(customer, id, patient, job, 20));
    let told = futures::future::try_join_all(adds).await.unwrap();
    assert_eq!(told.iter().filter(|others| others.is_empty()).count(), 1);
    assert_eq!(patients(&read(ports, customer, id).await), BTreeSet::from(all));
}

pub async fn first_entries_are_inserted_where_there_is_none(ports: &impl ExternalIdStore) {
    let (customer, job) = (given::customer(), given::job_id());
    let first = || ExternalIdEntry { patient: given::patient(), job, is_first: true };
    let (early, late) = (first(), first());
    assert!(ports.insert_external_ids(customer, &[]).await.unwrap().is_empty());
    let entries = [(hash("MRN 1"), early)];
    assert_eq!(ports.insert_external_ids(customer, &entries).await.unwrap(), [true]);
    let mut all: Vec<_> = (2..60).map(|number| (hash(&format!("MRN {number}")), first())).collect();
    all.insert(30, (hash("MRN 1"), late));
    let stored = ports.insert_external_ids(customer, &all).await.unwrap();
    for ((id, entry), is_stored) in all.iter().zip(&stored) {
        assert_eq!(*is_stored, entry.patient != late.patient);
        let expected = if *is_stored { *entry } else { early };
        assert_eq!(read(ports, customer, *id).await, [expected]);
    }
    assert_eq!(stored.len(), 59);
    let told = ports.add_external_id(customer, hash("MRN 1"), late.patient, job, 20).await.unwrap();
    assert_eq!(told, [early]);
}

pub async fn of_many_first_entries_at_the_same_time_one_is_inserted(ports: &impl ExternalIdStore) {
    let (customer, id, job) = (given::customer(), hash("MRN"), given::job_id());
    let all = [(); 8].map(|()| ExternalIdEntry { patient: given::patient(), job, is_first: true });
    let batches: Vec<[_; 2]> = all.map(|entry| [(hash("other"), entry), (id, entry)]).into();
    let inserts = batches.iter().map(|batch| ports.insert_external_ids(customer, batch));
    let stored = futures::future::try_join_all(inserts).await.unwrap();
    let done: Vec<usize> = (0..all.len()).filter(|&index| stored[index][1]).collect();
    assert_eq!(done.len(), 1);
    assert_eq!(read(ports, customer, id).await, [all[done[0]]]);
}

pub async fn entries_are_read_from_a_place_on(ports: &impl ExternalIdStore) {
    let (customer, id) = (given::customer(), hash("MRN"));
    for _ in 0..7 {
        let add = ports.add_external_id(customer, id, given::patient(), given::job_id(), 2);
        assert!(add.await.unwrap().len() <= 2);
    }
    let all = read(ports, customer, id).await;
    assert_eq!((all.len(), all[0].is_first), (7, true));
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = ports.read_external_id(customer, id, after, 3).await.unwrap();
        after = page.last().copied();
        let is_end = page.len() < 3;
        paged.extend(page);
        if is_end {
            break;
        }
    }
    assert_eq!(paged, all);
}

pub async fn the_entry_of_a_newer_job_stays(ports: &impl ExternalIdStore) {
    let (customer, id) = (given::customer(), hash("MRN"));
    let jobs = [(); 3].map(|()| given::job_id());
    for patient in [given::patient(), given::patient()] {
        for job in [jobs[1], jobs[2], jobs[0]] {
            ports.add_external_id(customer, id, patient, job, 20).await.unwrap();
        }
        let entries = read(ports, customer, id).await;
        let newest = entries.iter().filter(|entry| entry.patient == patient).map(|it| it.job).max();
        assert_eq!(newest, Some(jobs[2]));
    }
}

pub async fn an_entry_is_deleted_only_as_it_was_read(ports: &impl ExternalIdStore) {
    let (customer, id) = (given::customer(), hash("MRN"));
    let (patients, older, newer) =
        ([given::patient(), given::patient()], given::job_id(), given::job_id());
    for patient in patients {
        ports.add_external_id(customer, id, patient, older, 20).await.unwrap();
    }
    let entries = read(ports, customer, id).await;
    assert_eq!(entries.len(), 2);
    for entry in &entries {
        ports.add_external_id(customer, id, entry.patient, newer, 20).await.unwrap();
        ports.delete_external_id(customer, id, *entry).await.unwrap();
    }
    let now = read(ports, customer, id).await;
    assert_eq!(
        now.iter().map(|entry| entry.patient).collect::<Vec<_>>(),
        entries.iter().map(|entry| entry.patient).collect::<Vec<_>>()
    );
    for entry in now {
        ports.delete_external_id(customer, id, entry).await.unwrap();
        ports.delete_external_id(customer, id, entry).await.unwrap();
    }
    assert_eq!(read(ports, customer, id).await, []);
}

pub async fn an_entry_is_of_one_customer_and_one_external_id(ports: &impl ExternalIdStore) {
    let (customer, other) = (given::customer(), given::customer());
    let keys = [(customer, "MRN"), (customer, "mrn"), (other, "MRN")];
    for (customer, id) in keys {
        let add = ports.add_external_id(customer, hash(id), given::patient(), given::job_id(), 20);
        assert_eq!(add.await.unwrap(), []);
    }
    for (customer, id) in keys {
        assert_eq!(read(ports, customer, hash(id)).await.len(), 1);
    }
}

contract!($ external_ids:
    a_patient_is_told_of_those_before,
    of_many_patients_at_the_same_time_all_but_one_are_told,
    first_entries_are_inserted_where_there_is_none,
    of_many_first_entries_at_the_same_time_one_is_inserted,
    entries_are_read_from_a_place_on,
    the_entry_of_a_newer_job_stays,
    an_entry_is_deleted_only_as_it_was_read,
    an_entry_is_of_one_customer_and_one_external_id,
);
