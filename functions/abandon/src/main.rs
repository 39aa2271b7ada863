//! SQS messages that were received as often as their queue allows -> `pipeline::dead_letters`.

use aws::events::{Handled, handle_messages};
use aws::{Environment, Event, Program, System, Unhurried};
use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use pipeline::DirectoryCache;
use pipeline::abandon::Abandon;
use pipeline::dead_letters::{DeadLetters, LetterOutcome};
use pipeline::import_rows::ImportRows;
use pipeline::messages::DeadLetter;
use pipeline::redelivery::Delivery;
use tracing::{error, warn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::logging::init();
    let environment = Environment::load(Program::Abandon).await;
    let dead_letters = DeadLetters {
        abandon: Abandon {
            jobs: environment.jobs()?,
            files: environment.files()?,
            patients: environment.patients()?,
            finished: environment.finished()?,
            queries: environment.queries(),
            webhooks: environment.webhooks()?,
            clock: System,
        },
        import: ImportRows {
            jobs: environment.jobs()?,
            files: environment.files()?,
            directory: environment.directory()?,
            patients: environment.patients()?,
            finished: environment.finished()?,
            queries: environment.queries(),
            world: System,
            directories: DirectoryCache::default(),
        },
        chunks: environment.chunks()?,
    };
    let handle = async |letter: DeadLetter, delivery: Delivery| {
        let outcome = dead_letters.run(&letter, delivery.receives).await?;
        let job = letter.job().map(|job| job.to_string());
        match outcome {
            LetterOutcome::GivenUp(abandoned) => error!(job.id = job, ?abandoned, "Work was given up"),
            outcome => warn!(job.id = job, ?outcome, "Dead letter was tried once more"),
        }
        Ok(Handled::Done)
    };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Event<SqsEvent>>| {
        Ok::<_, Error>(handle_messages(&Unhurried, event.payload.0, handle).await)
    }))
    .await
}
