//! Patients that join and leave cohorts by calls, beside imports that name the cohorts.

use std::collections::BTreeSet;
use std::time::Duration;

use bulk_api::PageRequest;
use bulk_api::operations::get_cohort::size;
use bulk_api::operations::list_patients::{Selection, list_patients};
use bulk_domain::hash_key::Bucket;
use bulk_domain::ids::{CohortId, CustomerId, FacilityId, JobId, PatientId};
use bulk_domain::patient::PatientRow;
use bulk_domain::plan::ChunkNumber;
use bulk_domain::record::RowsOfJob;
use bulk_domain::roster::{Roster, RosterEntry};
use bulk_domain::time::Timestamp;
use bulk_memory::Cloud;
use bulk_pipeline::cohort_members::CohortMembers;
use bulk_pipeline::ports::Write;
use bulk_pipeline::ports::prelude::*;
use futures::executor::block_on;
use serde_json::json;
use uuid::Uuid;

const CUSTOMER: CustomerId = CustomerId::new(Uuid::from_u128(1));
const COHORT: CohortId = CohortId::new(Uuid::from_u128(2));
const FACILITY: FacilityId = FacilityId::new(Uuid::from_u128(3));

/// A customer's patients at a time that goes on.
struct Clinic {
    cloud: Cloud,
    now: Timestamp,
}

impl Clinic {
    fn new() -> Self {
        let cloud = Cloud::calm();
        Self { now: cloud.now(), cloud }
    }

    /// Returns the id of a job that is created a second later.
    fn next_job(&mut self) -> JobId {
        self.now = self.now.plus(Duration::from_secs(1));
        self.cloud.set_time(self.now);
        JobId::new(self.cloud.new_id())
    }

    /// Imports a row about the person with this number, as a job does that names the cohort or not.
    fn import(&self, job: JobId, number: u32, names_cohort: bool) -> PatientId {
        let cohorts = if names_cohort { vec![COHORT] } else { Vec::new() };
        let row = json!({
            "firstName": format!("Ada{number}"), "lastName": "Lovelace", "dob": "1961-12-01", "gender": "F",
            "cohorts": cohorts,
            "addresses": [{"addressLine1": "1 Main St", "city": "Boston", "state": "MA", "zip": "02110"}],
        });
        let row: PatientRow = serde_json::from_str(&row.to_string()).unwrap();
        let source =
            RowsOfJob { job, facility: FACILITY, may_overtake: true, now: self.cloud.now() };
        let patient = block_on(self.cloud.add_patient(CUSTOMER, source, &[row])).unwrap();
        let bucket = Bucket::of(patient).unwrap();
        let people = block_on(self.cloud.load_people(CUSTOMER, &[bucket])).unwrap();
        let record = people[&bucket].value.patient(patient).unwrap();
        let entry = RosterEntry { job, chunk: ChunkNumber::new(number) };
        for roster in record.rosters_by(job) {
            block_on(self.cloud.add_to_roster(CUSTOMER, roster, entry, &[patient])).unwrap();
        }
        patient
    }

    fn add(&self, patients: &[PatientId]) -> usize {
        let members = CohortMembers::new(&self.cloud, CUSTOMER, COHORT);
        let patients = patients.iter().copied().collect();
        block_on(members.add(ChunkNumber::new(0), &patients)).unwrap().changed.len()
    }

    fn remove(&self, patients: &[PatientId]) -> usize {
        let members = CohortMembers::new(&self.cloud, CUSTOMER, COHORT);
        let patients = patients.iter().copied().collect();
        block_on(members.remove(&patients)).unwrap().changed.len()
    }

    /// Returns the patients of the cohort as they are listed, of which the size is the number.
    fn members(&self) -> BTreeSet<PatientId> {
        let (roster, all) = (Roster::Cohort(COHORT), Selection::default());
        let list = list_patients(&self.cloud, CUSTOMER, roster, &all, PageRequest::first(500));
        let page = block_on(list).unwrap();
        let listed: BTreeSet<PatientId> = page.items.iter().map(|patient| patient.id).collect();
        assert_eq!(page.items.len(), listed.len(), "a patient is listed twice");
        assert_eq!(block_on(size(&self.cloud, CUSTOMER, COHORT)).unwrap(), listed.len());
        listed
    }
}

