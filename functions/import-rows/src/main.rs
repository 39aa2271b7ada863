//! SQS messages about chunks -> `bulk_pipeline::import_rows`.

use bulk_aws::{AwsPorts, Connection, Program};
use bulk_lambda::{Handled, run_messages};
use bulk_pipeline::DirectoryCache;
use bulk_pipeline::import_rows::{ImportOutcome, import_rows};
use bulk_pipeline::messages::ChunkMessage;
use bulk_pipeline::ports::Ports as _;
use lambda_runtime::Error;
use tracing::info;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    bulk_lambda::logging::init();
    let ports = AwsPorts::of(Program::ImportRows, &Connection::open(Program::ImportRows).await)?;
    let directories = DirectoryCache::default();
    run_messages(ports.queues(), async |message: ChunkMessage, _| {
        let outcome = import_rows(&ports, &directories, &message).await?;
        let tally = match outcome {
            ImportOutcome::Chunk(tally) => Some(tally),
            ImportOutcome::Nothing => None,
        };
        info!(
            job.id = %message.job,
            chunk.number = %message.chunk,
            ?outcome,
            metric.RowsSucceeded = tally.map(|tally| tally.successful()),
            metric.RowsFailed = tally.map(|tally| tally.failed),
            "Chunk handled"
        );
        Ok(Handled::Done)
    })
    .await
}
