//! Calls every operation of the API once, on the data that a story has stored.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use bulk_api::{AllowedOrigin, BackendOf, RequestUrl, Settings};
use bulk_domain::document::{CopyState, DocumentLink};
use bulk_domain::ids::CustomerId;
use bulk_domain::webhook_url::UrlPolicy;
use bulk_memory::Cloud;
use bulk_pipeline::ports::CopyRef;
use bulk_pipeline::ports::prelude::*;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::run::Played;

const KEY: &str = "bpi_0000000000000000000000000000000000000000000000000000000000000000";

struct Caller(Router);

impl Caller {
    /// Calls an operation and returns its status and body.
    async fn call(&self, method: &str, path: &str, body: &Value) -> (StatusCode, Value) {
        let url = RequestUrl(Some("https://api.example.com/".parse().unwrap()));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("x-api-key", KEY)
            .header("idempotency-key", "a-key-of-the-caller")
            .extension(url)
            .body(Body::from(body.to_string()))
            .unwrap();
        let answer = self.0.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        assert!(!status.is_server_error(), "{method} {path}: {status}");
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn get(&self, path: &str) -> Value {
        self.call("GET", path, &Value::Null).await.1
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        self.call("POST", path, body).await.1
    }
}

/// Downloads each document that is copied, by a call and by the link of a webhook. Returns the
/// links.
async fn download(api: &Caller, quiet: &Cloud, customer: CustomerId) -> Vec<String> {
    let link_key = quiet.load_settings(customer).await.unwrap().link_key.unwrap();
    let mut links = Vec::new();
    // A call for another document would wait for a worker.
    for (document, _) in quiet.copies(customer) {
        let copy = CopyRef { customer, document };
        let record = quiet.load_copy(copy).await.unwrap();
        if !record.is_some_and(|record| matches!(record.value, CopyState::Stored(_))) {
            continue;
        }
        let path = format!("/medical/v1/document/download-url?fileName={document}");
        let by_call = api.call("GET", &path, &Value::Null).await.0;
        let link = DocumentLink::signed(customer, document, &link_key, quiet.now()).url("");
        let by_link = api.call("GET", &link, &Value::Null).await.0;
        // A newer query may not have found a document that is copied.
        let expected = if by_call == StatusCode::OK { StatusCode::SEE_OTHER } else { by_call };
        assert_eq!(by_link, expected, "{document}");
        links.push(link);
    }
    links
}

/// Calls every operation that needs an API key, as the first customer of a story.
pub async fn call_all(played: &Played) {
    let customer = &played.story.customers[0];
    let cloud =
        played.cloud.with_faults(std::sync::Arc::new(bulk_memory::NoFaults)).called_by("Api");
    cloud.add_key(customer.id, KEY);
    let quiet = cloud.clone();
    let settings = Settings {
        allowed_origin: AllowedOrigin::parse(""),
        answer_within: Duration::from_secs(12),
        record_within: Duration::from_secs(5),
    };
    let backend = BackendOf {
        ports: cloud.clone(),
        webhook_server: cloud,
        webhook_policy: UrlPolicy::PublicOnly,
    };
    let api = Caller(bulk_api::router(backend, settings));

    let address =
        json!({"addressLine1": "1 Main St", "city": "Boston", "state": "MA", "zip": "02110"});
    let facility = json!({"name": "Main Street", "npi": "1234567893", "address": address});
    let facility = api.post("/medical/v1/facility", &facility).await;
    api.get("/medical/v1/facility").await;
    api.get(&format!("/medical/v1/facility/{}", id(&facility))).await;
    let cohort = api.post("/medical/v1/cohort", &json!({"name": "Asthma"})).await;
    api.get("/medical/v1/cohort").await;
    api.get(&format!("/medical/v1/cohort/{}", id(&cohort))).await;
    api.get(&format!("/medical/v1/cohort/{}/patient", id(&cohort))).await;
    change_and_delete(&api, id(&facility), id(&cohort)).await;

    api.post("/settings", &json!({"webhookUrl": customer.urls[0]})).await;
    api.get("/settings").await;
    api.post("/settings/webhook/rotate", &Value::Null).await;
    api.get("/settings/webhook").await;
    api.get("/settings/webhook?state=failed").await;
    api.post("/settings/webhook/retry", &Value::Null).await;

    let create = format!("/medical/v1/patient/bulk?facilityId={}", id(&facility));
    let job = api.post(&create, &Value::Null).await;
    api.get("/medical/v1/patient/bulk").await;
    for import in &played.imports {
        api.get(&format!("/medical/v1/patient/bulk/{}", import.job.job)).await;
    }
    let job = job["requestId"].as_str().unwrap();
    api.post(&format!("/medical/v1/patient/bulk/{job}/cancel"), &Value::Null).await;

    let person = json!({
        "firstName": "Ada", "lastName": "Lovelace", "dob": "1980-01-01", "genderAtBirth": "F", "address": address,
    });
    api.post("/medical/v1/patient/match", &person).await;
    api.get("/medical/v1/patient/external-id?externalId=1").await;
    let patients = api.get("/medical/v1/patient").await;
    let patients = patients["patients"].as_array().unwrap();
    for patient in patients {
        let (id, facility) = (id(patient), patient["facilityIds"][0].as_str().unwrap());
        correct(&api, id).await;
        let query = format!("/medical/v1/document/query?patientId={id}&facilityId={facility}");
        api.post(&query, &Value::Null).await;
        api.get(&format!("/medical/v1/document/query?patientId={id}")).await;
        api.get(&format!("/medical/v1/document?patientId={id}")).await;
        let bulk = format!("/medical/v1/document/download-url/bulk?patientId={id}");
        let (status, started) = api.call("POST", &bulk, &Value::Null).await;
        if status == StatusCode::OK {
            assert_eq!(api.get(&bulk).await["requestId"], started["requestId"]);
        }
    }
    let links = download(&api, &quiet, customer.id).await;
    // The other half stays for later checks.
    let (deleted, left) = patients.split_at(patients.len() / 2);
    for patient in deleted {
        let id = id(patient);
        let path = format!("/medical/v1/patient/{id}");
        assert_eq!(api.call("DELETE", &path, &Value::Null).await.0, StatusCode::NO_CONTENT);
        for path in [&path, &format!("/medical/v1/document/query?patientId={id}")] {
            assert_eq!(api.call("GET", path, &Value::Null).await.0, StatusCode::NOT_FOUND);
        }
        assert_eq!(api.call("DELETE", &path, &Value::Null).await.0, StatusCode::NOT_FOUND);
    }
    let ids = |patients: &[Value]| -> Vec<Value> {
        patients.iter().map(|patient| patient["id"].clone()).collect()
    };
    let listed = api.get("/medical/v1/patient").await;
    assert_eq!(ids(listed["patients"].as_array().unwrap()), ids(left));
    for patient in left {
        let path = format!("/medical/v1/patient/{}/hie-opt-out", id(patient));
        let (_, told) = api.call("PUT", &format!("{path}?hieOptOut=true"), &Value::Null).await;
        assert_eq!(told["hieOptOut"], true);
        assert_eq!(api.get(&path).await["hieOptOut"], true);
        let list = api.get(&format!("/medical/v1/document?patientId={}", id(patient))).await;
        assert_eq!(list["documents"], json!([]));
    }
    assert!(quiet.copies(customer.id).is_empty());
    for link in links {
        assert_eq!(api.call("GET", &link, &Value::Null).await.0, StatusCode::NOT_FOUND);
    }
    for import in &played.imports {
        let path = format!("/medical/v1/patient/bulk/{}/undo", import.job.job);
        api.post(&path, &Value::Null).await;
    }
}

/// Gives a patient another name and external id, finds it by both, and takes the correction back.
async fn correct(api: &Caller, id: &str) {
    let path = format!("/medical/v1/patient/{id}");
    let before = api.get(&path).await;
    let mut corrected = before.clone();
    corrected["lastName"] = "Corrected".into();
    corrected["externalId"] = format!("corrected {id}").into();
    let after = api.call("PUT", &path, &corrected).await;
    assert_eq!((after.0, &after.1["lastName"]), (StatusCode::OK, &"Corrected".into()));
    assert_eq!(api.get(&path).await, after.1);
    let by_id = format!("/medical/v1/patient/external-id?externalId=corrected%20{id}");
    assert_eq!(api.get(&by_id).await, after.1);
    assert_eq!(api.post("/medical/v1/patient/match", &after.1).await["lastName"], "Corrected");
    assert_eq!(api.call("PUT", &path, &corrected).await.0, StatusCode::PRECONDITION_FAILED);
    let mut back = before.clone();
    back["eTag"] = after.1["eTag"].clone();
    let back = api.call("PUT", &path, &back).await.1;
    for field in ["firstName", "lastName", "dob", "address", "contact", "personalIdentifiers"] {
        assert_eq!(back[field], before[field], "{field}");
    }
}

/// Changes a cohort and its patients, and deletes other facilities and cohorts, also one that has
/// patients.
async fn change_and_delete(api: &Caller, facility: &str, cohort: &str) {
    let (facilities, cohorts) = ("/medical/v1/facility", "/medical/v1/cohort");
    let (path, members) = (format!("{cohorts}/{cohort}"), format!("{cohorts}/{cohort}/patient"));
    let color = json!({"color": "blue"});
    assert_eq!(api.call("PATCH", &path, &color).await.1["color"], "blue");
    let all = json!({"allPatients": true});
    let patients = api.get("/medical/v1/patient").await;
    let count = patients["patients"].as_array().unwrap().len();
    let added = api.call("POST", &members, &all).await;
    assert_eq!((added.0, &added.1["cohort"]["size"]), (StatusCode::OK, &json!(count)));
    let listed = api.get(&members).await["patients"].as_array().unwrap().len();
    assert_eq!(listed, count, "patients of the cohort");
    let is_empty = count == 0;
    assert_eq!(api.call("DELETE", &path, &Value::Null).await.0 == StatusCode::NO_CONTENT, is_empty);
    if !is_empty {
        let removed = api.call("DELETE", &members, &all).await;
        assert_eq!((removed.0, &removed.1["cohort"]["size"]), (StatusCode::OK, &json!(0)));
        assert_eq!(api.call("DELETE", &path, &Value::Null).await.0, StatusCode::NO_CONTENT);
    }
    let path = format!("{facilities}/{facility}");
    let mut changed = api.get(&path).await;
    changed["name"] = "Side Street".into();
    assert_eq!(api.call("PUT", &path, &changed).await.1["name"], "Side Street");
    assert_eq!(api.call("PUT", &path, &changed).await.0, StatusCode::OK, "the same again");
    changed["name"] = "Another Street".into();
    assert_eq!(api.call("PUT", &path, &changed).await.0, StatusCode::PRECONDITION_FAILED);
    let other = json!({
        "name": "Other", "npi": "1234567893", "address": changed["address"],
    });
    let other = api.post(facilities, &other).await;
    let path = format!("{facilities}/{}", id(&other));
    assert_eq!(api.call("DELETE", &path, &Value::Null).await.0, StatusCode::NO_CONTENT);
    assert_eq!(api.call("DELETE", &path, &Value::Null).await.0, StatusCode::NOT_FOUND);
}

fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}
