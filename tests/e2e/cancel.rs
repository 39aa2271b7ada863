//! Cancels jobs, and reads what the API says about a job that cannot be canceled any more.

use reqwest::{Method, StatusCode};

use crate::customer::{Customer, PATIENCE};

const BULK: &str = "/medical/v1/patient/bulk";

#[tokio::test]
async fn a_waiting_job_is_canceled_at_once_and_as_often_as_asked() {
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    let (id, url) = customer.create_job("").await;
    for _ in 0..2 {
        let (status, job) = customer.call(Method::POST, &format!("{BULK}/{id}/cancel")).await;
        assert_eq!(status, StatusCode::OK, "{job}");
        assert_eq!((&job["status"], &job["reason"]), (&"failed".into(), &"canceled".into()));
    }
    let message = receiver.wait_for(&["failed"], PATIENCE).await;
    assert_eq!(message.json()["bulkPatientCreate"]["reason"], "canceled");
    customer.upload(&url, "firstName\n").await;
    let (_, job) = customer.call(Method::GET, &format!("{BULK}/{id}")).await;
    assert_eq!(job["reason"], "canceled", "a file that comes later changes nothing");
}

#[tokio::test]
async fn a_finished_or_foreign_job_cannot_be_canceled() {
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    let file = "firstName,lastName,dob,gender,addressLine1,city,state,zip\nAda,Lovelace,1985-12-10,F,1 Main St,Boston,MA,02110\n";
    let (id, message) = customer.import(&receiver, "", file).await;
    assert_eq!(message.status(), "completed");
    let (status, problem) = customer.call(Method::POST, &format!("{BULK}/{id}/cancel")).await;
    assert_eq!((status, &problem["name"]), (StatusCode::CONFLICT, &"CONFLICT".into()));
    let (other, _) = Customer::with_facility();
    let (status, _) = other.call(Method::POST, &format!("{BULK}/{id}/cancel")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_processing_job_ends_with_an_outcome_for_every_row() {
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    let rows: String = (0..8000)
        .map(|n| format!("First{n},Last,1980-01-01,O,{n} Road,Boston,MA,{:05}\n", 10000 + n))
        .collect();
    let (id, url) = customer.create_job("").await;
    customer
        .upload(&url, format!("firstName,lastName,dob,gender,addressLine1,city,state,zip\n{rows}"))
        .await;
    receiver.wait_for(&["processing"], PATIENCE).await;
    let (status, _) = customer.call(Method::POST, &format!("{BULK}/{id}/cancel")).await;
    assert_eq!(status, StatusCode::OK);
    let message = receiver.wait_for(&["failed", "completed"], PATIENCE).await;
    assert_eq!(message.json()["bulkPatientCreate"]["reason"], "canceled");
    let (_, job) = customer.call(Method::GET, &format!("{BULK}/{id}")).await;
    assert_eq!((&job["status"], &job["reason"]), (&"failed".into(), &"canceled".into()));
    let table = customer.download(job["result"].as_str().unwrap()).await;
    assert_eq!(table.rows.len(), 8000);
    let succeeded = table.column("status").iter().filter(|status| **status == "succeeded").count();
    let canceled = table.column("reason").iter().filter(|reason| **reason == "canceled").count();
    assert_eq!(succeeded + canceled, 8000);
    assert!(canceled > 0);
}
