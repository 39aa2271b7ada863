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
    let failed = "held-7,Wilhelmina,Cavendish,1985-13-10,F,1 Main St,Boston,MA,02108";
    let file = format!("{header}\n{row}\n{failed}\n");
    let (job, _) = customer.import(&receiver, "", &file).await;
    let path = "/medical/v1/patient/external-id?externalId=held-7";
    let (_, found) = customer.call(Method::GET, path).await;
    let id = found["id"].as_str().unwrap();

    let text = String::from_utf8(patient("find", &customer, &[id]).stdout).unwrap();
    for place in [
        "patients:",
        "externalIds: 1",
        "rosters: 1",
        "imports: 1",
        "files: ",
        "failedRows: 1",
        "auditTrail:",
    ] {
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
    assert_eq!(places["failedRows"][0]["matches"], json!(["externalId", "names"]));
    assert_eq!(places["documentCopies"], json!([]));
    assert_eq!(places["bulkDownload"], json!(null));

    // The same by the external id, and a call is no import.
    let opt_out = format!("/medical/v1/patient/{id}/hie-opt-out?hieOptOut=true");
    assert_eq!(customer.call(Method::PUT, &opt_out).await.0, StatusCode::OK);
    let by_external_id = ["patient", "find", "--customer", &customer.id, "--external-id", "held-7"];
    let held = STACK.admin_json(&by_external_id);
    assert_eq!(held["patient"], id);
    let person = &held["places"]["patients"];
    assert_eq!(person["calls"].as_array().unwrap().len(), 1, "{person}");
    assert_eq!(held["places"]["imports"].as_array().unwrap().len(), 1);
    assert_eq!(folders(&held), ["outcomes", "results", "uploads"]);
    assert!(places["files"][0]["storedAt"].is_string(), "{places}");
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

/// Puts an item of the patients table back as it was, as point-in-time recovery does.
#[cfg(feature = "ports")]
mod restore {
    use std::collections::HashMap;

    use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
    use aws_sdk_dynamodb::types::AttributeValue;
    use aws_sdk_dynamodb::{Client, Config};
    use aws_smithy_http_client::Builder;

    use super::*;

    fn dynamodb() -> Client {
        let variable = |name: &str| STACK.admin_env.get(name);
        let url = variable("AWS_ENDPOINT_URL_DYNAMODB").or(variable("AWS_ENDPOINT_URL")).unwrap();
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(variable("AWS_REGION").unwrap().clone()))
            .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
            .endpoint_url(url)
            .http_client(Builder::new().build_http());
        Client::from_conf(config.build())
    }

    async fn item(key: &str) -> HashMap<String, AttributeValue> {
        let get = dynamodb().get_item().table_name(&STACK.admin_env["PATIENTS_TABLE"]);
        let get = get.key("pk", AttributeValue::S(key.to_owned()));
        let get = get.key("sk", AttributeValue::S("person".to_owned())).consistent_read(true);
        get.send().await.unwrap().item.unwrap()
    }

    async fn put_back(item: HashMap<String, AttributeValue>) {
        let put = dynamodb().put_item().table_name(&STACK.admin_env["PATIENTS_TABLE"]);
        put.set_item(Some(item)).send().await.unwrap();
    }

    /// Returns a new customer, and the id of its only patient.
    async fn customer_with_patient() -> (Customer, String) {
        let (customer, _) = Customer::with_facility();
        let (receiver, _) = customer.listen().await;
        let header = "firstName,lastName,dob,gender,addressLine1,city,state,zip";
        let row = "Ada,Lovelace,1985-12-10,F,1 Main St,Boston,MA,02108";
        let (_, end) = customer.import(&receiver, "", &format!("{header}\n{row}\n")).await;
        let link = end.json()["bulkPatientCreate"]["result"].as_str().unwrap().to_owned();
        let id = customer.download(&link).await.column("metriportId")[0].to_owned();
        (customer, id)
    }

    fn replay(arguments: &[&str]) -> Value {
        STACK.admin_json(&[&["replay", "--since", "1d"][..], arguments].concat())
    }

    #[tokio::test]
    async fn a_patient_that_a_restore_brings_back_is_deleted_again() {
        let (customer, id) = customer_with_patient().await;
        let find = ["patient", "find", "--customer", &customer.id, &id];
        let held = STACK.admin_json(&find);
        let key = held["places"]["patients"]["key"].as_str().unwrap();
        let before = item(key).await;
        let path = format!("/medical/v1/patient/{id}");
        assert_eq!(customer.call(Method::DELETE, &path).await.0, StatusCode::NO_CONTENT);

        put_back(before).await;
        assert_eq!(customer.call(Method::GET, &path).await.0, StatusCode::OK);
        assert!(replay(&["--dry-run"])["cameBack"].as_u64().unwrap() >= 1);
        assert_eq!(customer.call(Method::GET, &path).await.0, StatusCode::OK);
        assert!(replay(&[])["cameBack"].as_u64().unwrap() >= 1);
        assert_eq!(customer.call(Method::GET, &path).await.0, StatusCode::NOT_FOUND);
        assert!(STACK.admin_json(&find)["places"]["patients"]["record"].is_null());
    }

    #[tokio::test]
    async fn an_opt_out_that_a_restore_has_lost_is_repeated() {
        let (customer, id) = customer_with_patient().await;
        let held = STACK.admin_json(&["patient", "find", "--customer", &customer.id, &id]);
        let before = item(held["places"]["patients"]["key"].as_str().unwrap()).await;
        let path = format!("/medical/v1/patient/{id}/hie-opt-out");
        for value in ["false", "true"] {
            let set = format!("{path}?hieOptOut={value}");
            assert_eq!(customer.call(Method::PUT, &set).await.0, StatusCode::OK);
        }
        put_back(before).await;
        let is_out = async || customer.call(Method::GET, &path).await.1["hieOptOut"].clone();
        assert_eq!(is_out().await, false);
        assert!(replay(&["--dry-run"])["optedOut"].as_u64().unwrap() >= 1);
        assert_eq!(is_out().await, false);
        assert!(replay(&[])["optedOut"].as_u64().unwrap() >= 1);
        assert_eq!(is_out().await, true);
    }
}
