//! Checks a story in which a call changes a patient: the person that the patient was and the one
//! that it is are as the reference makes them, wherever the call came among the rows and the undos
//! of jobs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bulk_domain::ids::PatientId;
use bulk_domain::outcome::RowEffect;
use bulk_memory::NoFaults;
use bulk_pipeline::ports::PatientStore as _;
use futures::executor::block_on;

use crate::check::{Outcome, check_all_but_patients, orders, rows_about, stored_patients};
use crate::check_copies::check_copies;
use crate::check_queries::check_queries;
use crate::check_undos::check_undos;
use crate::reference::{Id, Patient, Reference};
use crate::rows::{Ids, Row};
use crate::run::{Change, MadeCall, Played};
use crate::story::File;

/// A step in the history of the two persons.
#[derive(Clone, Copy)]
enum Step<'a, 'b> {
    /// A job stores its rows about one of them.
    Rows(&'a Outcome<'b>, usize),
    /// The undo of a job deletes patients of one of them.
    Undo(&'a Outcome<'b>, usize),
    Call,
}

/// Checks everything that the service promises. Panics at the first broken promise.
pub fn check(played: &Played) {
    let outcomes = check_all_but_patients(played);
    check_places(played);
    check_queries(played);
    check_copies(played);
    check_undos(played);
    let Some(made) = &played.call else { return };
    let customer = &played.story.customers[0];
    let effective: Vec<&Outcome<'_>> =
        outcomes.iter().filter(|outcome| !outcome.is_dry_run).collect();
    let persons: BTreeSet<usize> = [made.from, made.to()].into();
    if effective.iter().any(|outcome| persons.iter().any(|person| outcome.left(*person))) {
        // Abandoned and canceled rows may have been stored or not.
        return;
    }
    let records = played.cloud.patients(customer.id).unwrap();
    let record = records.iter().find(|record| record.patient.id == made.patient);
    let is_correction = matches!(made.change, Change::Correction(_));
    assert!(record.is_some() || played.is_deleted(made.patient), "a patient is gone");
    let called_by = record.and_then(|record| record.called_by);
    let is_lost = made.was_answered && is_correction && called_by.is_none();
    assert!(!is_lost, "a correction is lost");
    // A call counts after every job that is older, and before the others.
    let older = |call| effective.iter().filter(|outcome| outcome.import.job.job < call).count();
    let call = called_by.map(|call| age_of_call(&effective, older(call)));
    let stored = stored_patients(played, 0);
    let has_earlier = usize::from(played.story.earlier.is_some());
    let orders = orders(&effective, has_earlier > 0);
    let told = Told { made, call, ids: &customer.ids };
    let mut differences = Vec::new();
    // An opt-out that changes nothing leaves no mark except that older jobs do not change it, so
    // that it may have any place.
    let is_unmarked = !is_correction && called_by.is_none();
    let ages = (0..=effective.len()).map(|older| age_of_call(&effective, older));
    let unmarked = ages.filter(|_| is_unmarked).map(|age| Told { call: Some(age), ..told });
    // An answered opt-out took place, whether it left a mark or not.
    let as_stored = (!(is_unmarked && made.was_answered)).then_some(told);
    for told in as_stored.into_iter().chain(unmarked) {
        for history in histories(&orders, made, told.call.is_some(), has_earlier) {
            match told.difference(&history, &persons, &stored) {
                None => return,
                Some(difference) => differences.push(difference),
            }
        }
    }
    panic!("persons {persons:?}, {made:?}, call {call:?}:\n{}", differences.join("\n"));
}

/// Imports one more row about the corrected patient, without faults. Checks that it is about this
/// patient, if no other one has its identity, and that no patient is created.
pub fn check_row_after(played: &mut Played) {
    let Some(made) = played.call.clone().filter(|made| made.was_answered) else { return };
    let Change::Correction(row) = made.change else { return };
    let before = stored_patients(played, 0);
    let row = Row { cohort: Some(1), ..row };
    let person = row.person;
    let file = File::of_row(row, &played.story.customers[0].ids);
    played.import_once_more(0, file);
    check_places(played);
    let outcomes = check_all_but_patients(played);
    let job = played.imports.last().unwrap().job.job;
    let of_row = outcomes.iter().find(|outcome| outcome.import.job.job == job).unwrap();
    let (_, result) = &of_row.rows[0];
    let (before, after) = (&before[&person], &stored_patients(played, 0)[&person]);
    assert!(before.keys().eq(after.keys()), "a row about a corrected patient creates another");
    if before.len() == 1 {
        assert_eq!(result.id, made.patient.to_string(), "a row about a corrected patient");
        assert_ne!(result.effect, Some(RowEffect::Created));
    }
}

/// Returns the age of a call that comes after so many of these jobs. Ages of jobs are even.
fn age_of_call(effective: &[&Outcome<'_>], older: usize) -> u32 {
    match older.checked_sub(1) {
        None => 0,
        Some(last) => 2 * effective[last].age + 1,
    }
}

/// Checks that every patient is in one item, and is found by its id.
fn check_places(played: &Played) {
    let cloud = played.cloud.with_faults(Arc::new(NoFaults));
    for customer in &played.story.customers {
        let records = cloud.patients(customer.id).unwrap();
        let ids: Vec<PatientId> = records.iter().map(|record| record.patient.id).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "a patient in two items");
        let found = block_on(cloud.load_patients(customer.id, &ids)).unwrap();
        for record in records {
            assert_eq!(found.get(&record.patient.id), Some(&record), "a patient is not found");
        }
    }
}

