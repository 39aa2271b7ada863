//! Corrections of patients, and rows that are folded after them.

use super::*;
use crate::person::correction::Corrected;
use crate::record::Correction;

/// Returns the demographics of the tests' person with another last name and zip code.
fn correction(last_name: &str, zip: &str) -> Correction {
    let row = row(zip);
    Correction {
        first_name: row.first_name,
        last_name: last_name.parse().unwrap(),
        dob: row.dob,
        gender: row.gender,
        addresses: row.addresses,
        contacts: Vec::new(),
        ssn: None,
        drivers_license: None,
        external_id: None,
        hie_opt_out: None,
    }
}

/// Corrects the only patient, in the second of this number. The call's id is that of a job of this
/// second. Returns the item of the corrected identity, and the one that was left.
fn correct(person: &Person, to: &Correction, second: u64) -> (Person, Person) {
    let mut left = person.clone();
    let patient = left.patients().next().unwrap().patient.id;
    let call = source(second);
    match left.correct(patient, to, &KEY, call.job, call.now).unwrap() {
        Corrected::InPlace => (left, Person::default()),
        Corrected::Moves(record, bucket) => {
            let identity = Identity::of_patient(&record.patient);
            assert_eq!(bucket, KEY.bucket(&identity));
            let mut at = Person::default();
            at.receive(*record, &KEY);
            assert!(left.note_move(patient, Some(bucket)));
            assert_eq!(left.moved_to(patient), Some(bucket));
            (at, left)
        }
    }
}

fn last_name() -> String {
    row("02110").last_name.as_str().to_owned()
}

#[test]
fn a_correction_replaces_the_demographics_and_nothing_else() {
    let created = fold(&Person::default(), 1, &[with_everything()]).person;
    let before = created.patients().next().unwrap().patient.clone();
    let (corrected, _) = correct(&created, &correction(&last_name(), "94110"), 2);
    let after = &corrected.patients().next().unwrap().patient;
    assert_eq!((after.id, &after.external_id), (before.id, &before.external_id));
    assert_eq!(
        (&after.cohort_ids, &after.facility_ids),
        (&before.cohort_ids, &before.facility_ids)
    );
    assert_eq!((after.contact.len(), after.personal_identifiers.len()), (0, 0));
    let zips: Vec<&str> = after.address.iter().map(|address| address.zip.as_str()).collect();
    assert_eq!(zips, ["94110"]);
    assert!(after.date_updated > before.date_updated);
}

#[test]
fn values_of_older_jobs_do_not_replace_corrected_ones_and_those_of_younger_jobs_do() {
    let created = fold(&Person::default(), 1, &[row("02110")]).person;
    let (corrected, _) = correct(&created, &correction(&last_name(), "02110"), 5);
    let ssn =
        |person: &Person| person.patients().next().unwrap().patient.personal_identifiers.len();
    assert_eq!(ssn(&fold(&corrected, 3, &[with_everything()]).person), 0);
    assert!(ssn(&fold(&corrected, 7, &[with_everything()]).person) > 0);
}

#[test]
fn a_row_that_was_folded_before_the_correction_brings_nothing_back() {
    let created = fold(&Person::default(), 1, &[with_everything()]);
    let patient = created.rows[0].patient;
    for to in [correction(&last_name(), "94110"), correction("Another", "94110")] {
        let (at, left) = correct(&created.person, &to, 2);
        let item = if at.patients().count() > 0 && left == Person::default() { &at } else { &left };
        let again = fold(item, 1, &[with_everything()]);
        assert_eq!((again.is_changed, again.rows[0].patient), (false, patient));
        assert_eq!(again.corrected_since().collect::<Vec<_>>(), [patient.unwrap()]);
        assert_eq!(at.patients().next().unwrap().patient.contact.len(), 0);
    }
}

