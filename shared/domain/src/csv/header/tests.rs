use proptest::prelude::*;

use super::*;
use crate::csv::RowReader;

/// A header in which everything that is required is there.
const REQUIRED_COLUMNS: &str = "firstName,lastName,dob,gender,addressLine1,city,state,zip";

fn columns(header: &[u8]) -> Result<Columns, FileError> {
    let mut reader = RowReader::new();
    reader.push(header);
    reader.finish();
    Columns::from_header(&reader.next_row().unwrap().unwrap().cells)
}

fn error(header: &str) -> String {
    columns(header.as_bytes()).unwrap_err().to_string()
}

/// What a header cell means, shown as a canonical name.
fn meaning(cell: &str) -> Option<String> {
    matching::recognise(cell.as_bytes()).unwrap().map(|name| name.to_string())
}

#[test]
fn case_spaces_and_punctuation_do_not_matter() {
    for cell in [
        "firstName",
        "First Name",
        "first_name",
        "FIRSTNAME",
        " first-name ",
        "First.Name:",
        "\"first name\"",
        "first\u{a0}name",
        "first\nname",
        "First Name*",
    ] {
        assert_eq!(meaning(cell).as_deref(), Some("firstName"), "{cell:?}");
    }
}

#[test]
fn aliases_mean_what_the_documentation_says() {
    for (cells, name) in [
        (&["id", "ID", "External ID"][..], "externalId"),
        (&["zipCode", "Zip Code", "ZIP"], "zip"),
        (
            &[
                "driversLicenceNo",
                "driversLicenseNo",
                "driversLicenceNumber",
                "Driver's License Number",
                "drivers_licence_value",
                "driversLicenseValue",
                "driversLicense",
                "Driver's Licence",
            ],
            "driversLicenceNo",
        ),
        (&["driversLicenceState", "Driver's License State"], "driversLicenceState"),
        (&["HIE opt-out", "hieOptOut"], "hieOptOut"),
    ] {
        for cell in cells {
            assert_eq!(meaning(cell).as_deref(), Some(name), "{cell:?}");
        }
    }
}

#[test]
fn an_index_is_written_with_a_dash_an_underscore_a_space_or_nothing() {
    for cell in
        ["zip-2", "zip_2", "zip 2", "zip2", "ZIP2", "Zip Code 2", "zipCode2", "zip-02", "zip (2)", "zip # 2"]
    {
        assert_eq!(meaning(cell).as_deref(), Some("zip-2"), "{cell:?}");
    }
    assert_eq!(meaning("zip").as_deref(), Some("zip"));
    assert_eq!(meaning("zip-1").as_deref(), Some("zip-1"));
    assert_eq!(meaning("phone10").as_deref(), Some("phone-10"));
}

#[test]
fn the_index_of_an_address_line_stands_apart_from_its_number() {
    for (cell, name) in [
        ("addressLine1", "addressLine1"),
        ("Address Line 1", "addressLine1"),
        ("address-line-2", "addressLine2"),
        ("addressLine1-2", "addressLine1-2"),
        ("address_line_1_2", "addressLine1-2"),
        ("Address Line 1 2", "addressLine1-2"),
        ("addressLine2-10", "addressLine2-10"),
        ("addressLine1 1", "addressLine1-1"),
    ] {
        assert_eq!(meaning(cell).as_deref(), Some(name), "{cell:?}");
    }
    for cell in ["addressLine12", "address line 12", "addressLine", "addressLine3", "addressLine-12"] {
        assert_eq!(meaning(cell), None, "{cell:?}");
    }
}

#[test]
fn other_columns_mean_nothing() {
    for cell in [
        "",
        " ",
        "-",
        "name",
        "dob-2",
        "firstName-1",
        "ssn2",
        "phone home",
        "mobile phone",
        "zip-2-3",
        "phone-1.0",
        "metriportId",
        "status",
        "reason",
        "prénom",
        "état",
        "ｚｉｐ",
        "2",
        "-2",
        "cohorts",
        "phonephonephonephonephonephonephonephone",
    ] {
        assert_eq!(meaning(cell), None, "{cell:?}");
    }
    assert_eq!(matching::recognise(b"zip\xff"), Ok(None));
}

#[test]
fn zip_plus_4_is_not_the_fourth_zip() {
    for cell in ["ZIP+4", "zip + 4", "Zip Code +4", "zip+20"] {
        assert_eq!(meaning(cell), None, "{cell:?}");
    }
    assert_eq!(meaning("zip-4").as_deref(), Some("zip-4"));
    assert_eq!(meaning("+zip 4").as_deref(), Some("zip-4"));
}

#[test]
fn an_index_outside_1_to_10_is_an_error() {
    for cell in ["zip-0", "zip-11", "zip 99", "zip00", "zip-99999999999999999999"] {
        assert_eq!(
            error(&format!("{REQUIRED_COLUMNS},{cell}")),
            "column 9 of the header, zip, has an index outside 1 to 10",
            "{cell:?}"
        );
    }
}

