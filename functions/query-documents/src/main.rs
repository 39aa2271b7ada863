//! SQS messages about patients -> `pipeline::query_documents`.

mod secret;
mod settings;

use aws::events::{Handled, handle_messages};
use aws::{Environment, Event, Program, System};
use aws_lambda_events::sqs::SqsEvent;
use fhir::Gateway;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use pipeline::messages::QueryMessage;
use pipeline::query_documents::{Queried, QueryDocuments};
use pipeline::redelivery::Delivery;
use secret::GatewaySecret;
use settings::Settings;
use tracing::info;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::logging::init();
    let environment = Environment::load(Program::QueryDocuments).await;
    let settings = Settings::read(|name| std::env::var(name).ok())?;
    let secret = GatewaySecret::new(environment.sdk(), settings.secret);
    let query_documents = QueryDocuments {
        jobs: environment.jobs()?,
        patients: environment.patients()?,
        gateway: Gateway::new(settings.gateway, secret)?,
        finished: environment.finished()?,
        world: System,
        rate: settings.queries_per_second,
    };
    let queue = environment.queries().ok_or("QUERIES_QUEUE is not set")?;
    let handle = async |message: QueryMessage, Delivery { receives, retries }| {
        let delivery = receives + retries;
        let request = message.asker.request().as_uuid();
        let job = message.part().map(|part| part.job.to_string());
        Ok(match query_documents.run(&message, delivery).await? {
            Queried::Ended(tally) => {
                let (successful, failed) = (tally.successful, tally.failed);
                info!(job.id = job, request.id = %request, successful, failed, "Queries completed");
                Handled::Done
            }
            Queried::Again { after, cause } => {
                let wait = after.as_secs();
                info!(job.id = job, request.id = %request, delivery, wait, cause, "Queries will be retried");
                Handled::Again(after)
            }
        })
    };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Event<SqsEvent>>| {
        Ok::<_, Error>(handle_messages(&queue, event.payload.0, handle).await)
    }))
    .await
}
