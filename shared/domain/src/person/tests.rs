mod correction;
mod deletion;
mod external_ids;
mod undo;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::given::{ada, ada_with_everything, address};
use crate::ids::{CohortId, FacilityId, JobId};
use crate::job::times::JOB_WRITES;
use crate::time::Timestamp;

const KEY: HashKey = HashKey::new([7; 32]);

/// The last time of a test, in seconds since 1970.
const NOW: u64 = 1_800_000_100;

/// Returns the job that was created in this second of the story.
fn job(number: u64) -> JobId {
    let made = uuid::Builder::from_unix_timestamp_millis((1_800_000_000 + number) * 1000, &[0; 10]);
    JobId::new(made.into_uuid())
}

fn source(number: u64) -> RowsOfJob {
    RowsOfJob {
        job: job(number),
        facility: FacilityId::new(Uuid::from_u128(77)),
        may_overtake: false,
        now: Timestamp::from_millis(i64::try_from((NOW + number) * 1000).unwrap()),
    }
}

/// Returns a row about the patient of this first name, with homes in these zip codes.
fn row_of(first: &str, zips: &str) -> PatientRow {
    let addresses = zips.split_whitespace().map(|zip| address("1 Main St", zip)).collect();
    PatientRow { first_name: first.parse().unwrap(), addresses, ..ada() }
}

fn row(zips: &str) -> PatientRow {
    row_of("Ada", zips)
}

fn with_everything() -> PatientRow {
    PatientRow {
        // JSON escapes the quotes.
        external_id: Some("A-\"1\"".parse().unwrap()),
        addresses: row("02110 60601").addresses,
        ssn: Some("234567890".parse().unwrap()),
        cohorts: (0..3).map(|number| CohortId::new(Uuid::from_u128(number))).collect(),
        ..ada_with_everything()
    }
}

/// Returns the group of rows of one identity, numbered from 1.
fn group(rows: &[PatientRow]) -> Group {
    let identity = Identity::of_row(&rows[0]);
    // All groups of the tests share a bucket.
    let bucket = KEY.bucket(&Identity::of_row(&row("10001")));
    Group { bucket, identity, rows: (1..).map(RowNumber::new).zip(rows.iter().cloned()).collect() }
}

fn fold(person: &Person, number: u64, rows: &[PatientRow]) -> Folded {
    person.clone().fold(&group(rows), &KEY, source(number))
}

/// Folds rows that are given by their zip codes. Returns the patient of each as its place.
fn places(person: &Person, number: u64, rows: &[&str]) -> (Folded, Vec<Option<usize>>) {
    let folded = fold(person, number, &rows.iter().map(|zips| row(zips)).collect::<Vec<_>>());
    let ids: Vec<PatientId> = folded.person.patients().map(|record| record.patient.id).collect();
    let place = |row: &FoldedRow| ids.iter().position(|id| Some(*id) == row.patient);
    let places = folded.rows.iter().map(place).collect();
    (folded, places)
}

fn json_len(person: &Person) -> usize {
    serde_json::to_string(person).unwrap().len()
}

fn warnings(folded: &Folded) -> Vec<String> {
    let of_row = |row: &FoldedRow| {
        row.warnings.iter().map(|it| it.to_string()).collect::<Vec<_>>().join("; ")
    };
    folded.rows.iter().map(of_row).collect()
}

#[test]
fn a_row_without_a_common_zip_is_a_new_patient() {
    let (folded, patients) =
        places(&Person::default(), 1, &["10001", "94110", "10001 60601", "60601"]);
    assert_eq!(patients, [Some(0), Some(1), Some(0), Some(0)]);
    assert!(folded.is_changed);
    let creates: Vec<bool> = folded.rows.iter().map(|row| row.creates).collect();
    assert_eq!(creates, [true, true, false, false]);
}

#[test]
fn several_matches_are_the_oldest() {
    let (first, _) = places(&Person::default(), 1, &["10001", "94110"]);
    let (_, patients) = places(&first.person, 2, &["94110 10001"]);
    assert_eq!(patients, [Some(0)]);
}

#[test]
fn the_same_rows_again_change_nothing() {
    let (first, patients) = places(&Person::default(), 1, &["10001", "94110"]);
    let (again, same) = places(&first.person, 1, &["10001", "94110"]);
    assert_eq!((again.is_changed, same), (false, patients));
    let (only, patient) = places(&Person::default(), 1, &["10001"]);
    let (again, same) = places(&only.person, 2, &["10001"]);
    assert_eq!((again.is_changed, same), (false, patient));
}

