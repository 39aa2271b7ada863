//! `bulk` against the deployed service: what the command line says on the user's machine is what
//! the service does.

use std::path::Path;
use std::process::{Command, Output};

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::customer::Customer;
use crate::stack::STACK;

const HEADER: &str =
    "firstName,lastName,dob,gender,addressLine1,city,state,zip,phone,email,ssn,hieOptOut,note";
const GOOD: &str = "Ada,King,1985-12-10,F,1 Main St,Boston,MA,02108,,,,,";

/// Cells that users often get wrong, each with the index of its column.
const MISTAKES: [(usize, &str); 16] = [
    (0, " "),
    (1, ""),
    (2, "1986-02-31"),
    (2, "3/4/85"),
    (2, "June 1990"),
    (2, "2091-01-01"),
    (3, "N/A"),
    (4, ""),
    (5, ""),
    (6, "Kalifornia"),
    (7, "00000"),
    (8, "555-0199"),
    (9, "someone(at)example.com"),
    (10, "000-12-3456"),
    (11, "perhaps"),
    (12, "\"a comma, a \"\"quote\"\"\nand a line break\",one cell too many"),
];

fn file() -> String {
    let mut file = format!("{HEADER}\n");
    for (column, cell) in MISTAKES {
        let mut cells: Vec<&str> = GOOD.split(',').collect();
        cells[column] = cell;
        file += &format!("{}\n{GOOD}\n", cells.join(","));
    }
    file
}

/// Runs `bulk` in a folder, as this customer.
fn bulk(folder: &Path, customer: &Customer, arguments: &[&str]) -> Output {
    Command::new(STACK.binary("bulk"))
        .args(arguments)
        .current_dir(folder)
        .env("BULK_URL", &STACK.api_url)
        .env("BULK_API_KEY", &customer.api_key)
        .output()
        .expect("the command line runs")
}

#[test]
fn what_check_finds_is_what_the_service_finds_byte_for_byte() {
    let (customer, facility) = Customer::with_facility();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("patients.csv"), file()).unwrap();
    let checked =
        bulk(folder.path(), &customer, &["check", "patients.csv", "--failures", "checked.csv"]);
    assert_eq!(checked.status.code(), Some(2), "{checked:?}");

    let arguments =
        ["import", "patients.csv", "--facility", &facility, "--failures", "imported.csv", "--json"];
    let imported = bulk(folder.path(), &customer, &arguments);
    assert_eq!(imported.status.code(), Some(2), "{imported:?}");
    let job: Value = serde_json::from_slice(&imported.stdout).unwrap();
    assert_eq!(
        (job["status"].as_str(), job["failed"].as_u64()),
        (Some("completed"), Some(MISTAKES.len() as u64))
    );

    let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("checked.csv"), read("imported.csv"));

    // The result can be downloaded again later, and has every row.
    let id = job["requestId"].as_str().unwrap();
    let result = bulk(folder.path(), &customer, &["result", id, "-"]);
    assert_eq!(result.status.code(), Some(0), "{result:?}");
    let mut rows = csv::ReaderBuilder::new().flexible(true).from_reader(&result.stdout[..]);
    assert_eq!(rows.records().count(), MISTAKES.len() * 2);
}

#[test]
fn a_file_that_is_no_patient_list_is_refused_with_the_services_words() {
    let (customer, _) = Customer::with_facility();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("notes.csv"), "name;town\nAda;London\n").unwrap();
    let run = |arguments: &[&str]| bulk(folder.path(), &customer, arguments);
    let here = run(&["import", "notes.csv", "--json"]);
    let there = run(&["import", "notes.csv", "--json", "--no-check"]);
    assert_eq!([here.status.code(), there.status.code()], [Some(3), Some(3)], "{here:?} {there:?}");
    let reason = |output: &Output| {
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["reason"].clone()
    };
    assert_eq!(reason(&here), reason(&there));
}

#[tokio::test]
async fn a_revoked_key_is_refused_and_a_list_of_keys_shows_none() {
    let (customer, facility) = Customer::with_facility();
    let (status, facilities) = customer.call(Method::GET, "/medical/v1/facility").await;
    assert_eq!(
        (status, facilities["facilities"][0]["id"].as_str()),
        (StatusCode::OK, Some(facility.as_str()))
    );

    let key: Value = STACK.admin_json(&["key", "list", "--customer", &customer.id]);
    assert!(customer.api_key.starts_with(key["prefix"].as_str().unwrap()));
    assert!(!key.to_string().contains(&customer.api_key));
    let id = key["id"].as_str().unwrap();
    assert_eq!(STACK.admin(&["key", "revoke", id], "revoked"), id);
    let (status, _) = customer.call(Method::GET, "/medical/v1/facility").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_deleted_customer_has_nothing_left_and_its_key_is_refused() {
    let ((customer, _), (other, _)) = (Customer::with_facility(), Customer::with_facility());
    let file = format!("{HEADER}\n{GOOD}\n{}\n", GOOD.replace("Ada", "Eve"));
    for customer in [&customer, &other] {
        let (receiver, _) = customer.listen().await;
        customer.import(&receiver, "", &file).await;
    }
    // The name confirms the deletion, so that another name deletes nothing.
    let delete = ["customer", "delete", &customer.id, "--name"];
    let refused = STACK.run_admin(&[&delete[..], &["Another clinic"]].concat());
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert_eq!(customer.call(Method::GET, "/medical/v1/patient").await.0, StatusCode::OK);

    let report = STACK.admin_json(&[&delete[..], &["Test clinic"]].concat());
    let deleted = |place: &str| report["deleted"][place].as_u64().unwrap();
    // The API key, and the settings with the keys of webhooks and of their links.
    assert_eq!((deleted("keys"), &report["complete"]), (2, &Value::Bool(false)), "{report}");
    // Two persons and a roster entry; the upload, the plan, the outcomes and the result.
    assert!(deleted("jobs") >= 1 && deleted("patients") >= 3, "{report}");
    assert!(deleted("objects") >= 4, "{report}");
    assert_eq!(customer.call(Method::GET, "/medical/v1/patient").await.0, StatusCode::FORBIDDEN);
    let again = STACK.admin_json(&[&delete[..], &["Test clinic"]].concat());
    for place in ["keys", "patients", "externalIds", "objects", "directory"] {
        assert_eq!(again["deleted"][place], 0, "{again}");
    }
    let (_, patients) = other.call(Method::GET, "/medical/v1/patient").await;
    assert_eq!(patients["patients"].as_array().unwrap().len(), 2);
}
