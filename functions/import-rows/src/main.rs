//! SQS messages about chunks -> `pipeline::import_rows`.

use aws::events::{Handled, handle_messages};
use aws::{Environment, Event, Program, System};
use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use pipeline::DirectoryCache;
use pipeline::import_rows::ImportRows;
use pipeline::messages::ChunkMessage;
use tracing::info;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::logging::init();
    let environment = Environment::load(Program::ImportRows).await;
    let queue = environment.chunks()?;
    let import_rows = ImportRows {
        jobs: environment.jobs()?,
        files: environment.files()?,
        directory: environment.directory()?,
        patients: environment.patients()?,
        finished: environment.finished()?,
        queries: environment.queries(),
        world: System,
        directories: DirectoryCache::default(),
    };
    let handle = async |message: ChunkMessage, _delivery| {
        let outcome = import_rows.run(&message).await?;
        info!(job.id = %message.job, chunk.number = %message.chunk, ?outcome, "Chunk handled");
        Ok(Handled::Done)
    };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Event<SqsEvent>>| {
        Ok::<_, Error>(handle_messages(&queue, event.payload.0, handle).await)
    }))
    .await
}
