//! `bulk-admin` without AWS: its settings, and the exit statuses that its help promises.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use std::process::{Command, Output};

/// Runs the program with these variables and no others.
fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bulk-admin"));
    command.args(arguments).env_clear().envs(variables.iter().copied());
    command.output().unwrap()
}

fn error(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stderr).unwrap()
}

#[test]
fn without_a_table_the_error_names_both_ways_to_set_it() {
    for variables in [&[][..], &[("DIRECTORY_TABLE", "")]] {
        let output = run(&["customer", "list", "--json"], variables);
        assert_eq!(output.status.code(), Some(1));
        let next = error(&output)["next"].as_str().unwrap().to_owned();
        assert!(next.contains("DIRECTORY_TABLE") && next.contains("--table"), "{next}");
    }
}

#[test]
fn without_an_audit_trail_no_command_runs() {
    let output = run(&["customer", "list", "--json"], &[("DIRECTORY_TABLE", "directory")]);
    assert_eq!(output.status.code(), Some(1));
    let next = error(&output)["next"].as_str().unwrap().to_owned();
    assert!(next.contains("AUDIT_LOG_GROUP") && next.contains("--audit-log-group"), "{next}");
}

#[test]
fn wrong_arguments_exit_with_1_and_reach_no_table() {
    let table = [("DIRECTORY_TABLE", "directory"), ("AWS_ENDPOINT_URL", "http://127.0.0.1:1")];
    let address = [
        "--address-line1",
        "1 Main St",
        "--city",
        "Boston",
        "--state",
        "MA",
        "--zip",
        "02110",
        "--name",
        "Main",
    ];
    let facility = ["facility", "create", "--customer", "0199a1b2-0000-7000-8000-00000000a001"];
    let wrong_check_digit = [&facility[..], &address, &["--npi", "1234567890"]].concat();
    let no_table =
        ["patient", "show", "--customer", facility[3], "6496bec1-d4cd-879b-9f0b-e62698adc474"];
    for arguments in [
        &["key", "create"][..],
        &["key", "list", "--customer", "no id"],
        &wrong_check_digit,
        &no_table,
    ] {
        let output = run(arguments, &table);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: "), "{arguments:?}");
    }
}

#[test]
fn a_patient_is_named_by_one_of_its_ids() {
    let places = ["--jobs-table", "--patients-table", "--external-ids-table", "--files-bucket"];
    let places: Vec<&str> = places.into_iter().flat_map(|name| [name, "some-name"]).collect();
    let (customer, id) =
        ("0199a1b2-0000-7000-8000-00000000a001", "6496bec1-d4cd-879b-9f0b-e62698adc474");
    for (which, is_right) in [
        (&[][..], false),
        (&[id], true),
        (&["--external-id", "-"], true),
        (&[id, "--external-id", "-"], false),
    ] {
        let command = [&["patient", "find", "--customer", customer], which, &places].concat();
        // No log group is named, so that a command with right arguments ends there.
        let output = run(&command, &[("DIRECTORY_TABLE", "directory")]);
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(text.contains("audit trail"), is_right, "{which:?}: {text}");
    }
}

#[test]
fn aws_that_does_not_answer_exits_with_4() {
    let variables = [
        ("AUDIT_LOG_GROUP", "audit"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ];
    let output = run(&["customer", "list", "--table", "directory", "--json"], &variables);
    assert_eq!(output.status.code(), Some(4), "{}", error(&output));
}

#[test]
fn a_command_about_all_places_runs_only_where_all_of_them_are_named() {
    let table = [("DIRECTORY_TABLE", "directory"), ("AWS_ENDPOINT_URL", "http://127.0.0.1:1")];
    let names = ["--jobs-table", "--patients-table", "--external-ids-table", "--files-bucket"];
    let (customer, patient) =
        ("0199a1b2-0000-7000-8000-00000000a001", "6496bec1-d4cd-879b-9f0b-e62698adc474");
    for command in [
        &["customer", "delete", customer, "--name", "Clinic"][..],
        &["patient", "find", "--customer", customer, patient],
        &["patient", "export", "--customer", customer, patient],
    ] {
        for missing in names {
            let given = names.into_iter().filter(|name| *name != missing);
            let given: Vec<&str> = given.flat_map(|name| [name, "some-name"]).collect();
            let output = run(&[command, &given].concat(), &table);
            assert_eq!(output.status.code(), Some(1));
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(text.contains(missing), "{text}");
        }
    }
}
