//! SQS messages about patients -> `bulk_pipeline::query_documents`.

mod secret;
mod settings;

use bulk_aws::{AwsPorts, Connection, Program};
use bulk_fhir::Gateway;
use bulk_lambda::{Handled, run_messages};
use bulk_pipeline::messages::QueryMessage;
use bulk_pipeline::ports::Ports as _;
use bulk_pipeline::query_documents::{QueriesOutcome, query_documents};
use bulk_pipeline::retry::Attempts;
use lambda_runtime::Error;
use secret::GatewaySecret;
use settings::Settings;
use tracing::info;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    bulk_lambda::logging::init();
    let connection = Connection::open(Program::QueryDocuments).await;
    let ports = AwsPorts::of(Program::QueryDocuments, &connection)?;
    let settings = Settings::read(|name| std::env::var(name).ok())?;
    let secret = GatewaySecret::new(connection.sdk(), settings.secret);
    let gateway = Gateway::new(settings.gateway, secret)?;
    let interval = settings.query_interval;
    run_messages(ports.queues(), async |message: QueryMessage, attempts: Attempts| {
        let attempt = attempts.receive_count + attempts.retries;
        let request = message.asker.request().as_uuid();
        let job = message.part().map(|part| part.job.to_string());
        Ok(match query_documents(&ports, &gateway, interval, &message, attempt).await? {
            QueriesOutcome::Ended(tally) => {
                let (successful, failed) = (tally.successful, tally.failed);
                info!(job.id = job, request.id = %request, successful, failed, "Document queries ended");
                Handled::Done
            }
            QueriesOutcome::Retry { after, cause } => {
                let pause_s = after.as_secs();
                info!(
                    job.id = job,
                    request.id = %request,
                    attempt,
                    pause_s,
                    cause,
                    "Document queries will be retried"
                );
                Handled::RetryAfter(after)
            }
        })
    })
    .await
}
