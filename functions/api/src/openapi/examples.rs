//! Examples: a request for each operation, and the answer that the operation gives to it on ports
//! in memory.
//!
//! `make openapi` writes both into the description, so that no example can differ from what the
//! service does.

mod requests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use bulk_domain::cohort::Cohort;
use bulk_domain::csv::ColumnMappings;
use bulk_domain::delivery::{Attempt, AttemptOutcome, WebhookDelivery};
use bulk_domain::document::{BulkDownload, CopyState, DocumentRecord, LinkKey, Metadata};
use bulk_domain::facility::Facility;
use bulk_domain::ids::{CohortId, CustomerId, DownloadId, FacilityId, JobId, PatientId};
use bulk_domain::job::{AcceptedFile, Job, JobStatus, Upload};
use bulk_domain::media_type::MediaType;
use bulk_domain::outcome::Tally;
use bulk_domain::patient::PatientRow;
use bulk_domain::plan::ChunkNumber;
use bulk_domain::query::{PatientQuery, QueryAttemptId, QueryOutcome, QueryRequestId};
use bulk_domain::record::RowsOfJob;
use bulk_domain::roster::{Roster, RosterEntry};
use bulk_domain::time::Timestamp;
use bulk_domain::webhook::WebhookKey;
use bulk_domain::webhook_url::UrlPolicy;
use bulk_memory::{Cloud, NoFaults};
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{CopyRef, WebhookSettings, Write};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::{Uuid, uuid};

pub use requests::examples;

use super::description::{description, operations};
use crate::{AllowedOrigin, BackendOf, RequestUrl, Settings, router};

pub const KEY: &str = "bpi_0000000000000000000000000000000000000000000000000000000000000000";
pub const CUSTOMER: CustomerId = CustomerId::new(uuid!("019b76da-a800-7000-8000-00000000000c"));
pub const FACILITY: FacilityId = FacilityId::new(uuid!("019b76da-a800-7000-8000-00000000000f"));
const COHORT: CohortId = CohortId::new(uuid!("019b76da-a800-7000-8000-0000000000c0"));
/// A facility and a cohort without patients.
const UNUSED_FACILITY: FacilityId = FacilityId::new(uuid!("019b76da-a800-7000-8000-00000000001f"));
const UNUSED_COHORT: CohortId = CohortId::new(uuid!("019b76da-a800-7000-8000-0000000000c1"));
/// A job that has completed.
pub const JOB: JobId = JobId::new(uuid!("019b76da-a800-7000-8000-0000000000a1"));
/// A job that waits for its file.
const WAITING_JOB: JobId = JobId::new(uuid!("019b76da-a800-7000-8000-0000000000a2"));
pub const PATIENT: PatientId = PatientId::new(uuid!("6496bec1-d4cd-879b-9f0b-e62698adc474"));
const LINK_KEY: LinkKey = LinkKey::new([8; 32]);
/// The name of the patient's document in lists, without its extension.
pub const DOCUMENT: &str = "6496bec1-d4cd-879b-9f0b-e62698adc474_1f6ecce1973c6387929ab9fdc50f9be8";
const URL: &str = "https://clinic.example.com/webhooks";

/// Returns 2026-01-01T00:00:00.000Z, which is also the time in the ids above, except the patient's.
fn now() -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000)
}

/// Returns the backend of this memory.
pub fn backend_of(cloud: Cloud) -> BackendOf<Cloud, Cloud> {
    let (ports, webhook_server) = (cloud.clone(), cloud);
    BackendOf { ports, webhook_server, webhook_policy: UrlPolicy::PublicOnly }
}