/// Returns the histories in which the jobs, their undos and the call may have happened. The call
/// comes after a job with rows about the person that the patient was. Rows about one person and
/// about the other are stored independently.
fn histories<'a, 'b>(
    orders: &[Vec<&'a Outcome<'b>>],
    made: &MadeCall,
    is_made: bool,
    earliest: usize,
) -> Vec<Vec<Step<'a, 'b>>> {
    let (from, to) = (made.from, made.to());
    let of_person = |person: usize| -> Vec<Vec<Step<'a, 'b>>> {
        orders.iter().flat_map(|order| with_undos(order, person)).collect()
    };
    let others = if from == to { vec![Vec::new()] } else { of_person(to) };
    let mut histories = Vec::new();
    for of_from in of_person(from) {
        for of_to in &others {
            if !is_made {
                histories.push([&of_from[..], of_to].concat());
                continue;
            }
            for first in 1..=of_from.len() {
                for second in earliest.min(of_to.len())..=of_to.len() {
                    let before = [&of_from[..first], &of_to[..second]].concat();
                    let after = [&of_from[first..], &of_to[second..]].concat();
                    histories.push([&before[..], &[Step::Call], &after].concat());
                }
            }
        }
    }
    histories
}

/// Returns the histories of one person. The undo of a job comes after the job.
fn with_undos<'a, 'b>(order: &[&'a Outcome<'b>], person: usize) -> Vec<Vec<Step<'a, 'b>>> {
    let rows = order.iter().map(|outcome| Step::Rows(outcome, person)).collect();
    let undone = order.iter().enumerate().filter(|(_, outcome)| outcome.is_undone);
    undone.fold(vec![rows], |histories: Vec<Vec<Step<'a, 'b>>>, (place, outcome)| {
        let with_undo = |history: Vec<Step<'a, 'b>>| {
            (place + 1..=history.len()).map(move |place| {
                let mut history = history.clone();
                history.insert(place, Step::Undo(outcome, person));
                history
            })
        };
        histories.into_iter().flat_map(with_undo).collect()
    })
}

/// What the reference is asked with.
#[derive(Clone, Copy)]
struct Told<'a> {
    made: &'a MadeCall,
    /// The age of the call; `None` if it did not take place.
    call: Option<u32>,
    ids: &'a Ids,
}

impl Told<'_> {
    /// Returns how the stored patients of the persons differ from those of a history, or `None` if
    /// they do not.
    fn difference(
        &self,
        history: &[Step<'_, '_>],
        persons: &BTreeSet<usize>,
        stored: &BTreeMap<usize, BTreeMap<String, Patient>>,
    ) -> Option<String> {
        let changed = self.made.patient.to_string();
        let (mut reference, mut id_of) = (Reference::default(), BTreeMap::<Id, String>::new());
        for step in history {
            match step {
                Step::Undo(outcome, person) => reference.undo(*person, 2 * outcome.age),
                Step::Rows(outcome, person) => {
                    let before = reference.clone();
                    for (row, result) in rows_about(*person, outcome) {
                        let expected = reference.row(row, 2 * outcome.age, self.ids);
                        let is_so = expected.warnings == result.replaced()
                            && Some(expected.effect) == result.effect;
                        if !is_so {
                            return Some(format!("{expected:?}, not {result:?}"));
                        }
                        let id = id_of.entry(expected.patient).or_insert(result.id.clone());
                        if *id != result.id {
                            return Some(format!(
                                "{:?} is {id} and {}",
                                expected.patient, result.id
                            ));
                        }
                    }
                    reference.note_changes(*person, 2 * outcome.age, &before);
                }
                Step::Call => {
                    let known = id_of.iter().find(|(_, id)| **id == changed);
                    let (Some(before), Some(call)) =
                        (known.map(|(patient, _)| *patient), self.call)
                    else {
                        return Some("the patient is changed before it is created".to_owned());
                    };
                    let after = match &self.made.change {
                        Change::Correction(to) => reference.correct(before, to, call, self.ids),
                        Change::OptOut(value) => reference.opt_out(before, *value, call),
                    };
                    let Some(after) = after else {
                        return Some("the patient is changed after it is deleted".to_owned());
                    };
                    if let Some(id) = id_of.remove(&before) {
                        id_of.insert(after, id);
                    }
                }
            }
        }
        persons.iter().find_map(|person| {
            let expected = reference.patients(*person);
            let stored = stored.get(person).cloned().unwrap_or_default();
            if expected.len() != stored.len() {
                let (stored, expected) = (stored.len(), expected.len());
                return Some(format!("{stored} patients of {person} stored, {expected} expected"));
            }
            expected.into_iter().find_map(|(patient, expected)| {
                let found = id_of.get(&patient).and_then(|id| stored.get(id)).cloned();
                let found = found.map(Patient::unordered);
                let expected = Some(expected.unordered());
                (found != expected).then(|| format!("stored   {found:?}\nexpected {expected:?}"))
            })
        })
    }
}
