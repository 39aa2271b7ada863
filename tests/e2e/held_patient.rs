//! What an operator finds about one patient on a stack, and exports, before and after its deletion.

use std::process::{Command, Output};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::customer::Customer;
use crate::stack::STACK;

/// Runs `bulk-admin patient …` without `--json`.
fn patient(command: &str, customer: &Customer, arguments: &[&str]) -> Output {
    let output = Command::new(STACK.binary("bulk-admin"))
        .args([&["patient", command, "--customer", &customer.id], arguments].concat())
        .envs(&STACK.admin_env)
        .output()
        .expect("the command line runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Returns the folders of the files that are listed.
fn folders(held: &Value) -> Vec<String> {
    let files = held["places"]["files"].as_array().unwrap();
    let folder = |file: &Value| file["key"].as_str().unwrap().split('/').next().unwrap().to_owned();
    let mut folders: Vec<String> = files.iter().map(folder).collect();
    folders.dedup();
    folders
}

#[tokio::test]
async fn everything_about_a_patient_is_found_by_place_and_exported() {
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    let header = "externalId,firstName,lastName,dob,gender,addressLine1,city,state,zip";
    let row = "held-7,Wilhelmina,Cavendish,1985-12-10,F,1 Main St,Boston,MA,02108";
    let (job, _) = customer.import(&receiver, "", &format!("{header}\n{row}\n")).await;
    let path = "/medical/v1/patient/external-id?externalId=held-7";
    let (_, found) = customer.call(Method::GET, path).await;
    let id = found["id"].as_str().unwrap();

    let text = String::from_utf8(patient("find", &customer, &[id]).stdout).unwrap();
    for place in
        ["patients:", "externalIds: 1", "rosters: 1", "imports: 1", "files: ", "auditTrail:"]
    {
        assert!(text.contains(place), "{place} of {text}");
    }

    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("patient.json");
    patient("export", &customer, &[id, "--out", file.to_str().unwrap()]);
    let held: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!((&held["patient"], &held["customer"]), (&json!(id), &json!(customer.id)));
    let places = &held["places"];
    assert_eq!(places["patients"]["record"]["patient"]["lastName"], "Cavendish");
    assert_eq!(places["patients"]["jobs"], json!([job]));
    assert_eq!(places["imports"][0]["job"], job);
    assert_eq!(folders(&held), ["outcomes", "results", "uploads"]);
    assert!(places["files"][0]["keptUntil"].is_string(), "{places}");
    assert!(places["auditTrail"]["events"].as_u64().unwrap() > 2, "{places}");

    // A file that is there is not replaced.
    let again = ["patient", "export", "--customer", &customer.id, id, "--out"];
    let again = STACK.run_admin(&[&again[..], &[file.to_str().unwrap()]].concat());
    assert_eq!(again.status.code(), Some(1));

    let deletion = customer.call(Method::DELETE, &format!("/medical/v1/patient/{id}")).await;
    assert_eq!(deletion.0, StatusCode::NO_CONTENT);
    let held = STACK.admin_json(&["patient", "find", "--customer", &customer.id, id]);
    let person = &held["places"]["patients"];
    assert!(person["record"].is_null() && person["deleted"]["at"].is_string(), "{person}");
    assert_eq!(held["places"]["externalIds"], json!([]));
    assert_eq!(folders(&held), ["outcomes", "results", "uploads"]);
    assert!(!held["places"]["patients"].to_string().contains("Cavendish"));
}