/// Returns a customer with an object of each kind.
pub async fn cloud() -> Cloud {
    let cloud = Cloud::new(Arc::new(NoFaults), now(), 1);
    cloud.add_key(CUSTOMER, KEY);
    let settings = WebhookSettings {
        url: Some(URL.to_owned()),
        key: Some(WebhookKey::from_random(&[7; 32])),
        link_key: Some(LINK_KEY),
        ..WebhookSettings::default()
    };
    cloud.set_customer(CUSTOMER, bulk_domain::row::Directory::default(), settings);
    for (id, name) in [(FACILITY, "North clinic"), (UNUSED_FACILITY, "South clinic")] {
        let facility = json!({
            "id": id, "name": name, "npi": "1234567893", "tin": "123456789", "active": true,
            "address": {"addressLine1": "1 Main St", "city": "Boston", "state": "MA", "zip": "02110"},
        });
        cloud.create_entry::<Facility>(CUSTOMER, &read(&facility)).await.unwrap();
    }
    for (id, name) in [(COHORT, "Diabetes"), (UNUSED_COHORT, "Asthma")] {
        let description = "Type 1 and type 2";
        let cohort = json!({"id": id, "name": name, "description": description, "color": "green"});
        cloud.create_entry::<Cohort>(CUSTOMER, &read(&cohort)).await.unwrap();
    }
    add_jobs(&cloud).await;
    add_patient(&cloud).await;
    add_documents(&cloud).await;
    cloud
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_str(&value.to_string()).unwrap()
}

async fn add_jobs(cloud: &Cloud) {
    let waiting = Job::new(WAITING_JOB, CUSTOMER, FACILITY, false, now());
    cloud.create_job(&waiting).await.unwrap();
    let mut completed = Job::new(JOB, CUSTOMER, FACILITY, false, now());
    completed.status = JobStatus::Completed;
    completed.started_at = Some(now().plus(Duration::from_secs(20)));
    completed.finished_at = Some(now().plus(Duration::from_secs(50)));
    completed.file = Some(AcceptedFile {
        upload: Upload { version: "1".into(), etag: "\"e\"".into(), bytes: 900 },
        columns: read(&json!({
            "width": 10,
            "columns": [
                [0, "firstName"], [1, "lastName"], [2, "dob"], [3, "gender"], [4, "addressLine1"], [5, "city"],
                [6, "state"], [7, "zip"], [9, "phone"],
            ],
            "header": [
                "First Name", "Last Name", "Born", "Sex", "Address", "Town", "State", "Zip Code", "Insurance", "Cell",
            ],
        })),
        rows: 3,
        chunks: 1,
    });
    completed.mappings = ColumnMappings::parse(["dob:Born", "city:Town"]).unwrap();
    completed.tally = Tally { created: 1, updated: 1, failed: 1, warnings: 1, ..Tally::default() };
    (completed.queries, completed.queries_ended.successful) = (2, 2);
    cloud.create_job(&completed).await.unwrap();
    cloud.unwatch(JOB).await.unwrap();
    let stored = cloud.store_outcomes((&completed).into(), ChunkNumber::new(0), &[]).await;
    assert_eq!(stored.unwrap(), Write::Done);
    let mut delivery = WebhookDelivery::new(CUSTOMER, JOB, JobStatus::Completed);
    let gone = Attempt {
        when: now().plus(Duration::from_secs(51)),
        outcome: AttemptOutcome::StatusCode(410),
    };
    delivery.attempted(gone, None);
    assert_eq!(cloud.store_delivery(&delivery, None).await.unwrap(), Write::Done);
}

async fn add_patient(cloud: &Cloud) {
    let row: PatientRow = read(&json!({
        "externalId": "MRN-1001", "firstName": "Ada", "lastName": "Lovelace", "dob": "1980-02-03", "gender": "F",
        "addresses": [{
            "addressLine1": "1 Main St", "addressLine2": "Apt 4", "city": "Boston", "state": "MA", "zip": "02110",
        }],
        "contacts": [{"phone": "6175550100", "email": "ada@example.com"}],
        "ssn": "123121234", "driversLicense": {"value": "S12345678", "state": "MA"},
        "cohorts": [COHORT],
    }));
    let source = RowsOfJob { job: JOB, facility: FACILITY, may_overtake: false, now: now() };
    assert_eq!(cloud.add_patient(CUSTOMER, source, &[row]).await.unwrap(), PATIENT);
    let entry = RosterEntry { job: JOB, chunk: ChunkNumber::new(1) };
    for roster in [Roster::AllPatients, Roster::Cohort(COHORT)] {
        cloud.add_to_roster(CUSTOMER, roster, entry, &[PATIENT]).await.unwrap();
    }
}

