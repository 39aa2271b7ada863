//! Checks that webhooks are received in order, that no attempt is made too early, and that patient
//! data and links to it are sent only to URLs that have answered a ping.

mod documents;

use std::collections::{BTreeMap, BTreeSet};

use bulk_domain::delivery::{DeliveryState, RETRY_WAITS};
use bulk_domain::job::{Job, JobStatus};
use bulk_domain::time::Timestamp;
use bulk_domain::webhook::{WebhookEvent, WebhookSubject};
use bulk_pipeline::ports::WebhookRequest;
use serde_json::Value;

use documents::check_documents;

use crate::check_downloads::links_webhooks;
use crate::run::Played;

/// Returns the webhooks about jobs that servers received.
pub fn job_webhooks(played: &Played) -> Vec<(Timestamp, WebhookRequest)> {
    let mut received = played.cloud.received();
    received.retain(|(_, request)| {
        let body = body(request);
        body["bulkPatientCreate"].is_object() || is_about_documents(&body)
    });
    received
}

fn body(request: &WebhookRequest) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

fn is_about_documents(body: &Value) -> bool {
    body["meta"]["type"] == "medical.document-download"
}

/// Stands for the status in a message about documents.
const DOCUMENTS: &str = "documents";

/// Checks that the messages of a job are received in order, each at least once and under an id of
/// its own. Those about documents come between the others, and for a job that failed also at the
/// end.
pub fn check_webhooks(played: &Played) {
    let mut by_job: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for (_, request) in job_webhooks(played) {
        let body = body(&request);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let status = body["bulkPatientCreate"]["status"].as_str().unwrap_or(DOCUMENTS);
        let message = (status.to_owned(), text(&body["meta"]["messageId"]));
        by_job.entry(text(&body["meta"]["requestId"])).or_default().push(message);
    }
    for job in played.cloud.jobs() {
        let mut messages = by_job.remove(&job.id.to_string()).unwrap_or_default();
        let of_job = messages.iter().map(|(status, _)| status.as_str().to_owned());
        let mut told: Vec<String> = of_job.filter(|status| status != DOCUMENTS).collect();
        told.dedup();
        if job.status == JobStatus::Failed {
            // Attempts at `failed` and at the messages about documents alternate.
            let mut seen = BTreeSet::new();
            messages.retain(|message| seen.insert(message.clone()));
        }
        messages.dedup();
        let statuses: Vec<&str> = messages.iter().map(|(status, _)| status.as_str()).collect();
        let ids: BTreeSet<&String> = messages.iter().map(|(_, id)| id).collect();
        assert_eq!(ids.len(), messages.len(), "a message changed its id, or two share one");
        assert_ne!(statuses.first(), Some(&DOCUMENTS), "job {}", job.id);
        if job.status == JobStatus::Completed && statuses.contains(&"completed") {
            assert_eq!(statuses.last(), Some(&"completed"), "job {}", job.id);
        }
        match (job.status, &job.file) {
            (JobStatus::Expired, _) => assert!(told.is_empty(), "{told:?}"),
            (JobStatus::Failed, None) => assert_eq!(told, ["failed"]),
            (JobStatus::Completed, _) if told == ["processing"] => assert_no_pong(played, &job),
            (status, _) => assert_eq!(told, ["processing", status.as_str()], "job {}", job.id),
        }
    }
    assert!(by_job.is_empty(), "webhooks about jobs that are not there");
    check_documents(played);
    check_schedule(played);
    check_pings(played);
}

/// Checks that a `completed` message that was never sent waited for a ping until its last attempt.
fn assert_no_pong(played: &Played, job: &Job) {
    let customers = &played.story.customers;
    let customer = customers.iter().find(|customer| customer.id == job.customer).unwrap();
    let is_silent = |url| played.story.without_pong.contains(url);
    assert!(customer.urls.iter().any(is_silent), "job {}: every URL answers pings", job.id);
    let deliveries = played.cloud.deliveries();
    let delivery = deliveries
        .iter()
        .find(|delivery| delivery.subject == WebhookSubject::job(job.id, WebhookEvent::Completed));
    assert_eq!(delivery.map(|delivery| delivery.state), Some(DeliveryState::Failed));
}

/// Checks that patient data, and every link to it, went to a URL that had answered a ping before.
/// No story sets a URL again after another one.
fn check_pings(played: &Played) {
    let pings = played.cloud.answered_pings();
    for (at, request) in job_webhooks(played) {
        let body = body(&request);
        if body["bulkPatientCreate"].get("result").is_none() && !is_about_documents(&body) {
            continue;
        }
        let is_earlier = |(pinged, url): &(Timestamp, String)| *pinged <= at && *url == request.url;
        assert!(pings.iter().any(is_earlier), "sent without a ping: {at}");
    }
}

/// Checks that no attempt is made too early. An attempt that follows a recorded one is made when it
/// is due or later. While an attempt is under way, or after its function has died, no other attempt
/// is made.
fn check_schedule(played: &Played) {
    let mut by_id: BTreeMap<String, Vec<Timestamp>> = BTreeMap::new();
    let links = links_webhooks(played).into_iter().map(|(at, request, _)| (at, request));
    for (at, request) in job_webhooks(played).into_iter().chain(links) {
        // The messages about documents of a job are one delivery with several ids.
        if is_about_documents(&body(&request)) {
            continue;
        }
        let (_, id) = request.headers.into_iter().find(|(name, _)| *name == "webhook-id").unwrap();
        by_id.entry(id).or_default().push(at);
    }
    let deliveries = played.cloud.deliveries().into_iter();
    for delivery in
        deliveries.filter(|delivery| delivery.subject.event() != Some(WebhookEvent::Documents))
    {
        assert_eq!(delivery.round, 0, "no customer retries a webhook in a story");
        let requests = by_id.remove(&delivery.message_id().to_string()).unwrap_or_default();
        let attempts = delivery.attempts.iter();
        for (attempt, wait) in attempts.zip(RETRY_WAITS.map(Some).into_iter().chain([None])) {
            let after = requests.iter().filter(|request| **request > attempt.when);
            let due =
                wait.filter(|_| !attempt.outcome.is_success()).map(|wait| attempt.when.plus(wait));
            for request in after {
                assert!(
                    due.is_some_and(|due| *request >= due),
                    "{request} is not due: {delivery:#?}"
                );
            }
        }
        for pair in requests.windows(2) {
            // An attempt that is not recorded, because its function died, keeps other attempts away
            // all the same.
            let gap = pair[0].until(pair[1]);
            assert!(gap >= RETRY_WAITS[0], "{gap:?} between two requests: {delivery:#?}");
        }
    }
    assert!(by_id.is_empty(), "requests without a record");
}
