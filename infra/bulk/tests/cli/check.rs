//! `bulk check`: the service's rules on the user's machine.

use axum::http::Method;
use serde_json::json;

use crate::fake::{Answer, FACILITY, Fake};
use crate::run::Home;

pub const HEADER: &str =
    "firstName,lastName,dob,gender,addressLine1,city,state,zip,facilityId,note";
pub const GOOD: &str = "Ada,King,1985-12-10,F,1 Main St,Boston,MA,02108,,";

/// A row with these cells changed, by the names of `HEADER`.
fn row(changes: &[(&str, &str)]) -> String {
    let names: Vec<&str> = HEADER.split(',').collect();
    let mut cells: Vec<&str> = GOOD.split(',').collect();
    for (name, value) in changes {
        cells[names.iter().position(|column| column == name).unwrap()] = value;
    }
    cells.join(",")
}

fn file(rows: &[String]) -> String {
    format!("{HEADER}\n{}\n", rows.join("\n"))
}

fn some_bad_rows() -> String {
    file(&[
        row(&[]),
        row(&[("note", "\"two\nlines\"")]),
        row(&[("zip", ""), ("dob", "1985-02-30")]),
        row(&[]),
        row(&[("city", ""), ("facilityId", "VIP")]),
        "too,few,cells".to_owned(),
    ])
}

#[test]
fn problems_are_told_by_row_and_line_in_column_order_and_then_by_kind() {
    let home = Home::new();
    home.write("patients.csv", some_bad_rows());
    insta::assert_snapshot!(home.run(&["check", "patients.csv"]).shown());
}

#[test]
fn as_json_every_bad_row_is_a_line_and_the_summary_is_the_last() {
    let home = Home::new();
    home.write("patients.csv", some_bad_rows());
    insta::assert_snapshot!(home.run(&["check", "patients.csv", "--json", "--limit", "1"]).shown());
}

