//! SQS messages that were received as often as their queue allows -> `bulk_pipeline::dead_letters`.

use bulk_aws::{AwsPorts, Connection, Program};
use bulk_lambda::{DeadLetterQueues, Handled, run_messages};
use bulk_pipeline::DirectoryCache;
use bulk_pipeline::dead_letters::{LetterOutcome, handle_dead_letter};
use bulk_pipeline::messages::DeadLetter;
use bulk_pipeline::retry::Attempts;
use lambda_runtime::Error;
use tracing::{error, warn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    bulk_lambda::logging::init();
    let ports = AwsPorts::of(Program::Abandon, &Connection::open(Program::Abandon).await)?;
    let directories = DirectoryCache::default();
    run_messages(&DeadLetterQueues, async |letter: DeadLetter, attempts: Attempts| {
        let outcome =
            handle_dead_letter(&ports, &directories, &letter, attempts.receive_count).await?;
        let job = letter.job().map(|job| job.to_string());
        match outcome {
            LetterOutcome::Abandoned(outcome) => {
                error!(job.id = job, ?outcome, metric.WorkAbandoned = 1, "Work abandoned");
            }
            outcome => warn!(job.id = job, ?outcome, "Dead letter attempted once more"),
        }
        Ok(Handled::Done)
    })
    .await
}
