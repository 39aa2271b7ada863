//! Checks the stored patients and their lists against the sequential reference program.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bulk_api::PageRequest;
use bulk_api::operations::get_cohort::size;
use bulk_api::operations::list_patients::{Selection, list_patients};
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
        let deleted = deleted_of(played, person, &effective);
        let differences: Option<Vec<String>> = orders(&effective, has_earlier)
            .into_iter()
            .flat_map(|order| histories(&order, &deleted))
            .map(|history| differs(&who.ids, person, &history, &patients, effective.len() < 2))
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
        let all = Selection::default();
        let page = |request| {
            let page = block_on(list_patients(&cloud, who.id, roster, &all, request)).unwrap();
            let ids: Vec<PatientId> = page.items.iter().map(|patient| patient.id).collect();
            (ids, page.next, page.previous)
        };
        let (mut listed, mut next, mut previous) = page(PageRequest::first(2));
        let mut last = listed.clone();
        assert!(previous.is_none(), "a page before the first one");
        while let Some(from) = next {
            assert_eq!(last.len(), 2, "a page that is not full");
            (last, next, previous) = page(PageRequest::from(from, 2));
            listed.extend(&last);
        }
        let mut listed_back = last;
        while let Some(to) = previous {
            let ids;
            (ids, next, previous) = page(PageRequest::to(to, 2));
            assert!(ids.len() == 2 || previous.is_none(), "a page that is not full");
            assert!(next.is_some(), "no page after an earlier one");
            listed_back.splice(0..0, ids);
        }
        assert_eq!(listed_back, listed, "{roster:?} of customer {customer}, read back");
        expected.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, expected, "{roster:?} of customer {customer}");
        if let Roster::Cohort(cohort) = roster {
            let size = block_on(size(&cloud, who.id, cohort)).unwrap();
            assert!(size >= listed.len(), "{size} patients in {roster:?} of customer {customer}");
            if has_exact_sizes(played) {
                assert_eq!(size, listed.len(), "{roster:?} of customer {customer}");
            }
        }
    }
}

