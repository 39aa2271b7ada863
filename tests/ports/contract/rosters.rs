//! Rosters: lists of patients, with an entry for each chunk, in the order of the entries.

use bulk_domain::ids::{JobId, PatientId};
use bulk_domain::roster::{REMOVED, Roster, RosterEntry};
use bulk_pipeline::ports::PatientStore;

use crate::given;

fn entry(job: JobId, chunk: u32) -> RosterEntry {
    RosterEntry { job, chunk: given::chunk(chunk) }
}

fn patients(count: usize) -> Vec<PatientId> {
    (0..count).map(|_| given::patient()).collect()
}

pub async fn entries_come_in_the_order_of_jobs_and_chunks(ports: &impl PatientStore) {
    let (customer, roster) = (given::customer(), Roster::AllPatients);
    let (first, second) = (given::job_id(), given::job_id());
    let order = [(first, 2), (first, 10), (first, 100), (second, 0), (second, 9)];
    let entries: Vec<_> = order.map(|(job, chunk)| (entry(job, chunk), patients(3))).into();
    for index in [3, 0, 4, 2, 1] {
        let (entry, patients) = &entries[index];
        ports.add_to_roster(customer, roster, *entry, patients).await.unwrap();
    }
    let read = async |from, limit| ports.read_roster(customer, roster, from, limit).await.unwrap();
    assert_eq!(read(None, 100).await, entries);
    assert_eq!(read(None, 2).await, entries[..2]);
    assert_eq!(
        read(Some(entries[1].0), 3).await,
        entries[1..4],
        "from an entry on, itself included"
    );
    assert_eq!(
        read(Some(entry(first, 11)), 100).await,
        entries[2..],
        "from where an entry would be"
    );
    assert_eq!(read(Some(entry(second, 10)), 100).await, []);
    let read_back =
        async |from, limit| ports.read_roster_back(customer, roster, from, limit).await.unwrap();
    let back = |count: usize| entries[..count].iter().rev().cloned().collect::<Vec<_>>();
    assert_eq!(read_back(entries[4].0, 100).await, back(5));
    assert_eq!(read_back(entries[4].0, 2).await, back(5)[..2], "the nearest entries");
    assert_eq!(read_back(entry(first, 11), 100).await, back(2), "from where an entry would be");
    assert_eq!(read_back(entry(first, 1), 100).await, []);
}

pub async fn patients_are_added_behind_those_of_an_entry_and_each_once(ports: &impl PatientStore) {
    let (customer, roster, entry) =
        (given::customer(), Roster::AllPatients, entry(given::job_id(), 0));
    let all = patients(253);
    for (added, stored) in [(0..250, 250), (0..250, 250), (2..4, 250), (249..253, 253)] {
        ports.add_to_roster(customer, roster, entry, &all[added]).await.unwrap();
        let read = ports.read_roster(customer, roster, None, 9).await.unwrap();
        assert!(read == [(entry, all[..stored].to_vec())]);
    }
}

pub async fn patients_that_are_added_at_the_same_time_are_all_listed(ports: &impl PatientStore) {
    let (customer, roster, entry) =
        (given::customer(), Roster::AllPatients, entry(given::job_id(), 0));
    let all = patients(8);
    let adds = all.chunks(2).map(|two| ports.add_to_roster(customer, roster, entry, two));
    futures::future::try_join_all(adds).await.unwrap();
    let mut read = ports.read_roster(customer, roster, None, 9).await.unwrap();
    let (_, mut listed) = read.remove(0);
    listed.sort_unstable();
    let mut all = all;
    all.sort_unstable();
    assert_eq!(listed, all);
}

pub async fn a_roster_is_of_one_customer_and_one_list(ports: &impl PatientStore) {
    let (customer, entry) = (given::customer(), entry(given::job_id(), 0));
    let rosters =
        [Roster::AllPatients, Roster::Cohort(given::cohort()), Roster::Cohort(given::cohort())];
    let lists = rosters.map(|roster| (roster, patients(2)));
    for (roster, patients) in &lists {
        ports.add_to_roster(customer, *roster, entry, patients).await.unwrap();
    }
    for (roster, patients) in lists {
        assert_eq!(
            ports.read_roster(customer, roster, None, 9).await.unwrap(),
            [(entry, patients)]
        );
        assert_eq!(ports.read_roster(given::customer(), roster, None, 9).await.unwrap(), []);
    }
}

pub async fn a_patient_that_is_removed_leaves_its_place_to_none(ports: &impl PatientStore) {
    let (customer, roster) = (given::customer(), Roster::Cohort(given::cohort()));
    let (entry, other) = (entry(given::job_id(), 0), entry(given::job_id(), 0));
    let all = patients(4);
    for entry in [entry, other] {
        ports.add_to_roster(customer, roster, entry, &all).await.unwrap();
    }
    let gone = [all[1], all[3], given::patient()];
    for _ in 0..2 {
        ports.remove_from_roster(customer, roster, entry, &gone).await.unwrap();
        let left = vec![all[0], REMOVED, all[2], REMOVED];
        let mut read = ports.read_roster(customer, roster, None, 9).await.unwrap();
        read.sort_by_key(|(of, _)| *of != entry);
        assert_eq!(read, [(entry, left), (other, all.clone())]);
    }
    let more = given::patient();
    ports.add_to_roster(customer, roster, entry, &[more]).await.unwrap();
    let read = ports.read_roster(customer, roster, Some(entry), 1).await.unwrap();
    assert_eq!(read, [(entry, vec![all[0], REMOVED, all[2], REMOVED, more])]);
    let rest = [all[0], all[2], more];
    ports.remove_from_roster(customer, roster, entry, &rest).await.unwrap();
    let read = ports.read_roster(customer, roster, None, 9).await.unwrap();
    assert_eq!(read, [(other, all.clone())], "an entry without patients");
    ports.add_to_roster(customer, roster, entry, &[more]).await.unwrap();
    let read = ports.read_roster(customer, roster, Some(entry), 1).await.unwrap();
    assert_eq!(read, [(entry, vec![more])]);
    let never = Roster::Cohort(given::cohort());
    ports.remove_from_roster(customer, never, entry, &gone).await.unwrap();
    assert_eq!(ports.read_roster(customer, never, None, 9).await.unwrap(), []);
}

/// A DynamoDB Query answers with 1 MB at most, but a caller takes fewer entries than it asked for
/// as the end of the list.
pub async fn fewer_entries_than_asked_for_are_the_end_however_large_they_are(
    ports: &impl PatientStore,
) {
    let (customer, roster, job) = (given::customer(), Roster::AllPatients, given::job_id());
    let entries: Vec<_> = (0..8).map(|chunk| (entry(job, chunk), patients(20_000))).collect();
    for (entry, patients) in &entries {
        ports.add_to_roster(customer, roster, *entry, patients).await.unwrap();
    }
    for (limit, expected) in [(9, 8), (8, 8), (6, 6)] {
        let read = ports.read_roster(customer, roster, None, limit).await.unwrap();
        assert!(read == entries[..expected], "{} of {limit}", read.len());
    }
}

contract!($ rosters:
    entries_come_in_the_order_of_jobs_and_chunks,
    patients_are_added_behind_those_of_an_entry_and_each_once,
    patients_that_are_added_at_the_same_time_are_all_listed,
    a_roster_is_of_one_customer_and_one_list,
    a_patient_that_is_removed_leaves_its_place_to_none,
    fewer_entries_than_asked_for_are_the_end_however_large_they_are,
);
