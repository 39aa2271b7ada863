//! A gateway that does something else than sending the document.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::alone;
use crate::customer::Customer;
use crate::document_contents::{documents, path};
use crate::sandbox::Sandbox;

#[tokio::test]
async fn every_fault_of_a_content_is_told_and_the_document_is_there_afterwards() {
    let _alone = alone().await;
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    let sandbox = Sandbox::of_stack();
    sandbox.misbehave("").await;
    let documents = documents(&customer, &receiver, "Faulty").await;
    // Contents inside of the list are not fetched by `Binary`, and plain text can be anything.
    let mut documents =
        documents.iter().filter(|document| document["mimeType"] == "application/pdf");
    for (fault, status, name) in [
        ("gone=1", StatusCode::NOT_FOUND, "NOT_FOUND"),
        ("html=1", StatusCode::BAD_GATEWAY, "BAD_GATEWAY"),
        ("mislabeled=1", StatusCode::BAD_GATEWAY, "BAD_GATEWAY"),
        ("foreign=1", StatusCode::BAD_GATEWAY, "BAD_GATEWAY"),
        ("503=1&retry-after=4", StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE"),
        ("reset=1", StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE"),
    ] {
        let path = path(documents.next().expect("enough documents"));
        sandbox.misbehave(fault).await;
        let (told, answer) = customer.call(Method::GET, &path).await;
        sandbox.misbehave("").await;
        assert_eq!((told, &answer["name"]), (status, &json!(name)), "{fault}: {answer}");
        if fault.starts_with("503") {
            tokio::time::sleep(Duration::from_secs(6)).await;
            let (told, answer) = customer.call(Method::GET, &path).await;
            assert_eq!(told, StatusCode::OK, "{answer}");
        }
    }
}
