//! Checks bulk downloads: each ends, and its links are sent, to URLs that have answered a ping.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bulk_domain::delivery::DeliveryState;
use bulk_domain::document::{BulkDownload, DownloadTally};
use bulk_domain::ids::{DownloadId, PatientId};
use bulk_domain::time::Timestamp;
use bulk_pipeline::ports::WebhookRequest;
use serde_json::Value;

use crate::run::Played;

/// How long a bulk download tries again what the gateway could not send.
const RETRIED_FOR: Duration = Duration::from_mins(15);

/// Returns the webhooks with links that servers received.
pub fn links_webhooks(played: &Played) -> Vec<(Timestamp, WebhookRequest, Value)> {
    let received = played.cloud.received().into_iter().map(|(at, request)| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        (at, request, body)
    });
    received
        .filter(|(.., body)| body["meta"]["type"] == "medical.document-bulk-download-urls")
        .collect()
}

/// Checks that every bulk download has ended, and that its links were sent if they could be.
pub fn check_downloads(played: &Played) {
    let messages = links_webhooks(played);
    let mut sent: BTreeMap<DownloadId, Vec<&(Timestamp, WebhookRequest, Value)>> = BTreeMap::new();
    for message in &messages {
        let id: DownloadId = message.2["meta"]["requestId"].as_str().unwrap().parse().unwrap();
        sent.entry(id).or_default().push(message);
        check_message(played, message);
    }
    for download in played.cloud.downloads() {
        let is_there = is_readable(played, &download);
        let Some(tally) = download.tally else {
            assert!(!is_there, "a bulk download never ends: {download:?}");
            continue;
        };
        let sent = sent.get(&download.id).map_or(&[][..], Vec::as_slice);
        check_errors(played, &download, tally, sent);
        check_links(&download, tally, sent);
        let deliveries = played.cloud.deliveries();
        let deliveries: Vec<_> = deliveries
            .iter()
            .filter(|delivery| delivery.subject.download_id() == Some(download.id))
            .collect();
        assert!(
            !is_there || deliveries.len() == download.messages() as usize,
            "the links of a bulk download are not sent: {download:?}"
        );
        for delivery in deliveries {
            assert_ne!(delivery.state, DeliveryState::Processing, "{delivery:?}");
            let id = delivery.message_id().to_string();
            let is_received = sent.iter().any(|(.., body)| body["meta"]["messageId"] == id);
            assert!(is_received || delivery.state != DeliveryState::Delivered, "{delivery:?}");
        }
    }
}

/// Returns whether the patient of a bulk download exists and is not opted out.
fn is_readable(played: &Played, download: &BulkDownload) -> bool {
    let records = played.cloud.patients(download.customer).unwrap();
    let record = records.iter().find(|record| record.patient.id == download.patient);
    record.is_some_and(|record| !record.patient.hie_opt_out)
}

/// Checks that a document without a copy was refused by the gateway, or tried again long enough.
fn check_errors(
    played: &Played,
    download: &BulkDownload,
    tally: DownloadTally,
    sent: &[&(Timestamp, WebhookRequest, Value)],
) {
    let is_refused = played.exchange.is_gone(download.customer, download.patient);
    let first = sent.iter().map(|(at, ..)| *at).min();
    let is_early = first.is_some_and(|first| first < download.started_at.plus(RETRIED_FOR));
    assert!(
        tally.errors() == 0 || is_refused || !is_early,
        "a bulk download ended although the gateway could be asked again: {download:?}"
    );
}

/// Checks that the messages of a bulk download have, together, no more links than the patient had
/// documents. Fewer or more than it has copied can be there when a message is sent: a newer query
/// may not find a document any more, and a call for one document may have copied it.
fn check_links(
    download: &BulkDownload,
    tally: DownloadTally,
    sent: &[&(Timestamp, WebhookRequest, Value)],
) {
    let links = |body: &Value| body["patients"][0]["documents"].as_array().unwrap().len();
    let by_message: BTreeMap<&str, usize> = sent
        .iter()
        .map(|(.., body)| (body["meta"]["messageId"].as_str().unwrap(), links(body)))
        .collect();
    let received: usize = by_message.values().sum();
    assert!(received <= tally.total as usize, "{received} links: {download:?}");
}

/// Checks that a message has links to documents of its patient alone, each once, and that it was
/// sent to a URL that had answered a ping.
fn check_message(played: &Played, (at, request, body): &(Timestamp, WebhookRequest, Value)) {
    let pings = played.cloud.answered_pings();
    let is_earlier = |(pinged, url): &(Timestamp, String)| pinged <= at && *url == request.url;
    assert!(pings.iter().any(is_earlier), "links were sent without a ping: {at}");
    let [patient] = &body["patients"].as_array().unwrap()[..] else { panic!("{body}") };
    let id: PatientId = patient["patientId"].as_str().unwrap().parse().unwrap();
    let mut links = BTreeSet::new();
    for document in patient["documents"].as_array().unwrap() {
        let link = document["url"].as_str().unwrap();
        assert!(link.contains(&format!("/{id}/")), "a link to another patient's document: {link}");
        assert!(links.insert(link.to_owned()), "a link twice: {link}");
    }
}

/// Returns what happened about bulk downloads in a story and how often.
pub fn statistics(played: &Played) -> Vec<(String, u64)> {
    let mut seen = Vec::new();
    for download in played.cloud.downloads() {
        let what = match download.tally {
            None => "bulk downloads of withdrawn patients",
            Some(tally) if tally.errors() > 0 => "bulk downloads with documents without a link",
            Some(tally) if tally.total == 0 => "bulk downloads without documents",
            Some(_) => "bulk downloads of all documents",
        };
        seen.push((what.to_owned(), 1));
    }
    let links = links_webhooks(played).len() as u64;
    seen.push(("webhooks with links".to_owned(), links));
    seen
}
