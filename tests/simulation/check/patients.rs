//! Checks the stored patients and their lists against the sequential reference program.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bulk_api::PageRequest;
use bulk_api::operations::list_patients::list_patients;
use bulk_domain::ids::PatientId;
use bulk_domain::roster::Roster;
use bulk_memory::NoFaults;
use futures::executor::block_on;

use super::{Outcome, ResultRow};
use crate::people::PEOPLE;
use crate::reference::{Id, Patient, Reference, read};
use crate::rows::{Ids, Row};
use crate::run::Played;

/// Checks the patients of a customer, person by person. Concurrent jobs may have stored a person in
/// either order, but one job's rows about the person are never mixed with the other's.
pub fn check_patients(
    played: &Played,
    customer: usize,
    outcomes: &[Outcome<'_>],
    has_earlier: bool,
) {
    let who = &played.story.customers[customer];
    let effective: Vec<&Outcome<'_>> =
        outcomes.iter().filter(|outcome| !outcome.is_dry_run).collect();
    let mut stored = stored_patients(played, customer);
    for person in 0..PEOPLE.len() {
        let patients = stored.remove(&person).unwrap_or_default();
        if effective.iter().any(|outcome| outcome.left(person)) {
            // Abandoned rows may have been stored or not, which the second upload checks.
            continue;
        }
        let differences: Option<Vec<String>> = orders(&effective, has_earlier)
            .into_iter()
            .map(|order| differs(&who.ids, person, &order, &patients, effective.len() < 2))
            .collect();
        if let Some(differences) = differences {
            panic!("customer {customer}, person {person}:\n{}", differences.join("\n"));
        }
    }
}

/// Checks that the pages of every roster list each of its patients once.
pub fn check_rosters(played: &Played, customer: usize) {
    let who = &played.story.customers[customer];
    let stored = played.cloud.patients(who.id).unwrap();
    let cloud = played.cloud.with_faults(Arc::new(NoFaults));
    let rosters =
        who.cohorts.iter().map(|cohort| Roster::Cohort(*cohort)).chain([Roster::AllPatients]);
    for roster in rosters {
        let mut expected: Vec<PatientId> = stored
            .iter()
            .map(|record| &record.patient)
            .filter(|patient| match roster {
                Roster::AllPatients => true,
                Roster::Cohort(cohort) => patient.cohort_ids.contains(&cohort),
            })
            .map(|patient| patient.id)
            .collect();
        let (mut listed, mut from) = (Vec::new(), None);
        loop {
            let request = PageRequest { count: 2, from };
            let page = block_on(list_patients(&cloud, who.id, roster, None, request)).unwrap();
            assert!(page.items.len() == 2 || page.next.is_none(), "a page that is not full");
            listed.extend(page.items.iter().map(|patient| patient.id));
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        expected.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, expected, "{roster:?} of customer {customer}");
    }
}

/// Returns the patients of a customer, by person and by id.
pub fn stored_patients(
    played: &Played,
    customer: usize,
) -> BTreeMap<usize, BTreeMap<String, Patient>> {
    let mut stored: BTreeMap<usize, BTreeMap<String, Patient>> = BTreeMap::new();
    for record in played.cloud.patients(played.story.customers[customer].id).unwrap() {
        let json = serde_json::to_value(&record.patient).unwrap();
        let (person, patient) = read(&json);
        stored.entry(person).or_default().insert(json["id"].as_str().unwrap().to_owned(), patient);
    }
    stored
}

/// Returns the orders in which the jobs may have stored a person. An earlier job had ended before
/// the others began.
pub fn orders<'a, 'b>(
    outcomes: &[&'a Outcome<'b>],
    has_earlier: bool,
) -> Vec<Vec<&'a Outcome<'b>>> {
    let (earlier, others) = outcomes.split_at(usize::from(has_earlier).min(outcomes.len()));
    match others {
        [first, second] => {
            [[*first, *second], [*second, *first]].map(|both| [earlier, &both].concat()).into()
        }
        _ => vec![outcomes.to_vec()],
    }
}

/// Returns the valid rows about a person with their results, in this order of the jobs, each with the
/// age of its job.
pub fn rows_about<'a>(
    person: usize,
    order: &'a [&'a Outcome<'_>],
) -> impl Iterator<Item = (u32, &'a Row, &'a ResultRow)> {
    let rows = order
        .iter()
        .flat_map(|outcome| outcome.rows.iter().map(|(row, result)| (outcome.age, *row, result)));
    rows.filter(move |(_, row, _)| row.person == person && row.flaw.is_none())
}

/// Returns what the reference makes of the valid rows about a person.
pub fn reference(ids: &Ids, person: usize, order: &[&Outcome<'_>]) -> Reference {
    let mut reference = Reference::default();
    for (age, row, _) in rows_about(person, order) {
        let _ = reference.row(row, age, ids);
    }
    reference
}

/// Returns the difference between the stored patients of a person, with the effects and the
/// warnings of their rows, and those that the reference makes of the jobs in this order, or `None`
/// if there is none.
pub fn differs(
    ids: &Ids,
    person: usize,
    order: &[&Outcome<'_>],
    stored: &BTreeMap<String, Patient>,
    in_order: bool,
) -> Option<String> {
    let mut reference = Reference::default();
    for (age, row, result) in rows_about(person, order) {
        let expected = reference.row(row, age, ids);
        if expected.warnings != result.replaced() || Some(expected.effect) != result.effect {
            return Some(format!("{expected:?}, not {result:?}"));
        }
    }
    patients_differ(ids, person, order, stored, in_order)
}

/// Returns the difference between the stored patients of a person and those that the reference
/// makes of the jobs in this order, or `None` if there is none.
pub fn patients_differ(
    ids: &Ids,
    person: usize,
    order: &[&Outcome<'_>],
    stored: &BTreeMap<String, Patient>,
    in_order: bool,
) -> Option<String> {
    let mut reference = Reference::default();
    let mut id_of: BTreeMap<Id, &str> = BTreeMap::new();
    for (age, row, result) in rows_about(person, order) {
        let patient = reference.row(row, age, ids).patient;
        let id = id_of.entry(patient).or_insert(&result.id);
        if *id != result.id {
            return Some(format!("{patient:?} has two ids: {id} and {}", result.id));
        }
    }
    let expected = reference.patients(person);
    let distinct: BTreeSet<&&str> = id_of.values().collect();
    if distinct.len() != id_of.len() || stored.len() != expected.len() {
        return Some(format!("{} patients stored, {} expected", stored.len(), expected.len()));
    }
    expected.into_iter().enumerate().find_map(|(index, expected)| {
        let found = id_of.get(&(person, index)).and_then(|id| stored.get(*id)).cloned();
        let Some(mut found) = found else { return Some("a patient is not stored".to_owned()) };
        let mut expected = expected;
        if !in_order {
            (found, expected) = (found.unordered(), expected.unordered());
        }
        (found != expected).then(|| format!("stored   {found:?}\nexpected {expected:?}"))
    })
}
