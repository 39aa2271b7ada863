//! SQS messages about chunks of undone jobs -> `bulk_pipeline::undo_chunk`; about patients who were
//! opted out or deleted -> `bulk_pipeline::withdrawal`.

use bulk_aws::{AwsPorts, Connection, Program};
use bulk_lambda::{Handled, run_messages};
use bulk_pipeline::messages::DeletionMessage;
use bulk_pipeline::ports::Ports as _;
use bulk_pipeline::undo_chunk::undo_chunk;
use bulk_pipeline::withdrawal::delete_left_documents;
use lambda_runtime::Error;
use tracing::info;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    bulk_lambda::logging::init();
    let ports = AwsPorts::of(Program::UndoChunk, &Connection::open(Program::UndoChunk).await)?;
    run_messages(ports.queues(), async |message: DeletionMessage, _| {
        match message {
            DeletionMessage::Undo(message) => {
                let outcome = undo_chunk(&ports, &message).await?;
                let (job, chunk) = (message.job, message.chunk);
                info!(job.id = %job, chunk.number = %chunk, ?outcome, "Undone chunk handled");
            }
            DeletionMessage::Withdrawal(message) => {
                let patients = delete_left_documents(&ports, &message).await?;
                info!(patients, "Documents of opted-out and deleted patients looked for");
            }
        }
        Ok(Handled::Done)
    })
    .await
}
