//! Files that are not CSV in UTF-8: `bulk` converts them on the user's machine.

use std::path::Path;

use axum::http::Method;
use serde_json::Value;

use crate::check::{GOOD, HEADER};
use crate::fake::{Fake, completed};
use crate::run::{Home, Run};

fn spreadsheet(kind: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/spreadsheets");
    std::fs::read(folder.join(format!("patients.{kind}"))).unwrap()
}

/// Returns the row of the sheet, and the problems, of each bad row.
fn bad_rows(run: &Run) -> Vec<(u64, Value)> {
    let lines = run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let rows = lines.filter(|line| line["type"] == "row");
    rows.map(|row| (row["sheetRow"].as_u64().unwrap(), row["problems"].clone())).collect()
}

#[test]
fn the_rows_of_a_spreadsheet_are_named_as_the_spreadsheet_numbers_them() {
    for kind in ["xlsx", "xls", "ods"] {
        let home = Home::new();
        let file = format!("patients.{kind}");
        home.write(&file, spreadsheet(kind));
        let run = home.run(&["check", &file, "--json"]);
        assert_eq!(run.status, 2, "{run:?}");
        let (sheet_row, problems) = bad_rows(&run).pop().unwrap();
        assert_eq!(sheet_row, 5, "{kind}");
        assert!(
            problems.as_array().unwrap().iter().any(|problem| problem["column"] == "gender"),
            "{problems}"
        );
    }
}

#[test]
fn a_spreadsheet_can_come_from_standard_input() {
    let home = Home::new();
    home.write("patients.xlsx", spreadsheet("xlsx"));
    let from_file = home.run(&["check", "patients.xlsx", "--json"]);
    let from_input = home.run_with_input(&["check", "-", "--json"], &spreadsheet("xlsx"));
    assert_eq!(bad_rows(&from_input), bad_rows(&from_file));
}

#[test]
fn another_sheet_is_read_by_its_name_and_one_that_is_not_there_is_refused() {
    let home = Home::new();
    home.write("patients.xlsx", spreadsheet("xlsx"));
    let notes = home.run(&["check", "patients.xlsx", "--sheet", "Notes"]);
    assert_eq!(notes.status, 3, "a sheet without patients is not importable: {notes:?}");
    let missing = home.run(&["check", "patients.xlsx", "--sheet", "Patient"]);
    assert_eq!(missing.status, 1);
    assert!(
        missing.stderr.contains("there is no sheet “Patient”, but: “Patients”, “Notes”"),
        "{missing:?}"
    );
}

#[test]
fn an_option_that_does_not_fit_the_kind_of_file_is_refused() {
    let home = Home::new();
    home.write("patients.xlsx", spreadsheet("xlsx"));
    home.write("patients.csv", format!("{HEADER}\n{GOOD}\n"));
    let encoding = home.run(&["check", "patients.xlsx", "--encoding", "windows-1252"]);
    assert!(encoding.stderr.contains("--encoding does not apply"), "{encoding:?}");
    let sheet = home.run(&["check", "patients.csv", "--sheet", "Patients"]);
    assert!(sheet.stderr.contains("--sheet does not apply"), "{sheet:?}");
    let unknown = home.run(&["check", "patients.csv", "--encoding", "klingon"]);
    assert!(unknown.stderr.contains("unknown encoding"), "{unknown:?}");
}

#[test]
fn utf_16_is_known_by_its_byte_order_mark_and_other_encodings_are_named() {
    let home = Home::new();
    let csv = format!("{HEADER}\n{}\n", GOOD.replace("Ada", "José"));
    let utf_16: Vec<u8> =
        format!("\u{feff}{csv}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    home.write("utf-16.csv", utf_16);
    let mac: Vec<u8> =
        csv.chars().map(|c| if c == 'é' { 0x8e } else { u8::try_from(c).unwrap() }).collect();
    home.write("mac.csv", mac);
    for arguments in
        [vec!["check", "utf-16.csv"], vec!["check", "mac.csv", "--encoding", "macintosh"]]
    {
        let run = home.run(&arguments);
        assert_eq!(run.status, 0, "{run:?}");
    }
}

#[test]
fn a_damaged_spreadsheet_is_refused_with_the_reason_of_the_service() {
    let home = Home::new();
    home.write("patients.xlsx", &spreadsheet("xlsx")[..100]);
    let run = home.run(&["check", "patients.xlsx"]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(run.stdout.contains("Excel"), "{run:?}");
}

#[test]
fn an_import_uploads_the_csv_that_the_sheet_became() {
    let fake = Fake::start();
    let home = Home::of(&fake);
    home.write("patients.xlsx", spreadsheet("xlsx"));
    fake.job(1, [completed(&fake, 0)]);
    let run = home.run(&["import", "patients.xlsx", "--no-check"]);
    assert_eq!(run.status, 0, "{run:?}");
    let upload = &fake.asked_for(&Method::PUT, "/storage/upload-1")[0];
    let csv = String::from_utf8(upload.body.to_vec()).unwrap();
    assert!(csv.starts_with("externalId,firstName"), "{csv}");
    assert!(csv.contains("\n007,Ada,Lovelace,1985-12-10,F,"), "{csv}");
}