/// Returns whether no roster names a patient that does not exist. One does if a worker died after
/// it wrote the roster, if a cancellation came in between, or if another job created the patient of
/// its rows.
fn has_exact_sizes(played: &Played) -> bool {
    played.crashes == 0 && matches!(&played.imports[..], [only] if !only.was_canceled)
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

/// A step in the history of a person.
#[derive(Clone, Copy)]
pub enum Step<'a, 'b> {
    /// A job stores its rows about the person.
    Job(&'a Outcome<'b>),
    /// The undo of a job deletes the patients that the job created and that no other job changed.
    Undo(&'a Outcome<'b>),
    /// A call deletes the patient with this id.
    Delete(&'a str),
}

/// Returns the deleted patients that rows about a person were about.
pub fn deleted_of(played: &Played, person: usize, outcomes: &[&Outcome<'_>]) -> Vec<String> {
    let ids: BTreeSet<&str> = outcomes.iter().flat_map(|outcome| outcome.ids(person)).collect();
    let deleted = played.deleted.iter().map(ToString::to_string);
    deleted.filter(|deleted| ids.contains(deleted.as_str())).collect()
}

/// Returns the histories in which jobs, undos and deletions may have happened. Each undo comes
/// after its job, and each deletion after the first job.
pub fn histories<'a, 'b>(
    order: &[&'a Outcome<'b>],
    deleted: &'a [String],
) -> Vec<Vec<Step<'a, 'b>>> {
    let jobs: Vec<Step<'a, 'b>> = order.iter().map(|outcome| Step::Job(outcome)).collect();
    let undone = order.iter().filter(|outcome| outcome.is_undone);
    let with_undos = undone.fold(vec![jobs], |histories, undone| {
        let with_undo = |history: Vec<Step<'a, 'b>>| {
            let is_job =
                |step: &Step<'_, '_>| matches!(step, Step::Job(job) if job.age == undone.age);
            let after = history.iter().position(is_job).map_or(history.len(), |job| job + 1);
            (after..=history.len()).map(move |place| {
                let mut history = history.clone();
                history.insert(place, Step::Undo(undone));
                history
            })
        };
        histories.into_iter().flat_map(with_undo).collect()
    });
    deleted.iter().fold(with_undos, |histories, deleted| {
        let with_deletion = |history: Vec<Step<'a, 'b>>| {
            (1..=history.len()).map(move |place| {
                let mut history = history.clone();
                history.insert(place, Step::Delete(deleted));
                history
            })
        };
        histories.into_iter().flat_map(with_deletion).collect()
    })
}

/// Returns the valid rows of a job about a person, with their results.
pub fn rows_about<'a>(
    person: usize,
    outcome: &'a Outcome<'_>,
) -> impl Iterator<Item = (&'a Row, &'a ResultRow)> {
    let rows = outcome.rows.iter().map(|(row, result)| (*row, result));
    rows.filter(move |(row, _)| row.person == person && row.flaw.is_none())
}

/// What the reference makes of a history: its patients with the ids that the service gave them.
#[derive(Default)]
pub struct Told<'a> {
    pub reference: Reference,
    pub id_of: BTreeMap<Id, &'a str>,
}

impl<'a> Told<'a> {
    /// Returns what the reference makes of a history of a person, or how the results of rows differ
    /// from it.
    pub fn of(
        ids: &Ids,
        person: usize,
        history: &[Step<'a, '_>],
        with_effects: bool,
    ) -> Result<Self, String> {
        let mut told = Self::default();
        for step in history {
            match step {
                Step::Undo(outcome) => told.reference.undo(person, outcome.age),
                Step::Job(outcome) => {
                    let before = told.reference.clone();
                    for (row, result) in rows_about(person, outcome) {
                        let expected = told.reference.row(row, outcome.age, ids);
                        let is_so = expected.warnings == result.replaced()
                            && Some(expected.effect) == result.effect;
                        if with_effects && !is_so {
                            return Err(format!("{expected:?}, not {result:?}"));
                        }
                        let id = told.id_of.entry(expected.patient).or_insert(&result.id);
                        if *id != result.id {
                            let patient = expected.patient;
                            return Err(format!("{patient:?} is {id} and {}", result.id));
                        }
                    }
                    told.reference.note_changes(person, outcome.age, &before);
                }
                Step::Delete(deleted) => {
                    let patient = told.id_of.iter().find(|(_, id)| *id == deleted);
                    if !patient.is_some_and(|(patient, _)| told.reference.delete(*patient)) {
                        return Err(format!("{deleted} is deleted before it is created"));
                    }
                }
            }
        }
        Ok(told)
    }
}

/// Returns the number of patients that the reference makes of a job's rows about a person.
pub fn patients_of(ids: &Ids, person: usize, outcome: &Outcome<'_>) -> usize {
    let mut reference = Reference::default();
    for (row, _) in rows_about(person, outcome) {
        let _ = reference.row(row, outcome.age, ids);
    }
    reference.patients(person).len()
}

/// Returns the difference between the stored patients of a person, with the effects and the
/// warnings of their rows, and those that the reference makes of a history, or `None` if there is
/// none.
pub fn differs(
    ids: &Ids,
    person: usize,
    history: &[Step<'_, '_>],
    stored: &BTreeMap<String, Patient>,
    in_order: bool,
) -> Option<String> {
    match Told::of(ids, person, history, true) {
        Ok(_) => patients_differ(ids, person, history, stored, in_order),
        Err(difference) => Some(difference),
    }
}

/// Returns the difference between the stored patients of a person and those that the reference
/// makes of a history, or `None` if there is none.
pub fn patients_differ(
    ids: &Ids,
    person: usize,
    history: &[Step<'_, '_>],
    stored: &BTreeMap<String, Patient>,
    in_order: bool,
) -> Option<String> {
    let Told { reference, id_of } = match Told::of(ids, person, history, false) {
        Ok(told) => told,
        Err(difference) => return Some(difference),
    };
    let expected = reference.patients(person);
    let distinct: BTreeSet<&&str> = id_of.values().collect();
    if distinct.len() != id_of.len() || stored.len() != expected.len() {
        return Some(format!("{} patients stored, {} expected", stored.len(), expected.len()));
    }
    expected.into_iter().find_map(|(patient, mut expected)| {
        let found = id_of.get(&patient).and_then(|id| stored.get(*id)).cloned();
        let Some(mut found) = found else { return Some("a patient is not stored".to_owned()) };
        if !in_order {
            (found, expected) = (found.unordered(), expected.unordered());
        }
        (found != expected).then(|| format!("stored   {found:?}\nexpected {expected:?}"))
    })
}
