//! SQS messages about chunks of undone jobs -> `bulk_pipeline::undo_chunk`.

use bulk_aws::{AwsPorts, Connection, Program};
use bulk_lambda::{Handled, run_messages};
use bulk_pipeline::messages::UndoMessage;
use bulk_pipeline::ports::Ports as _;
use bulk_pipeline::undo_chunk::undo_chunk;
use lambda_runtime::Error;
use tracing::info;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    bulk_lambda::logging::init();
    let ports = AwsPorts::of(Program::UndoChunk, &Connection::open(Program::UndoChunk).await)?;
    run_messages(ports.queues(), async |message: UndoMessage, _| {
        let outcome = undo_chunk(&ports, &message).await?;
        info!(job.id = %message.job, chunk.number = %message.chunk, ?outcome, "Undone chunk handled");
        Ok(Handled::Done)
    })
    .await
}
