//! Sends the events of `tests/events` to the built functions through Lambda's runtime interface
//! emulator, as `sam local invoke` does.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use reqwest::Method;
use serde_json::{Value, json};

use crate::customer::Customer;
use crate::stack::project;

/// The ids in the events on file.
const CUSTOMER: &str = "0199a1b2-0000-7000-8000-00000000c001";
const JOB: &str = "0199a1b2-0000-7000-8000-00000000a001";

fn event(function: &str) -> String {
    std::fs::read_to_string(project().join(format!("tests/events/{function}.json"))).unwrap()
}

/// Sends an event and returns the function's answer. One at a time, because the emulator picks free
/// ports and two that start together can pick the same.
fn invoke(function: &str, event: &str) -> Value {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();
    let file = std::env::temp_dir().join(format!("event-{function}-{}.json", std::process::id()));
    std::fs::write(&file, event).unwrap();
    let answer = run(function, &file);
    std::fs::remove_file(&file).unwrap();
    answer
}

fn run(function: &str, event: &Path) -> Value {
    let python =
        std::env::var("PYTHON").expect("PYTHON names the local stack's Python: use `make test`");
    let output = Command::new(python)
        .args(["-m", "local_stack", "invoke"])
        .arg(function)
        .arg(event)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_function_has_an_event_and_answers_it() {
    let folders = std::fs::read_dir(project().join("functions")).unwrap();
    let mut functions: Vec<String> =
        folders.map(|folder| folder.unwrap().file_name().into_string().unwrap()).collect();
    functions.sort();
    assert_eq!(
        functions,
        [
            "abandon",
            "api",
            "deliver-webhook",
            "fan-out",
            "finalize",
            "import-rows",
            "query-documents",
            "sweep",
            "undo-chunk"
        ]
    );
    for function in functions {
        let expected = match function.as_str() {
            "api" => json!(200),
            // An upload without a job is ignored, and so is a message about a job that does not
            // exist, because its customer was deleted.
            "fan-out" | "sweep" => Value::Null,
            _ => json!([]),
        };
        let answer = invoke(&function, &event(&function));
        let relevant = match function.as_str() {
            "api" => &answer["statusCode"],
            "fan-out" | "sweep" => &answer,
            _ => &answer["batchItemFailures"],
        };
        assert_eq!(*relevant, expected, "{function}: {answer}");
    }
}

#[tokio::test]
async fn events_repeated_after_the_end_change_nothing() {
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    let file = "firstName,lastName,dob,gender,addressLine1,city,state,zip\nAda,Lovelace,1985-12-10,F,1 Main St,Boston,MA,02110\n";
    let (job, _) = customer.import(&receiver, "", file).await;
    let path = format!("/medical/v1/patient/bulk/{job}");
    let (_, before) = customer.call(Method::GET, &path).await;
    let messages = receiver.deliveries().len();

    for function in [
        "fan-out",
        "import-rows",
        "query-documents",
        "finalize",
        "deliver-webhook",
        "abandon",
        "undo-chunk",
        "sweep",
    ] {
        let event = event(function).replace(CUSTOMER, &customer.id).replace(JOB, &job);
        let answer = invoke(function, &event);
        match function {
            "fan-out" | "sweep" => assert_eq!(answer, Value::Null),
            _ => assert_eq!(answer["batchItemFailures"], json!([]), "{function}"),
        }
    }

    let (_, after) = customer.call(Method::GET, &path).await;
    for field in ["status", "total", "successful", "failed", "startedAt", "finishedAt"] {
        assert_eq!(before[field], after[field], "{field}");
    }
    assert_eq!(receiver.deliveries().len(), messages, "no webhook is sent a second time");
}