#[test]
fn every_attempt_gives_a_new_patient_the_same_id() {
    let id = |number, zips: &str| fold(&Person::default(), number, &[row(zips)]).rows[0].patient;
    assert_eq!(id(1, "10001"), id(1, "10001"));
    assert_ne!(id(1, "10001"), id(2, "10001"));
    let bucket = Bucket::of(id(1, "10001").unwrap());
    assert_eq!(bucket, Some(group(&[row("10001")]).bucket));
}

#[test]
fn a_redelivered_row_gets_the_same_patient_whatever_happened_since() {
    let (before, _) = places(&Person::default(), 1, &["10001", "94110"]);
    let rows = ["94110", "94110 10001", "94110"];
    let (first, patients) = places(&before.person, 2, &rows);
    assert_eq!(patients, [Some(1), Some(0), Some(0)]);
    let (other, _) = places(&first.person, 3, &["94110"]);
    let (again, same) = places(&other.person, 2, &rows);
    assert_eq!(same, patients);
    assert!(!again.is_changed);
}

#[test]
fn a_row_that_changes_nothing_is_remembered_if_an_older_patient_could_get_its_zip() {
    let (two, _) = places(&Person::default(), 1, &["10001", "60601"]);
    let (first, of_first) = places(&two.person, 2, &["10001"]);
    assert_eq!((first.is_changed, of_first), (false, vec![Some(0)]));
    let (second, of_second) = places(&two.person, 3, &["60601"]);
    assert_eq!((second.is_changed, of_second), (true, vec![Some(1)]));
    // Another job gives the zip code to the older patient, before the job's next attempt.
    let (both, of_both) = places(&second.person, 4, &["10001 60601"]);
    assert_eq!(of_both, [Some(0)]);
    assert_eq!(places(&both.person, 3, &["60601"]).1, [Some(1)]);
    let (again, _) = places(&second.person, 3, &["60601"]);
    assert!(!again.is_changed, "what is remembered is not stored again");
}

#[test]
fn a_row_that_became_valid_between_two_attempts_is_folded() {
    let rows =
        [row("10001"), PatientRow { ssn: Some("234567890".parse().unwrap()), ..row("94110") }];
    let first = fold(&Person::default(), 1, &rows[..1]);
    let second = fold(&first.person, 1, &rows);
    assert!(second.is_changed);
    assert_eq!(second.rows[0].patient, first.rows[0].patient);
    assert_ne!(second.rows[1].patient, first.rows[0].patient);
    assert_eq!(second.person.patients().count(), 2);
}

#[test]
fn the_first_attempt_decides_what_a_row_is_warned_of() {
    let named = |id: &str| PatientRow { external_id: Some(id.parse().unwrap()), ..row("10001") };
    let rows = [named("A"), named("B")];
    let mut first = fold(&Person::default(), 1, &rows);
    assert_eq!(warnings(&first), ["", "warning: externalId: replaced another number"]);
    first.warn_of_other_patient(RowNumber::new(1));
    let expected = [
        "warning: externalId: another patient has it",
        "warning: externalId: replaced another number",
    ];
    assert_eq!(warnings(&first), expected);
    assert_eq!(warnings(&fold(&first.person, 1, &rows)), expected);
}

fn effects(folded: &Folded) -> Vec<RowEffect> {
    folded.rows.iter().map(|row| row.effect).collect()
}

#[test]
fn rows_count_one_by_one_as_created_updated_or_unchanged() {
    use RowEffect::{Created, Unchanged, Updated};
    let named = |id: &str| PatientRow { external_id: Some(id.parse().unwrap()), ..row("10001") };
    let rows = [row("10001"), row("10001"), named("A"), named("A"), row("94110"), named("B")];
    let first = fold(&Person::default(), 1, &rows);
    let expected = [Created, Unchanged, Updated, Unchanged, Created, Updated];
    assert_eq!(effects(&first), expected);
    // Another job has changed the patient when the chunk is imported again.
    let other = fold(&first.person, 2, &[named("C")]);
    assert_eq!(effects(&other), [Updated]);
    assert_eq!(effects(&fold(&other.person, 1, &rows)), expected);
    assert_eq!(effects(&fold(&other.person, 3, &[named("C"), row("94110")])), [Unchanged; 2]);
}

