//! `Idempotency-Key`: a repeated call gets the job of the first call.

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::customer::{Customer, answer};

const BULK: &str = "/medical/v1/patient/bulk";

async fn create(customer: &Customer, query: &str, key: &str) -> (StatusCode, Value) {
    let request = customer.request(Method::POST, &format!("{BULK}{query}"));
    answer(request.header("idempotency-key", key)).await
}

#[tokio::test]
async fn the_same_key_is_the_same_job_with_a_link_that_works() {
    let (customer, facility) = Customer::with_facility();
    let (status, first) = create(&customer, "?dryRun=true", "a key/1").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{first}");
    let (_, first) = create(&customer, "?dryRun=true", "key/1").await;
    let (status, again) = create(&customer, "?dryRun=TRUE", "key/1").await;
    assert_eq!(status, StatusCode::OK, "{again}");
    for field in ["requestId", "createdAt", "uploadExpiresAt", "status", "facilityId", "params"] {
        assert_eq!(again[field], first[field], "{field}");
    }
    customer.upload(again["uploadUrl"].as_str().unwrap(), "firstName\n").await;
    // Parameters are compared as the caller sent them, so that explicit defaults conflict with
    // absent ones.
    for query in ["", "?dryRun=false", &format!("?dryRun=true&facilityId={facility}")] {
        let (status, problem) = create(&customer, query, "key/1").await;
        assert_eq!(
            (status, &problem["name"]),
            (StatusCode::CONFLICT, &"CONFLICT".into()),
            "{query}"
        );
    }
    let (_, other) = create(&customer, "?dryRun=true", "key/2").await;
    assert_ne!(other["requestId"], first["requestId"]);
}

#[tokio::test]
async fn the_key_of_a_job_that_takes_no_file_any_more_is_answered_with_the_job_as_it_is() {
    let (customer, _) = Customer::with_facility();
    let (_, first) = create(&customer, "", "key").await;
    let id = first["requestId"].as_str().unwrap();
    let (_, canceled) = customer.call(Method::POST, &format!("{BULK}/{id}/cancel")).await;
    let (status, again) = create(&customer, "", "key").await;
    assert_eq!((status, &again), (StatusCode::OK, &canceled));
    assert_eq!(again.get("uploadUrl"), None);
}

#[tokio::test]
async fn calls_at_the_same_time_make_one_job() {
    let (customer, _) = Customer::with_facility();
    let answers = join_all((0..6).map(|_| create(&customer, "", "at-once"))).await;
    let ids: Vec<&Value> = answers.iter().map(|(_, job)| &job["requestId"]).collect();
    assert!(ids.iter().all(|id| *id == ids[0] && id.is_string()), "{answers:?}");
    let pages = customer.pages(BULK, "requests").await;
    assert_eq!(pages.concat().len(), 1);
}

#[tokio::test]
async fn a_key_is_its_customers_own() {
    let (customer, _) = Customer::with_facility();
    let (other, _) = Customer::with_facility();
    let (_, mine) = create(&customer, "", "key").await;
    let (_, theirs) = create(&other, "", "key").await;
    assert_ne!(mine["requestId"], theirs["requestId"]);
}
