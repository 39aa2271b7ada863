//! The client against a FHIR search engine that this project did not write, and the sandbox against
//! the published definitions of FHIR R4: Medplum's, by npm.
//!
//! `make medplum` installs it, Node 20 or newer being there, and runs these tests.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bulk_domain::document::{CopyFailure, Demographics, DocumentRecord, DocumentReference};
use bulk_domain::ids::PatientId;
use bulk_fhir::{Discovery, Gateway, GatewayUrl, PlainHttp, SearchMethod, Settings};
use bulk_pipeline::ports::{DocumentContent as _, DocumentSource as _};
use serde_json::{Value, json};
use uuid::Uuid;

#[path = "../sandbox/server.rs"]
#[allow(dead_code, reason = "the other tests use more of it")]
mod sandbox;

/// A running server; it ends with its input, and so with this process.
struct Medplum {
    process: Child,
    port: u16,
}

impl Medplum {
    fn start() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/medplum");
        let mut process = Command::new("node")
            .arg("server.mjs")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port =
            line.trim().parse().expect("the server says its port: is it installed by npm ci?");
        Self { process, port }
    }

    fn gateway(&self, search: SearchMethod) -> Gateway<sandbox::NoSecret> {
        let base = format!("http://127.0.0.1:{}/fhir", self.port);
        let base = GatewayUrl::parse(&base, PlainHttp::OnLoopback).unwrap();
        Gateway::new(Settings { search, ..Settings::new(base) }, sandbox::NoSecret).unwrap()
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        post(self.port, path, body)
    }

    /// Stores a resource, and gives its id.
    fn store(&self, resource: &Value) -> String {
        let kind = resource["resourceType"].as_str().unwrap();
        let stored = self.post(&format!("/fhir/{kind}"), resource);
        stored["id"].as_str().unwrap_or_else(|| panic!("not stored: {stored}")).to_owned()
    }

    /// What is wrong with a resource, and with those in it if it is a bundle.
    fn problems(&self, resource: &Value) -> Value {
        self.post("/validate", resource)
    }
}

