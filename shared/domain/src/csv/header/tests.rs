mod mappings;

use proptest::prelude::*;

use super::*;
use crate::csv::RowReader;

/// A header in which everything that is required is there.
const REQUIRED_COLUMNS: &str = "firstName,lastName,dob,gender,addressLine1,city,state,zip";

fn columns(header: &[u8]) -> Result<Columns, FileError> {
    mapped(header, &[])
}

fn mapped(header: &[u8], mappings: &[&str]) -> Result<Columns, FileError> {
    let mut reader = RowReader::new(Separator::Comma);
    reader.push(header);
    reader.finish();
    let mappings = ColumnMappings::parse(mappings.iter().copied()).unwrap();
    Columns::from_header(&reader.next_row().unwrap().unwrap(), Separator::Comma, &mappings)
}

/// What each cell of a header is taken for, `-` for nothing. The header has what is required as
/// well.
fn meanings(cells: &str) -> String {
    let columns = columns(format!("{cells},{REQUIRED_COLUMNS}").as_bytes()).unwrap();
    let cells = cells.split(',').count();
    let meaning =
        |cell: HeaderCell| cell.column.map_or("-".to_owned(), |column| column.to_string());
    columns.report().into_iter().take(cells).map(meaning).collect::<Vec<_>>().join(",")
}

fn error(header: &str) -> String {
    columns(header.as_bytes()).unwrap_err().to_string()
}

/// What a header cell means, shown as a canonical name.
fn meaning(cell: &str) -> Option<String> {
    recognise::column_alone(cell).map(|column| column.to_string())
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
        "first\u{a0}name",
        "first\nname",
        "First Name*",
        "Patient First Name*",
        "patient_first_name",
        "Patient's First Name",
        "First Name (as on the card)",
        "First Name [required]",
        "given name",
        "FNAME",
    ] {
        assert_eq!(meaning(cell).as_deref(), Some("firstName"), "{cell:?}");
    }
}

#[test]
fn brackets_and_what_is_in_them_do_not_matter() {
    assert_eq!(meaning("dob (YYYY-MM-DD)").as_deref(), Some("dob"));
    assert_eq!(meaning("Mobile (phone)").as_deref(), Some("phone"));
    assert_eq!(meaning("zip (2)").as_deref(), Some("zip-2"));
    assert_eq!(meaning("(dob)"), None);
    assert_eq!(meaning("dob (").as_deref(), Some("dob"));
}

#[test]
fn the_first_name_of_the_external_id_is_taken() {
    for (cells, expected) in [
        ("id,externalId", "-,externalId"),
        ("MRN,Id", "-,externalId"),
        ("Chart Number,Patient ID,Medical Record Number", "-,-,externalId"),
        ("Patient MRN", "externalId"),
        ("Patient ID", "externalId"),
    ] {
        assert_eq!(meanings(cells), expected, "{cells}");
    }
}

#[test]
fn phones_fill_slots_in_the_order_of_the_file() {
    for (cells, expected) in [
        ("Home Phone,Work Phone,Mobile", "phone,phone-2,phone-3"),
        ("Mobile,phone", "phone,phone-2"),
        ("phone,phone-1", "phone,phone-1"),
        ("cell phone,phone-2,home phone", "phone,phone-2,phone-3"),
        ("email,email-1", "email,email-1"),
    ] {
        assert_eq!(meanings(cells), expected, "{cells}");
    }
    assert_eq!(
        error(&format!("{REQUIRED_COLUMNS},Mobile,mobile")),
        "columns 9 and 10 of the header mean the same: phone"
    );
}

#[test]
fn address_2_is_the_second_address_where_the_file_has_one() {
    let columns_of = |header: &str| {
        let columns = columns(header.as_bytes()).unwrap();
        let names = columns.report().into_iter().filter_map(|cell| cell.column);
        names.map(|name| name.to_string()).skip(4).collect::<Vec<_>>().join(",")
    };
    let person = "First,Last,Birthday,Sex";
    for (header, expected) in [
        ("Address,Address 2,City,State,Zip", "addressLine1,addressLine2,city,state,zip"),
        ("address1,address2,city,state,zip", "addressLine1,addressLine2,city,state,zip"),
        (
            "Street Address,Street Address 2,City,State,Zip",
            "addressLine1,addressLine2,city,state,zip",
        ),
        ("Street,Apt,City,State,Postal Code", "addressLine1,addressLine2,city,state,zip"),
        (
            "Address 1,City 1,State 1,Zip 1,Address 2,City 2,State 2,Zip 2",
            "addressLine1,city-1,state-1,zip-1,addressLine1-2,city-2,state-2,zip-2",
        ),
        (
            "Address 1-1,Address 2-1,City-1,State-1,Zip-1,Address 1-2,Address 2-2,City-2,State-2,Zip-2",
            "addressLine1-1,addressLine2-1,city-1,state-1,zip-1,addressLine1-2,addressLine2-2,city-2,state-2,zip-2",
        ),
    ] {
        assert_eq!(columns_of(&format!("{person},{header}")), expected, "{header}");
    }
}

#[test]
fn no_column_about_opting_out_is_ignored() {
    for cell in ["HIE Opt Out Flag", "Opted Out?", "opt-out status", "Patient Opt Out Date"] {
        assert_eq!(
            error(&format!("{REQUIRED_COLUMNS},{cell}")),
            "column 9 of the header speaks of opting out and is not understood: name it hieOptOut, map it, or remove it"
        );
    }
    let header = format!("{REQUIRED_COLUMNS},HIE Opt Out Flag");
    let columns = mapped(header.as_bytes(), &["hieOptOut:HIE Opt Out Flag"]).unwrap();
    assert_eq!(columns.find(Field::HieOptOut, None), Some(8));
    assert!(columns.report().iter().all(|cell| cell.column.is_some()));
}

