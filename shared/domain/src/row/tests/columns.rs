//! Groups of columns that belong together, and the rules of single columns.

use super::*;

#[test]
fn an_address_with_any_filled_cell_must_be_complete() {
    let second = |column: &str| {
        ["addressLine1-2", "addressLine2-2", "city-2", "state-2", "zip-2"]
            .iter()
            .fold(Row::new(), |row, name| row.with(name, if *name == column { "CA" } else { "" }))
    };
    assert_eq!(second("none").patient().addresses.len(), 1);
    assert_eq!(
        second("city-2").reason(),
        "addressLine1-2: missing; state-2: missing; zip-2: missing"
    );
    assert_eq!(
        second("addressLine2-2").reason(),
        "addressLine1-2: missing; city-2: missing; state-2: missing; zip-2: missing"
    );
    assert_eq!(
        second("zip-2").reason(),
        "addressLine1-2: missing; city-2: missing; state-2: missing; zip-2: not a zip code"
    );
}

#[test]
fn columns_that_a_filled_address_lacks_are_named_where_its_others_are() {
    let row =
        Row::new().with("ssn", "1").with("state_2", "MA").with("zip_2", "02139").with("email", "x");
    assert_eq!(
        row.reason(),
        "ssn: not 9 digits; addressLine1-2: missing; city-2: missing; email: not an email address"
    );
}

#[test]
fn a_row_without_any_address_is_told_what_the_first_one_needs() {
    let row = |names: [&str; 5]| {
        let mut row = Row::new();
        row.cells.truncate(4);
        names.iter().fold(row, |row, name| row.with(name, " "))
    };
    assert_eq!(
        row(["zip", "addressLine1", "addressLine2", "city", "state"]).reason(),
        "zip: missing; addressLine1: missing; city: missing; state: missing"
    );
    // The first slot that can be filled at all.
    assert_eq!(
        row(["city", "addressLine1-3", "city-3", "state-3", "zip-3"]).reason(),
        "addressLine1-3: missing; city-3: missing; state-3: missing; zip-3: missing"
    );
}

#[test]
fn ten_addresses_are_read_in_order() {
    let mut row = Row::new();
    for slot in 2..=10 {
        for (column, cell) in
            [("city", "Reno"), ("state", "NV"), ("zip", "89501"), ("addressLine1", "x")]
        {
            row = row.with(
                &format!("{column}-{slot}"),
                format!(
                    "{cell}{}",
                    if column == "city" { slot.to_string() } else { String::new() }
                ),
            );
        }
    }
    let addresses = row.patient().addresses;
    assert_eq!(addresses.len(), 10);
    assert_eq!(addresses[9].city.as_str(), "Reno10");
}

#[test]
fn phone_and_email_of_one_slot_are_one_contact() {
    let row = Row::new()
        .with("email-2", "b@example.com")
        .with("phone", "4155550100")
        .with("phone-2", "4155550102")
        .with("email-4", "d@example.com")
        .with("phone-3", "");
    assert_eq!(
        serde_json::to_string(&row.patient().contacts).unwrap(),
        r#"[{"phone":"4155550100"},{"phone":"4155550102","email":"b@example.com"},{"email":"d@example.com"}]"#
    );
}

#[test]
fn a_drivers_licence_has_a_number_and_a_state() {
    let (no, state) = ("driversLicenceNo", "driversLicenceState");
    assert_eq!(Row::new().with(no, "d1").with(state, "").reason(), "driversLicenceState: missing");
    assert_eq!(Row::new().with(no, "").with(state, "CA").reason(), "driversLicenceNo: missing");
    assert_eq!(Row::new().with(no, "d1").reason(), "driversLicenceState: missing");
    assert_eq!(
        Row::new().with("Driver's License State", "CA").reason(),
        "driversLicenceNo: missing"
    );
    assert_eq!(
        Row::new().with(no, "d1").with(state, "XX").reason(),
        "driversLicenceState: not a US state"
    );
}

#[test]
fn cohorts_exist_and_count_once() {
    let row = Row::new()
        .with("cohort-1", COHORTS[1])
        .with("cohort-2", COHORTS[0].to_uppercase())
        .with("cohort-3", format!(" {} ", COHORTS[1]));
    assert_eq!(row.patient().cohorts, [COHORTS[1].parse().unwrap(), COHORTS[0].parse().unwrap()]);
    assert_eq!(Row::new().with("cohort-2", FACILITY).reason(), "cohort-2: not found");
    assert_eq!(Row::new().with("cohort", "vip").reason(), "cohort: not a UUID");
}

#[test]
fn a_facility_exists() {
    assert_eq!(
        Row::new().with("facilityId", FACILITY).patient().facility,
        Some(FACILITY.parse().unwrap())
    );
    assert_eq!(Row::new().with("facilityId", COHORTS[0]).reason(), "facilityId: not found");
    assert_eq!(
        Row::new().with("facilityId", FACILITY.replace('-', "")).reason(),
        "facilityId: not a UUID of this service"
    );
}

#[test]
fn opting_out_is_true_or_false() {
    for (text, value) in [
        ("true", true),
        ("False", false),
        (" TRUE ", true),
        ("yes", true),
        ("N", false),
        ("1", true),
        ("0", false),
    ] {
        assert_eq!(Row::new().with("hieOptOut", text).patient().hie_opt_out, Some(value));
    }
    for text in ["maybe", "2", "unknown", "t"] {
        assert_eq!(Row::new().with("hieOptOut", text).reason(), "hieOptOut: not true or false");
    }
}
