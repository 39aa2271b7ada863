//! Messages that are left of a customer after an operator has deleted it: each ends, and nothing is
//! written or asked for them.
#![allow(clippy::unwrap_used)]

use bulk_domain::csv::Limits;
use bulk_domain::document::Demographics;
use bulk_domain::ids::{CustomerId, JobId, PatientId};
use bulk_domain::job::Upload;
use bulk_domain::plan::ChunkNumber;
use bulk_domain::query::{QueryPart, QueryTally};
use bulk_memory::{Cloud, Operation};
use bulk_pipeline::DirectoryCache;
use bulk_pipeline::abandon::{AbandonOutcome, abandon};
use bulk_pipeline::fan_out::{FanOutOutcome, FanOutSettings, fan_out};
use bulk_pipeline::finalize::{FinalizeOutcome, finalize};
use bulk_pipeline::import_rows::{ImportOutcome, import_rows};
use bulk_pipeline::messages::{
    ChunkMessage, DeadLetter, FinishedMessage, QueryAsker, QueryMessage, UploadMessage,
};
use bulk_pipeline::ports::{Gateway, GatewayAnswer, GatewayFailure};
use bulk_pipeline::query_documents::{QueriesOutcome, query_documents};
use futures::executor::block_on;
use uuid::Uuid;

/// A gateway that no patient may be asked about.
struct Closed;

impl Gateway for Closed {
    async fn ask(&self, _: &Demographics) -> Result<GatewayAnswer, GatewayFailure> {
        panic!("the gateway is asked about a patient who is deleted");
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

    let calls = cloud.calls();
    let mut writes = calls.iter().filter(|call| {
        matches!(call.operation, Operation::PutItem | Operation::PutObject | Operation::SendMessage)
    });
    assert_eq!(writes.next(), None);
}
