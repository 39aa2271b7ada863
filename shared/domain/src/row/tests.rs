mod columns;
mod nothing;

use std::fmt::Write as _;

use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::column::Field;
use crate::csv::{ColumnMappings, RowReader, Separator};
use crate::identity::RowIdentity;

const FACILITY: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const COHORTS: [&str; 2] =
    ["01890a5d-ac96-774b-bcce-000000000001", "01890a5d-ac96-774b-bcce-000000000002"];

/// The columns of a file, one row of it, and what is asked of it.
#[derive(Clone)]
struct Row {
    cells: Vec<(String, Vec<u8>)>,
}

impl Row {
    /// A row with everything that is required, and nothing else.
    fn new() -> Self {
        let cells = [
            ("firstName", "Ada"),
            ("lastName", "Lovelace"),
            ("dob", "1980-02-03"),
            ("gender", "F"),
            ("addressLine1", "1 Main St"),
            ("city", "Boston"),
            ("state", "MA"),
            ("zip", "02139"),
        ];
        Self { cells: cells.map(|(column, cell)| (column.into(), cell.into())).to_vec() }
    }

    /// With another value in a column, which is added at the end if it is not there.
    fn with(mut self, column: &str, cell: impl AsRef<[u8]>) -> Self {
        let cell = cell.as_ref().to_vec();
        match self.cells.iter_mut().find(|(name, _)| name == column) {
            Some((_, old)) => *old = cell,
            None => self.cells.push((column.into(), cell)),
        }
        self
    }

    fn parse(&self) -> ParsedRow {
        parse_file(&self.file())
    }

    fn file(&self) -> Vec<u8> {
        let mut file = csv::WriterBuilder::new().from_writer(Vec::new());
        file.write_record(self.cells.iter().map(|(name, _)| name.as_bytes())).unwrap();
        file.write_record(self.cells.iter().map(|(_, cell)| cell)).unwrap();
        file.into_inner().unwrap()
    }

    /// What the scan of the file says about the person of the row.
    fn scanned(&self) -> Option<RowIdentity> {
        let file = self.file();
        let mut identity = None;
        let mut on_row = |row: crate::csv::ScannedRow| identity = row.identity;
        let mut scan = crate::csv::FileScan::new(crate::limits::Limits::default());
        let scanned = scan.push(&file, &mut on_row).and_then(|()| scan.finish(&mut on_row));
        scanned.is_ok().then_some(identity).flatten()
    }

