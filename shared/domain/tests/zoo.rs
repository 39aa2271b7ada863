//! Ugly files, as people really upload them: what becomes of each, from the first byte to the
//! result file.
#![allow(clippy::unwrap_used)] // A test says by panicking that something is wrong.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use bulk_domain::csv::{
    Columns, FileError, FileScan, FileSummary, Limits, RawRow, ResultCells, ResultWriter,
    RowReader, RowStatus, ScannedRow, Separator,
};
use bulk_domain::identity::RowIdentity;
use bulk_domain::ids::PatientId;
use bulk_domain::row::{Directory, ParsedRow, RowParser};
use jiff::civil::date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const FACILITY: &str = "01890a5d-ac96-774b-bcce-00000000000f";
const COHORTS: [&str; 2] =
    ["01890a5d-ac96-774b-bcce-000000000001", "01890a5d-ac96-774b-bcce-000000000002"];

/// What the zoo's list says of a file.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Expected {
    Refused { error: String, reason: String },
    Accepted { rows: Vec<String> },
}

fn zoo() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/zoo")
}

fn parser(columns: &Columns) -> RowParser {
    let directory = Directory {
        facilities: HashSet::from([FACILITY.parse().unwrap()]),
        cohorts: COHORTS.map(|cohort| cohort.parse().unwrap()).into(),
    };
    RowParser::new(columns, date(2026, 1, 2), directory)
}

/// Scans a file that arrives in pieces of this size.
fn scan(file: &[u8], size: usize) -> (Vec<ScannedRow>, Result<FileSummary, FileError>) {
    let mut rows = Vec::new();
    let mut scan = FileScan::new(Limits::default());
    for piece in file.chunks(size) {
        if let Err(error) = scan.push(piece, &mut |row| rows.push(row)) {
            return (rows, Err(error));
        }
    }
    let summary = scan.finish(&mut |row| rows.push(row));
    (rows, summary)
}

/// Gives every row of a file that was accepted, the header first, to `f`.
fn each_row(file: &[u8], separator: Separator, mut f: impl FnMut(&RawRow<'_>)) {
    let mut reader = RowReader::new(separator);
    for piece in file.chunks(4096) {
        reader.push(piece);
        while let Some(row) = reader.next_row().unwrap() {
            f(&row);
        }
    }
    reader.finish();
    while let Some(row) = reader.next_row().unwrap() {
        f(&row);
    }
}

/// What became of a file that was accepted.
#[derive(Default)]
struct Imported {
    rows: Vec<ParsedRow>,
    result: Vec<u8>,
    failures: Vec<u8>,
}

fn import(file: &[u8], columns: &Columns) -> Imported {
    let parser = parser(columns);
    let mut imported = Imported::default();
    let mut writer = None;
    each_row(file, columns.separator(), |row| {
        let Some(writer) = &mut writer else {
            let new = ResultWriter::new(row, columns.separator());
            new.header(&mut imported.result);
            new.header(&mut imported.failures);
            writer = Some(new);
            return;
        };
        let parsed = parser.parse(row);
        let reason = said(&parsed);
        let number = imported.rows.len() as u128 + 1;
        let (patient_id, status) = match parsed.patient {
            Ok(_) => (Some(PatientId::new(Uuid::from_u128(number))), RowStatus::Succeeded),
            Err(_) => (None, RowStatus::Failed),
        };
        let cells = ResultCells { patient_id, status, reason: reason.as_deref() };
        writer.row(row, cells, &mut imported.result);
        if parsed.patient.is_err() {
            writer.row(row, cells, &mut imported.failures);
        }
        imported.rows.push(parsed);
    });
    imported
}

/// What the result file says of a row: its problems or its warnings, if it has any.
fn said(parsed: &ParsedRow) -> Option<String> {
    match &parsed.patient {
        Err(problems) => Some(problems.to_string()),
        Ok(_) => Some(parsed.warnings.to_string()).filter(|warnings| !warnings.is_empty()),
    }
}

/// Bytes as a snapshot shows them: line ends and what cannot be seen are escaped.
fn visible(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => text.push_str("\\n\n"),
                ' ' => text.push(c),
                c if c.is_control() || c.is_whitespace() || "\u{200b}\u{feff}".contains(c) => {
                    text.extend(c.escape_default());
                }
                c => text.push(c),
            }
        }
        for byte in chunk.invalid() {
            write!(text, "\\x{byte:02x}").unwrap();
        }
    }
    text
}

/// All of an import in one text. Long runs of one character are cut.
fn snapshot(imported: &Imported) -> String {
    let mut text = String::new();
    for (number, row) in (1..).zip(&imported.rows) {
        match &row.patient {
            Ok(patient) => {
                writeln!(text, "{number}: {}", serde_json::to_string(patient).unwrap()).unwrap();
            }
            Err(problems) => writeln!(text, "{number}: {problems}").unwrap(),
        }
        for warning in row.warnings.iter() {
            writeln!(text, "   {warning}").unwrap();
        }
    }
    write!(text, "\n{}", visible(&imported.result)).unwrap();
    ["x", "é"]
        .iter()
        .fold(text, |text, c| text.replace(&c.repeat(10_000), &format!("({c} 10,000 times)")))
}

