use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::given::{ada, ada_with_everything, address};
use crate::ids::CohortId;
use crate::patient::{Contact, DriversLicense};

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

fn patient_id() -> PatientId {
    PatientId::new(Uuid::from_u128(1))
}

fn merge(
    before: Option<&PatientRecord>,
    number: u128,
    rows: &[PatientRow],
) -> Option<PatientRecord> {
    let source = source(number);
    let mut rows = rows.iter();
    let mut record = before
        .cloned()
        .unwrap_or_else(|| PatientRecord::create(patient_id(), source, rows.next().unwrap()));
    for row in rows {
        record.update(source, row);
    }
    record.note_change(before, source).then_some(record)
}

fn created(rows: &[PatientRow]) -> PatientRecord {
    merge(None, 1, rows).unwrap()
}

#[test]
fn the_first_row_creates_the_patient_with_all_that_it_says() {
    let record = created(&[ada_with_everything()]);
    insta::assert_json_snapshot!(record.patient);
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
fn a_row_says_which_identifiers_it_replaced() {
    let row = |id: &str, ssn: &str, license: &str| PatientRow {
        external_id: Some(id.parse().unwrap()),
        ssn: Some(ssn.parse().unwrap()),
        drivers_license: Some(DriversLicense {
            value: license.parse().unwrap(),
            state: "MA".parse().unwrap(),
        }),
        ..ada()
    };
    let mut record = PatientRecord::create(patient_id(), source(2), &ada());
    let mut update = |number, row: &PatientRow| {
        let warnings = record.update(source(number), row).warnings.iter();
        warnings.map(|it| it.to_string()).collect::<Vec<_>>()
    };
    assert!(update(2, &row("A", "234567890", "D1")).is_empty(), "nothing was there before");
    assert!(update(3, &row("A", "234567890", "d1")).is_empty(), "the same values");
    assert_eq!(
        update(4, &row("B", "345678901", "D2")),
        [
            "warning: externalId: replaced another number",
            "warning: ssn: replaced another number",
            "warning: driversLicenceNo: replaced another number",
        ]
    );
    assert!(update(3, &row("A", "234567890", "D1")).is_empty(), "an older job replaces nothing");
}

#[test]
fn a_row_updates_its_patient_if_a_caller_can_read_the_difference() {
    let license = |value: &str| {
        Some(DriversLicense { value: value.parse().unwrap(), state: "MA".parse().unwrap() })
    };
    let phone = |phone: &str| vec![Contact { phone: Some(phone.parse().unwrap()), email: None }];
    let rows = [
        PatientRow { external_id: Some("A".parse().unwrap()), ..ada() },
        PatientRow { external_id: Some("B".parse().unwrap()), ..ada() },
        PatientRow { ssn: Some("234567890".parse().unwrap()), ..ada() },
        PatientRow { drivers_license: license("D1"), ..ada() },
        PatientRow { drivers_license: license("D2"), ..ada() },
        PatientRow { addresses: vec![address("9 Elm St", "02110")], ..ada() },
        PatientRow { contacts: phone("6175550199"), ..ada() },
        PatientRow { cohorts: vec![CohortId::new(Uuid::from_u128(1))], ..ada() },
        PatientRow { facility: Some(FacilityId::new(Uuid::from_u128(99))), ..ada() },
        PatientRow { hie_opt_out: Some(true), ..ada() },
        PatientRow { hie_opt_out: Some(false), ..ada() },
        PatientRow { first_name: "ADa".parse().unwrap(), ..ada() },
    ];
    let mut record = PatientRecord::create(patient_id(), source(2), &ada());
    for (number, row) in (3..).zip(&rows) {
        let before = record.patient.clone();
        assert_eq!(record.update(source(number), row).effect(), RowEffect::Updated);
        assert_ne!(record.patient, before);
        assert_eq!(record.update(source(number), row).effect(), RowEffect::Unchanged);
    }
    let older = record.update(source(1), &rows[0]);
    assert_eq!(older.effect(), RowEffect::Unchanged, "an older job overwrites nothing");
}