    fn patient(&self) -> PatientRow {
        self.parse().patient.unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn reason(&self) -> String {
        self.parse().patient.expect_err("the row has no problem").to_string()
    }

    fn warnings(&self) -> String {
        let parsed = self.parse();
        assert!(parsed.patient.is_ok());
        parsed.warnings.to_string()
    }
}

fn parse_file(file: &[u8]) -> ParsedRow {
    let mut reader = RowReader::new(Separator::Comma);
    reader.push(file);
    reader.finish();
    let header = reader.next_row().unwrap().unwrap();
    let columns =
        Columns::from_header(&header, Separator::Comma, &ColumnMappings::default()).unwrap();
    let directory = Directory {
        facilities: HashSet::from([FACILITY.parse().unwrap()]),
        cohorts: COHORTS.map(|cohort| cohort.parse().unwrap()).into(),
    };
    let parser = RowParser::new(&columns, date(2024, 2, 28), directory);
    parser.parse(&reader.next_row().unwrap().unwrap())
}

#[test]
fn a_row_with_what_is_required_is_a_patient() {
    assert_eq!(
        serde_json::to_string(&Row::new().patient()).unwrap(),
        r#"{"firstName":"Ada","lastName":"Lovelace","dob":"1980-02-03","gender":"F","addresses":[{"addressLine1":"1 Main St","city":"Boston","state":"MA","zip":"02139","country":"USA"}]}"#
    );
}

#[test]
fn every_column_is_read() {
    let row = Row::new()
        .with("externalId", " A-1 ")
        .with("addressLine2", "Apt  4")
        .with("phone", "(415) 555-0100")
        .with("email", "Ada@Example.com")
        .with("ssn", "123-45-6781")
        .with("driversLicenceNo", "d123")
        .with("driversLicenceState", "california")
        .with("cohort", COHORTS[0])
        .with("facilityId", FACILITY.to_uppercase())
        .with("hieOptOut", "TRUE");
    assert_eq!(
        serde_json::to_string(&row.patient()).unwrap(),
        r#"{"externalId":"A-1","firstName":"Ada","lastName":"Lovelace","dob":"1980-02-03","gender":"F","addresses":[{"addressLine1":"1 Main St","addressLine2":"Apt 4","city":"Boston","state":"MA","zip":"02139","country":"USA"}],"contacts":[{"phone":"4155550100","email":"ada@example.com"}],"ssn":"123456781","driversLicense":{"value":"D123","state":"CA"},"cohorts":["01890a5d-ac96-774b-bcce-000000000001"],"facility":"01890a5d-ac96-774b-bcce-b302099a8057","hieOptOut":true}"#
    );
}

#[test]
fn damaged_text_is_refused_in_columns_that_are_imported() {
    for column in ["firstName", "city", "externalId", "email"] {
        for text in ["Jos\u{fffd}", "JosÃ©"] {
            assert_eq!(Row::new().with(column, text).reason(), format!("{column}: damaged text"));
        }
    }
    assert!(Row::new().with("notes", "JosÃ©").parse().patient.is_ok());
    for column in ["externalId", "phone", "ssn", "zip"] {
        assert_eq!(
            Row::new().with(column, "1.23457E+11").reason(),
            format!("{column}: damaged by a spreadsheet")
        );
    }
    assert!(Row::new().with("addressLine2", "1.5E+3").parse().patient.is_ok());
}

#[test]
fn what_a_cell_holds_beyond_its_first_value_fills_further_slots() {
    let row = Row::new()
        .with("phone", "617-555-0100 / 617-555-0101")
        .with("phone-2", "617-555-0102")
        .with("email", "a@example.com; b@example.com; c@example.com");
    assert_eq!(
        serde_json::to_string(&row.patient().contacts).unwrap(),
        r#"[{"phone":"6175550100","email":"a@example.com"},{"phone":"6175550102"},{"phone":"6175550101","email":"b@example.com"},{"email":"c@example.com"}]"#
    );
    let eleven = |digit: usize| {
        (0..digit).map(|i| format!("617-555-01{i:02}")).collect::<Vec<_>>().join(";")
    };
    assert_eq!(Row::new().with("phone", eleven(10)).patient().contacts.len(), 10);
    assert_eq!(Row::new().with("phone", eleven(11)).reason(), "phone: more than 10 values");
}

#[test]
fn a_column_without_an_index_comes_before_the_first() {
    let row = Row::new().with("phone-1", "617-555-0101").with("phone", "617-555-0100");
    let phones: Vec<_> =
        row.patient().contacts.iter().map(|c| c.phone.unwrap().as_str().to_owned()).collect();
    assert_eq!(phones, ["6175550100", "6175550101"]);
    let row = Row::new().with("city-1", "Reno");
    assert_eq!(row.reason(), "addressLine1-1: missing; state-1: missing; zip-1: missing");
}

#[test]
fn names_keep_their_spelling_and_tell_whether_they_came_in_one_case() {
    let row = Row::new().with("firstName", "MARIA").with("lastName", "de la Cruz").patient();
    assert_eq!((row.first_name.as_str(), row.last_name.as_str()), ("Maria", "de la Cruz"));
    assert_eq!(row.names_in_one_case, NamesInOneCase { first: true, last: false });
}

#[test]
fn all_problems_are_reported_in_the_order_of_the_columns() {
    let row = Row::new()
        .with("firstName", ",")
        .with("dob", "1980-02-30")
        .with("gender", "q")
        .with("zip", "1")
        .with("x", "")
        .with("hieOptOut", "maybe")
        .with("email-2", "ada")
        .with("phone-2", "1")
        .with("facilityId", "1");
    assert_eq!(
        row.reason(),
        "firstName: missing; dob: no such day; gender: not M, F, O or U; zip: not a zip code; \
         hieOptOut: not true or false; email-2: not an email address; phone-2: not a 10-digit phone number; \
         facilityId: not a UUID of this service"
    );
}

#[test]
fn a_birth_after_tomorrow_is_in_the_future() {
    assert!(Row::new().with("dob", "2024-02-29").parse().patient.is_ok());
    assert_eq!(Row::new().with("dob", "2024-03-01").reason(), "dob: in the future");
}

#[test]
fn a_row_may_be_ragged_where_no_value_is_lost() {
    let header = "firstName,lastName,dob,gender,addressLine1,city,state,zip,phone,email";
    let parse = |row: &str| parse_file(format!("{header}\n{row}").as_bytes()).patient;
    let reason = |row: &str| parse(row).unwrap_err().to_string();
    let row = "Ada,Lovelace,1980-02-03,F,1 Main St,Boston,MA,02139";
    for end in ["", ",", ",,", ",,,", ",,, ,\u{a0},\"\""] {
        assert_eq!(parse(&format!("{row}{end}")).unwrap(), Row::new().patient(), "{end:?}");
    }
    assert_eq!(reason("Ada,Lovelace,x"), "row: fewer cells than the header");
    assert_eq!(
        reason("Ada,Lovelace,1980-02-03,F,1 Main St,Boston,MA"),
        "row: fewer cells than the header"
    );
    assert_eq!(reason(&format!("{row},,,x")), "row: more cells than the header");
    assert_eq!(
        reason("Ada,Lovelace,x,x,1 Main St, Apt 4,Boston,MA,02139,,x"),
        "row: more cells than the header"
    );
}

#[test]
fn a_row_with_a_misplaced_quote_has_no_other_problem() {
    let file = "firstName,lastName,dob,gender,addressLine1,city,state,zip\nAda,\"Love\"lace,x,x";
    assert_eq!(
        parse_file(file.as_bytes()).patient.unwrap_err().to_string(),
        "row: misplaced double quote"
    );
}

#[test]
fn a_row_that_repeats_the_header_has_no_other_problem() {
    let header = "firstName,lastName,dob,gender,addressLine1,city,state,zip";
    for row in [
        header.to_owned(),
        format!("\u{feff}{header}"),
        format!("{header},,"),
        header.replace("dob", "\"dob\""),
    ] {
        let parsed = parse_file(format!("{header}\n{row}").as_bytes());
        assert_eq!(parsed.patient.unwrap_err().to_string(), "row: repeats the header");
    }
    let parsed = parse_file(format!("{header}\n{}", header.replace("zip", "02139")).as_bytes());
    assert!(parsed.patient.unwrap_err().to_string().starts_with("dob: not a date"));
}

#[test]
fn every_cell_must_be_text() {
    // 81 means nothing in Windows-1252.
    let row = Row::new().with("city", b"M\x81nchen").with("notes", "").with("zip", "1");
    assert_eq!(row.reason(), "city: not UTF-8; zip: not a zip code");
    assert_eq!(
        row.with("notes", b"\x81\xff").with("more", b"\xff").reason(),
        "row: not UTF-8; city: not UTF-8; zip: not a zip code"
    );
}

#[test]
fn no_cell_is_longer_than_10_000_characters() {
    let long = "é".repeat(10_000);
    assert!(Row::new().with("city", &long).with("notes", &long).parse().patient.is_ok());
    let longer = long + "é";
    assert_eq!(Row::new().with("city", &longer).reason(), "city: longer than 10,000 characters");
    assert_eq!(Row::new().with("notes", &longer).reason(), "row: longer than 10,000 characters");
    assert_eq!(
        Row::new().with("externalId", &longer).reason(),
        "externalId: longer than 10,000 characters"
    );
}

#[test]
fn control_characters_are_refused_in_columns_that_are_imported() {
    for column in ["externalId", "firstName", "city", "cohort", "hieOptOut", "ssn"] {
        assert_eq!(
            Row::new().with(column, "a\u{7}b").reason(),
            format!("{column}: control character")
        );
    }
    assert!(Row::new().with("notes", "a\u{7}b").parse().patient.is_ok());
}

#[test]
fn no_problem_shows_what_a_cell_holds() {
    let mut names: Vec<String> = Vec::new();
    for field in Field::ALL {
        names.push(field.name().into());
        if field.is_grouped() {
            names.extend((2..=10).map(|slot| format!("{field}-{slot}")));
        }
    }
    for canary in [
        "CANARY",
        "CANARY 123-45-6789",
        "1980-02-3CANARY",
        "CANARY\u{1}",
        "4155550100 CANARY",
        "CANARY@x",
    ] {
        let mut row = Row::new().with("notes", canary);
        for name in &names {
            row = row.with(name, canary);
        }
        let problems = row.parse().patient.unwrap_err();
        let mut shown =
            format!("{problems} {problems:?} {}", serde_json::to_string(&problems).unwrap());
        for problem in problems.iter() {
            write!(shown, "{problem} {problem:?}").unwrap();
        }
        assert!(problems.iter().count() > 20);
        assert!(
            !shown.contains("CANARY") && !shown.contains("6789") && !shown.contains("5550100"),
            "{shown}"
        );
    }
}

proptest! {
    #[test]
    fn any_row_is_read_without_panic_and_agrees_with_the_scan(
        cells in prop::collection::vec(
            prop_oneof![any::<Vec<u8>>(), "\\PC{0,9}".prop_map(String::into_bytes), "".prop_map(String::into_bytes)],
            20,
        ),
        filled in any::<u32>(),
    ) {
        let columns = [
            "firstName", "lastName", "dob", "gender", "addressLine1", "city", "state", "zip", "externalId",
            "addressLine2", "zip-2", "city-2", "phone", "email", "ssn", "driversLicenceNo", "driversLicenceState",
            "cohort", "facilityId", "hieOptOut",
        ];
        let mut row = Row::new();
        for (i, (column, mut cell)) in columns.iter().zip(cells).enumerate() {
            cell.retain(|&b| b != 0);
            if filled >> i & 1 == 1 {
                row = row.with(column, cell);
            }
        }
        let scanned = row.scanned();
        match row.parse().patient {
            Ok(patient) => prop_assert_eq!(scanned, Some(RowIdentity::of_row(&patient))),
            Err(problems) => prop_assert_eq!(problems.to_string().parse(), Ok(problems)),
        }
    }
}

#[test]
fn a_row_whose_texts_do_not_fit_into_a_record_is_too_large() {
    let long = "1 Main St ".repeat(1_000);
    let mut row = Row::new();
    for slot in 1..=10 {
        for column in ["addressLine1", "addressLine2", "city"] {
            row = row.with(&format!("{column}-{slot}"), &long);
        }
        row = row.with(&format!("state-{slot}"), "MA").with(&format!("zip-{slot}"), "02139");
    }
    row.cells.retain(|(column, _)| !["addressLine1", "city", "state", "zip"].contains(&&**column));
    assert_eq!(row.reason(), "row: too large");
    // One such address is unusual, but fits.
    assert_eq!(Row::new().with("addressLine1", &long).patient().addresses.len(), 1);
}
