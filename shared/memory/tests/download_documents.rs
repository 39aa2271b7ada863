//! Bulk downloads: every document is fetched once, and the links are sent when nothing is left.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulk_domain::document::{
    BulkDownload, CopyFailure, CopyState, DocumentKey, DocumentName, DocumentRecord, DownloadTally,
    Metadata,
};
use bulk_domain::ids::{CustomerId, DownloadId, JobId, PatientId};
use bulk_domain::media_type::MediaType;
use bulk_domain::query::QueryAttemptId;
use bulk_domain::time::Timestamp;
use bulk_memory::{Cloud, QueueName};
use bulk_pipeline::abandon::{AbandonOutcome, abandon};
use bulk_pipeline::documents::{Withdrawal, withdraw_documents};
use bulk_pipeline::download_documents::{DownloadOutcome, download_documents};
use bulk_pipeline::messages::{DeadLetter, DownloadMessage};
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{CopyRef, DocumentContent, DocumentSource, FetchError, Write};
use bytes::Bytes;
use serde_json::json;
use uuid::Uuid;

const CUSTOMER: CustomerId = CustomerId::new(Uuid::from_u128(1));
const MOST_BYTES: u64 = 5_000;

/// A gateway that sends every document, except that it fails for some.
#[derive(Clone, Default)]
struct Source(Arc<Mutex<Answers>>);

#[derive(Default)]
struct Answers {
    failures: BTreeMap<String, CopyFailure>,
    /// The documents that were asked for, in their order.
    opened: Vec<String>,
    /// What happens when a document is asked for.
    meanwhile: Option<Meanwhile>,
}

type Meanwhile = Box<dyn FnMut() + Send>;

struct Sent(MediaType, Option<Bytes>);

impl Source {
    fn opened(&self) -> Vec<String> {
        self.0.lock().unwrap().opened.clone()
    }

    fn fail(&self, document: &str, failure: Option<CopyFailure>) {
        let failures = &mut self.0.lock().unwrap().failures;
        match failure {
            Some(failure) => failures.insert(document.to_owned(), failure),
            None => failures.remove(document),
        };
    }

    fn meanwhile(&self, happens: impl FnMut() + Send + 'static) {
        self.0.lock().unwrap().meanwhile = Some(Box::new(happens));
    }
}

impl DocumentSource for Source {
    type Content = Sent;

    async fn open(&self, document: &DocumentRecord) -> Result<Sent, FetchError> {
        let mut answers = self.0.lock().unwrap();
        let id = document.document.id.as_str().to_owned();
        answers.opened.push(id.clone());
        if let Some(happens) = &mut answers.meanwhile {
            happens();
        }
        match answers.failures.get(&id) {
            Some(failure) => Err(FetchError {
                failure: *failure,
                cause: "of the test".to_owned(),
                retry_after: None,
            }),
            None => Ok(Sent(MediaType::new("text/plain").unwrap(), Some(id.into()))),
        }
    }
}

impl DocumentContent for Sent {
    fn media_type(&self) -> &MediaType {
        &self.0
    }

    fn announced_bytes(&self) -> Option<u64> {
        None
    }

    async fn next(&mut self) -> Result<Option<Bytes>, FetchError> {
        Ok(self.1.take())
    }
}

/// A patient with some documents, and a bulk download of them.
struct Given {
    cloud: Cloud,
    patient: PatientId,
    source: Source,
    message: DownloadMessage,
}

impl Given {
    async fn new(documents: u32) -> Self {
        let cloud = Cloud::calm();
        let patient = add_patient(&cloud, false).await;
        cloud.set_page_bytes(200);
        let records: Vec<DocumentRecord> = (0..documents).map(record).collect();
        cloud.add_documents(CUSTOMER, patient, &records).await.unwrap();
        let download = DownloadId::new(cloud.new_id());
        let message = DownloadMessage { customer: CUSTOMER, patient, download };
        let given = Self { cloud, patient, source: Source::default(), message };
        given.start(download).await;
        given
    }

    async fn start(&self, id: DownloadId) {
        let of = (CUSTOMER, self.patient);
        let download = BulkDownload::new(id, of, Metadata::default(), self.cloud.now());
        let known = self.cloud.load_download(CUSTOMER, self.patient).await.unwrap();
        let version = known.map(|known| known.version);
        let write = self.cloud.store_download(&download, version);
        assert_eq!(write.await.unwrap(), Write::Done);
    }

    async fn run(&self) -> DownloadOutcome {
        self.run_of(&self.message).await
    }

    async fn run_of(&self, message: &DownloadMessage) -> DownloadOutcome {
        download_documents(&self.cloud, &self.source, MOST_BYTES, message).await.unwrap()
    }

    async fn tally(&self) -> Option<DownloadTally> {
        let stored = self.cloud.load_download(CUSTOMER, self.patient).await.unwrap();
        stored.unwrap().value.tally
    }

    fn pass(&self, time: Duration) {
        self.cloud.set_time(self.cloud.now().plus(time));
    }

    fn copy(&self, number: u32) -> CopyRef {
        let document = DocumentKey::of(&record(number).document.id);
        CopyRef { customer: CUSTOMER, document: DocumentName { patient: self.patient, document } }
    }

