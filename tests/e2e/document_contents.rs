//! The contents of documents: fetched from the gateway once, and downloaded by links.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use crate::customer::{Customer, PATIENCE};
use crate::receiver::Receiver;
use crate::sandbox::Sandbox;
use crate::stack::STACK;

const HEADER: &str = "externalId,firstName,lastName,dob,gender,addressLine1,city,state,zip";

/// Imports people that the sandbox has never seen. Returns their documents.
pub async fn documents(customer: &Customer, receiver: &Receiver, prefix: &str) -> Vec<Value> {
    let rows = (1..=6).map(|day| {
        format!("{prefix}-{day},Otto,{prefix}{day},1985-12-0{day},M,1 Main St,Boston,MA,02110\n")
    });
    let file = format!("{HEADER}\n{}", rows.collect::<String>());
    let (id, url) = customer.create_job("").await;
    customer.upload(&url, file).await;
    receiver.wait_for_end_of(&id, PATIENCE).await;
    let (_, job) = customer.call(Method::GET, &format!("/medical/v1/patient/bulk/{id}")).await;
    let table = customer.download(job["result"].as_str().unwrap()).await;
    let mut all = Vec::new();
    for patient in table.column("metriportId") {
        let path = format!("/medical/v1/document?output=dto&patientId={patient}");
        let (status, list) = customer.call(Method::GET, &path).await;
        assert_eq!(status, StatusCode::OK, "{list}");
        all.extend(list["documents"].as_array().unwrap().clone());
    }
    all
}

pub fn path(document: &Value) -> String {
    let name = document["fileName"].as_str().unwrap();
    format!("/medical/v1/document/download-url?fileName={name}")
}

/// Returns the patient of a listed document.
fn patient_of(document: &Value) -> &str {
    document["fileName"].as_str().unwrap().split_once('_').unwrap().0
}

/// Keeps the other tests that download from adding to what the gateway has counted.
async fn alone() -> MutexGuard<'static, ()> {
    static DOWNLOADS: Mutex<()> = Mutex::const_new(());
    DOWNLOADS.lock().await
}

