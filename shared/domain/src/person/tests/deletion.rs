//! Deletion of patients, and rows that are folded after it.

use std::time::Duration;

use super::*;
use crate::person::deletion::ATTEMPT_ENDS;

/// Deletes the patient at this place, in the second of this number.
fn delete(person: &Person, place: usize, second: u64) -> (Person, PatientId) {
    let patient = person.patients().nth(place).unwrap().patient.id;
    let mut person = person.clone();
    assert!(person.delete(patient, &KEY, None, source(second).now));
    assert!(!person.delete(patient, &KEY, None, source(second).now), "deleted once");
    (person, patient)
}

fn patient_of(folded: &Folded) -> PatientId {
    folded.rows[0].patient.unwrap()
}

#[test]
fn a_later_row_about_a_deleted_patient_creates_another_one() {
    let first = fold(&Person::default(), 1, &[with_everything()]);
    let (person, deleted) = delete(&first.person, 0, 2);
    assert_eq!(person.patients().count(), 0);
    let later = fold(&person, 3, &[row("02110")]);
    assert!(later.is_changed && later.rows[0].creates);
    assert_ne!(patient_of(&later), deleted);
    assert_eq!(later.person.patients().next().unwrap().patient.external_id, None);
    let again = fold(&later.person, 3, &[row("02110")]);
    assert_eq!((again.is_changed, patient_of(&again)), (false, patient_of(&later)));
}

#[test]
fn the_item_names_the_jobs_of_a_patient_before_and_after_its_deletion() {
    let (two, _) = places(&Person::default(), 1, &["10001", "94110"]);
    let (both, _) = places(&two.person, 2, &["94110 60601"]);
    let ids: Vec<PatientId> = both.person.patients().map(|record| record.patient.id).collect();
    let named = |person: &Person, place: usize| {
        person.jobs_about(ids[place]).into_iter().collect::<Vec<_>>()
    };
    assert_eq!(named(&both.person, 0), [job(1)]);
    assert_eq!(named(&both.person, 1), [job(1), job(2)]);
    let (left, _) = delete(&both.person, 1, 3);
    assert_eq!(named(&left, 0), [job(1)]);
    assert_eq!(named(&left, 1), [job(1), job(2)]);
}

#[test]
fn a_row_that_was_folded_before_the_deletion_creates_no_patient_again() {
    let (two, _) = places(&Person::default(), 1, &["10001", "94110"]);
    let (person, deleted) = delete(&two.person, 0, 2);
    let rows = [row("10001"), row("94110")];
    let again = fold(&person, 1, &rows);
    assert!(!again.is_changed);
    let left = person.patients().next().unwrap().patient.id;
    let patients: Vec<_> = again.rows.iter().map(|row| row.patient).collect();
    assert_eq!(patients, [Some(deleted), Some(left)]);
    assert_eq!(again.records().map(|record| record.patient.id).collect::<Vec<_>>(), [left]);
    // Also after another job has written the person.
    let (other, _) = places(&person, 3, &["10001 60601"]);
    let again = fold(&other.person, 1, &rows);
    assert_eq!((again.is_changed, again.rows[0].patient), (false, Some(deleted)));
}

#[test]
fn the_other_patients_of_an_identity_stay() {
    let (three, _) = places(&Person::default(), 1, &["10001", "94110", "60601"]);
    let (person, _) = delete(&three.person, 1, 2);
    assert_eq!(places(&person, 3, &["60601", "10001"]).1, [Some(1), Some(0)]);
    let (last, _) = delete(&delete(&person, 0, 3).0, 0, 4);
    assert_eq!((last.patients().count(), last.identities[0].deleted.len()), (0, 3));
    assert!(fold(&last, 5, &[row("60601")]).rows[0].creates);
}

#[test]
fn an_item_without_patients_tells_its_identities_apart() {
    let ada = fold(&Person::default(), 1, &[row_of("Ada", "10001")]);
    let both = fold(&ada.person, 2, &[row_of("Eve", "10001")]);
    let (person, _) = delete(&delete(&both.person, 1, 3).0, 0, 3);
    for (number, first, before) in [(1, "Ada", patient_of(&ada)), (2, "EVE", patient_of(&both))] {
        let again = fold(&person, number, &[row_of(first, "10001")]);
        assert_eq!((again.is_changed, patient_of(&again)), (false, before), "{first}");
    }
    let json = serde_json::to_string(&person).unwrap();
    assert!(!json.contains("Ada") && !json.contains("1985"), "{json}");
}

#[test]
fn a_job_from_before_a_deletion_waits_unless_its_decision_is_remembered() {
    let first = fold(&Person::default(), 1, &[row("10001")]);
    let (person, _) = delete(&first.person, 0, 5);
    let identity = Identity::of_row(&row("94110"));
    let since = |person: &Person, job_number, started| {
        person.deleted_since(&identity, &KEY, job(job_number), source(started).now)
    };
    let at = Some(source(5).now);
    assert_eq!(since(&person, 1, 1), None, "its decision is remembered");
    assert_eq!((since(&person, 2, 2), since(&person, 2, 5)), (at, at));
    assert_eq!(since(&person, 2, 6), None, "it started after the deletion");
    let decided = fold(&person, 2, &[row("10001")]);
    assert_eq!(since(&decided.person, 2, 2), None);
    assert_eq!(since(&first.person, 2, 2), None, "nothing was deleted");
    assert!(ATTEMPT_ENDS > Duration::from_secs(150));
}

#[test]
fn a_deletion_is_forgotten_when_no_job_from_before_it_may_write() {
    let first = fold(&Person::default(), 1, &[row("10001")]);
    assert_eq!(first.person.forgotten_at(), None);
    let (person, patient) = delete(&first.person, 0, 2);
    assert_eq!(person.forgotten_at(), Some(source(2).now.plus(JOB_WRITES)));
    assert_eq!(person.deleted(patient).unwrap().at, source(2).now);
    assert!(!person.awaits(patient, job(3), source(3).now));
    let later = JOB_WRITES.as_secs() + 1_000;
    let after = fold(&person, later, &[row("10001")]);
    assert_eq!(after.person.forgotten_at(), None);
    assert_eq!(after.person.identities[0].deleted.len(), 0);
    assert_eq!(after.person.identities.len(), 1);
}

#[test]
fn what_is_left_to_clean_up_is_remembered() {
    let first = fold(&Person::default(), 1, &[with_everything()]);
    let (person, patient) = delete(&first.person, 0, 2);
    let deleted = person.deleted(patient).unwrap();
    let external_id = with_everything().external_id.unwrap();
    assert_eq!(deleted.external_id, Some(KEY.external_id(&external_id)));
    assert_eq!(deleted.cohorts, with_everything().cohorts);
}