    /// Returns how many webhooks were sent to be delivered.
    fn sent(&self) -> usize {
        let now = self.cloud.now();
        self.cloud.with_queues(|queues| queues.get(QueueName::Webhooks).receivable(now))
    }
}

fn record(number: u32) -> DocumentRecord {
    serde_json::from_value(json!({"id": format!("d{number}"), "fileName": "A title.txt"})).unwrap()
}

fn tally(total: u32, successful: u32) -> DownloadTally {
    DownloadTally { total, successful }
}

async fn add_patient(cloud: &Cloud, opted_out: bool) -> PatientId {
    // The younger job's value counts.
    let job = JobId::new(Uuid::from_u128(4 + u128::from(opted_out)));
    cloud.add_row(CUSTOMER, job, &json!({"hieOptOut": opted_out})).await.unwrap()
}

#[tokio::test]
async fn every_document_of_every_page_is_copied_once_and_then_the_links_are_sent() {
    let given = Given::new(30).await;
    assert_eq!(given.run().await, DownloadOutcome::Ended(tally(30, 30)));
    let opened: BTreeSet<String> = given.source.opened().into_iter().collect();
    assert_eq!((given.source.opened().len(), opened.len()), (30, 30));
    assert_eq!(given.cloud.copies(CUSTOMER).len(), 30);
    assert_eq!(given.sent(), 1);
    // The message is received once more.
    assert_eq!(given.run().await, DownloadOutcome::Ended(tally(30, 30)));
    assert_eq!(given.source.opened().len(), 30);
}

#[tokio::test]
async fn a_patient_without_documents_is_told_about_too() {
    let given = Given::new(0).await;
    assert_eq!(given.run().await, DownloadOutcome::Ended(tally(0, 0)));
    assert_eq!(given.sent(), 1);
}

#[tokio::test]
async fn a_document_that_cannot_be_copied_does_not_keep_the_others() {
    let given = Given::new(5).await;
    given.source.fail("d1", Some(CopyFailure::Gone));
    given.source.fail("d3", Some(CopyFailure::NotTheDocument));
    assert_eq!(given.run().await, DownloadOutcome::Ended(tally(5, 3)));
    assert_eq!(given.tally().await.unwrap().errors(), 2);
}

#[tokio::test]
async fn a_gateway_that_comes_back_is_asked_again_for_what_is_left() {
    let given = Given::new(3).await;
    given.source.fail("d1", Some(CopyFailure::Unavailable));
    let DownloadOutcome::Unfinished(pause) = given.run().await else { panic!() };
    assert_eq!((pause, given.sent()), (Duration::from_secs(5), 0));
    assert!(given.tally().await.is_none());
    given.source.fail("d1", None);
    given.pass(pause);
    assert_eq!(given.run().await, DownloadOutcome::Ended(tally(3, 3)));
    assert_eq!(given.source.opened().len(), 4);
}

#[tokio::test]
async fn a_gateway_that_stays_away_is_asked_about_ten_times() {
    let given = Given::new(2).await;
    given.source.fail("d1", Some(CopyFailure::Unavailable));
    let mut runs = 0;
    let ended = loop {
        runs += 1;
        match given.run().await {
            DownloadOutcome::Unfinished(pause) => given.pass(pause),
            ended => break ended,
        }
    };
    assert_eq!(ended, DownloadOutcome::Ended(tally(2, 1)));
    assert!((8..25).contains(&runs), "{runs} runs");
    let took = Timestamp::from_millis(1_800_000_000_000).until(given.cloud.now());
    assert!(took < Duration::from_mins(20), "{took:?}");
}

#[tokio::test]
async fn a_run_that_has_taken_long_leaves_the_rest_to_the_next_one() {
    let given = Given::new(20).await;
    let cloud = given.cloud.clone();
    given.source.meanwhile(move || cloud.set_time(cloud.now().plus(Duration::from_secs(10))));
    let mut copied = 0;
    loop {
        let outcome = given.run().await;
        let now = given.source.opened().len();
        assert!(now - copied < 10, "{} in one run", now - copied);
        copied = now;
        match outcome {
            DownloadOutcome::Unfinished(pause) => assert_eq!(pause, Duration::ZERO),
            outcome => break assert_eq!(outcome, DownloadOutcome::Ended(tally(20, 20))),
        }
    }
    assert_eq!(copied, 20);
}

#[tokio::test]
async fn after_the_deadline_the_links_are_sent_that_are_there() {
    let given = Given::new(3).await;
    // The message may have waited for a long time; the deadline counts from the first run.
    given.pass(Duration::from_hours(24));
    for version in [None, Some(1)] {
        for number in 0..3 {
            let attempt = QueryAttemptId::new(Uuid::nil());
            let (copy, leased) =
                (given.copy(number), CopyState::leased(attempt, given.cloud.now()));
            let stored = given.cloud.store_copy(copy, leased, version).await;
            assert_eq!(stored.unwrap(), Write::Done);
        }
        if version.is_none() {
            assert!(matches!(given.run().await, DownloadOutcome::Unfinished(_)));
            given.pass(Duration::from_hours(2));
        }
    }
    assert_eq!(given.run().await, DownloadOutcome::Ended(tally(3, 0)));
    assert_eq!((given.source.opened().len(), given.sent()), (0, 1));
}

