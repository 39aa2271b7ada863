//! Rows that do not fit into the store: each fails alone, and its neighbours in the chunk succeed.

use std::fmt::Write as _;

use bulk_pipeline::ports::ResultFile;

use crate::run::{Played, play_file};
use crate::story::File;

const HEADER: &str = "firstName,lastName,dob,gender,addressLine1,city,state,zip";

/// Returns a valid row with an identity of its own.
fn neighbour(number: usize) -> String {
    format!("Nadia,Neighbour{number},1970-01-01,F,{number} Elm Street,Peoria,IL,60601\n")
}

/// Plays the import of a file with all faults of a seed. Returns the status and the reason of each
/// row.
fn import(seed: u64, text: String) -> (Played, Vec<(String, String)>) {
    let played = play_file(seed, File::of_text(text));
    let [import] = &played.imports[..] else { panic!("one import") };
    let result = played.cloud.result(import.job, ResultFile::Result).expect("a result");
    let mut reader = csv::Reader::from_reader(&result[..]);
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        let cell = |from_end: usize| row[row.len() - from_end].to_owned();
        (cell(2), cell(1))
    });
    let rows = rows.collect();
    (played, rows)
}

fn succeeded() -> (String, String) {
    ("succeeded".to_owned(), String::new())
}

fn too_large() -> (String, String) {
    ("failed".to_owned(), "row: too large".to_owned())
}

#[test]
fn a_row_of_ten_addresses_with_ten_thousand_characters_each_fails_alone() {
    let slots = (1..=10).fold(String::new(), |mut columns, slot| {
        write!(
            columns,
            ",addressLine1-{slot},addressLine2-{slot},city-{slot},state-{slot},zip-{slot}"
        )
        .unwrap();
        columns
    });
    let long = "long ".repeat(2_000);
    let address = format!(",{long},{long},{long},IL,60601").repeat(10);
    let short = |number: usize| {
        format!("Nadia,Neighbour{number},1970-01-01,F,1 Elm St,,Peoria,IL,60601{}", ",".repeat(45))
    };
    let file = format!(
        "firstName,lastName,dob,gender{slots}\n{}\nLarge,Row,1970-01-01,F{address}\n{}\n",
        short(1),
        short(2)
    );
    let (_, rows) = import(1, file);
    assert_eq!(rows, [succeeded(), too_large(), succeeded()]);
}

#[test]
fn a_patient_of_five_thousand_addresses_keeps_as_many_as_there_is_room_for() {
    let mut file = format!("{HEADER}\n{}", neighbour(0));
    for number in 0..5_000 {
        writeln!(
            file,
            "Otto,Overfull,1980-02-03,M,{number} A Rather Long Name Of A Street,Springfield,IL,62701"
        )
        .unwrap();
    }
    file.push_str(&neighbour(1));
    let (played, rows) = import(2, file);
    assert_eq!((&rows[0], &rows[5_001]), (&succeeded(), &succeeded()));
    let kept =
        rows[1..5_001].iter().position(|row| *row == too_large()).expect("a row that does not fit");
    assert!(kept > 2_000, "{kept} rows fit");
    assert!(rows[1..=kept].iter().all(|row| *row == succeeded()));
    assert!(rows[kept + 1..5_001].iter().all(|row| *row == too_large()));
    let patients = played.cloud.patients(played.story.customers[0].id).unwrap();
    let addresses: Vec<usize> =
        patients.iter().map(|record| record.patient.address.len()).collect();
    assert_eq!(addresses.iter().max(), Some(&kept));
    assert_eq!(addresses.len(), 3);
}

#[test]
fn an_identity_of_ten_thousand_patients_has_as_many_as_there_is_room_for() {
    let mut file = format!("{HEADER}\n{}", neighbour(0));
    for number in 0..10_000 {
        writeln!(
            file,
            "John,Namesake,1980-02-03,M,1 Main Street,Springfield,IL,{:05}",
            10_000 + number
        )
        .unwrap();
    }
    file.push_str(&neighbour(1));
    let (played, rows) = import(3, file);
    assert_eq!((&rows[0], &rows[10_001]), (&succeeded(), &succeeded()));
    let created = rows[1..10_001].iter().filter(|row| **row == succeeded()).count();
    let refused = rows[1..10_001].iter().filter(|row| **row == too_large()).count();
    assert_eq!(created + refused, 10_000);
    assert!(created > 440, "{created} patients");
    let patients = played.cloud.patients(played.story.customers[0].id).unwrap();
    assert_eq!(patients.len(), created + 2);
}