#[test]
fn two_columns_that_mean_the_same_are_an_error() {
    for (cell, name) in [("zip-1", "zip-1"), ("Zip Code", "zip"), ("FIRST NAME", "firstName")] {
        let position = if name == "firstName" { 1 } else { 8 };
        assert_eq!(
            error(&format!("{REQUIRED_COLUMNS},{cell}")),
            format!("columns {position} and 9 of the header mean the same: {name}")
        );
    }
    // What means nothing cannot mean the same.
    assert!(columns(format!("{REQUIRED_COLUMNS},notes,notes,,").as_bytes()).is_ok());
}

#[test]
fn all_missing_columns_are_named_in_canonical_order() {
    for (header, missing) in [
        ("x", "firstName, lastName, dob, gender, addressLine1, city, state, zip"),
        ("zip,lastName", "firstName, dob, gender, addressLine1, city, state"),
        ("firstName,lastName,dob,gender,zip-2,city-2,state-3", "addressLine1-2, state-2"),
        ("firstName,lastName,dob,gender,addressLine1-1,city-1,state-1", "zip-1"),
        ("firstName,lastName,dob,gender,addressLine1,city,state,zip-2", "zip"),
        ("firstName,lastName,dob,gender,addressLine2", "addressLine1, city, state, zip"),
        ("lastName,dob,gender,addressLine1-3,city-3,state-3,zip-3,zip", "firstName"),
    ] {
        assert_eq!(
            error(header),
            format!("required columns are missing from the header: {missing}"),
            "{header}"
        );
    }
}

#[test]
fn any_one_complete_address_is_enough() {
    assert!(columns(b"firstName,lastName,dob,gender,city,addressLine1-2,city-2,state-2,zip-2").is_ok());
}

#[test]
fn a_header_cell_that_is_not_utf8_is_ignored() {
    let header = [REQUIRED_COLUMNS.as_bytes(), b",caf\xe9"].concat();
    let columns = columns(&header).unwrap();
    assert_eq!((columns.width(), columns.iter().count()), (9, 8));
}

#[test]
fn the_size_does_not_grow_with_unknown_columns() {
    let most = format!("{REQUIRED_COLUMNS}{}", ",".repeat(COLUMNS - 8));
    let columns_of_most = columns(most.as_bytes()).unwrap();
    assert_eq!((columns_of_most.width(), columns_of_most.columns.len()), (COLUMNS, 8));
    assert_eq!(error(&format!("{most},")), "the header has more than 16384 columns");
}

#[test]
fn a_column_is_found_by_what_it_means() {
    let columns = columns(format!("zip-2,x,{REQUIRED_COLUMNS}").as_bytes()).unwrap();
    let found =
        |field, slot| columns.find(field, Slot::new(slot)).map(|(index, name)| (index, name.to_string()));
    assert_eq!(found(Field::Zip, 2), Some((0, "zip-2".into())));
    assert_eq!(found(Field::Zip, 1), Some((9, "zip".into())));
    assert_eq!(found(Field::Zip, 3), None);
    assert_eq!(columns.find(Field::Dob, None).unwrap().0, 4);
}

#[test]
fn columns_are_stored_as_positions_and_names() {
    let columns = columns(format!("{REQUIRED_COLUMNS},x,phone_2").as_bytes()).unwrap();
    let json = serde_json::to_string(&columns).unwrap();
    assert_eq!(
        json,
        r#"{"width":10,"columns":[[0,"firstName"],[1,"lastName"],[2,"dob"],[3,"gender"],[4,"addressLine1"],[5,"city"],[6,"state"],[7,"zip"],[9,"phone-2"]]}"#
    );
    assert_eq!(serde_json::from_str::<Columns>(&json).unwrap(), columns);
    for wrong in [
        r#"{"width":1,"columns":[[1,"zip"]]}"#,
        r#"{"width":5,"columns":[[1,"zip"],[0,"dob"]]}"#,
        r#"{"width":5,"columns":[[0,"zip"],[1,"zip-1"]]}"#,
        r#"{"width":5,"columns":[[0,"Zip"]]}"#,
        r#"{"width":20000,"columns":[]}"#,
    ] {
        assert!(serde_json::from_str::<Columns>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn every_canonical_name_is_read_back_and_recognised() {
    for field in Field::ALL {
        let slots = Slot::all().filter(|_| field.is_grouped()).map(Some);
        for slot in slots.chain([None]) {
            let name = ColumnName::new(field, slot);
            assert_eq!(name.to_string().parse(), Ok(name));
            assert_eq!(matching::recognise(name.to_string().as_bytes()), Ok(Some(name)));
        }
    }
    for text in ["", "Zip", "zip-0", "zip-11", "zip-02", "zip-", "zip--1", "dob-1", "row"] {
        assert_eq!(text.parse::<ColumnName>(), Err(names::UnknownColumn), "{text:?}");
    }
}

proptest! {
    #[test]
    fn no_error_shows_the_text_of_an_unknown_column(header in "[a-z,;\t|-]{0,40}QCANARYQ[a-z0-9,-]{0,40}") {
        if let Err(error) = columns(header.as_bytes()) {
            prop_assert!(!error.to_string().to_uppercase().contains("CANARY"));
        }
    }
}