#[test]
fn every_animal_behaves_as_the_list_says() {
    let list = fs::read_to_string(zoo().join("zoo.json")).unwrap();
    let expected: BTreeMap<String, Expected> = serde_json::from_str(&list).unwrap();
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(zoo()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !["zoo.json", "README.md", ".gitattributes"].contains(&name.as_str()) {
            let outcome = visit(&name);
            found.insert(name, outcome);
        }
    }
    let list = serde_json::to_string_pretty(&found).unwrap();
    assert!(expected == found, "zoo.json does not say what happens, which is:\n{list}");
}

/// Runs one file through everything, and checks what must hold for every file.
fn visit(name: &str) -> Expected {
    let file = fs::read(zoo().join(name)).unwrap();
    let (scanned, outcome) = scan(&file, file.len().max(1));
    for size in [1, 2, 3, 64] {
        assert_eq!(
            scan(&file, size),
            (scanned.clone(), outcome.clone()),
            "{name} in pieces of {size}"
        );
    }
    let summary = match outcome {
        Ok(summary) => summary,
        Err(error) => {
            return Expected::Refused { error: error.code().into(), reason: error.to_string() };
        }
    };
    let imported = import(&file, &summary.columns);
    assert_eq!(imported.rows.len(), summary.rows as usize, "{name}");
    for (scanned, parsed) in scanned.iter().zip(&imported.rows) {
        if let Ok(patient) = &parsed.patient {
            let identity = RowIdentity::of_row(patient);
            assert_eq!(scanned.identity, Some(identity), "{name}, row {}", scanned.number);
        }
    }

    // A result file can be uploaded: its result is the same file again, except that a row with too
    // few cells has as many as the header once it is in a result.
    let outcome = |row: &ParsedRow| said(row).unwrap_or_else(|| "succeeded".into());
    let rows: Vec<String> = imported.rows.iter().map(outcome).collect();
    let again = import(&imported.result, &scan(&imported.result, 1000).1.unwrap().columns);
    if !rows.iter().any(|row| row.starts_with("row: ") && !row.starts_with("row: repeats")) {
        assert_eq!(visible(&again.result), visible(&imported.result), "the result of {name}");
    }
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, snapshot(&imported));
    });
    Expected::Accepted { rows }
}

const HEADER: &str = "firstName,lastName,dob,gender,addressLine1,city,state,zip";
const ROW: &str = "Ada,Lovelace,1980-02-03,F,1 Main St,Boston,MA,02139";

#[test]
fn a_corrected_failed_rows_file_is_an_upload() {
    let bad = ROW.replace("-03,", "-30,");
    let file = format!("\u{feff}{HEADER},notes\n{ROW},\"a\nb\"\n{bad},\"c,d\"\n");
    let failures = import(file.as_bytes(), &scan(file.as_bytes(), 99).1.unwrap().columns).failures;
    let failures = String::from_utf8(failures).unwrap();
    assert_eq!(
        failures,
        format!(
            "\u{feff}{HEADER},notes,metriportId,status,reason\r\n{bad},\"c,d\",,failed,dob: no such day\r\n"
        )
    );
    let corrected = failures.replace("-30", "-03");
    let imported = import(corrected.as_bytes(), &scan(corrected.as_bytes(), 99).1.unwrap().columns);
    assert!(imported.rows.iter().all(|row| row.patient.is_ok()));
    assert_eq!(
        String::from_utf8(imported.result).unwrap(),
        format!(
            "\u{feff}{HEADER},notes,metriportId,status,reason\r\n\
             {ROW},\"c,d\",00000000-0000-0000-0000-000000000001,succeeded,\r\n"
        )
    );
}

#[test]
fn a_file_of_100_000_rows_is_accepted_and_one_more_is_refused() {
    let mut file = format!("{HEADER}\n{}", format!("{ROW}\n").repeat(100_000));
    let (rows, summary) = scan(file.as_bytes(), 1 << 16);
    assert_eq!((rows.len(), summary.unwrap().rows), (100_000, 100_000));
    file.push_str(ROW);
    let error = scan(file.as_bytes(), 1 << 16).1.unwrap_err();
    assert_eq!(error.to_string(), "the file has more than 100000 data rows");
}

#[test]
fn a_row_of_1_mib_is_accepted_and_one_byte_more_is_refused() {
    let notes = "x".repeat((1 << 20) - ROW.len() - 1);
    let file = format!("{HEADER},notes\n{ROW},{notes}\n{ROW},\n");
    let (rows, summary) = scan(file.as_bytes(), 1 << 16);
    assert_eq!(rows[0].len, 1 << 20);
    let imported = import(file.as_bytes(), &summary.unwrap().columns);
    assert_eq!(
        imported.rows[0].patient.as_ref().unwrap_err().to_string(),
        "row: longer than 10,000 characters"
    );
    assert!(imported.rows[1].patient.is_ok());
    let file = format!("{HEADER},notes\n{ROW},\n{ROW},{notes}y\n");
    assert_eq!(
        scan(file.as_bytes(), 1 << 16).1.unwrap_err().to_string(),
        "row 2 (starts at byte 117) is longer than 1048576 bytes"
    );
}

#[test]
fn a_quote_left_open_early_in_a_large_file_costs_its_row_only() {
    let file = format!("{HEADER}\n\"{ROW}\n{}", format!("{ROW}\n").repeat(30_000));
    let (rows, outcome) = scan(file.as_bytes(), 1 << 16);
    let imported = import(file.as_bytes(), &outcome.unwrap().columns);
    assert_eq!((rows.len(), imported.rows.len()), (30_001, 30_001));
    assert!(imported.rows[0].patient.is_err());
    assert!(imported.rows[1..].iter().all(|row| row.patient.is_ok()));
}
