//! External ids of the patients of an item: which are new, which another patient had, and which a
//! job may still bring.

use super::*;

#[test]
fn an_external_id_that_a_patient_did_not_have_is_told() {
    let named = |id: &str| PatientRow { external_id: Some(id.parse().unwrap()), ..row("10001") };
    let first = fold(&Person::default(), 1, &[named("A")]);
    let new = |folded: &Folded| {
        folded.new_external_ids().map(|(_, id)| id.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(new(&first), ["A"]);
    assert!(new(&fold(&first.person, 2, &[named("A")])).is_empty());
    assert_eq!(new(&fold(&first.person, 2, &[named("B")])), ["B"]);
}

#[test]
fn a_patient_of_the_item_that_had_an_external_id_before_the_rows_is_told() {
    let named = |zip: &str| PatientRow { external_id: Some("A".parse().unwrap()), ..row(zip) };
    let first = fold(&Person::default(), 1, &[row("10001")]);
    let had = |folded: &Folded, row: usize| {
        folded.had_other_with(&"A".parse().unwrap(), folded.rows[row].patient.unwrap())
    };
    let both = fold(&first.person, 2, &[named("94110"), named("10001")]);
    assert!(!had(&both, 0) && !had(&both, 1), "two rows get it together");
    let third = fold(&both.person, 3, &[named("60601")]);
    assert!(had(&third, 0));
    let alone = fold(&fold(&Person::default(), 1, &[named("10001")]).person, 2, &[named("10001")]);
    assert!(!had(&alone, 0), "it is the patient's own");
}

#[test]
fn a_job_is_awaited_until_it_has_decided() {
    let now = source(1).now;
    let folded = fold(&Person::default(), 1, &[row("10001")]);
    let patient = folded.rows[0].patient.unwrap();
    assert!(Person::default().awaits(patient, job(1), now));
    assert!(!folded.person.awaits(patient, job(1), now));
    assert!(folded.person.awaits(patient, job(2), now));
    assert!(!folded.person.awaits(patient, job(2), now.plus(JOB_WRITES)));
}