#[test]
fn a_good_file_exits_with_0_and_leaves_no_failed_rows_file() {
    let home = Home::new();
    home.write("patients.csv", file(&[row(&[]), row(&[])]));
    let run = home.run(&["check", "patients.csv", "--failures", "bad.csv", "--json", "--quiet"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(run.json()["good"], 2);
    assert_eq!(home.files(), ["patients.csv"]);
}

#[test]
fn the_failed_rows_file_has_the_bad_rows_as_they_are_with_their_reasons() {
    let home = Home::new();
    home.write("patients.csv", some_bad_rows());
    let run = home.run(&["check", "patients.csv", "--failures", "bad.csv"]);
    assert_eq!(run.status, 2);
    insta::assert_snapshot!(home.read("bad.csv").replace('\r', ""));
    // The reasons of the first check are no data of the second.
    let again = home.run(&["check", "bad.csv", "--json"]);
    let (before, after) =
        (home.run(&["check", "patients.csv", "--json"]).json_lines(), again.json_lines());
    assert_eq!(
        [&before[0]["problems"], &before[1]["problems"]],
        [&after[0]["problems"], &after[1]["problems"]]
    );
}

#[test]
fn warnings_are_told_with_their_rows_and_fail_nothing() {
    let home = Home::new();
    let header = HEADER.replace("note", "phone").replace(',', ";");
    let warned = format!("{}1234567890", GOOD.replace(',', ";"));
    home.write("patients.csv", format!("sep=;\n{header}\n{}\n{warned}\n", GOOD.replace(',', ";")));
    let run = home.run(&["check", "patients.csv"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stdout.contains("row 2 (line 4): warning: phone: cannot be dialled"), "{run:?}");
    let lines = home.run(&["check", "patients.csv", "--json"]).json_lines();
    assert_eq!(lines[0]["warnings"][0]["warning"], "cannot be dialled");
    assert_eq!(lines[1]["warned"], 1);
}

#[test]
fn a_header_cell_that_looks_like_a_missing_column_is_suggested_and_can_be_mapped() {
    let home = Home::new();
    let header = HEADER.replace("firstName", "Fist Name").replace("zip", "Zipp");
    home.write("patients.csv", format!("{header}\n{GOOD}\n"));
    let run = home.run(&["check", "patients.csv"]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(run.stdout.contains("to import it: --column firstName=\"Fist Name\""), "{run:?}");
    let json = home.run(&["check", "patients.csv", "--json"]).json();
    assert_eq!(json["suggestions"][1], json!({"header": "Zipp", "column": "zip"}));
    assert_eq!(json["columns"][0], json!({"header": "Fist Name"}));
    let mapped = [
        "check",
        "patients.csv",
        "--json",
        "--column",
        "firstName=fist name",
        "--column",
        "zip=Zipp",
    ];
    let run = home.run(&mapped);
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(run.json()["columns"][0], json!({"header": "Fist Name", "column": "firstName"}));
}

#[test]
fn a_mapping_that_no_import_takes_is_wrong_usage() {
    let home = Home::new();
    home.write("patients.csv", file(&[row(&[])]));
    for columns in
        [&["born=note"][..], &["dob"], &["dob="], &["dob=A", "dob=B"], &["dob=A", "zip=a"]]
    {
        let options = columns.iter().flat_map(|column| ["--column", column]);
        let arguments: Vec<&str> = ["check", "patients.csv"].into_iter().chain(options).collect();
        let run = home.run(&arguments);
        assert_eq!((run.status, run.stdout.as_str()), (1, ""), "{run:?}");
        assert!(run.stderr.contains("column"), "{run:?}");
    }
    let run = home.run(&["check", "patients.csv", "--column", "email=E-Mail"]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(run.stdout.contains("no cell of the header is \"E-Mail\""), "{run:?}");
}

#[test]
fn what_makes_a_whole_file_fail_exits_with_3_and_the_services_reason() {
    let home = Home::new();
    let files: [(&str, Vec<u8>, &str); 6] = [
        ("empty", Vec::new(), "empty-file"),
        ("header", HEADER.into(), "no-data-rows"),
        ("columns", b"firstName,lastName\nA,B\n".to_vec(), "missing-columns"),
        ("excel", b"PK\x03\x04rest of a workbook".to_vec(), "zip"),
        ("quote", format!("\"id\"x,{HEADER}\n{GOOD}\n").into(), "header-quote"),
        ("separator", format!("{HEADER}\n{GOOD}\n").replace(',', "^").into(), "wrong-separator"),
    ];
    for (name, content, code) in files {
        let path = home.write(name, content);
        let run = home.run(&["check", path.to_str().unwrap(), "--json"]);
        assert_eq!(run.status, 3, "{run:?}");
        assert_eq!(run.json()["error"]["code"], code);
        assert_eq!(run.json()["importable"], false);
        let run = home.run(&["check", path.to_str().unwrap()]);
        assert!(run.stdout.contains("cannot be imported: "), "{run:?}");
    }
}

#[test]
fn no_output_holds_what_a_cell_holds() {
    let home = Home::new();
    let names = HEADER.split(',').filter(|name| *name != "note");
    let rows: Vec<String> = names.map(|name| row(&[(name, "Quux\u{7}zy")])).collect();
    home.write("patients.csv", file(&rows));
    for arguments in
        [&["check", "patients.csv", "--limit", "0"][..], &["check", "patients.csv", "--json"]]
    {
        let run = home.run(arguments);
        assert_eq!(run.status, 2);
        assert!(run.stdout.contains("control character"), "{run:?}");
        run.assert_silent_about("zy");
    }
}

#[test]
fn a_file_can_come_from_standard_input() {
    let home = Home::new();
    let run = home.run_with_input(&["check", "-", "--json"], some_bad_rows().as_bytes());
    assert_eq!(run.status, 2);
    assert_eq!(run.json_lines().last().unwrap()["bad"], 3);
}

#[test]
fn ids_are_looked_up_only_when_asked_and_nothing_of_the_file_is_sent() {
    const COHORT: &str = "01998c4e-0000-7000-8000-00000000c001";
    let fake = Fake::start();
    let list = |name: &str, id: &str| {
        Answer::Json(200, json!({name: [{"id": id, "name": "One", "npi": "1234567893"}]}))
    };
    fake.answers("GET /live/medical/v1/facility", [list("facilities", FACILITY)]);
    fake.answers("GET /live/medical/v1/cohort", [list("cohorts", COHORT)]);
    let home = Home::of(&fake);
    let unknown = "01998c4e-0000-7000-8000-0000000fffff";
    home.write(
        "patients.csv",
        file(&[row(&[("facilityId", FACILITY)]), row(&[("facilityId", unknown)])]),
    );

    let run = home.run(&["check", "patients.csv", "--json"]);
    assert_eq!((run.status, fake.asked().len()), (0, 0), "{run:?}");
    assert_eq!(run.json()["idsLookedUp"], false);

    let run = home.run(&["check", "patients.csv", "--json", "--online"]);
    assert_eq!(run.status, 2, "{run:?}");
    assert_eq!(
        run.json_lines()[0]["problems"],
        json!([{"column": "facilityId", "problem": "not found"}])
    );
    assert_eq!(fake.asked().len(), 2);
    assert!(fake.asked().iter().all(|asked| asked.method == Method::GET && asked.body.is_empty()));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let home = Home::new();
    let rows: Vec<String> = (0..20_000).map(|_| row(&[("zip", "")])).collect();
    home.write("patients.csv", file(&rows));
    let mut command = home.command(&["check", "patients.csv", "--limit", "0"]);
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let run = home.finished(child.wait_with_output().unwrap());
    assert_eq!((run.status, run.stderr.as_str()), (141, ""));
}