#[test]
fn patients_join_once_and_leave_once() {
    let mut clinic = Clinic::new();
    let job = clinic.next_job();
    let patients: Vec<PatientId> =
        (1..=5).map(|number| clinic.import(job, number, number < 3)).collect();
    clinic.next_job();
    assert_eq!(clinic.add(&patients[1..4]), 2, "one was in it");
    assert_eq!(clinic.members(), patients[..4].iter().copied().collect());
    assert_eq!(clinic.add(&patients[1..4]), 0);
    clinic.next_job();
    assert_eq!(clinic.remove(&[patients[0], patients[3], patients[4]]), 2, "one was not in it");
    assert_eq!(clinic.members(), patients[1..3].iter().copied().collect());
    assert_eq!(clinic.remove(&patients), 2);
    assert_eq!(clinic.members(), BTreeSet::new());
    clinic.next_job();
    assert_eq!(clinic.add(&patients), 5);
    assert_eq!(clinic.members(), patients.into_iter().collect());
}

/// Two chunks of a job name a patient if a call changes its identity while the job runs.
#[test]
fn a_patient_whom_two_chunks_of_a_job_name_is_listed_once() {
    let mut clinic = Clinic::new();
    let job = clinic.next_job();
    let patients: Vec<PatientId> = (1..=3).map(|number| clinic.import(job, number, true)).collect();
    let call = clinic.next_job();
    for patient in &patients[..2] {
        let item = block_on(clinic.cloud.load_item_of(CUSTOMER, *patient)).unwrap();
        let (bucket, mut person) = item.unwrap();
        let record = person.value.patient_mut(*patient).unwrap();
        record.patient.last_name = "Byron".parse().unwrap();
        record.set_opt_out(true, call, clinic.now);
        let (person, version) = (&person.value, Some(person.version));
        let stored = block_on(clinic.cloud.store_person(CUSTOMER, bucket, person, version));
        assert_eq!(stored.unwrap(), Write::Done);
    }
    let (roster, entry) =
        (Roster::Cohort(COHORT), RosterEntry { job, chunk: ChunkNumber::new(300) });
    block_on(clinic.cloud.add_to_roster(CUSTOMER, roster, entry, &patients[..2])).unwrap();
    let (mut request, mut listed) = (PageRequest::first(1), Vec::new());
    loop {
        let all = Selection::default();
        let page = block_on(list_patients(&clinic.cloud, CUSTOMER, roster, &all, request)).unwrap();
        listed.extend(page.items.iter().map(|patient| patient.id));
        let Some(next) = page.next else { break };
        request = PageRequest::from(next, 1);
    }
    assert_eq!(listed, patients);
}

#[test]
fn a_row_of_an_older_job_does_not_put_a_patient_back_and_one_of_a_younger_job_does() {
    let mut clinic = Clinic::new();
    let (first, older) = (clinic.next_job(), clinic.next_job());
    let patient = clinic.import(first, 1, true);
    clinic.next_job();
    assert_eq!(clinic.remove(&[patient]), 1);
    // A retry of the row, and a row of a job that was created before the call.
    for job in [first, older] {
        assert_eq!(clinic.import(job, 1, true), patient);
        assert_eq!(clinic.members(), BTreeSet::new());
    }
    let younger = clinic.next_job();
    assert_eq!(clinic.import(younger, 1, true), patient);
    assert_eq!(clinic.members(), [patient].into());
}

#[test]
fn a_repeated_call_takes_off_the_roster_who_a_call_that_died_left_there() {
    let mut clinic = Clinic::new();
    let job = clinic.next_job();
    let patient = clinic.import(job, 1, true);
    let call = clinic.next_job();
    let bucket = Bucket::of(patient).unwrap();
    let mut people = block_on(clinic.cloud.load_people(CUSTOMER, &[bucket])).unwrap();
    let mut known = people.remove(&bucket).unwrap();
    let record = known.value.patient_mut(patient).unwrap();
    assert!(record.leave_cohort(COHORT, call, clinic.now));
    let store = clinic.cloud.store_person(CUSTOMER, bucket, &known.value, Some(known.version));
    let _ = block_on(store).unwrap();
    assert_eq!(block_on(size(&clinic.cloud, CUSTOMER, COHORT)).unwrap(), 1);
    // The entry of a younger job, which may be about to write the patient, stays.
    let younger = RosterEntry { job: clinic.next_job(), chunk: ChunkNumber::new(1) };
    let roster = Roster::Cohort(COHORT);
    block_on(clinic.cloud.add_to_roster(CUSTOMER, roster, younger, &[patient])).unwrap();
    assert_eq!(clinic.remove(&[patient]), 0);
    let entries = block_on(clinic.cloud.read_roster(CUSTOMER, roster, None, 9)).unwrap();
    let naming = entries.iter().filter(|(_, ids)| ids.contains(&patient));
    assert_eq!(naming.map(|(entry, _)| *entry).collect::<Vec<_>>(), [younger]);
}
