//! Copies of documents: fetched once however many callers ask, and gone with their patient.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulk_domain::document::{
    CopyDecision, CopyFailure, CopyState, DocumentKey, DocumentName, DocumentRecord,
};
use bulk_domain::ids::{CustomerId, JobId, PatientId};
use bulk_domain::media_type::MediaType;
use bulk_domain::query::QueryAttemptId;
use bulk_memory::Cloud;
use bulk_pipeline::copy_document::{CopyOutcome, copy_document};
use bulk_pipeline::documents::{Withdrawal, withdraw_documents};
use bulk_pipeline::messages::CopyMessage;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{CopyRef, DocumentContent, DocumentSource, FetchError, Write};
use bytes::Bytes;
use serde_json::json;
use uuid::Uuid;

const CUSTOMER: CustomerId = CustomerId::new(Uuid::from_u128(1));
const MOST_BYTES: u64 = 5_000;

/// A gateway that sends these pieces.
#[derive(Clone)]
struct Source {
    pieces: Vec<Result<Bytes, FetchError>>,
    media_type: &'static str,
    announced: Option<u64>,
    opened: Arc<AtomicU32>,
    /// What happens after the first piece was sent.
    meanwhile: Arc<Mutex<Option<Meanwhile>>>,
}

type Meanwhile = Box<dyn FnOnce() + Send>;

struct Pieces {
    media_type: MediaType,
    announced: Option<u64>,
    left: Vec<Result<Bytes, FetchError>>,
    meanwhile: Arc<Mutex<Option<Meanwhile>>>,
}

impl Source {
    fn of(pieces: &[&'static [u8]]) -> Self {
        let pieces = pieces.iter().map(|piece| Ok(Bytes::from_static(piece))).collect();
        Self {
            pieces,
            media_type: "text/plain",
            announced: None,
            opened: Arc::default(),
            meanwhile: Arc::default(),
        }
    }

    fn opened(&self) -> u32 {
        self.opened.load(Ordering::Relaxed)
    }
}

impl DocumentSource for Source {
    type Content = Pieces;

    async fn open(&self, _: &DocumentRecord) -> Result<Pieces, FetchError> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        let media_type = MediaType::new(self.media_type).unwrap();
        let left = self.pieces.iter().rev().cloned().collect();
        let (announced, meanwhile) = (self.announced, Arc::clone(&self.meanwhile));
        Ok(Pieces { media_type, announced, left, meanwhile })
    }
}

impl DocumentContent for Pieces {
    fn media_type(&self) -> &MediaType {
        &self.media_type
    }

    fn announced_bytes(&self) -> Option<u64> {
        self.announced
    }

    async fn next(&mut self) -> Result<Option<Bytes>, FetchError> {
        if let Some(meanwhile) = self.meanwhile.lock().unwrap().take() {
            meanwhile();
        }
        self.left.pop().transpose()
    }
}

/// A patient of the customer with one document.
struct Given {
    cloud: Cloud,
    copy: CopyRef,
}

impl Given {
    async fn new() -> Self {
        let cloud = Cloud::calm();
        let patient = add_patient(&cloud, false).await;
        let record: DocumentRecord =
            serde_json::from_value(json!({"id": "d", "fileName": "A title.txt"})).unwrap();
        let document = DocumentName { patient, document: DocumentKey::of(&record.document.id) };
        cloud.add_documents(CUSTOMER, patient, &[record]).await.unwrap();
        Self { cloud, copy: CopyRef { customer: CUSTOMER, document } }
    }

    async fn message(&self) -> CopyMessage {
        let version = self.cloud.load_copy(self.copy).await.unwrap().map(|record| record.version);
        CopyMessage { customer: CUSTOMER, document: self.copy.document, version }
    }

    async fn copy(&self, source: &Source) -> CopyOutcome {
        let message = self.message().await;
        copy_document(&self.cloud, source, MOST_BYTES, &message).await.unwrap()
    }

    async fn failure(&self, source: &Source) -> CopyFailure {
        match self.copy(source).await {
            CopyOutcome::Failed(error) => error.failure,
            other => panic!("{other:?}"),
        }
    }

