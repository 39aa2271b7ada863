//! Contents of documents: behind links and inside of resources, and what is no document.

use std::time::Duration;

use bulk_domain::document::{CopyFailure, DocumentRecord};
use bulk_fhir::{Auth, Gateway, Limits, ReadSecret, Settings};
use bulk_pipeline::ports::{DocumentContent as _, DocumentSource as _, FetchError};

use crate::server::{ALL_KNOWN, FixedSecret, NoSecret, Sandbox, matched, person};

/// More than the sandbox's largest content.
const MOST_BYTES: usize = 100_000;

async fn documents(gateway: &Gateway<impl ReadSecret>) -> Vec<DocumentRecord> {
    let mut all = Vec::new();
    for number in 0..6 {
        let patient = matched(gateway.discover(&person(number)).await);
        all.extend(gateway.documents(&patient).await.unwrap().records);
    }
    all
}

/// Returns the media type, the bytes and the announced size of a content, of which at most
/// `MOST_BYTES` are read.
async fn fetch<S: ReadSecret + std::fmt::Debug>(
    gateway: &Gateway<S>,
    document: &DocumentRecord,
) -> Result<(String, Vec<u8>, Option<u64>), FetchError> {
    let mut content = gateway.open(document).await?;
    let announced = content.announced_bytes();
    let mut bytes = Vec::new();
    while bytes.len() < MOST_BYTES
        && let Some(piece) = content.next().await?
    {
        bytes.extend_from_slice(&piece);
    }
    Ok((content.media_type().to_string(), bytes, announced))
}

async fn failure(gateway: &Gateway<NoSecret>, document: &DocumentRecord) -> CopyFailure {
    fetch(gateway, document).await.unwrap_err().failure
}

fn linked(document: &DocumentRecord, url: &str) -> DocumentRecord {
    DocumentRecord { url: Some(url.to_owned()), ..document.clone() }
}

#[tokio::test]
async fn every_listed_document_has_its_content_wherever_it_is() {
    let sandbox = Sandbox::of_known_people();
    let gateway = sandbox.gateway();
    let (mut behind_links, mut inside) = (0, 0);
    for document in documents(&gateway).await {
        let (media_type, bytes, announced) = fetch(&gateway, &document).await.unwrap();
        assert_eq!(Some(media_type), document.document.mime_type);
        assert_eq!(Some(bytes.len() as u64), document.document.size);
        assert_eq!(announced, document.document.size);
        *if document.url.is_some() { &mut behind_links } else { &mut inside } += 1;
    }
    assert!(behind_links > 10 && inside > 0, "{behind_links} {inside}");
    assert_eq!(sandbox.requests("GET Binary"), behind_links);
}

#[tokio::test]
async fn what_the_gateway_does_instead_is_told_apart() {
    let sandbox = Sandbox::of_known_people();
    let limits = Limits { content_timeout: Duration::from_secs(1), ..sandbox.settings().limits };
    let gateway = Gateway::new(Settings { limits, ..sandbox.settings() }, NoSecret).unwrap();
    let document = documents(&gateway).await.remove(0);
    for (fault, told) in [
        ("gone=1", CopyFailure::Gone),
        ("500=1", CopyFailure::Unavailable),
        ("slow=1&slow-seconds=3", CopyFailure::Unavailable),
        ("timeout=1&timeout-seconds=0", CopyFailure::Unavailable),
        ("html=1", CopyFailure::NotTheDocument),
        ("malformed=1", CopyFailure::NotTheDocument),
        ("loop=1", CopyFailure::Refused),
        ("foreign=1", CopyFailure::AddressNotAllowed),
        ("401=1", CopyFailure::Refused),
        ("huge=1", CopyFailure::TooLarge),
    ] {
        sandbox.admin("PUT", &format!("faults?{fault}"));
        // A login page that takes the place of a document that is listed without its type.
        let mut document = document.clone();
        if fault == "html=1" {
            document.document.mime_type = None;
        }
        assert_eq!(failure(&gateway, &document).await, told, "{fault}");
    }
    sandbox.admin("PUT", "faults?503=1&retry-after=30");
    let away = fetch(&gateway, &document).await.unwrap_err();
    assert_eq!(away.failure, CopyFailure::Unavailable);
    assert!(away.retry_after.unwrap() > Duration::from_secs(20));
    assert!(!away.cause.contains("Binary") && !away.cause.contains("127.0.0.1"), "{}", away.cause);
}

#[tokio::test]
async fn a_content_that_is_cut_off_is_no_content_and_an_endless_one_is_a_stream() {
    let sandbox = Sandbox::of_known_people();
    let gateway = sandbox.gateway();
    let mut document = documents(&gateway).await.remove(0);
    sandbox.admin("PUT", "faults?endless=1");
    let (_, bytes, announced) = fetch(&gateway, &document).await.unwrap();
    assert!(bytes.len() >= MOST_BYTES && announced.is_none());
    sandbox.admin("PUT", "faults?reset=1");
    // The fault answers JSON, which is a stream only in the place of JSON.
    document.document.mime_type = Some("application/json".to_owned());
    assert_eq!(failure(&gateway, &document).await, CopyFailure::Unavailable);
}

#[tokio::test]
async fn another_server_is_asked_if_it_is_allowed_and_never_gets_the_token() {
    let (sandbox, secret) = (Sandbox::start(&[&ALL_KNOWN[..], &["--token", "t1"]].concat()), "t1");
    let (open, closed) = (Sandbox::of_known_people(), Sandbox::start(&["--token", secret]));
    let of = |hosts: Vec<String>| {
        let settings = Settings { auth: Auth::Bearer, content_hosts: hosts, ..sandbox.settings() };
        Gateway::new(settings, FixedSecret::new(secret)).unwrap()
    };
    let gateway = of(Vec::new());
    let document = documents(&gateway).await.remove(0);
    assert!(fetch(&gateway, &document).await.is_ok(), "its own server gets the token");
    let elsewhere = |server: &Sandbox| {
        let url = server.url("/fhir/Binary/0123456789abcdef-0");
        let host = url.as_url().authority().to_owned();
        (linked(&document, url.as_url().as_str()), host)
    };
    let (at_open, open_host) = elsewhere(&open);
    let (at_closed, closed_host) = elsewhere(&closed);
    let refused = fetch(&gateway, &at_open).await.unwrap_err();
    assert_eq!(refused.failure, CopyFailure::AddressNotAllowed);
    assert_eq!(open.requests("GET Binary"), 0);
    let gateway = of(vec![open_host, closed_host]);
    assert!(fetch(&gateway, &at_open).await.is_ok());
    assert_eq!(fetch(&gateway, &at_closed).await.unwrap_err().failure, CopyFailure::Refused);
}
