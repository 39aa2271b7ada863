use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::patient::{Country, DriversLicense, NamesInOneCase};

fn job(number: u128) -> JobId {
    JobId::new(Uuid::from_u128(number))
}

fn at(minutes: u64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000).plus(Duration::from_mins(minutes))
}

fn source(number: u128) -> RowsOfJob {
    let facility = FacilityId::new(Uuid::from_u128(77));
    RowsOfJob {
        job: job(number),
        facility,
        may_overtake: false,
        now: at(u64::try_from(number).unwrap()),
    }
}

/// The size of the record as it is stored.
fn json_len(record: &PatientRecord) -> usize {
    serde_json::to_string(record).unwrap().len()
}

fn patient_id() -> PatientId {
    PatientId::new(Uuid::from_u128(1))
}

fn address(line1: &str, zip: &str) -> Address {
    Address {
        address_line1: line1.parse().unwrap(),
        address_line2: None,
        city: "Boston".parse().unwrap(),
        state: "MA".parse().unwrap(),
        zip: zip.parse().unwrap(),
        country: Country::Usa,
    }
}

/// A row about Ada, with nothing in it that a row need not have.
fn ada() -> PatientRow {
    PatientRow {
        external_id: None,
        first_name: "Ada".parse().unwrap(),
        last_name: "Lovelace".parse().unwrap(),
        names_in_one_case: NamesInOneCase::default(),
        dob: "1985-12-10".parse().unwrap(),
        gender: "F".parse().unwrap(),
        addresses: vec![address("1 Main St", "02110")],
        contacts: Vec::new(),
        ssn: None,
        drivers_license: None,
        cohorts: Vec::new(),
        facility: None,
        hie_opt_out: None,
    }
}

fn ada_with_everything() -> PatientRow {
    PatientRow {
        external_id: Some("A-1".parse().unwrap()),
        contacts: vec![Contact {
            phone: Some("6175550100".parse().unwrap()),
            email: Some("ada@example.com".parse().unwrap()),
        }],
        ssn: Some("123456789".parse().unwrap()),
        drivers_license: Some(DriversLicense {
            value: "D1".parse().unwrap(),
            state: "MA".parse().unwrap(),
        }),
        cohorts: vec![crate::ids::CohortId::new(Uuid::from_u128(5))],
        facility: Some(FacilityId::new(Uuid::from_u128(6))),
        hie_opt_out: Some(true),
        ..ada()
    }
}

fn merge(
    before: Option<&PatientRecord>,
    number: u128,
    rows: &[PatientRow],
) -> Option<PatientRecord> {
    let Merged { record, refused } =
        PatientRecord::merge(before, patient_id(), source(number), rows);
    assert!(refused.is_empty(), "rows were refused: {refused:?}");
    record
}

fn created(rows: &[PatientRow]) -> PatientRecord {
    merge(None, 1, rows).unwrap()
}

#[test]
fn the_first_row_creates_the_patient_with_all_that_it_says() {
    let record = created(&[ada_with_everything()]);
    insta::assert_json_snapshot!(record);
}

#[test]
fn the_same_row_again_changes_nothing() {
    for row in [ada(), ada_with_everything()] {
        let record = created(std::slice::from_ref(&row));
        assert_eq!(merge(Some(&record), 1, std::slice::from_ref(&row)), None, "redelivered");
        assert_eq!(merge(Some(&record), 2, &[row]), None, "uploaded again");
    }
}

#[test]
fn blank_cells_leave_what_was_there() {
    let record = created(&[ada_with_everything()]);
    let after = merge(Some(&record), 2, &[ada()]).unwrap();
    // All that the blank row brings is the facility of its job.
    let mut expected = record.patient;
    expected.facility_ids.push(source(2).facility);
    expected.date_updated = at(2);
    assert_eq!(after.patient, expected);
}

#[test]
fn values_in_the_row_win_and_lists_grow_without_duplicates() {
    let record = created(&[ada_with_everything()]);
    let row = PatientRow {
        external_id: Some("A-2".parse().unwrap()),
        first_name: "ADA,".parse().unwrap(),
        ssn: Some("234567890".parse().unwrap()),
        hie_opt_out: Some(false),
        addresses: vec![address("1 MAIN ST", "02110"), address("2 Oak Ave", "02111")],
        contacts: vec![Contact {
            phone: Some("6175550100".parse().unwrap()),
            email: Some("ada@work.example.com".parse().unwrap()),
        }],
        ..ada_with_everything()
    };
    let after = merge(Some(&record), 2, &[row]).unwrap().patient;
    assert_eq!(after.external_id.unwrap().as_str(), "A-2");
    assert!(!after.hie_opt_out);
    assert_eq!(after.address, [address("1 Main St", "02110"), address("2 Oak Ave", "02111")]);
    assert_eq!(after.contact.len(), 2);
    assert_eq!((after.contact[1].phone, after.contact[1].email.is_some()), (None, true));
    assert_eq!(after.personal_identifiers.len(), 2, "one of each type");
    assert_eq!((after.cohort_ids.len(), after.facility_ids.len()), (1, 1));
}

