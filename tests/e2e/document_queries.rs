//! Document queries: started by rows and by hand, once for each patient, and never the reason for
//! which a row fails.

use std::collections::HashSet;
use std::time::Duration;

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::customer::{Customer, PATIENCE};
use crate::receiver::{Delivery, Receiver};
use crate::stack::STACK;

const HEADER: &str =
    "externalId,firstName,lastName,dob,gender,addressLine1,city,state,zip,hieOptOut";

/// Returns a file of people that the sandbox has never seen: their names are made from `number`.
fn people(prefix: &str, count: u8) -> String {
    let rows = (0..count).map(|number| {
        let name: String = format!("{prefix}{}", char::from(b'a' + number % 26));
        format!(
            "{prefix}-{number},{name},Canary{prefix},1985-12-{:02},F,1 Main St,Boston,MA,02110,\n",
            number % 28 + 1
        )
    });
    format!("{HEADER}\n{}", rows.collect::<String>())
}

async fn job(customer: &Customer, receiver: &Receiver, file: &str) -> (Value, Vec<String>) {
    let (id, url) = customer.create_job("").await;
    customer.upload(&url, file.to_owned()).await;
    receiver.wait_for_end_of(&id, PATIENCE).await;
    let (_, job) = customer.call(Method::GET, &format!("/medical/v1/patient/bulk/{id}")).await;
    assert_eq!(job["status"], "completed", "{job}");
    let table = customer.download(job["result"].as_str().unwrap()).await;
    let patients =
        table.column("metriportId").into_iter().filter(|id| !id.is_empty()).map(str::to_owned);
    (job, patients.collect())
}

async fn query(customer: &Customer, patient: &str) -> Value {
    let path = format!("/medical/v1/document/query?patientId={patient}");
    let (status, query) = customer.call(Method::GET, &path).await;
    assert_eq!(status, StatusCode::OK, "{query}");
    query
}

async fn documents(customer: &Customer, patient: &str) -> Vec<Value> {
    let (status, list) = customer
        .call(Method::GET, &format!("/medical/v1/document?output=dto&patientId={patient}"))
        .await;
    assert_eq!(status, StatusCode::OK, "{list}");
    list["documents"].as_array().unwrap().clone()
}

