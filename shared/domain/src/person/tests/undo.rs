//! Which patients the undo of a job deletes, and for which reason it keeps the others.

use super::*;
use crate::person::undo::UndoStep;
use crate::undo::{KeptReason, UndoOutcome};

const DELETE: Option<UndoStep> = Some(UndoStep::Delete);

const fn kept(reason: KeptReason) -> UndoStep {
    UndoStep::Ended(UndoOutcome::Kept(reason))
}

fn only(person: &Person) -> PatientId {
    person.patients().next().unwrap().patient.id
}

fn with_phone() -> PatientRow {
    PatientRow { contacts: with_everything().contacts, ..row("02110") }
}

#[test]
fn a_patient_that_only_its_job_wrote_is_deleted() {
    let created = fold(&Person::default(), 1, &[row("02110"), with_phone()]).person;
    assert_eq!(created.undo_step(only(&created), job(1)), DELETE);
    let seen = fold(&created, 2, &[row("02110")]).person;
    assert_eq!(seen.undo_step(only(&seen), job(1)), DELETE, "a job that changes nothing");
    let never = PatientId::new(Uuid::from_u128(1));
    assert_eq!(created.undo_step(never, job(1)), None);
}

#[test]
fn a_patient_that_another_job_changed_is_kept_also_if_its_own_job_changes_it_again() {
    let created = fold(&Person::default(), 2, &[row("02110")]).person;
    for other in [1, 3] {
        let changed = fold(&created, other, &[with_phone()]).person;
        let patient = only(&changed);
        assert_eq!(changed.undo_step(patient, job(2)), Some(kept(KeptReason::ChangedByJob)));
        assert_eq!(changed.undo_step(patient, job(other)), Some(kept(KeptReason::ExistedBefore)));
        let again = fold(&changed, 2, &[row("02110"), with_everything()]).person;
        assert_eq!(again.undo_step(patient, job(2)), Some(kept(KeptReason::ChangedByJob)));
    }
}

#[test]
fn a_patient_that_a_call_changed_is_kept_and_the_store_remembers_the_call() {
    let mut person = fold(&Person::default(), 1, &[row("02110")]).person;
    let patient = only(&person);
    person.patient_mut(patient).unwrap().set_opt_out(true, job(2), source(2).now);
    let stored = serde_json::to_string(&person).unwrap();
    let read: Person = serde_json::from_str(&stored).unwrap();
    assert_eq!(read, person);
    assert_eq!(read.undo_step(only(&read), job(1)), Some(kept(KeptReason::ChangedByCall)));
    let changed = fold(&read, 3, &[with_phone()]).person;
    assert_eq!(changed.undo_step(only(&changed), job(1)), Some(kept(KeptReason::ChangedByJob)));
}

#[test]
fn a_retry_of_the_undo_finds_what_it_has_deleted_and_no_other_does() {
    let mut person = fold(&Person::default(), 1, &[row("02110")]).person;
    let patient = only(&person);
    assert!(person.delete(patient, &KEY, Some(job(1)), source(2).now));
    let read: Person = serde_json::from_str(&serde_json::to_string(&person).unwrap()).unwrap();
    assert_eq!(read, person);
    let deleted = Some(UndoStep::Ended(UndoOutcome::Deleted));
    assert_eq!(read.undo_step(patient, job(1)), deleted);
    assert_eq!(read.undo_step(patient, job(2)), None);
    let mut by_call = fold(&Person::default(), 1, &[row("02110")]).person;
    assert!(by_call.delete(patient, &KEY, None, source(2).now));
    assert_eq!(by_call.undo_step(patient, job(1)), None, "a call has deleted it");
}