#[test]
fn a_header_that_cannot_be_split_is_refused() {
    assert_eq!(error("\"firstName\"x,lastName"), FileError::HeaderQuote.to_string());
}

#[test]
fn a_row_with_the_cells_of_the_header_is_known() {
    let columns = columns(REQUIRED_COLUMNS.as_bytes()).unwrap();
    let is_header = |row: &str| {
        let mut reader = RowReader::at(0, Separator::Comma);
        reader.push(row.as_bytes());
        reader.finish();
        columns.is_header(&reader.next_row().unwrap().unwrap().cells)
    };
    for row in [
        REQUIRED_COLUMNS.to_owned(),
        format!("\u{feff}{REQUIRED_COLUMNS}"),
        format!(" {REQUIRED_COLUMNS} ,,"),
    ] {
        assert!(is_header(&row), "{row}");
    }
    for row in ["x", "firstName,lastName", &REQUIRED_COLUMNS.replace("dob", "1980-02-03")] {
        assert!(!is_header(row), "{row}");
    }
}

#[test]
fn an_index_is_written_with_a_dash_an_underscore_a_space_or_nothing() {
    for cell in [
        "zip-2",
        "zip_2",
        "zip 2",
        "zip2",
        "ZIP2",
        "Zip Code 2",
        "zipCode2",
        "zip-02",
        "zip (2)",
        "zip # 2",
    ] {
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
    for cell in
        ["addressLine12", "address line 12", "addressLine", "addressLine3", "addressLine-12"]
    {
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
        "patient",
        "patientName",
        "E-mail 1 - Value",
        "Phone 1 - Label",
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
    for (cell, name) in [("Birth Date", "dob"), ("Zip Code", "zip"), ("FIRST NAME", "firstName")] {
        let position = match name {
            "firstName" => 1,
            "dob" => 3,
            _ => 8,
        };
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
    assert!(
        columns(b"firstName,lastName,dob,gender,city,addressLine1-2,city-2,state-2,zip-2").is_ok()
    );
}

#[test]
fn a_header_cell_that_names_nothing_is_ignored() {
    let header = [REQUIRED_COLUMNS.as_bytes(), b",caf\xe9"].concat();
    let columns = columns(&header).unwrap();
    assert_eq!((columns.width(), columns.iter().count()), (9, 8));
    assert_eq!(columns.report()[8], HeaderCell { header: "café".into(), column: None });
}

#[test]
fn what_is_kept_of_a_header_is_bounded() {
    let header = format!("{REQUIRED_COLUMNS},{}", vec!["é".repeat(300); 1000].join(","));
    let report = columns(header.as_bytes()).unwrap().report();
    assert_eq!((report.len(), report[8].header.chars().count()), (1008, 200));
    assert!(report.iter().map(|cell| cell.header.len()).sum::<usize>() <= 64 * 1024);
}

#[test]
fn the_size_does_not_grow_with_unknown_columns() {
    let most = format!("{REQUIRED_COLUMNS}{}", ",".repeat(COLUMNS - 8));
    let columns_of_most = columns(most.as_bytes()).unwrap();
    assert_eq!((columns_of_most.width(), columns_of_most.known.len()), (COLUMNS, 8));
    assert_eq!(error(&format!("{most},")), "the header has more than 16384 columns");
}

#[test]
fn a_column_is_found_by_what_it_means() {
    let columns = columns(format!("zip-2,x,{REQUIRED_COLUMNS}").as_bytes()).unwrap();
    let found = |field, slot| columns.find(field, Slot::new(slot));
    assert_eq!(found(Field::Zip, 2), Some(0));
    assert_eq!(found(Field::Zip, 0), Some(9));
    assert_eq!(found(Field::Zip, 3), None);
    assert_eq!(columns.find(Field::Dob, None), Some(4));
}

#[test]
fn columns_are_stored_as_positions_and_names() {
    let columns = columns(format!("{REQUIRED_COLUMNS},x,phone_2").as_bytes()).unwrap();
    let json = serde_json::to_string(&columns).unwrap();
    assert!(json.starts_with(
        r#"{"width":10,"columns":[[0,"firstName"],[1,"lastName"],[2,"dob"],[3,"gender"],[4,"addressLine1"],[5,"city"],[6,"state"],[7,"zip"],[9,"phone-2"]],"fingerprint":"#
    ));
    assert_eq!(serde_json::from_str::<Columns>(&json).unwrap(), columns);
    let bare = r#"{"width":3,"columns":[[0,"firstName"],[2,"zip-2"]]}"#;
    assert_eq!(
        serde_json::to_string(&serde_json::from_str::<Columns>(bare).unwrap()).unwrap(),
        bare
    );
    for wrong in [
        r#"{"width":1,"columns":[[1,"zip"]]}"#,
        r#"{"width":5,"columns":[[1,"zip"],[0,"dob"]]}"#,
        r#"{"width":5,"columns":[[0,"zip-1"],[1,"zip-1"]]}"#,
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
            assert_eq!(meaning(&name.to_string()), Some(name.to_string()));
        }
    }
    for text in ["", "Zip", "zip-0", "zip-11", "zip-02", "zip-", "zip--1", "dob-1", "row"] {
        assert_eq!(text.parse::<ColumnName>(), Err(crate::column::UnknownColumn), "{text:?}");
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