    async fn decision(&self) -> CopyDecision {
        let record = self.cloud.load_copy(self.copy).await.unwrap();
        CopyState::decide(record.map(|record| record.value), self.cloud.now())
    }

    fn bytes(&self) -> Option<Bytes> {
        self.cloud.copies(CUSTOMER).into_iter().map(|(_, bytes)| bytes).next()
    }
}

async fn add_patient(cloud: &Cloud, opted_out: bool) -> PatientId {
    // The younger job's value counts.
    let job = JobId::new(Uuid::from_u128(4 + u128::from(opted_out)));
    cloud.add_row(CUSTOMER, job, &json!({"hieOptOut": opted_out})).await.unwrap()
}

#[tokio::test]
async fn a_content_is_stored_with_its_media_type() {
    let given = Given::new().await;
    assert_eq!(given.copy(&Source::of(&[b"Some ", b"text"])).await, CopyOutcome::Stored(9));
    assert_eq!(given.bytes().as_deref(), Some(&b"Some text"[..]));
    let media_type = given.cloud.find_copy(given.copy).await.unwrap().unwrap();
    assert_eq!(media_type.to_string(), "text/plain");
    assert_eq!(given.decision().await, CopyDecision::Stored);
}

#[tokio::test]
async fn messages_of_callers_who_saw_the_same_cause_one_fetch() {
    let given = Given::new().await;
    let (source, message) = (Source::of(&[b"text"]), given.message().await);
    for outcome in [CopyOutcome::Stored(4), CopyOutcome::NotNeeded, CopyOutcome::NotNeeded] {
        let copied = copy_document(&given.cloud, &source, MOST_BYTES, &message).await.unwrap();
        assert_eq!(copied, outcome);
    }
    assert_eq!(source.opened(), 1);
    // A caller who finds that the copy has expired names the record that it saw.
    given.cloud.expire_copy(given.copy);
    assert_eq!(given.copy(&source).await, CopyOutcome::Stored(4));
}

#[tokio::test]
async fn what_is_not_the_document_is_not_stored() {
    let given = Given::new().await;
    for source in [
        Source::of(&[]),
        Source::of(&[b"", b""]),
        Source::of(&[b"<!DOCTYPE html>", b"Sign in"]),
        Source { media_type: "application/pdf", ..Source::of(&[b"PK\x03\x04"]) },
    ] {
        assert_eq!(given.failure(&source).await, CopyFailure::NotTheDocument);
        let left_alone = Duration::from_mins(1);
        assert_eq!(
            given.decision().await,
            CopyDecision::Failed(CopyFailure::NotTheDocument, left_alone)
        );
    }
    assert_eq!(given.bytes(), None);
}

#[tokio::test]
async fn a_content_over_the_limit_is_abandoned_however_long_it_goes_on() {
    let given = Given::new().await;
    let piece = Ok(Bytes::from_static(&[b'x'; 2_000]));
    let mut source = Source { pieces: vec![piece.clone(); 100], ..Source::of(&[]) };
    assert_eq!(given.failure(&source).await, CopyFailure::TooLarge);
    assert_eq!(given.bytes(), None);
    source.pieces = vec![piece; 2];
    assert_eq!(given.copy(&source).await, CopyOutcome::Stored(4_000));
}

#[tokio::test]
async fn a_content_that_is_announced_as_too_large_is_not_received() {
    let given = Given::new().await;
    let mut source = Source { announced: Some(MOST_BYTES + 1), ..Source::of(&[b"text"]) };
    *source.meanwhile.lock().unwrap() = Some(Box::new(|| panic!("a piece was received")));
    assert_eq!(given.failure(&source).await, CopyFailure::TooLarge);
    assert_eq!(given.bytes(), None);
    source.announced = Some(MOST_BYTES);
    source.meanwhile = Arc::default();
    assert_eq!(given.copy(&source).await, CopyOutcome::Stored(4));
}