#[test]
fn a_row_that_became_valid_between_two_attempts_creates_no_patient_that_another_row_created() {
    let rows = [row("10001"), row("10001"), row("10001")];
    let mut first = group(&rows);
    first.rows.remove(1);
    let first = Person::default().fold(&first, &KEY, source(1));
    let again = fold(&first.person, 1, &rows);
    assert_eq!(effects(&again), [RowEffect::Created, RowEffect::Unchanged, RowEffect::Unchanged]);
}

#[test]
fn two_identities_that_share_a_bucket_are_told_apart() {
    let ada = fold(&Person::default(), 1, &[row_of("Ada", "10001")]);
    let both = fold(&ada.person, 1, &[row_of("Eve", "10001")]);
    assert_eq!(both.person.patients().count(), 2);
    let (ada, eve) = (ada.rows[0].patient.unwrap(), both.rows[0].patient.unwrap());
    let find = |first| {
        let row = row_of(first, "10001");
        let zips = [row.addresses[0].zip];
        both.person.find(&Identity::of_row(&row), &zips).map(|record| record.patient.id)
    };
    assert_eq!((find("Ada"), find("Eve"), find("Eva")), (Some(ada), Some(eve), None));
    let again = fold(&both.person, 2, &[row_of("ADA", "10001")]);
    assert_eq!(again.rows[0].patient, Some(ada));
}

#[test]
fn rows_that_do_not_fit_are_refused_and_later_ones_go_on_without_them() {
    let rows: Vec<PatientRow> = (0..1_000)
        .map(|number| PatientRow {
            external_id: Some(format!("id {number}").parse().unwrap()),
            addresses: vec![address(
                &format!("{number} \"Old\" {}", "Main Street ".repeat(33)),
                "02110",
            )],
            ..row("02110")
        })
        .collect();
    let folded = fold(&Person::default(), 1, &rows);
    let kept = folded.rows.iter().filter(|row| row.patient.is_some()).count();
    assert!(folded.rows[..kept].iter().all(|row| row.patient.is_some()));
    assert!(json_len(&folded.person) <= LARGEST_PERSON);
    let patient = &folded.person.patients().next().unwrap().patient;
    assert_eq!(patient.address.len(), kept);
    assert!((500..900).contains(&kept), "{kept}");
    // Nothing of a refused row is left.
    assert_eq!(patient.external_id.as_ref().unwrap().as_str(), format!("id {}", kept - 1));
    // A row that adds nothing fits, also into a full item.
    let again = fold(&folded.person, 2, &rows[kept - 1..kept]);
    assert!(again.rows[0].patient.is_some());
    let redelivered = fold(&folded.person, 1, &rows);
    assert_eq!(redelivered.rows.iter().filter(|row| row.patient.is_some()).count(), kept);
    assert!(!redelivered.is_changed);
}

#[test]
fn a_thousand_patients_of_one_identity_are_refused_where_their_item_is_full() {
    let rows: Vec<PatientRow> =
        (0..1_000).map(|number| row(&format!("{:05}", number + 1))).collect();
    let folded = fold(&Person::default(), 1, &rows);
    let accepted = folded.person.patients().count();
    assert!((450..600).contains(&accepted), "{accepted}");
    assert!(folded.rows[..accepted].iter().all(|row| row.patient.is_some()));
    assert!(folded.rows[accepted..].iter().all(|row| row.patient.is_none()));
    assert!(json_len(&folded.person) <= folded.person.stored_size());
    // A redelivery gives the same answers, and another job finds room for its decision.
    let again = fold(&folded.person, 1, &rows);
    assert!(!again.is_changed);
    let other = fold(&folded.person, 2, &rows[..accepted]);
    let patients = |folded: &Folded| folded.rows.iter().map(|row| row.patient).collect::<Vec<_>>();
    assert!(patients(&again) == patients(&folded));
    assert!(patients(&other) == patients(&folded)[..accepted]);
}

