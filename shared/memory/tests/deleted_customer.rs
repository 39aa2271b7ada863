//! Messages that are left in queues after an operator has deleted their customer: each ends when it
//! is received, and nothing is written or asked for them. A queue cannot be searched, so that the
//! operator's command leaves them there.
#![allow(clippy::unwrap_used)]

use bulk_domain::csv::Limits;
use bulk_domain::document::{Demographics, DocumentId, DocumentKey, DocumentName, DocumentRecord};
use bulk_domain::ids::{CustomerId, DownloadId, JobId, PatientId};
use bulk_domain::job::{JobStatus, Upload};
use bulk_domain::media_type::MediaType;
use bulk_domain::plan::ChunkNumber;
use bulk_domain::query::{QueryPart, QueryTally};
use bulk_domain::webhook::{LinksPage, WebhookSubject};
use bulk_memory::{Cloud, Operation};
use bulk_pipeline::DirectoryCache;
use bulk_pipeline::abandon::{AbandonOutcome, abandon};
use bulk_pipeline::copy_document::{CopyOutcome, copy_document};
use bulk_pipeline::deliver_webhook::{DeliveryOutcome, deliver_webhook};
use bulk_pipeline::download_documents::{DownloadOutcome, download_documents};
use bulk_pipeline::fan_out::{FanOutOutcome, FanOutSettings, fan_out};
use bulk_pipeline::finalize::{FinalizeOutcome, finalize};
use bulk_pipeline::import_rows::{ImportOutcome, import_rows};
use bulk_pipeline::messages::{
    ChunkMessage, CopyMessage, DeadLetter, DownloadMessage, FinishedMessage, QueryAsker,
    QueryMessage, UndoMessage, UploadMessage, WebhookMessage, WithdrawalMessage,
};
use bulk_pipeline::ports::{
    DocumentContent, DocumentSource, FetchError, Gateway, GatewayAnswer, GatewayFailure,
};
use bulk_pipeline::query_documents::{QueriesOutcome, query_documents};
use bulk_pipeline::undo_chunk::{UndoChunkOutcome, undo_chunk};
use bulk_pipeline::withdrawal::delete_left_documents;
use bytes::Bytes;
use futures::executor::block_on;
use uuid::Uuid;

/// A gateway that no patient may be asked about.
struct Closed;

impl Gateway for Closed {
    async fn ask(&self, _: &Demographics) -> Result<GatewayAnswer, GatewayFailure> {
        panic!("the gateway is asked about a patient who is deleted");
    }
}

impl DocumentSource for Closed {
    type Content = Never;

    async fn open(&self, _: &DocumentRecord) -> Result<Never, FetchError> {
        panic!("the gateway is asked for a document of a patient who is deleted");
    }
}

/// The content of no document.
enum Never {}

impl DocumentContent for Never {
    fn media_type(&self) -> &MediaType {
        match *self {}
    }

    fn announced_bytes(&self) -> Option<u64> {
        match *self {}
    }

    async fn next(&mut self) -> Result<Option<Bytes>, FetchError> {
        match *self {}
    }
}

#[test]
fn every_message_ends_and_writes_nothing() {
    let cloud = Cloud::calm();
    let customer = CustomerId::new(Uuid::from_u128(1));
    let (job, chunk) = (JobId::new(Uuid::from_u128(2)), ChunkNumber::new(0));

    let rows = ChunkMessage { customer, job, chunk, plan: (0, 10) };
    let imported = block_on(import_rows(&cloud, &DirectoryCache::default(), &rows)).unwrap();
    assert_eq!(imported, ImportOutcome::Nothing);
    let abandoned = block_on(abandon(&cloud, &DeadLetter::Chunk(rows))).unwrap();
    assert_eq!(abandoned, AbandonOutcome::Nothing);

    let finalized = block_on(finalize(&cloud, &FinishedMessage { job })).unwrap();
    assert_eq!(finalized, FinalizeOutcome::Nothing);

    let upload = Upload { version: "1".to_owned(), etag: "\"1\"".to_owned(), bytes: 10 };
    let settings = FanOutSettings { limits: Limits::default(), rows_per_chunk: 3 };
    let uploaded = block_on(fan_out(&cloud, settings, &UploadMessage { customer, job, upload }));
    assert_eq!(uploaded.unwrap(), FanOutOutcome::Deleted("no such job"));

    let asker = QueryAsker::Part(QueryPart { job, chunk, part: 0 });
    let patients = vec![PatientId::new(Uuid::from_u128(3))];
    let query = QueryMessage { customer, asker, patients };
    let queried = block_on(query_documents(&cloud, &Closed, None, &query, 1)).unwrap();
    assert_eq!(queried, QueriesOutcome::Ended(QueryTally::default()));

    let [patient, download] = [3, 4].map(Uuid::from_u128);
    let (patient, download) = (PatientId::new(patient), DownloadId::new(download));
    let document =
        DocumentName { patient, document: DocumentKey::of(&DocumentId::new("1").unwrap()) };
    let copy = CopyMessage { customer, document, version: Some(1) };
    let copied = block_on(copy_document(&cloud, &Closed, 1000, &copy)).unwrap();
    assert_eq!(copied, CopyOutcome::NotNeeded);
    let carried = DownloadMessage { customer, patient, download };
    let downloaded = block_on(download_documents(&cloud, &Closed, 1000, &carried)).unwrap();
    assert_eq!(downloaded, DownloadOutcome::Void);

    let undone = block_on(undo_chunk(&cloud, &UndoMessage { customer, job, chunk })).unwrap();
    assert_eq!(undone, UndoChunkOutcome::Nothing);
    let withdrawal = WithdrawalMessage { customer, withdrawn: vec![patient] };
    block_on(delete_left_documents(&cloud, &withdrawal)).unwrap();

    let links = LinksPage { download, patient, page: 0 };
    for (subject, outcome) in [
        (WebhookSubject::job(job, JobStatus::Completed), DeliveryOutcome::NothingToSend),
        (WebhookSubject::Links { links }, DeliveryOutcome::NotWanted),
    ] {
        let webhook = WebhookMessage::of(customer, subject);
        assert_eq!(block_on(deliver_webhook(&cloud, &cloud, &webhook)).unwrap(), outcome);
    }

    let calls = cloud.calls();
    let mut writes = calls.iter().filter(|call| {
        matches!(
            call.operation,
            Operation::PutItem
                | Operation::UpdateItem
                | Operation::PutObject
                | Operation::SendMessage
                | Operation::Post
        )
    });
    assert_eq!(writes.next(), None);
}