/// Returns the link to a document, which a caller may have to ask for again.
async fn link(customer: &Customer, document: &Value) -> String {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let (status, answer) = customer.call(Method::GET, &path(document)).await;
        if status == StatusCode::OK {
            return answer["url"].as_str().unwrap().to_owned();
        }
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
        assert!(tokio::time::Instant::now() < until, "{answer}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn every_document_is_downloaded_as_it_was_listed_and_fetched_once() {
    let _alone = alone().await;
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    let documents = documents(&customer, &receiver, "Content").await;
    assert!(documents.len() > 6, "{}", documents.len());
    let sandbox = Sandbox::of_stack();
    let before = sandbox.asked().await.requests;
    // Callers who ask for the same document at the same time.
    let links: Vec<String> =
        futures::future::join_all((0..5).map(|_| link(&customer, &documents[0]))).await;
    let mut contents = BTreeSet::new();
    for link in links {
        contents.insert(Client::new().get(link).send().await.unwrap().bytes().await.unwrap());
    }
    assert_eq!(contents.len(), 1, "each caller gets the same content");
    for document in &documents {
        for _ in 0..2 {
            let answer = Client::new().get(link(&customer, document).await).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            let headers = answer.headers().clone();
            assert_eq!(headers["content-type"], document["mimeType"].as_str().unwrap());
            let disposition = headers["content-disposition"].to_str().unwrap();
            assert!(disposition.starts_with("attachment; filename=\""), "{disposition}");
            let bytes = answer.bytes().await.unwrap();
            assert_eq!(bytes.len() as u64, document["size"].as_u64().unwrap());
        }
    }
    let after = sandbox.asked().await.requests;
    let fetched = |kind: &str| {
        let count = |counts: &std::collections::HashMap<String, u64>| {
            counts.get(kind).copied().unwrap_or_default()
        };
        count(&after) - count(&before)
    };
    assert_eq!(fetched("GET Binary") + fetched("GET DocumentReference/id"), documents.len() as u64);
}

#[tokio::test]
async fn a_document_of_another_customer_is_not_found_and_neither_is_any_other_name() {
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    let document = documents(&customer, &receiver, "Foreign").await.remove(0);
    let (other, _) = Customer::with_facility();
    let (status, _) = other.call(Method::GET, &path(&document)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    for name in ["x.pdf", "../../etc/passwd", "Discharge%20summary.pdf"] {
        let path = format!("/medical/v1/document/download-url?fileName={name}");
        let (status, refused) = customer.call(Method::GET, &path).await;
        assert_eq!(
            (status, &refused["detail"]),
            (StatusCode::NOT_FOUND, &json!("Could not find document"))
        );
    }
    let (status, refused) = customer.call(Method::GET, "/medical/v1/document/download-url").await;
    assert_eq!(
        (status, &refused["detail"]),
        (StatusCode::BAD_REQUEST, &json!("fileName is missing"))
    );
}

#[tokio::test]
async fn no_address_and_no_title_of_a_document_gets_into_logs() {
    let _alone = alone().await;
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    let documents = documents(&customer, &receiver, "Logged").await;
    for document in &documents {
        link(&customer, document).await;
    }
    // Logs are collected every second.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut looked_at = 0;
    for file in std::fs::read_dir(&STACK.logs).unwrap() {
        let path = file.unwrap().path();
        let log = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        looked_at += usize::from(log.contains("Document copied"));
        for document in &documents {
            let id = document["id"].as_str().unwrap();
            assert!(!log.contains(id), "an address is in {}", path.display());
            let title = document["description"].as_str().unwrap();
            assert!(!log.contains(title), "a title is in {}", path.display());
        }
        assert!(!log.contains("X-Amz-Signature"), "a link is in {}", path.display());
    }
    assert!(looked_at > 0, "the log of the copies is among them");
}

#[tokio::test]
async fn all_documents_of_a_patient_are_sent_by_links_in_one_webhook() {
    let _alone = alone().await;
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    let all = documents(&customer, &receiver, "Bulk").await;
    let patient = patient_of(&all[0]).to_owned();
    let of_patient = all.iter().filter(|document| patient_of(document) == patient);
    let listed: BTreeSet<&str> =
        of_patient.map(|document| document["fileName"].as_str().unwrap()).collect();
    let path = format!("/medical/v1/document/download-url/bulk?patientId={patient}");
    assert_eq!(customer.call(Method::GET, &path).await.0, StatusCode::NOT_FOUND);
    let body = json!({"metadata": {"chart": "7731"}});
    let (status, started) = customer.post(&path, &body).await;
    assert_eq!((status, &started["status"]), (StatusCode::OK, &json!("processing")), "{started}");
    let message = receiver.wait_for_request(&started["requestId"], PATIENCE).await.json();
    assert_eq!(message["meta"]["type"], "medical.document-bulk-download-urls");
    assert_eq!(message["meta"]["data"], body["metadata"]);
    let [told] = &message["patients"].as_array().unwrap()[..] else { panic!("{message}") };
    assert_eq!((&told["patientId"], &told["status"]), (&json!(patient), &json!("completed")));
    let told = told["documents"].as_array().unwrap();
    let names: BTreeSet<&str> =
        told.iter().map(|document| document["fileName"].as_str().unwrap()).collect();
    assert_eq!((names, told.len()), (listed.clone(), listed.len()));
    for document in told {
        let link = document["url"].as_str().unwrap();
        let answer = Client::new().get(link).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], document["mimeType"].as_str().unwrap());
        let bytes = answer.bytes().await.unwrap();
        assert_eq!(bytes.len() as u64, document["size"].as_u64().unwrap());
    }
    let (_, ended) = customer.call(Method::GET, &path).await;
    let counts = (&ended["status"], &ended["successful"], &ended["errors"]);
    assert_eq!(counts, (&json!("completed"), &json!(listed.len()), &json!(0)), "{ended}");
    let (other, _) = Customer::with_facility();
    let (_listener, _) = other.listen().await;
    assert_eq!(other.post(&path, &json!({})).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_document_that_the_gateway_has_no_more_has_no_link_and_keeps_no_other_back() {
    let _alone = alone().await;
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    let patient = patient_of(&documents(&customer, &receiver, "Gone").await[0]).to_owned();
    let sandbox = Sandbox::of_stack();
    sandbox.misbehave("gone=1").await;
    let path = format!("/medical/v1/document/download-url/bulk?patientId={patient}");
    let (_, started) = customer.post(&path, &json!({})).await;
    let message = receiver.wait_for_request(&started["requestId"], PATIENCE).await.json();
    sandbox.misbehave("").await;
    let told = &message["patients"][0];
    assert_eq!((&told["status"], &told["documents"]), (&json!("failed"), &json!([])));
    let (_, ended) = customer.call(Method::GET, &path).await;
    assert_eq!((&ended["status"], &ended["errors"]), (&json!("failed"), &told["errors"]));
    assert!(told["errors"].as_u64().unwrap() > 0, "{message}");
}

#[tokio::test]
async fn without_a_webhook_url_a_bulk_download_says_what_to_do() {
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    let patient = patient_of(&documents(&customer, &receiver, "Nowhere").await[0]).to_owned();
    customer.set_webhook_url(None).await;
    let path = format!("/medical/v1/document/download-url/bulk?patientId={patient}");
    let (status, refused) = customer.post(&path, &json!({})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(refused["detail"].as_str().unwrap().contains("POST /settings"), "{refused}");
}

#[tokio::test]
async fn an_opted_out_patient_has_no_documents_any_more() {
    let _alone = alone().await;
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    let document = documents(&customer, &receiver, "Withdrawn").await.remove(0);
    let copy = link(&customer, &document).await;
    let patient = patient_of(&document).to_owned();
    let opt_out = format!("/medical/v1/patient/{patient}/hie-opt-out");
    let (status, told) = customer.call(Method::PUT, &format!("{opt_out}?hieOptOut=true")).await;
    assert_eq!((status, &told["hieOptOut"]), (StatusCode::OK, &json!(true)), "{told}");
    assert_eq!(customer.call(Method::GET, &opt_out).await.1["hieOptOut"], true);
    let (_, list) =
        customer.call(Method::GET, &format!("/medical/v1/document?patientId={patient}")).await;
    assert_eq!(list["documents"], json!([]));
    let (status, _) = customer.call(Method::GET, &path(&document)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let answer = Client::new().get(copy).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND, "the copy is deleted");
    for (query, name) in [("", "BAD_REQUEST"), ("?hieOptOut=maybe", "BAD_REQUEST")] {
        let (_, refused) = customer.call(Method::PUT, &format!("{opt_out}{query}")).await;
        assert_eq!(refused["name"], name);
    }
}
