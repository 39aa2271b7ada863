//! Rosters as clinics really have them: what becomes of each file, of its rows and of their values.
#![allow(clippy::unwrap_used)] // A test says by panicking that something is wrong.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::PathBuf;

use bulk_domain::csv::{FileScan, Limits, RowReader};
use bulk_domain::identity::RowIdentity;
use bulk_domain::row::{Directory, RowParser};
use jiff::civil::date;
use serde::Deserialize;
use serde_json::Value;

/// The files of the folder that are no rosters.
const OTHERS: [&str; 3] = [".gitattributes", "README.md", "expected.json"];

/// What has to come of a file.
#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Expected {
    Refused {
        reason: String,
    },
    Accepted {
        /// What is said of each row.
        rows: Vec<String>,
        /// Some of what rows are read to, in the order of the rows.
        #[serde(default)]
        values: Vec<Value>,
        /// How many people the rows are about.
        identities: Option<usize>,
        /// What header cells are taken for.
        #[serde(default)]
        columns: BTreeMap<String, Option<String>>,
    },
}

/// What came of a file.
struct Outcome {
    /// What is said of each row, and the patient that a good one was read to.
    rows: Vec<(String, Value)>,
    identities: HashSet<RowIdentity>,
    columns: BTreeMap<String, Option<String>>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/rosters")
}

/// Reads a file as the service does: once to check it, once for its rows.
fn import(file: &[u8]) -> Result<Outcome, String> {
    let mut identities = HashSet::new();
    let mut scan = FileScan::new(Limits::default());
    let mut on_row = |row: bulk_domain::csv::ScannedRow| identities.extend(row.identity);
    let scanned = scan.push(file, &mut on_row).and_then(|()| scan.finish(&mut on_row));
    let summary = scanned.map_err(|error| error.to_string())?;
    let parser = RowParser::new(&summary.columns, date(2026, 11, 26), Directory::default());
    let mut reader = RowReader::new(summary.columns.separator());
    reader.push(file);
    reader.finish();
    reader.next_row().unwrap();
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row().unwrap() {
        let parsed = parser.parse(&row);
        rows.push(match parsed.patient {
            Err(problems) => (problems.to_string(), Value::Null),
            Ok(patient) => {
                assert!(identities.contains(&RowIdentity::of_row(&patient)));
                let patient = serde_json::to_value(&patient).unwrap();
                let said =
                    Some(parsed.warnings.to_string()).filter(|warnings| !warnings.is_empty());
                (said.unwrap_or_else(|| "succeeded".to_owned()), patient)
            }
        });
    }
    assert_eq!(rows.len(), summary.rows as usize);
    let columns = summary.columns.report().into_iter();
    let columns =
        columns.map(|cell| (cell.header, cell.column.map(|column| column.to_string()))).collect();
    Ok(Outcome { rows, identities, columns })
}

/// Whether a value has what is expected of it. Lists have as many entries; `null` stands for what
/// is not there.
fn holds(value: &Value, expected: &Value) -> bool {
    match (value, expected) {
        (_, Value::Object(fields)) => {
            fields.iter().all(|(name, expected)| holds(&value[name], expected))
        }
        (Value::Array(values), Value::Array(expected)) => {
            values.len() == expected.len()
                && values.iter().zip(expected).all(|(value, expected)| holds(value, expected))
        }
        _ => value == expected,
    }
}

/// Says what is not as expected of a file.
fn differences(file: &[u8], expected: &Expected) -> Vec<String> {
    let outcome = import(file);
    match (expected, outcome) {
        (Expected::Refused { reason }, Err(found)) if *reason == found => Vec::new(),
        (Expected::Refused { reason }, Err(found)) => {
            vec![format!("refused with {found:?}, not {reason:?}")]
        }
        (Expected::Refused { reason }, Ok(_)) => vec![format!("not refused with {reason:?}")],
        (Expected::Accepted { .. }, Err(found)) => vec![format!("refused with {found:?}")],
        (Expected::Accepted { rows, values, identities, columns }, Ok(outcome)) => {
            let mut differences = Vec::new();
            let found: Vec<&String> = outcome.rows.iter().map(|(said, _)| said).collect();
            if !found.iter().copied().eq(rows) {
                differences.push(format!("rows are {found:#?}, not {rows:#?}"));
            }
            for ((_, value), expected) in outcome.rows.iter().zip(values) {
                if !holds(value, expected) {
                    differences.push(format!("{value} has not {expected}"));
                }
            }
            if identities.is_some_and(|identities| identities != outcome.identities.len()) {
                differences.push(format!("rows are about {} people", outcome.identities.len()));
            }
            for (header, column) in columns {
                if outcome.columns.get(header) != Some(column) {
                    differences.push(format!("{header} is {:?}", outcome.columns.get(header)));
                }
            }
            differences
        }
    }
}

#[test]
fn every_roster_is_handled_as_a_careful_person_would() {
    let expected = fs::read_to_string(folder().join("expected.json")).unwrap();
    let expected: BTreeMap<String, Expected> = serde_json::from_str(&expected).unwrap();
    let is_roster = |name: &String| expected.contains_key(name) || !OTHERS.contains(&name.as_str());
    let names = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: Vec<String> = names.filter(is_roster).collect();
    assert_eq!(names.len(), expected.len(), "every roster is listed, and no other");
    let mut wrong = Vec::new();
    for (name, expected) in &expected {
        let file = fs::read(folder().join(name)).unwrap();
        wrong.extend(
            differences(&file, expected)
                .into_iter()
                .map(|difference| format!("{name}: {difference}")),
        );
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}
