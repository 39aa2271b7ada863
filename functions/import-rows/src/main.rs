//! SQS messages about chunks -> `pipeline::import_rows`.

use aws::{AwsPorts, Connection, Program};
use lambda::{Handled, run_messages};
use lambda_runtime::Error;
use pipeline::DirectoryCache;
use pipeline::import_rows::import_rows;
use pipeline::messages::ChunkMessage;
use pipeline::ports::Ports as _;
use tracing::info;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda::logging::init();
    let ports = AwsPorts::of(Program::ImportRows, &Connection::open(Program::ImportRows).await)?;
    let directories = DirectoryCache::default();
    run_messages(ports.queues(), async |message: ChunkMessage, _| {
        let outcome = import_rows(&ports, &directories, &message).await?;
        info!(job.id = %message.job, chunk.number = %message.chunk, ?outcome, "Chunk handled");
        Ok(Handled::Done)
    })
    .await
}
