//! Requests and uploads that are wrong: what the caller is told.

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::customer::{Customer, PATIENCE};
use crate::stack::STACK;

const BULK: &str = "/medical/v1/patient/bulk";

#[track_caller]
fn assert_problem((status, body): &(StatusCode, Value), code: u16, name: &str, detail: &str) {
    assert_eq!(status.as_u16(), code, "{body}");
    assert_eq!(body["status"], code);
    assert_eq!(body["name"], name);
    assert_eq!(body["detail"], detail);
    assert!(body["title"].is_string());
}

#[tokio::test]
async fn without_a_known_key_everything_but_health_is_forbidden() {
    let stranger = Customer { api_key: "bpi_unknown".into(), ..Customer::new() };
    for (method, path) in
        [(Method::POST, BULK), (Method::GET, "/settings"), (Method::GET, "/medical/v1/facility")]
    {
        let answer = stranger.call(method, path).await;
        assert_problem(&answer, 403, "FORBIDDEN", "Missing or unknown API key");
    }
    let bare = reqwest::Client::new();
    let no_key = bare.post(format!("{}{BULK}", STACK.api_url)).send().await.unwrap();
    assert_eq!(no_key.status(), StatusCode::FORBIDDEN);
    let health = bare.get(format!("{}/health", STACK.api_url)).send().await.unwrap();
    assert_eq!(health.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_unknown_facility_is_not_found() {
    let (customer, _) = Customer::with_facility();
    let (_, foreign) = Customer::with_facility();
    for facility in ["0199aaaa-0000-7000-8000-000000000000", "no-id", &foreign] {
        let answer = customer.call(Method::POST, &format!("{BULK}?facilityId={facility}")).await;
        assert_problem(&answer, 404, "NOT_FOUND", "Could not find facility");
    }
}

#[tokio::test]
async fn the_facility_must_be_named_when_there_are_several_and_exist_when_there_are_none() {
    let customer = Customer::new();
    let answer = customer.call(Method::POST, BULK).await;
    assert_problem(&answer, 404, "NOT_FOUND", "Could not find facility");
    customer.add_facility();
    assert_eq!(customer.call(Method::POST, BULK).await.0, StatusCode::OK);
    customer.add_facility();
    let answer = customer.call(Method::POST, BULK).await;
    let detail = "More than one facility found, please specify a facility ID";
    assert_problem(&answer, 400, "BAD_REQUEST", detail);
}

#[tokio::test]
async fn a_mistyped_dry_run_is_refused() {
    let (customer, _) = Customer::with_facility();
    for dry_run in ["yes", "1", "tru"] {
        let answer = customer.call(Method::POST, &format!("{BULK}?dryRun={dry_run}")).await;
        assert_problem(&answer, 400, "BAD_REQUEST", "dryRun must be true or false");
    }
    for (dry_run, expected) in [("TRUE", true), ("False", false), ("", false)] {
        let (_, job) = customer.call(Method::POST, &format!("{BULK}?dryRun={dry_run}")).await;
        assert_eq!(job["params"]["dryRun"], expected);
    }
}

#[tokio::test]
async fn a_job_without_a_file_stays_waiting() {
    let (customer, facility) = Customer::with_facility();
    let (id, _) = customer.create_job("").await;
    let (status, job) = customer.call(Method::GET, &format!("{BULK}/{id}")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(job["status"], "waiting");
    assert_eq!(job["facilityId"], facility);
    assert_eq!(job["total"], 0);
    assert!(job.get("uploadUrl").is_none());
}

#[tokio::test]
async fn another_customers_job_is_not_found() {
    let (customer, _) = Customer::with_facility();
    let (other, _) = Customer::with_facility();
    let (id, _) = customer.create_job("").await;
    let answer = other.call(Method::GET, &format!("{BULK}/{id}")).await;
    assert_problem(&answer, 404, "NOT_FOUND", "Could not find bulk patient create request");
}

#[tokio::test]
async fn a_file_that_is_no_csv_fails_its_job_with_a_reason() {
    let (customer, _) = Customer::with_facility();
    let (receiver, key) = customer.listen().await;
    let (id, url) = customer.create_job("").await;
    customer.upload(&url, b"PK\x03\x04 this is a workbook".to_vec()).await;
    let message = receiver.wait_for(&["failed"], PATIENCE).await;
    message.assert_signed_with(&key);
    let reason = message.json()["bulkPatientCreate"]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("not a CSV file"), "{reason}");
    let (_, job) = customer.call(Method::GET, &format!("{BULK}/{id}")).await;
    assert_eq!(job["status"], "failed");
    assert_eq!(job["reason"], reason);
    assert!(receiver.deliveries().iter().all(|message| message.status() != "processing"));
}

#[tokio::test]
async fn missing_columns_are_all_named() {
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    let (_, message) = customer.import(&receiver, "", "firstName,gender\nAda,F\n").await;
    let reason = message.json()["bulkPatientCreate"]["reason"].as_str().unwrap().to_owned();
    for column in ["lastName", "dob", "addressLine1", "city", "state", "zip"] {
        assert!(reason.contains(column), "{reason}");
    }
    assert!(!reason.contains("Ada"));
}

#[tokio::test]
async fn unknown_paths_and_methods_are_answered_in_our_shape() {
    let (customer, _) = Customer::with_facility();
    let answer = customer.call(Method::GET, "/medical/v1/nothing").await;
    assert_problem(&answer, 404, "NOT_FOUND", "There is nothing at this path");
    let answer = customer.call(Method::DELETE, BULK).await;
    assert_problem(&answer, 405, "METHOD_NOT_ALLOWED", "This path does not take this method");
}