#[test]
fn a_job_that_began_before_the_correction_waits_unless_it_has_decided() {
    let created = fold(&Person::default(), 1, &[row("02110")]).person;
    let identity = Identity::of_row(&row("02110"));
    for to in [correction(&last_name(), "02110"), correction("Another", "02110")] {
        let (at, left) = correct(&created, &to, 5);
        let item = if left == Person::default() { &at } else { &left };
        let since =
            |job: u64| item.deleted_since(&identity, &KEY, source(job).job, source(job).now);
        assert_eq!(since(3), Some(source(5).now), "it may have read the patient before");
        assert_eq!(since(1), None, "it has decided");
        assert_eq!(since(7), None, "it began later");
    }
}

#[test]
fn a_patient_that_moves_comes_last_among_those_of_its_new_identity() {
    let moving = fold(&Person::default(), 1, &[row("02110")]).person;
    let mut other_row = row("94110");
    other_row.last_name = "Another".parse().unwrap();
    let identity = Identity::of_row(&other_row);
    let group = Group {
        bucket: KEY.bucket(&identity),
        identity,
        rows: vec![(RowNumber::FIRST, other_row)],
    };
    let mut at = Person::default().fold(&group, &KEY, source(2)).person;
    let mut left = moving.clone();
    let patient = left.patients().next().unwrap().patient.id;
    let to = correction("Another", "94110");
    let corrected = left.correct(patient, &to, &KEY, source(3).job, source(3).now);
    let Some(Corrected::Moves(record, _)) = corrected else { panic!("it moves") };
    at.receive(*record, &KEY);
    let ids: Vec<PatientId> = at.patients().map(|record| record.patient.id).collect();
    assert_eq!((ids.len(), ids[1]), (2, patient));
    // Both have the zip code: the row is still about the one that it was about.
    let again = at.clone().fold(&group, &KEY, source(2));
    assert_eq!((again.is_changed, again.rows[0].patient), (false, Some(ids[0])));
}

#[test]
fn the_item_of_a_moved_patients_id_is_kept_and_stored() {
    let created = fold(&Person::default(), 1, &[row("02110")]).person;
    let (at, left) = correct(&created, &correction("Another", "02110"), 2);
    assert_eq!((left.patients().count(), left.forgotten_at()), (0, None));
    for person in [at, left] {
        let json = serde_json::to_string(&person).unwrap();
        assert!(json.len() <= person.stored_size(), "{} > {}", json.len(), person.stored_size());
        assert_eq!(serde_json::from_str::<Person>(&json).unwrap(), person);
    }
}

#[test]
fn a_corrected_patient_can_be_corrected_back_and_deleted() {
    let created = fold(&Person::default(), 1, &[row("02110")]).person;
    let (at, mut left) = correct(&created, &correction("Another", "02110"), 2);
    let patient = at.patients().next().unwrap().patient.id;
    assert_eq!(at.patient(patient).map(|record| record.created_by), Some(source(1).job));
    let (back, mut other) = correct(&at, &correction(&last_name(), "02110"), 3);
    left.receive(back.patients().next().unwrap().clone(), &KEY);
    assert!(left.note_move(patient, None) && !left.note_move(patient, None));
    assert!(fold(&left, 1, &[row("02110")]).rows[0].patient == Some(patient));
    let later = fold(&left, 9, &[row("02110")]);
    assert_eq!(later.rows[0].patient, Some(patient));
    assert!(left.delete(patient, &KEY, None, source(4).now));
    assert!(left.deleted(patient).is_some() && other.deleted(patient).is_none());
    assert!(!other.delete(patient, &KEY, None, source(4).now));
}

#[test]
fn a_patient_that_is_corrected_again_and_again_takes_no_more_room() {
    let mut person = fold(&Person::default(), 1, &[row("02110")]).person;
    for call in 2..20 {
        let zip = if call % 2 == 0 { "94110" } else { "02110" };
        (person, _) = correct(&person, &correction(&last_name(), zip), call);
        assert_eq!(person.deleted_patients().count(), 1, "it is remembered once");
    }
    let waits = |job: u64| {
        let identity = Identity::of_row(&row("02110"));
        person.deleted_since(&identity, &KEY, source(job).job, source(job).now).is_some()
    };
    assert!(waits(18) && !waits(25), "the last correction counts");
}
