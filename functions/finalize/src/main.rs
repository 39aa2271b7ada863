//! SQS messages about jobs with nothing left to wait for -> `pipeline::finalize`.

use aws::events::{Handled, handle_messages};
use aws::{Environment, Event, Program, System};
use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use pipeline::finalize::Finalize;
use pipeline::messages::FinishedMessage;
use tracing::info;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::logging::init();
    let environment = Environment::load(Program::Finalize).await;
    let queue = environment.finished()?;
    let finalize = Finalize {
        jobs: environment.jobs()?,
        files: environment.files()?,
        webhooks: environment.webhooks()?,
        clock: System,
    };
    let handle = async |message: FinishedMessage, _delivery| {
        let outcome = Box::pin(finalize.run(&message)).await?;
        info!(job.id = %message.job, ?outcome, "Finished job handled");
        Ok(Handled::Done)
    };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Event<SqsEvent>>| {
        Ok::<_, Error>(handle_messages(&queue, event.payload.0, handle).await)
    }))
    .await
}
