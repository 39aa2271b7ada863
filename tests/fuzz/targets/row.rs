//! Fuzzes the parser of rows: a row is a patient or has problems, and either is read back as it was
//! written.
#![no_main]

use std::sync::LazyLock;

use bulk_domain::csv::{ColumnMappings, Columns, RowReader, Separator};
use bulk_domain::identity::RowIdentity;
use bulk_domain::patient::PatientRow;
use bulk_domain::row::{Directory, RowParser};
use fuzz::{HEADER, scan};
use jiff::civil::date;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

static PARSER: LazyLock<RowParser> = LazyLock::new(|| {
    let mut reader = RowReader::new(Separator::Comma);
    reader.push(HEADER.as_bytes());
    let header = reader.next_row().expect("the header is sound").expect("the header is complete");
    let columns = Columns::from_header(&header, Separator::Comma, &ColumnMappings::default())
        .expect("the header has all columns");
    let id = "01890a5d-ac96-774b-bcce-000000000001";
    let directory = Directory {
        facilities: [id.parse().expect("an id")].into(),
        cohorts: [id.parse().expect("an id")].into(),
    };
    RowParser::new(&columns, date(2026, 1, 2), directory)
});

fn holds_control_character(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(char::is_control),
        Value::Array(values) => values.iter().any(holds_control_character),
        Value::Object(values) => values.values().any(holds_control_character),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fuzz_target!(|input: &[u8]| {
    // A valid row in which some cells are replaced. Zero bytes separate the replacements, and the
    // first byte of each replacement selects its column.
    let mut cells: Vec<&[u8]> = vec![b""; 25];
    let good: [(usize, &[u8]); 8] = [
        (1, b"Ada"),
        (2, b"Lovelace"),
        (3, b"1980-02-03"),
        (4, b"F"),
        (5, b"1 Main St"),
        (7, b"Boston"),
        (8, b"MA"),
        (9, b"02139"),
    ];
    for (column, cell) in good {
        cells[column] = cell;
    }
    for replacement in input.split(|&b| b == 0) {
        if let Some((&column, cell)) = replacement.split_first() {
            cells[usize::from(column) % 25] = cell;
        }
    }
    let mut writer = csv::WriterBuilder::new().from_writer(HEADER.as_bytes().to_vec());
    writer.write_record(&cells).expect("cells are written");
    let file = writer.into_inner().expect("the row is written");

    let mut reader = RowReader::new(Separator::Comma);
    reader.push(&file);
    reader.finish();
    reader.next_row().expect("the header is sound");
    // A row of blank cells does not count as a row.
    let Some(row) = reader.next_row().expect("the row is sound") else { return };
    assert!(row.is_split && row.cells.iter().eq(cells.iter().copied()));

    let parsed = PARSER.parse(&row);
    assert_eq!(parsed.warnings.to_string().parse(), Ok(parsed.warnings.clone()));
    match parsed.patient {
        Ok(patient) => {
            assert!((1..=2).contains(&patient.addresses.len()));
            assert!(patient.contacts.len() <= 10 && patient.cohorts.len() <= 1);
            assert!(
                patient.dob.date() <= date(2026, 1, 3) && patient.dob.date() >= date(1900, 1, 1)
            );
            let json = serde_json::to_string(&patient).expect("a patient is written");
            let strings = serde_json::to_value(&patient).expect("a patient is written");
            assert!(!holds_control_character(&strings));
            let again: PatientRow = serde_json::from_str(&json).expect("a patient is read back");
            assert!(again == patient, "{json}");
            let (rows, _) = scan(&file, 64);
            // A row of several lines may exceed the scan's small limit, so that the scan does not
            // find it as one row.
            if let [scanned] = rows[..]
                && scanned.len as usize == row.raw.len()
            {
                assert_eq!(scanned.identity, Some(RowIdentity::of_row(&patient)));
            }
        }
        Err(problems) => {
            assert_eq!(problems.to_string().parse(), Ok(problems.clone()));
            assert!(problems.iter().count() <= 27 && parsed.warnings.is_empty());
        }
    }
});