async fn add_documents(cloud: &Cloud) {
    let document: DocumentRecord = read(&json!({
        "id": "2.999.1", "fileName": "Discharge summary.pdf", "description": "Discharge summary",
        "status": "current", "indexed": "2025-12-02T03:04:05.678Z", "mimeType": "application/pdf", "size": 12_345,
        "type": {
            "coding": [{"system": "http://loinc.org", "code": "18842-5", "display": "Discharge summary"}],
            "text": "Discharge summary",
        },
    }));
    let (request, found_by) = (Uuid::from_u128(1), QueryAttemptId::new(Uuid::from_u128(2)));
    let query = PatientQuery::asked(None, QueryRequestId::new(request), now()).unwrap();
    let stored = cloud
        .store_documents(CUSTOMER, PATIENT, found_by, std::slice::from_ref(&document))
        .await
        .unwrap();
    let query = query.ended(QueryOutcome::Documents(1), Some(stored));
    assert_eq!(cloud.store_query(CUSTOMER, PATIENT, &query, None).await.unwrap(), Write::Done);
    let copy = CopyRef { customer: CUSTOMER, document: DOCUMENT.parse().unwrap() };
    let media_type = MediaType::new("application/pdf").unwrap();
    cloud.write_copy(copy, &media_type).await.unwrap().finish().await.unwrap();
    let id = DownloadId::new(uuid!("019b76da-a800-7000-8000-0000000000d1"));
    let download = BulkDownload::new(id, (CUSTOMER, PATIENT), Metadata::default(), now());
    let download = download.ended(1, &[&document]);
    assert_eq!(cloud.store_download(&download, None).await.unwrap(), Write::Done);
    let write = cloud.store_copy(copy, CopyState::Stored(now()), None);
    assert_eq!(write.await.unwrap(), Write::Done);
}

/// Sends a request. Returns the status and the body, which is null unless it is JSON.
pub async fn send(method: &str, uri: &str, body: Option<&Value>) -> (StatusCode, Value) {
    let settings = Settings {
        allowed_origin: AllowedOrigin::default(),
        answer_within: Duration::from_secs(10),
        record_within: Duration::from_secs(5),
    };
    let request =
        Request::builder().method(method.to_uppercase().as_str()).uri(uri).header("x-api-key", KEY);
    let mut request =
        request.body(body.map_or_else(Body::empty, |body| body.to_string().into())).unwrap();
    let url = format!("https://api.example.com{}", request.uri().path());
    request.extensions_mut().insert(RequestUrl(url.parse().ok()));
    let answer = router(backend_of(cloud().await), settings).oneshot(request).await.unwrap();
    let content_type = answer.headers().get(CONTENT_TYPE);
    let is_json = content_type.is_some_and(|content_type| content_type == "application/json");
    let status = answer.status();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    (status, if is_json { readable(&serde_json::from_slice(&body).unwrap()) } else { Value::Null })
}

/// Returns the answer with links as S3 signs them, in place of those of the ports in memory.
fn readable(answer: &Value) -> Value {
    const BUCKET: &str = "https://example-bucket.s3.us-east-1.amazonaws.com/";
    serde_json::from_str(&answer.to_string().replace("memory://", BUCKET)).unwrap()
}

