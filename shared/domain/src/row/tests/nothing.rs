//! Cells that stand for nothing, and warnings about what is left out.

use super::*;

#[test]
fn what_is_required_must_not_be_blank() {
    for column in ["firstName", "lastName", "dob", "gender", "addressLine1", "city", "state", "zip"]
    {
        for blank in ["", "  ", "\t\u{a0}", "\u{200b}"] {
            assert_eq!(Row::new().with(column, blank).reason(), format!("{column}: missing"));
        }
    }
}

#[test]
fn what_is_not_required_may_be_blank() {
    for column in [
        "externalId",
        "addressLine2",
        "phone",
        "email",
        "ssn",
        "driversLicenceNo",
        "driversLicenceState",
        "cohort",
        "facilityId",
        "hieOptOut",
        "zip-2",
    ] {
        assert_eq!(Row::new().with(column, " ").patient(), Row::new().patient(), "{column}");
    }
}

#[test]
fn words_for_nothing_are_blank() {
    let plain = Row::new().patient();
    for word in ["NULL", "(null)", "\\N", "n/a", "#N/A", "NaN", "#REF!"] {
        for column in [
            "externalId",
            "addressLine2",
            "phone",
            "email",
            "ssn",
            "hieOptOut",
            "facilityId",
            "cohort",
        ] {
            assert_eq!(Row::new().with(column, word).patient(), plain, "{column} {word}");
        }
        for column in ["dob", "gender", "city", "state", "zip"] {
            assert_eq!(
                Row::new().with(column, word).reason(),
                format!("{column}: missing"),
                "{word}"
            );
        }
    }
    for word in ["none", "Unknown", "declined", "-"] {
        for column in
            ["externalId", "addressLine2", "phone", "email", "ssn", "facilityId", "cohort"]
        {
            assert_eq!(Row::new().with(column, word).patient(), plain, "{column} {word}");
        }
    }
    assert_eq!(Row::new().with("gender", "unknown").patient().gender.as_str(), "U");
}

#[test]
fn further_addresses_may_be_words_for_nothing() {
    let plain = Row::new().patient();
    let second = |line1, city, state, zip| {
        let row = Row::new().with("addressLine1-2", line1).with("city-2", city);
        row.with("state-2", state).with("zip-2", zip)
    };
    assert_eq!(second("N/A", "none", "-", "NULL").patient(), plain);
    assert_eq!(second("Unknown", "unknown", "UNKNOWN", "unknown").patient(), plain);
    assert_eq!(second("none", "Boston", "MA", "02139").reason(), "addressLine1-2: missing");
    assert_eq!(Row::new().with("zip", "unknown").reason(), "zip: not a zip code");
}

#[test]
fn declining_is_not_taken_for_nothing_where_it_is_about_sharing() {
    assert_eq!(Row::new().with("hieOptOut", "declined").reason(), "hieOptOut: not true or false");
}

#[test]
fn a_word_for_nothing_is_no_name() {
    for word in ["NULL", "null", "N/A", "#N/A", "NaN"] {
        assert_eq!(Row::new().with("lastName", word).reason(), "lastName: placeholder");
    }
    assert_eq!(Row::new().with("lastName", "Null").patient().last_name.as_str(), "Null");
    assert_eq!(Row::new().with("lastName", "-").reason(), "lastName: missing");
}

#[test]
fn numbers_that_stand_for_nothing_are_left_out_with_a_warning() {
    for (column, number) in
        [("ssn", "999-99-9999"), ("ssn", "XXX-XX-1234"), ("ssn", "0"), ("phone", "000-000-0000")]
    {
        let row = Row::new().with(column, number);
        assert_eq!(row.patient(), Row::new().patient());
        assert_eq!(row.warnings(), format!("warning: {column}: placeholder left out"));
    }
    let masked = Row::new().with("ssn", "***-**-****");
    assert_eq!((masked.patient(), masked.warnings()), (Row::new().patient(), String::new()));
    let row = Row::new().with("phone", "617-555-0100 / 999-999-9999");
    assert_eq!(row.patient().contacts.len(), 1);
    assert_eq!(row.warnings(), "warning: phone: placeholder left out");
}

#[test]
fn warnings_are_in_the_order_of_the_columns_and_of_good_rows_only() {
    let row = Row::new()
        .with("ssn", "123-45-6789")
        .with("city", b"M\xfcnchen")
        .with("phone", "1234567890");
    assert_eq!(
        row.warnings(),
        "warning: row: read as Windows-1252; warning: ssn: placeholder left out; warning: phone: cannot be dialled"
    );
    assert_eq!(row.patient().addresses[0].city.as_str(), "München");
    assert!(row.with("zip", "x").parse().warnings.is_empty());
}