#[tokio::test]
async fn an_older_copy_is_used_unless_its_retention_has_ended() {
    let given = Given::new(3).await;
    assert_eq!(given.run().await, DownloadOutcome::Ended(tally(3, 3)));
    given.pass(Duration::from_hours(24));
    given.cloud.expire_copy(given.copy(1));
    let next = DownloadId::new(given.cloud.new_id());
    given.start(next).await;
    let message = DownloadMessage { download: next, ..given.message };
    assert_eq!(given.run_of(&message).await, DownloadOutcome::Ended(tally(3, 3)));
    assert_eq!(given.source.opened().len(), 4);
    assert_eq!(given.run().await, DownloadOutcome::Void, "a newer one has taken its place");
}

#[tokio::test]
async fn what_another_worker_fetches_is_waited_for() {
    let given = Given::new(2).await;
    let attempt = QueryAttemptId::new(Uuid::from_u128(9));
    let leased = CopyState::leased(attempt, given.cloud.now());
    assert_eq!(given.cloud.store_copy(given.copy(0), leased, None).await.unwrap(), Write::Done);
    assert!(matches!(given.run().await, DownloadOutcome::Unfinished(_)));
    assert_eq!(given.source.opened(), ["d1"]);
    let stored = CopyState::Stored(given.cloud.now());
    assert_eq!(given.cloud.store_copy(given.copy(0), stored, Some(1)).await.unwrap(), Write::Done);
    assert_eq!(given.run().await, DownloadOutcome::Ended(tally(2, 2)));
    assert_eq!(given.source.opened(), ["d1"]);
}

#[tokio::test]
async fn nothing_is_fetched_for_an_opted_out_patient() {
    let given = Given::new(2).await;
    assert_eq!(add_patient(&given.cloud, true).await, given.patient);
    assert_eq!(given.run().await, DownloadOutcome::Ended(tally(0, 0)));
    assert!(given.source.opened().is_empty());
}

#[tokio::test]
async fn a_patient_who_is_deleted_meanwhile_leaves_no_copy() {
    let given = Given::new(40).await;
    let (cloud, patient) = (given.cloud.clone(), given.patient);
    given.source.meanwhile(move || {
        let opted_out = add_patient(&cloud, true);
        assert_eq!(futures::executor::block_on(opted_out), patient);
        let withdrawn = withdraw_documents(&cloud, CUSTOMER, patient, Withdrawal::OptedOut);
        futures::executor::block_on(withdrawn).unwrap();
    });
    assert_eq!(given.run().await, DownloadOutcome::Ended(tally(0, 0)));
    assert!(given.source.opened().len() < 10, "{}", given.source.opened().len());
    assert!(given.cloud.copies(CUSTOMER).is_empty());
    assert!(given.cloud.load_copies(CUSTOMER, patient).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_message_of_a_deleted_patient_deletes_what_an_earlier_run_has_left() {
    let given = Given::new(1).await;
    let deleted = PatientId::new(Uuid::from_u128(9));
    let message = DownloadMessage { patient: deleted, ..given.message };
    let document = DocumentName { patient: deleted, ..given.copy(0).document };
    for copy in [CopyRef { customer: CUSTOMER, document }, given.copy(0)] {
        let mut writer = given.cloud.write_copy(copy, &MediaType::unknown()).await.unwrap();
        writer.write(b"content").await.unwrap();
        writer.finish().await.unwrap();
    }
    assert_eq!(given.run_of(&message).await, DownloadOutcome::Void);
    let newer =
        DownloadMessage { download: DownloadId::new(given.cloud.new_id()), ..given.message };
    assert_eq!(given.run_of(&newer).await, DownloadOutcome::Void, "this patient is there");
    let left: Vec<DocumentName> =
        given.cloud.copies(CUSTOMER).into_iter().map(|(name, _)| name).collect();
    assert_eq!(left, [given.copy(0).document]);
}

#[tokio::test]
async fn a_dead_letter_ends_a_download_with_what_there_is() {
    let given = Given::new(3).await;
    let stored = CopyState::Stored(given.cloud.now());
    // The copy of the second document has reached the end of its retention.
    for number in [1, 2] {
        let copy = given.copy(number);
        assert_eq!(given.cloud.store_copy(copy, stored, None).await.unwrap(), Write::Done);
    }
    let mut writer = given.cloud.write_copy(given.copy(2), &MediaType::unknown()).await.unwrap();
    writer.write(b"content").await.unwrap();
    writer.finish().await.unwrap();
    let letter = DeadLetter::Download(given.message);
    let ended = AbandonOutcome::Download(tally(3, 1));
    for _ in 0..2 {
        assert_eq!(abandon(&given.cloud, &letter).await.unwrap(), ended);
    }
    assert_eq!(given.tally().await, Some(tally(3, 1)));
    assert!(given.sent() > 0);
}
