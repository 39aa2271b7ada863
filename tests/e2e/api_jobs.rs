//! The list of a customer's jobs.

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::customer::Customer;

const BULK: &str = "/medical/v1/patient/bulk";

#[tokio::test]
async fn jobs_are_listed_newest_first_on_pages_whose_links_can_be_fetched_as_they_are() {
    let (customer, _) = Customer::with_facility();
    let mut made = Vec::new();
    for _ in 0..5 {
        made.insert(0, customer.create_job("").await.0);
    }
    customer.call(Method::POST, &format!("{BULK}/{}/cancel", made[1])).await;
    let pages = customer.pages(&format!("{BULK}?count=2"), "requests").await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
    let listed = pages.concat();
    let ids: Vec<&str> = listed.iter().map(|job| job["requestId"].as_str().unwrap()).collect();
    assert_eq!(ids, made);
    // A job in the list has the fields of a single job.
    for job in &listed {
        let id = job["requestId"].as_str().unwrap();
        assert_eq!(&customer.call(Method::GET, &format!("{BULK}/{id}")).await.1, job);
    }
    assert_eq!(listed[1]["reason"], "canceled");
    assert_eq!(customer.pages(&format!("{BULK}?count=5"), "requests").await.len(), 1);
}

#[tokio::test]
async fn a_customer_sees_its_own_jobs_only() {
    let (customer, _) = Customer::with_facility();
    let (other, _) = Customer::with_facility();
    let (id, _) = customer.create_job("").await;
    assert_eq!(other.pages(BULK, "requests").await, [Vec::<Value>::new()]);
    let from = other.pages(&format!("{BULK}?fromItem={id}"), "requests").await;
    assert_eq!(from, [Vec::<Value>::new()]);
}

#[tokio::test]
async fn a_page_that_cannot_be_is_refused() {
    let customer = Customer::new();
    for (query, detail) in [
        ("count=0", "count must be a number from 1 to 500"),
        ("count=501", "count must be a number from 1 to 500"),
        ("fromItem=x", "fromItem must be taken from meta.nextPage"),
    ] {
        let (status, problem) = customer.call(Method::GET, &format!("{BULK}?{query}")).await;
        assert_eq!(
            (status, &problem["detail"]),
            (StatusCode::BAD_REQUEST, &detail.into()),
            "{query}"
        );
    }
}