#[test]
fn rows_are_folded_in_file_order() {
    let named = |id: &str| PatientRow { external_id: Some(id.parse().unwrap()), ..ada() };
    let record = created(&[named("first"), ada(), named("last")]);
    assert_eq!(record.patient.external_id.unwrap().as_str(), "last");
}

#[test]
fn a_late_redelivery_of_an_older_job_does_not_bring_back_older_values() {
    let named = |id: &str| PatientRow { external_id: Some(id.parse().unwrap()), ..ada() };
    let record = created(&[named("first")]);
    let record = merge(Some(&record), 3, &[named("third")]).unwrap();
    assert_eq!(merge(Some(&record), 2, &[named("second")]), None);
}

#[test]
fn a_late_job_still_gives_what_no_job_has_given_yet() {
    let record = merge(None, 3, &[ada()]).unwrap();
    let late = PatientRow {
        contacts: Vec::new(),
        cohorts: Vec::new(),
        facility: None,
        ..ada_with_everything()
    };
    let after = merge(Some(&record), 2, &[late]).unwrap().patient;
    assert_eq!(after.external_id.unwrap().as_str(), "A-1");
    assert_eq!(after.personal_identifiers.len(), 2);
    assert!(after.hie_opt_out, "an opt-out that was given counts, whenever it comes");
}

#[test]
fn an_opt_out_is_withdrawn_only_by_a_newer_job() {
    let opted = |out: bool| PatientRow { hie_opt_out: Some(out), ..ada() };
    let record = merge(None, 2, &[opted(true)]).unwrap();
    assert_eq!(merge(Some(&record), 1, &[opted(false)]), None);
    assert!(!merge(Some(&record), 3, &[opted(false)]).unwrap().patient.hie_opt_out);
}

#[test]
fn rows_that_do_not_fit_are_refused_and_later_ones_go_on_without_them() {
    let row = |number: usize| PatientRow {
        external_id: Some(format!("id {number}").parse().unwrap()),
        addresses: vec![address(&format!("{number} \"Old\" Main Street"), "02110")],
        ..ada()
    };
    let rows: Vec<PatientRow> = (0..5_000).map(row).collect();
    let Merged { record, refused } = PatientRecord::merge(None, patient_id(), source(1), &rows);
    let record = record.unwrap();
    assert!(json_len(&record) <= LARGEST_RECORD, "{} bytes", json_len(&record));
    assert!(
        json_len(&record) > LARGEST_RECORD * 9 / 10,
        "the room is used: {} bytes",
        json_len(&record)
    );
    assert_eq!(record.patient.address.len() + refused.len(), rows.len());
    assert_eq!(refused, (record.patient.address.len()..5_000).collect::<Vec<_>>());
    // Nothing of a refused row is left.
    let last = format!("id {}", refused[0] - 1);
    assert_eq!(record.patient.external_id.as_ref().unwrap().as_str(), last);
    // A row that adds nothing fits, also into a full record.
    let again = PatientRecord::merge(Some(&record), patient_id(), source(1), &rows[..1_000]);
    assert_eq!(again.refused, Vec::<usize>::new());
}

#[test]
fn the_size_of_a_record_is_never_less_than_what_is_stored() {
    let full = PatientRow {
        first_name: "Anna, \"Bo\"".parse().unwrap(),
        addresses: vec![address("1 \\ Main", "02110"), address("2 Main", "60601")],
        cohorts: (0..20).map(|number| CohortId::new(Uuid::from_u128(number))).collect(),
        facility: Some(FacilityId::new(Uuid::from_u128(5))),
        hie_opt_out: Some(true),
        ..ada_with_everything()
    };
    for row in [ada(), ada_with_everything(), full] {
        let record = merge(Some(&created(&[ada()])), 2, std::slice::from_ref(&row))
            .unwrap_or(created(&[ada()]));
        assert!(json_len(&record) <= record.stored_size());
        assert!(record.stored_size() <= json_len(&record) + 2 * 1_500, "far too much");
        assert!(
            created(std::slice::from_ref(&row)).stored_size() <= row.stored_size() + 2 * ID + 4
        );
    }
}