/// Adds to each operation its request and its answer.
pub async fn with_examples(mut document: Value) -> Value {
    let examples = examples();
    for (path, methods) in document["paths"].as_object_mut().unwrap() {
        for (method, operation) in methods.as_object_mut().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            let example = examples.iter().find(|example| example.operation == id).unwrap();
            let (status, answer) = send(method, &example.uri, example.body.as_ref()).await;
            let described = operation["responses"].get(status.as_str());
            let is_answered = status.is_success() || status.is_redirection();
            assert!(is_answered && described.is_some(), "{id}: {status} {answer}");
            // The description would contain itself.
            if answer.is_object() && id != "getDescription" {
                operation["responses"]["200"]["content"]["application/json"]["example"] = answer;
            }
            if let Some(body) = &example.body {
                operation["requestBody"]["content"]["application/json"]["example"] = body.clone();
            }
            for parameter in
                operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten()
            {
                if let Some(value) = sent(&example.uri, path, parameter) {
                    parameter["example"] = value;
                }
            }
        }
    }
    document
}

/// Returns the value of a parameter in a URI. None if the request does not contain it.
fn sent(uri: &str, template: &str, parameter: &Value) -> Option<Value> {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let name = parameter["name"].as_str()?;
    if parameter["in"] == "path" {
        let place = template.split('/').position(|part| part == format!("{{{name}}}"))?;
        return path.split('/').nth(place).map(Value::from);
    }
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let texts: Vec<&str> =
        pairs.filter(|(known, _)| *known == name).map(|(_, text)| text).collect();
    let first = texts.first()?;
    Some(match parameter["schema"]["type"].as_str() {
        Some("array") => json!(texts),
        Some("string") => json!(first),
        _ => serde_json::from_str(first).unwrap(),
    })
}

#[tokio::test]
async fn the_document_that_is_served_is_what_the_code_says() {
    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/openapi.json");
    let document = with_examples(description()).await;
    let written = serde_json::to_string_pretty(&document).unwrap() + "\n";
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(FILE, &written).unwrap();
        return;
    }
    assert!(written == super::DOCUMENT, "run `make openapi` and look at the difference");
}

#[test]
fn every_operation_has_one_example() {
    let mut document = description();
    let described: Vec<String> = operations(&mut document)
        .map(|operation| operation["operationId"].as_str().unwrap().to_owned())
        .collect();
    let examples = examples();
    let given: BTreeSet<&str> = examples.iter().map(|example| example.operation).collect();
    assert_eq!(given.len(), examples.len());
    assert_eq!(given, described.iter().map(String::as_str).collect());
}

/// Returns the errors of a value by a schema of the document.
fn errors(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[tokio::test]
async fn every_example_is_valid_by_its_schema() {
    let mut document = with_examples(description()).await;
    let whole = document.clone();
    for operation in operations(&mut document) {
        let id = operation["operationId"].clone();
        let answer = operation.pointer("/responses/200/content/application~1json");
        assert!(
            id == "getDescription" || answer.is_none_or(|answer| answer.get("example").is_some()),
            "{id}"
        );
        let body = operation.pointer("/requestBody/content/application~1json");
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        for described in parameters.chain(body).chain(answer) {
            if let Some(example) = described.get("example") {
                assert_eq!(errors(&whole, &described["schema"], example), [""; 0], "{id}");
            }
        }
    }
}

#[tokio::test]
async fn an_error_is_valid_by_its_schema() {
    let document = description();
    let (status, answer) = send("get", "/medical/v1/patient/no-id", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(
        errors(&document, &json!({"$ref": "#/components/schemas/Problem"}), &answer),
        [""; 0]
    );
}

#[tokio::test]
async fn a_body_over_the_limit_is_a_problem_of_the_documented_form() {
    let too_large = json!({"metadata": "x".repeat(64 * 1024)});
    let document = description();
    let examples = examples();
    let mut tried = 0;
    for (method, operation) in
        document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap())
    {
        let id = operation["operationId"].as_str().unwrap();
        if operation["responses"].get("413").is_none() {
            assert!(operation.get("requestBody").is_none(), "{id}");
            continue;
        }
        let example = examples.iter().find(|example| example.operation == id).unwrap();
        let (status, answer) = send(method, &example.uri, Some(&too_large)).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{id}");
        let schema = json!({"$ref": "#/components/schemas/Problem"});
        assert_eq!(errors(&document, &schema, &answer), [""; 0], "{id}");
        tried += 1;
    }
    assert!(tried > 10);
}
