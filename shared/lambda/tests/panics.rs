//! A panic in Lambda. Each test runs itself again in a process that has the environment of a
//! function.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::process::{Command, Output};

/// A variable that Lambda sets for every function, and no other test has.
const FUNCTION: &str = "AWS_LAMBDA_FUNCTION_NAME";

/// A text that stands for a value of a patient.
const CANARY: &str = "Ada Lovelace";

/// Runs the test of this name in the environment of a function.
fn run_in_lambda(test: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(FUNCTION, "import-Api-1")
        .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap()
}

fn is_in_lambda() -> bool {
    std::env::var_os(FUNCTION).is_some()
}

#[test]
fn a_panic_is_logged_with_its_place_and_without_its_text() {
    if is_in_lambda() {
        bulk_lambda::logging::init();
        panic!("no such patient: {CANARY}");
    }
    let child = run_in_lambda("a_panic_is_logged_with_its_place_and_without_its_text");
    assert!(!child.status.success());
    let (stdout, stderr) =
        (String::from_utf8(child.stdout).unwrap(), String::from_utf8(child.stderr).unwrap());
    assert!(!stdout.contains(CANARY) && !stderr.contains(CANARY), "{stdout}{stderr}");
    let line = stdout.lines().find(|line| line.starts_with('{')).unwrap();
    let event: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(event["level"], "ERROR", "{line}");
    assert_eq!(event["message"], "A panic ended the function");
    assert!(event["panic.file"].as_str().unwrap().ends_with("panics.rs"), "{line}");
    assert!(event["panic.line"].is_u64() && event["panic.column"].is_u64(), "{line}");
}

/// `lambda_runtime` catches a panic that unwinds, and sends its text to Lambda.
#[test]
fn nothing_can_catch_a_panic() {
    if is_in_lambda() {
        bulk_lambda::logging::init();
        let _ = std::panic::catch_unwind(|| panic!("{CANARY}"));
        println!("caught");
        return;
    }
    let child = run_in_lambda("nothing_can_catch_a_panic");
    assert!(!child.status.success());
    assert!(!String::from_utf8(child.stdout).unwrap().contains("caught"));
}
