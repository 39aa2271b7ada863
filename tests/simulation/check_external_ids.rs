//! Checks external ids: that patients are found by them, and which rows are warned of another
//! patient.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bulk_api::ApiError;
use bulk_api::operations::get_patient_by_external_id::get_patient_by_external_id;
use bulk_domain::ids::{CustomerId, JobId, PatientId};
use bulk_domain::job::times::JOB_WRITES;
use bulk_domain::patient::ExternalId;
use bulk_memory::{Cloud, NoFaults};
use bulk_pipeline::ports::{Environment as _, ExternalIdEntry, ExternalIdStore as _};
use futures::executor::block_on;
use uuid::Uuid;

use crate::check::Outcome;
use crate::rows::{Row, external_id};
use crate::run::Played;

/// The number of external ids that rows have.
const EXTERNAL_IDS: u64 = 4;

/// Checks that every patient with an external id has an entry.
pub fn check_entries(played: &Played, customer: usize) {
    let who = played.story.customers[customer].id;
    let entries: BTreeSet<_> =
        played.cloud.external_ids(who).into_iter().map(|(id, entry)| (id, entry.patient)).collect();
    for (id, patients) in stored(&played.cloud, who) {
        let hash = Cloud::hash_key(who).external_id(&id);
        let missing = patients.iter().find(|patient| !entries.contains(&(hash, **patient)));
        assert_eq!(missing, None, "patients without an entry under their external id");
    }
}

/// Checks, some days after the story, that a call finds the patients of each external id, that it
/// deletes all stale entries except a first one beside others, and that the next patient with the
/// external id is told of those before.
pub fn check_repair(played: &Played) {
    let cloud = played.cloud.with_faults(Arc::new(NoFaults)).called_by("Api");
    cloud.set_time(cloud.now().plus(JOB_WRITES + Duration::from_hours(1)));
    cloud.expire_people().unwrap();
    for customer in &played.story.customers {
        let people = cloud.people(customer.id).unwrap();
        let is_needed = people.iter().all(|person| person.forgotten_at().is_none());
        assert!(is_needed, "an item of which nothing is needed is left");
        let stored = stored(&cloud, customer.id);
        for number in 0..EXTERNAL_IDS {
            let id: ExternalId = external_id(number).parse().unwrap();
            let patients = stored.get(&id).cloned().unwrap_or_default();
            let found = block_on(get_patient_by_external_id(&cloud, customer.id, &id));
            match (&patients.iter().collect::<Vec<_>>()[..], found) {
                ([patient], Ok(found)) => assert_eq!(found.id, **patient),
                ([], Err(ApiError::NotFound(_))) | ([_, _, ..], Err(ApiError::BadRequest(_))) => {}
                (_, found) => panic!("{patients:?} have the external id, found {found:?}"),
            }
            let hash = Cloud::hash_key(customer.id).external_id(&id);
            let entries = cloud.external_ids(customer.id).into_iter();
            let of_id = entries.filter(|(of, _)| *of == hash).map(|(_, entry)| entry);
            let is_needed = |entry: &ExternalIdEntry| {
                !entry.is_first || patients.contains(&entry.patient) || patients.is_empty()
            };
            let left: BTreeSet<PatientId> =
                of_id.filter(is_needed).map(|entry| entry.patient).collect();
            assert_eq!(left, patients, "stale entries are left");
            let (next, job) = (PatientId::new(Uuid::max()), JobId::first_at(cloud.now()));
            let told = cloud.add_external_id(customer.id, hash, next, job, 20);
            let told: BTreeSet<PatientId> =
                block_on(told).unwrap().into_iter().map(|entry| entry.patient).collect();
            assert!(patients.is_subset(&told), "the next patient is not told of those before");
        }
    }
}

/// Returns the patients of each external id.
fn stored(cloud: &Cloud, customer: CustomerId) -> BTreeMap<ExternalId, BTreeSet<PatientId>> {
    let mut stored: BTreeMap<ExternalId, BTreeSet<PatientId>> = BTreeMap::new();
    for record in cloud.patients(customer).unwrap() {
        if let Some(id) = record.patient.external_id {
            stored.entry(id).or_default().insert(record.patient.id);
        }
    }
    stored
}