#[tokio::test]
async fn an_interrupted_content_is_not_stored_and_can_be_fetched_again() {
    let given = Given::new().await;
    let retry_after = Some(Duration::from_secs(30));
    let failure = CopyFailure::Unavailable;
    let cut_off = FetchError { failure, cause: "the connection broke".into(), retry_after };
    let mut source = Source::of(&[&[b'x'; 3_000]]);
    source.pieces.push(Err(cut_off));
    assert_eq!(given.failure(&source).await, failure);
    assert_eq!(given.bytes(), None);
    let decision = CopyDecision::Failed(failure, Duration::from_secs(30));
    assert_eq!(given.decision().await, decision);
    assert_eq!(given.copy(&Source::of(&[b"text"])).await, CopyOutcome::Stored(4));
}

#[tokio::test]
async fn a_document_that_a_newer_query_did_not_find_is_gone() {
    let given = Given::new().await;
    let document = DocumentKey::of(&bulk_domain::document::DocumentId::new("other").unwrap());
    let document = DocumentName { document, ..given.copy.document };
    let message = CopyMessage { customer: CUSTOMER, document, version: None };
    let source = Source::of(&[b"text"]);
    let outcome = copy_document(&given.cloud, &source, MOST_BYTES, &message).await.unwrap();
    assert!(matches!(outcome, CopyOutcome::Failed(error) if error.failure == CopyFailure::Gone));
    assert_eq!(source.opened(), 0);
}

#[tokio::test]
async fn nothing_is_fetched_for_an_opted_out_patient_and_nothing_stays() {
    let given = Given::new().await;
    assert_eq!(given.copy(&Source::of(&[b"text"])).await, CopyOutcome::Stored(4));
    assert_eq!(add_patient(&given.cloud, true).await, given.copy.document.patient);
    let source = Source::of(&[b"text"]);
    assert_eq!(given.copy(&source).await, CopyOutcome::Withdrawn);
    assert_eq!((source.opened(), given.bytes()), (0, None));
    assert!(given.cloud.load_copy(given.copy).await.unwrap().is_none());
}

#[tokio::test]
async fn a_copy_that_is_made_while_its_patient_is_deleted_is_deleted_too() {
    let given = Given::new().await;
    let source = Source::of(&[b"text"]);
    let (cloud, patient) = (given.cloud.clone(), given.copy.document.patient);
    *source.meanwhile.lock().unwrap() = Some(Box::new(move || {
        let withdrawn = withdraw_documents(&cloud, CUSTOMER, patient, Withdrawal::Deleted);
        futures::executor::block_on(withdrawn).unwrap();
    }));
    assert_eq!(given.copy(&source).await, CopyOutcome::Withdrawn);
    assert_eq!((source.opened(), given.bytes()), (1, None));
    assert!(given.cloud.load_copy(given.copy).await.unwrap().is_none());
}

/// The first attempt stored the content after the patient was deleted, and could not delete it. The
/// second one died with the lease.
#[tokio::test]
async fn a_copy_of_a_deleted_patient_is_deleted_though_an_attempt_died_with_the_lease() {
    let given = Given::new().await;
    let message = given.message().await;
    assert_eq!(given.copy(&Source::of(&[b"text"])).await, CopyOutcome::Stored(4));
    let (cloud, patient) = (&given.cloud, given.copy.document.patient);
    let (bucket, person) = cloud.load_item_of(CUSTOMER, patient).await.unwrap().unwrap();
    let (mut deleted, version) = (person.value, Some(person.version));
    assert!(deleted.delete(patient, &Cloud::hash_key(CUSTOMER), None, cloud.now()));
    let stored = cloud.store_person(CUSTOMER, bucket, &deleted, version).await;
    assert_eq!(stored.unwrap(), Write::Done);
    let dead = QueryAttemptId::new(cloud.new_id());
    let lease = CopyState::leased(dead, cloud.now());
    let known = cloud.load_copy(given.copy).await.unwrap().map(|record| record.version);
    assert_eq!(cloud.store_copy(given.copy, lease, known).await.unwrap(), Write::Done);
    let source = Source::of(&[b"text"]);
    let outcome = copy_document(cloud, &source, MOST_BYTES, &message).await.unwrap();
    assert_eq!((outcome, source.opened(), given.bytes()), (CopyOutcome::NotNeeded, 0, None));
    assert!(cloud.load_copy(given.copy).await.unwrap().is_none());
}