#[test]
fn a_decision_about_rows_that_alternate_is_bounded() {
    let homes = [row("10001"), row("94110")];
    let rows: Vec<PatientRow> = (0..25_000).map(|number| homes[number % 2].clone()).collect();
    let folded = fold(&Person::default(), 1, &rows);
    assert_eq!(folded.person.patients().count(), 2);
    assert!(folded.rows[..10_000].iter().all(|row| row.patient.is_some()));
    assert_eq!(folded.rows[24_999].patient, None);
    assert!(json_len(&folded.person) <= LARGEST_PERSON);
}

#[test]
fn decisions_of_jobs_long_gone_are_forgotten() {
    let (old, _) = places(&Person::default(), 1, &["10001"]);
    let later = JOB_WRITES.as_secs() + 1_000;
    let (folded, patients) = places(&old.person, later, &["10001 94110"]);
    assert_eq!(folded.person.identities[0].decisions.len(), 1);
    assert_eq!(patients, [Some(0)]);
}

#[test]
fn an_item_is_stored_in_few_bytes() {
    let folded = fold(&Person::default(), 1, &[with_everything()]);
    insta::assert_snapshot!(serde_json::to_string(&folded.person).unwrap());
}

#[test]
fn an_item_of_another_format_is_not_read() {
    assert!(serde_json::from_str::<Person>(r#"{"v":1,"j":[],"p":[]}"#).is_ok());
    assert!(serde_json::from_str::<Person>(r#"{"v":2,"j":[],"p":[]}"#).is_err());
    let broken = r#"{"v":1,"j":[],"p":[{"p":[],"d":[[0,[],[]]]}]}"#;
    assert!(serde_json::from_str::<Person>(broken).is_err());
}

/// A row of one of two identities that share a bucket.
fn any_row() -> impl Strategy<Value = PatientRow> {
    (0..2_usize, 0..4_usize, 0..4_u8, any::<bool>(), 0..3_u128).prop_map(
        |(who, home, id, everything, cohort)| {
            let first = ["Ada", "Eve"][who];
            let zips = ["10001", "94110", "10001 60601", "60601"][home];
            let base = if everything { with_everything() } else { row(zips) };
            PatientRow {
                first_name: first.parse().unwrap(),
                addresses: row(zips).addresses,
                external_id: (id > 0).then(|| format!("id \\ {id}").parse().unwrap()),
                cohorts: vec![CohortId::new(Uuid::from_u128(cohort))],
                ..base
            }
        },
    )
}

proptest! {
    #[test]
    fn whatever_is_folded_is_read_back_and_folds_to_the_same_again(
        jobs in proptest::collection::vec(proptest::collection::vec(any_row(), 1..8), 1..4),
        deleted in proptest::collection::vec(0..6_usize, 3),
    ) {
        let mut person = Person::default();
        let mut outcomes = Vec::new();
        for ((number, rows), deleted) in (1..).zip(&jobs).zip(deleted) {
            for first in ["Ada", "Eve"] {
                let rows: Vec<PatientRow> =
                    rows.iter().filter(|row| row.first_name.as_str() == first).cloned().collect();
                if rows.is_empty() {
                    continue;
                }
                let folded = fold(&person, number, &rows);
                if folded.is_changed {
                    outcomes.push((number, rows, folded.rows.clone()));
                    person = folded.person;
                }
                let json = serde_json::to_string(&person).unwrap();
                prop_assert_eq!(&serde_json::from_str::<Person>(&json).unwrap(), &person);
                prop_assert!(json.len() <= person.stored_size());
            }
            // A number that is no patient's deletes none.
            let patient = person.patients().nth(deleted);
            if let Some(patient) = patient.map(|record| record.patient.id) {
                let size = person.stored_size();
                prop_assert!(person.delete(patient, &KEY, None, source(number).now));
                prop_assert!(person.stored_size() <= size);
                let json = serde_json::to_string(&person).unwrap();
                prop_assert_eq!(&serde_json::from_str::<Person>(&json).unwrap(), &person);
                prop_assert!(json.len() <= person.stored_size());
            }
        }
        for (number, rows, outcome) in outcomes {
            let again = fold(&person, number, &rows);
            prop_assert!(!again.is_changed);
            for (row, first) in again.rows.iter().zip(&outcome) {
                prop_assert_eq!(row.patient, first.patient);
                prop_assert_eq!(row.warnings, first.warnings);
                prop_assert_eq!(row.effect, first.effect);
                prop_assert!(!row.creates);
            }
        }
    }
}