async fn ended(customer: &Customer, patient: &str, request: &Value) -> Value {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let now = query(customer, patient).await;
        if now["requestId"] == *request && now["download"]["status"] != "processing" {
            return now;
        }
        assert!(tokio::time::Instant::now() < until, "{now}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn every_new_patient_is_queried_and_the_documents_can_be_read() {
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    let (job, patients) = job(&customer, &receiver, &people("new", 26)).await;
    assert_eq!(job["documentQueries"], json!({"total": 26, "successful": 26, "failed": 0}));

    let mut with_documents = 0;
    for patient in &patients {
        let download = query(&customer, patient).await["download"].clone();
        let documents = documents(&customer, patient).await;
        let count = documents.len();
        assert_eq!(download, json!({"status": "completed", "total": count, "successful": count}));
        let path = format!("/medical/v1/document?output=dto&patientId={patient}&count=7");
        assert_eq!(customer.pages(&path, "documents").await.concat(), documents, "page by page");
        with_documents += usize::from(count > 0);
        for document in &documents {
            assert_eq!(document["status"], "current", "{document}");
            assert_eq!(document["type"]["coding"][0]["system"], "http://loinc.org");
            assert!(document["size"].as_u64().unwrap() >= 1000);
        }
        let ids: HashSet<&str> =
            documents.iter().map(|document| document["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), count, "no document twice");
    }
    assert!(
        (1..26).contains(&with_documents),
        "the sandbox has documents of some of them: {with_documents}"
    );
}

#[tokio::test]
async fn a_customer_that_chooses_it_is_told_of_the_documents_before_the_completion() {
    let (customer, _) = Customer::with_facility();
    let (receiver, key) = customer.listen().await;
    let (_, settings) = customer.post("/settings", &json!({"patientWebhooks": true})).await;
    let chosen = (&settings["patientWebhooks"], &settings["webhookUrl"]);
    assert_eq!(chosen, (&json!(true), &json!(receiver.url)));
    let (job, patients) = job(&customer, &receiver, &people("told", 26)).await;

    let messages = receiver.deliveries();
    let statuses: Vec<String> = messages.iter().map(Delivery::status).collect();
    assert_eq!(
        (statuses[0].as_str(), statuses.last().unwrap().as_str()),
        ("processing", "completed")
    );
    let (mut told, mut links) = (HashSet::new(), Vec::new());
    for message in &messages[1..messages.len() - 1] {
        message.assert_signed_with(&key);
        let body = message.json();
        assert_eq!(body["meta"]["requestId"], job["requestId"]);
        assert_eq!(body["meta"]["type"], "medical.document-download");
        for patient in body["patients"].as_array().unwrap() {
            let id = patient["patientId"].as_str().unwrap();
            let (_, record) =
                customer.call(Method::GET, &format!("/medical/v1/patient/{id}")).await;
            assert_eq!(patient["externalId"], record["externalId"]);
            assert_eq!(patient["status"], "completed");
            let mut linked = patient["documents"].clone();
            for document in linked.as_array_mut().unwrap() {
                let link = document.as_object_mut().unwrap().remove("url").unwrap();
                links.push((document.clone(), link.as_str().unwrap().to_owned()));
            }
            assert_eq!(linked, json!(documents(&customer, id).await));
            told.insert(id.to_owned());
        }
    }
    assert_eq!(told, patients.into_iter().collect());
    let (document, link) = links.first().expect("the sandbox has documents of some patients");
    let content = opened(link).await;
    assert_eq!(content.headers()["content-type"], document["mimeType"].as_str().unwrap());
    assert!(!content.bytes().await.unwrap().is_empty());
    let last = if link.ends_with('0') { '1' } else { '0' };
    let changed = format!("{}{last}", &link[..link.len() - 1]);
    let changed = Client::new().get(changed).send().await.unwrap();
    assert_eq!(changed.status(), StatusCode::FORBIDDEN);
}

/// Opens a link without an API key, again for as long as the document is being fetched.
async fn opened(link: &str) -> Response {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let answer = Client::new().get(link).send().await.unwrap();
        if answer.status() == StatusCode::OK {
            return answer;
        }
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(tokio::time::Instant::now() < until, "the document is not there");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn no_patient_is_queried_who_is_opted_out_or_unchanged_or_in_a_dry_run() {
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    let file = people("who", 3);
    let (id, _) = customer.import(&receiver, "?dryRun=true", &file).await;
    let (_, dry) = customer.call(Method::GET, &format!("/medical/v1/patient/bulk/{id}")).await;
    assert_eq!(dry.get("documentQueries"), None, "{dry}");

    let opted_out = format!("{}true\n", file.lines().nth(1).unwrap());
    let rest: String = file.lines().skip(2).map(|row| format!("{row}\n")).collect();
    let first = format!("{HEADER}\n{opted_out}{rest}");
    let (imported, patients) = job(&customer, &receiver, &first).await;
    assert_eq!(imported["documentQueries"]["total"], 2);
    assert_eq!(query(&customer, &patients[0]).await, json!({}), "there never was one");
    let path = format!("/medical/v1/document/query?patientId={}", patients[0]);
    let (status, refused) = customer.call(Method::POST, &path).await;
    assert_eq!((status, &refused["name"]), (StatusCode::CONFLICT, &json!("CONFLICT")), "{refused}");

    let (again, _) = job(&customer, &receiver, &first).await;
    assert_eq!(again.get("documentQueries"), None, "nothing changed: {again}");
    let moved = first.replace("1 Main St", "2 Main St");
    let (updated, _) = job(&customer, &receiver, &moved).await;
    assert_eq!(updated["documentQueries"]["total"], 2, "{updated}");
}

#[tokio::test]
async fn a_query_by_hand_finds_what_the_import_found_and_does_not_double_it() {
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    let (_, patients) = job(&customer, &receiver, &people("hand", 12)).await;
    for patient in &patients {
        let before = documents(&customer, patient).await;
        let path = format!("/medical/v1/document/query?patientId={patient}");
        let (status, started) = customer.call(Method::POST, &path).await;
        assert_eq!(
            (status, &started["download"]["status"]),
            (StatusCode::OK, &json!("processing")),
            "{started}"
        );
        let done = ended(&customer, patient, &started["requestId"]).await;
        assert_eq!(done["download"]["status"], "completed", "{done}");
        assert_eq!(documents(&customer, patient).await, before);
    }
    let (status, missing) = customer.call(Method::POST, "/medical/v1/document/query").await;
    assert_eq!(
        (status, &missing["detail"]),
        (StatusCode::BAD_REQUEST, &json!("patientId is missing"))
    );
}

#[tokio::test]
async fn nothing_of_a_patient_gets_into_logs() {
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    let (_, patients) = job(&customer, &receiver, &people("phi", 10)).await;
    let mut words =
        vec!["Canaryphi".to_owned(), "canaryphi".to_owned(), "phia".to_owned(), "LOINC".to_owned()];
    for patient in &patients {
        let ids = documents(&customer, patient).await;
        words.extend(ids.iter().map(|document| document["id"].as_str().unwrap().to_owned()));
    }
    // Logs are collected every second.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut looked_at = 0;
    for file in std::fs::read_dir(&STACK.logs).unwrap() {
        let path = file.unwrap().path();
        let log = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        looked_at += usize::from(log.contains("Document queries ended"));
        for word in &words {
            assert!(!log.contains(word.as_str()), "{word:?} is in {}", path.display());
        }
    }
    assert!(looked_at > 0, "the log of the queries is among them");
}