impl Drop for Medplum {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn post(port: u16, path: &str, body: &Value) -> Value {
    exchange(port, &format!("POST {path}"), &body.to_string())
}

fn exchange(port: u16, request: &str, body: &str) -> Value {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let length = body.len();
    write!(
        stream,
        "{request} HTTP/1.0\r\ncontent-type: application/fhir+json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn patient(family: &str, given: &[&str]) -> Value {
    json!({
        "resourceType": "Patient",
        "name": [{"family": family, "given": given}],
        "gender": "female",
        "birthDate": "1980-02-03",
        "address": [{"postalCode": "02139"}, {"postalCode": "94110-1234"}],
    })
}

fn demographics(family: &str, given: &str, birth_date: &str, zip: &str) -> Demographics {
    Demographics {
        first_name: given.parse().unwrap(),
        last_name: family.parse().unwrap(),
        dob: birth_date.parse().unwrap(),
        gender: "F".parse().unwrap(),
        zips: vec![zip.parse().unwrap()],
    }
}

fn document(patient: &str, number: usize, status: &str) -> Value {
    json!({
        "resourceType": "DocumentReference",
        "status": status,
        "subject": {"reference": format!("Patient/{patient}")},
        "type": {"coding": [{"system": "http://loinc.org", "code": "34133-9"}]},
        "date": "2022-10-05T14:45:00Z",
        "content": [{"attachment": {"contentType": "application/pdf", "title": format!("Note {number}"), "size": 10}}],
    })
}

#[tokio::test]
#[ignore = "needs npm ci, see the top of this file"]
async fn a_patient_is_found_by_a_search_engine_that_is_not_ours() {
    let medplum = Medplum::start();
    let alice = medplum.store(&patient("Mohr", &["Alice", "Marie"]));
    let namesake = medplum.store(&patient("Mohr", &["Berta"]));
    let cruz = medplum.store(&patient("de la Cruz", &["José"]));
    medplum.store(&patient("Doppel", &["Gänger"]));
    medplum.store(&patient("Doppel", &["Gänger"]));
    for method in [SearchMethod::Get, SearchMethod::Post] {
        let gateway = medplum.gateway(method);
        for (family, given, birth_date, zip, expected) in [
            ("Mohr", "Alice", "1980-02-03", "02139", Some(&alice)),
            ("MOHR", "ALICE", "1980-02-03", "94110", Some(&alice)),
            ("Mohr", "Alice,Lisa", "1980-02-03", "02139", Some(&alice)),
            ("Mohr", "Berta", "1980-02-03", "02139", Some(&namesake)),
            ("de la Cruz", "José", "1980-02-03", "02139", Some(&cruz)),
            ("Mohr", "Alice", "1980-02-04", "02139", None),
            ("Mohr", "Alice", "1980-02-03", "10001", None),
            ("Unknown", "Alice", "1980-02-03", "02139", None),
        ] {
            let found =
                gateway.discover(&demographics(family, given, birth_date, zip)).await.unwrap();
            let found = match &found {
                Discovery::Match(patient) => Some(patient.as_str()),
                other => {
                    assert_eq!(
                        *other,
                        Discovery::NoMatch { incomplete: false },
                        "{family} {given}"
                    );
                    None
                }
            };
            assert_eq!(
                found,
                expected.map(String::as_str),
                "{method:?} {family} {given} {birth_date} {zip}"
            );
        }
        let twice =
            gateway.discover(&demographics("Doppel", "Gänger", "1980-02-03", "02139")).await;
        assert_eq!(twice, Ok(Discovery::Ambiguous));
    }
}

#[tokio::test]
#[ignore = "needs npm ci, see the top of this file"]
async fn a_patients_current_documents_are_read_from_a_server_that_is_not_ours() {
    let medplum = Medplum::start();
    let alice = medplum.store(&patient("Mohr", &["Alice"]));
    let other = medplum.store(&patient("Other", &["Otto"]));
    let current: Vec<_> =
        (0..3).map(|number| medplum.store(&document(&alice, number, "current"))).collect();
    medplum.store(&document(&alice, 3, "superseded"));
    medplum.store(&document(&other, 4, "current"));
    for method in [SearchMethod::Get, SearchMethod::Post] {
        let gateway = medplum.gateway(method);
        let patient = sandbox::matched(
            gateway.discover(&demographics("Mohr", "Alice", "1980-02-03", "02139")).await,
        );
        let list = gateway.documents(&patient).await.unwrap();
        let mut found: Vec<_> =
            list.records.iter().map(|record| record.document.id.as_str()).collect();
        found.sort_unstable();
        let mut expected: Vec<_> = current.iter().map(String::as_str).collect();
        expected.sort_unstable();
        assert_eq!((found, list.unreadable, list.incomplete), (expected, 0, false), "{method:?}");
        let note =
            list.records.iter().find(|record| record.document.id.as_str() == current[1]).unwrap();
        assert_eq!(note.document.file_name, "Note 1.pdf");
    }
}

#[tokio::test]
#[ignore = "needs npm ci, see the top of this file"]
async fn contents_are_read_from_a_server_that_is_not_ours_wherever_they_are() {
    const PDF: (&[u8], &str) = (b"%PDF-1.7\n", "JVBERi0xLjcK");
    let medplum = Medplum::start();
    let alice = medplum.store(&patient("Mohr", &["Alice"]));
    let binary = json!({"resourceType": "Binary", "contentType": "application/pdf", "data": PDF.1});
    let binary = format!("Binary/{}", medplum.store(&binary));
    let absolute = format!("http://127.0.0.1:{}/fhir/{binary}", medplum.port);
    let gone = "Binary/6496bec1-d4cd-879b-9f0b-e62698adc474";
    let attachments = [
        json!({"title": "relative", "url": binary}),
        json!({"title": "absolute", "url": absolute}),
        json!({"title": "inside", "data": PDF.1}),
        json!({"title": "gone", "url": gone}),
    ];
    for mut attachment in attachments {
        attachment["contentType"] = json!("application/pdf");
        let mut reference = document(&alice, 0, "current");
        reference["content"] = json!([{"attachment": attachment}]);
        medplum.store(&reference);
    }
    let gateway = medplum.gateway(SearchMethod::Get);
    let patient = bulk_fhir::GatewayPatientId::new(&alice).unwrap();
    let list = gateway.documents(&patient).await.unwrap();
    assert_eq!((list.records.len(), list.unreadable), (4, 0));
    for record in list.records {
        let name = record.document.file_name.as_str();
        match gateway.open(&record).await {
            Ok(mut content) => {
                let mut bytes = Vec::new();
                while let Some(piece) = content.next().await.unwrap() {
                    bytes.extend_from_slice(&piece);
                }
                let media_type = content.media_type().to_string();
                assert_eq!((&bytes[..], media_type.as_str()), (PDF.0, "application/pdf"), "{name}");
                assert_ne!(name, "gone.pdf");
            }
            Err(error) => {
                assert_eq!((error.failure, name), (CopyFailure::Gone, "gone.pdf"));
            }
        }
    }
}

#[tokio::test]
#[ignore = "needs npm ci, see the top of this file"]
async fn a_server_that_counts_more_than_it_lists_is_noticed() {
    let medplum = Medplum::start();
    let alice = medplum.store(&patient("Mohr", &["Alice"]));
    for number in 0..101 {
        medplum.store(&document(&alice, number, "current"));
    }
    // It takes `_count`, and has no link to the next page.
    let list = medplum
        .gateway(SearchMethod::Get)
        .documents(&bulk_fhir::GatewayPatientId::new(&alice).unwrap())
        .await
        .unwrap();
    assert_eq!((list.records.len(), list.incomplete), (100, true));
}

#[test]
#[ignore = "needs npm ci, see the top of this file"]
fn what_the_sandbox_answers_is_valid_fhir_r4() {
    let medplum = Medplum::start();
    let sandbox = sandbox::Sandbox::of_known_people();
    let port = sandbox.url("/").as_url().port().unwrap();
    let get = |path: &str| exchange(port, &format!("GET /fhir/{path}"), "");
    for fault in ["", "incomplete=1"] {
        sandbox.admin("PUT", &format!("faults?{fault}"));
        for number in 0..5 {
            let found = get(&format!(
                "Patient?family=F{number}&given=Ada&birthdate=1980-02-03&gender=female&address-postalcode=02139"
            ));
            assert_eq!(medplum.problems(&found), json!([]));
            let id = found["entry"][0]["resource"]["id"].as_str().unwrap();
            let documents = get(&format!("DocumentReference?patient={id}&status=current"));
            assert_eq!(documents["resourceType"], "Bundle");
            assert_eq!(medplum.problems(&documents), json!([]));
            // The judge is awake.
            let mut broken = documents;
            broken["entry"][0]["resource"]["status"] = Value::Null;
            broken["entry"][0]["resource"]["content"][0]["attachment"]["sise"] = json!(1);
            assert!(
                medplum.problems(&broken).as_array().is_some_and(|problems| problems.len() > 1)
            );
        }
    }
    for path in ["DocumentReference?status=current", "Observation?patient=1"] {
        let outcome = get(path);
        assert_eq!(outcome["resourceType"], "OperationOutcome");
        assert_eq!(medplum.problems(&outcome), json!([]));
    }
}

#[tokio::test]
#[ignore = "needs npm ci, see the top of this file"]
async fn documents_are_listed_as_resources_of_fhir_r4() {
    let (medplum, sandbox) = (Medplum::start(), sandbox::Sandbox::of_known_people());
    let gateway = sandbox.gateway();
    let patient = PatientId::new(Uuid::from_u128(7));
    let mut records: Vec<DocumentRecord> = Vec::new();
    for number in 0..3 {
        let found = sandbox::matched(gateway.discover(&sandbox::person(number)).await);
        records.extend(gateway.documents(&found).await.unwrap().records);
    }
    assert!(!records.is_empty());
    // What a gateway may write, although FHIR does not allow it.
    let odd = json!({
        "id": "urn:oid:2.999|1", "fileName": "A letter.pdf", "mimeType": "pdf", "size": 9_000_000_000_u64,
        "type": {"coding": [{"system": "not a uri", "code": "a b"}, {"display": "x"}]}, "date": "2024-02-30",
    });
    records.push(serde_json::from_str(&odd.to_string()).unwrap());
    for date in ["2024", "2024-02", "2024-02-29", "2024-02-29T10:00:00+01:00"] {
        let dated = json!({"id": "a", "fileName": "b", "date": date});
        records.push(serde_json::from_str(&dated.to_string()).unwrap());
    }
    for record in records {
        let listed = serde_json::to_value(DocumentReference::of(record, patient)).unwrap();
        assert_eq!(medplum.problems(&listed), json!([]), "{listed}");
    }
}
