//! SQS messages that were tried as often as they may be -> `pipeline::abandon`.

use aws::events::{Handled, handle_messages};
use aws::{Environment, Event, Program, System, Unhurried};
use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use pipeline::abandon::Abandon;
use pipeline::messages::DeadLetter;
use tracing::error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::logging::init();
    let environment = Environment::load(Program::Abandon).await;
    let abandon = Abandon {
        jobs: environment.jobs()?,
        files: environment.files()?,
        patients: environment.patients()?,
        finished: environment.finished()?,
        queries: environment.queries(),
        webhooks: environment.webhooks()?,
        clock: System,
    };
    let handle = async |letter: DeadLetter, _delivery| {
        let outcome = abandon.run(&letter).await?;
        let job = letter.job().map(|job| job.to_string());
        error!(job.id = job, ?outcome, "Work was given up");
        Ok(Handled::Done)
    };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Event<SqsEvent>>| {
        Ok::<_, Error>(handle_messages(&Unhurried, event.payload.0, handle).await)
    }))
    .await
}
