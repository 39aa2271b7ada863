//! Checks that customers are told of the documents of all patients that their jobs have queried.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bulk_domain::document::{BadLink, DocumentLink, LINK_PATH, LINK_VALID};
use bulk_domain::ids::{CustomerId, JobId, PatientId};
use bulk_domain::job::times::LONGEST_LIFE;
use bulk_domain::query::{PatientQuery, QueryOutcome};
use bulk_domain::time::Timestamp;
use reqwest::Url;
use serde_json::Value;

use super::{body, is_about_documents, job_webhooks};
use crate::check_queries::asked_for;
use crate::run::{Import, LINK_KEY, Played};
use crate::story::Customer;

/// A patient in a message.
struct Told {
    at: Timestamp,
    patient: PatientId,
    has_succeeded: bool,
}

/// Checks that the customers who want it are told of every patient that a job has queried, except
/// of deleted ones, and that the other customers are told of none.
pub fn check_documents(played: &Played) {
    let mut told = told(played);
    for import in &played.imports {
        let told = told.remove(&import.job.job).unwrap_or_default();
        let mut customers = played.story.customers.iter();
        let customer = customers.find(|customer| customer.id == import.job.customer).unwrap();
        if customer.patient_webhooks {
            check_patients(played, import, customer, &told);
            check_statuses(played, import, &told);
        } else {
            assert!(told.is_empty(), "documents that the customer did not want to be told of");
        }
    }
    assert!(told.is_empty(), "documents of jobs that are not there");
}

/// Returns what a receiver learns that drops each message with an id that it has seen.
fn told(played: &Played) -> BTreeMap<JobId, Vec<Told>> {
    let (mut told, mut seen) = (BTreeMap::<JobId, Vec<Told>>::new(), BTreeSet::new());
    for (at, request) in job_webhooks(played) {
        let body = body(&request);
        let meta = &body["meta"];
        if !is_about_documents(&body) || !seen.insert(meta["messageId"].to_string()) {
            continue;
        }
        let job: JobId = read(&meta["requestId"]);
        let import = played.imports.iter().find(|import| import.job.job == job).unwrap();
        let patients = body["patients"].as_array().unwrap();
        assert!(!patients.is_empty() && patients.len() <= 4 * played.story.patients_per_part);
        let of_job = told.entry(job).or_default();
        of_job.extend(patients.iter().map(|shown| {
            let id = shown["patientId"].as_str().unwrap();
            for document in shown["documents"].as_array().unwrap() {
                assert!(document["fileName"].as_str().unwrap().starts_with(id), "{document}");
                check_link(document, import.job.customer, at);
            }
            let has_succeeded = shown["status"] == "completed";
            Told { at, patient: read(&shown["patientId"]), has_succeeded }
        }));
    }
    told
}

/// How long an attempt takes at most between the signature of its links and the webhook: the lease
/// of the attempt.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(35);

/// Checks that the link to a document of a customer's patient leads to the API, was signed for the
/// attempt, and opens this document.
fn check_link(document: &Value, customer: CustomerId, at: Timestamp) {
    let url = document["url"].as_str().unwrap();
    assert!(url.starts_with(&format!("https://api.example.com{LINK_PATH}?")), "{url}");
    let url = Url::parse(url).unwrap();
    let sent: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    let link = DocumentLink::read(
        &sent["customer"],
        &sent["fileName"],
        &sent["expires"],
        &sent["signature"],
    )
    .unwrap();
    assert_eq!(link.customer, customer);
    assert!(document["fileName"].as_str().unwrap().starts_with(&link.document.to_string()));
    let ends = at.plus(LINK_VALID);
    assert_eq!(link.check(&LINK_KEY, ends.minus(LONGEST_ATTEMPT)), Ok(()));
    assert_eq!(link.check(&LINK_KEY, ends), Err(BadLink::Expired));
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

/// Checks that exactly the patients are told that the job has queried, each in one message.
fn check_patients(played: &Played, import: &Import, customer: &Customer, told: &[Told]) {
    let queried: BTreeSet<PatientId> =
        asked_for(played, import).iter().map(|(patient, _)| *patient).collect();
    let patients: BTreeSet<PatientId> = told.iter().map(|told| told.patient).collect();
    assert_eq!(patients.len(), told.len(), "a patient of job {} is told twice", import.job.job);
    assert!(patients.is_subset(&queried), "documents of patients that the job did not query");
    // The deliveries to a server that answers no ping fail in the end.
    if !customer.urls.iter().any(|url| played.story.without_pong.contains(url)) {
        let untold = queried.difference(&patients).filter(|patient| !played.is_deleted(**patient));
        assert_eq!(untold.count(), 0, "patients of job {} are not told", import.job.job);
    }
}

/// Checks that each patient is told after the end of the query, with its outcome.
fn check_statuses(played: &Played, import: &Import, told: &[Told]) {
    let job = played.cloud.jobs().into_iter().find(|job| job.id == import.job.job).unwrap();
    let requests: BTreeMap<_, _> = asked_for(played, import).into_iter().collect();
    let queries: BTreeMap<PatientId, PatientQuery> =
        played.cloud.patient_queries(job.customer).unwrap().into_iter().collect();
    let mut failed = 0;
    for told in told.iter().filter(|told| !played.is_deleted(told.patient)) {
        // Of a canceled job that lost its queries, the customer is told after days.
        if job.started_at.unwrap().plus(LONGEST_LIFE) <= told.at {
            continue;
        }
        // A query that was abandoned before it began is not stored.
        let query = queries.get(&told.patient);
        let outcome = query.and_then(|query| query.outcome_for(requests[&told.patient]));
        let has_succeeded = outcome.is_some_and(QueryOutcome::is_success);
        assert!(has_succeeded || !told.has_succeeded, "a query that failed is told as completed");
        failed += u32::from(!told.has_succeeded);
    }
    // A query that was abandoned may succeed after the customer was told that it failed.
    assert!(failed <= job.queries_ended.failed, "patients are told before their queries ended");
}