/// A row that created a patient under an external id.
struct Creation<'a> {
    age: u32,
    number: usize,
    patient: &'a str,
    is_warned: bool,
}

/// Checks which rows are warned that another patient has their external id.
///
/// Of two patients who are created at the same time, at least one is warned of. The order of the
/// file decides where a chunk has both.
pub fn check_warnings(
    played: &Played,
    customer: usize,
    outcomes: &[Outcome<'_>],
    has_earlier: bool,
) {
    let stored = played.cloud.patients(played.story.customers[customer].id).unwrap();
    let created_by: BTreeMap<String, _> =
        stored.iter().map(|record| (record.patient.id.to_string(), record.created_by)).collect();
    let all: Vec<(&Outcome<'_>, usize, &Row, &crate::check::ResultRow)> = outcomes
        .iter()
        .filter(|outcome| !outcome.is_dry_run)
        .flat_map(|outcome| {
            let rows = outcome.rows.iter().enumerate();
            rows.map(move |(number, (row, result))| (outcome, number, *row, result))
        })
        .filter(|(_, _, row, _)| row.flaw.is_none())
        .collect();
    for number in 0..EXTERNAL_IDS {
        let of_id = || all.iter().filter(|(_, _, row, _)| row.external_id == Some(number));
        let is_deleted = |id: &str| id.parse().is_ok_and(|patient| played.is_deleted(patient));
        if of_id().any(|(.., result)| is_deleted(&result.id)) {
            continue;
        }
        let mut seen = BTreeSet::new();
        let mut creations = Vec::new();
        for (outcome, place, row, result) in &all {
            let is_first = seen.insert((outcome.age, &result.id));
            let creates = created_by.get(&result.id) == Some(&outcome.import.job.job) && is_first;
            if row.external_id != Some(number) {
                continue;
            }
            let is_warned = result.is_warned_of_other();
            assert!(creates || !is_warned, "a row that creates no patient is warned of another");
            let has_other = of_id().any(|(.., other)| other.id != result.id);
            assert!(has_other || !is_warned, "a row is warned of no patient");
            if creates {
                let (age, patient) = (outcome.age, result.id.as_str());
                creations.push(Creation { age, number: *place, patient, is_warned });
            }
        }
        // Patients who get other external ids may have them before others are created.
        let keeps = |patient: &str| {
            let of_patient = all.iter().filter(|(.., result)| result.id == patient);
            of_patient.clone().all(|(_, _, row, _)| row.external_id.is_none_or(|id| id == number))
        };
        let any_left = all.iter().any(|(.., result)| result.was_left());
        if any_left || !of_id().all(|(.., result)| keeps(&result.id)) {
            continue;
        }
        check_pairs(&creations, has_earlier);
        let first = of_id().map(|(_, place, ..)| *place).min();
        let is_alone = outcomes.iter().filter(|outcome| !outcome.is_dry_run).count() == 1;
        for creation in creations.iter().filter(|creation| Some(creation.number) == first) {
            assert!(
                !is_alone || !creation.is_warned || !has_one_chunk(played, creation, outcomes),
                "the first row is warned, although it came before the other one"
            );
        }
    }
}

fn check_pairs(creations: &[Creation<'_>], has_earlier: bool) {
    for (index, first) in creations.iter().enumerate() {
        for second in &creations[index + 1..] {
            assert!(
                first.is_warned || second.is_warned,
                "neither of {} and {} is warned of the other",
                first.patient,
                second.patient
            );
            let is_earlier = has_earlier && first.age == 0 && second.age > 0;
            assert!(!is_earlier || second.is_warned, "no warning of a patient of an earlier job");
        }
    }
}

/// Returns whether the rows of a job are in one chunk, so that they count in file order.
fn has_one_chunk(played: &Played, creation: &Creation<'_>, outcomes: &[Outcome<'_>]) -> bool {
    let outcome = outcomes.iter().find(|outcome| outcome.age == creation.age).unwrap();
    let jobs = played.cloud.jobs();
    let job = jobs.iter().find(|job| job.id == outcome.import.job.job).unwrap();
    job.file.as_ref().is_some_and(|file| file.chunks == 1)
}
