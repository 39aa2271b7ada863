//! SQS messages about patients -> `bulk_pipeline::query_documents`; about documents to download ->
//! `bulk_pipeline::copy_document` and `bulk_pipeline::download_documents`. One function makes all
//! calls of the gateway, so that no other function can read its secret.

mod secret;
mod settings;

use std::time::Duration;

use bulk_aws::{AwsPorts, Connection, Program};
use bulk_fhir::Gateway;
use bulk_lambda::{Handled, run_messages};
use bulk_pipeline::Error as WorkError;
use bulk_pipeline::copy_document::{CopyOutcome, copy_document};
use bulk_pipeline::download_documents::{DownloadOutcome, download_documents};
use bulk_pipeline::messages::{CopyMessage, DownloadMessage, GatewayMessage, QueryMessage};
use bulk_pipeline::ports::Ports as _;
use bulk_pipeline::query_documents::{QueriesOutcome, query_documents};
use bulk_pipeline::retry::Attempts;
use lambda_runtime::Error;
use secret::GatewaySecret;
use settings::Settings;
use tracing::{info, warn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    bulk_lambda::logging::init();
    let connection = Connection::open(Program::QueryDocuments).await;
    let ports = AwsPorts::of(Program::QueryDocuments, &connection)?;
    let settings = Settings::read(|name| std::env::var(name).ok())?;
    let secret = GatewaySecret::new(connection.sdk(), settings.secret);
    let gateway = Gateway::new(settings.gateway, secret)?;
    let function = Function {
        interval: settings.query_interval,
        most_content_bytes: settings.most_content_bytes,
        ports,
        gateway,
    };
    run_messages(function.ports.queues(), async |message: GatewayMessage, attempts: Attempts| {
        match message {
            GatewayMessage::Query(message) => function.query(&message, attempts).await,
            GatewayMessage::Copy(message) => function.copy(&message).await,
            GatewayMessage::Download(message) => function.download(&message).await,
        }
    })
    .await
}

struct Function {
    ports: AwsPorts,
    gateway: Gateway<GatewaySecret>,
    interval: Option<Duration>,
    most_content_bytes: u64,
}

impl Function {
    async fn query(
        &self,
        message: &QueryMessage,
        attempts: Attempts,
    ) -> Result<Handled, WorkError> {
        let attempt = attempts.receive_count + attempts.retries;
        let request = message.asker.request().as_uuid();
        let job = message.part().map(|part| part.job.to_string());
        let outcome =
            query_documents(&self.ports, &self.gateway, self.interval, message, attempt).await?;
        Ok(match outcome {
            QueriesOutcome::Ended(tally) => {
                let (successful, failed) = (tally.successful, tally.failed);
                info!(
                    job.id = job,
                    request.id = %request,
                    metric.QueriesSucceeded = successful,
                    metric.QueriesFailed = failed,
                    "Document queries ended"
                );
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
    }

    async fn copy(&self, message: &CopyMessage) -> Result<Handled, WorkError> {
        let (most_bytes, document) = (self.most_content_bytes, message.document);
        match copy_document(&self.ports, &self.gateway, most_bytes, message).await? {
            CopyOutcome::Stored(bytes) => info!(%document, bytes, "Document copied"),
            CopyOutcome::Failed(error) => {
                warn!(%document, failure = ?error.failure, "Document not copied: {}", error.cause);
            }
            CopyOutcome::NotNeeded => info!(%document, "Document is copied already"),
            CopyOutcome::Withdrawn => info!(%document, "Document not copied: its patient is gone"),
        }
        Ok(Handled::Done)
    }

    async fn download(&self, message: &DownloadMessage) -> Result<Handled, WorkError> {
        let (most_bytes, request) = (self.most_content_bytes, message.download);
        let outcome = download_documents(&self.ports, &self.gateway, most_bytes, message).await?;
        Ok(match outcome {
            DownloadOutcome::Ended(tally) => {
                let (successful, failed) = (tally.successful, tally.errors());
                info!(request.id = %request, successful, failed, "Bulk download ended");
                Handled::Done
            }
            DownloadOutcome::Unfinished(after) => {
                let pause_s = after.as_secs();
                info!(request.id = %request, pause_s, "Bulk download will be carried on");
                Handled::RetryAfter(after)
            }
            DownloadOutcome::Void => {
                info!(request.id = %request, "Bulk download is void");
                Handled::Done
            }
        })
    }
}
