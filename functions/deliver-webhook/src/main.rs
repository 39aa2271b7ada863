//! SQS messages about webhooks -> `bulk_pipeline::deliver_webhook`.

use bulk_aws::{AwsPorts, Connection, Program, WebhookClient, webhook_policy};
use bulk_lambda::{Handled, run_messages};
use bulk_pipeline::deliver_webhook::{DeliveryOutcome, deliver_webhook};
use bulk_pipeline::messages::WebhookMessage;
use bulk_pipeline::ports::Ports as _;
use lambda_runtime::Error;
use tracing::{info, warn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    bulk_lambda::logging::init();
    let ports =
        AwsPorts::of(Program::DeliverWebhook, &Connection::open(Program::DeliverWebhook).await)?;
    let server = WebhookClient::new(webhook_policy())?;
    run_messages(ports.queues(), async |message: WebhookMessage, _| {
        let event = message.subject;
        let job = event.job_id().map(|job| job.to_string());
        let request = event.download_id().map(|download| download.to_string());
        match deliver_webhook(&ports, &server, &message).await? {
            DeliveryOutcome::Delivered => info!(job.id = job, request.id = request, webhook.event = %event, "Webhook delivered"),
            DeliveryOutcome::NothingToSend => {
                info!(job.id = job, request.id = request, webhook.event = %event, "Webhook not due");
            }
            DeliveryOutcome::NotWanted => {
                info!(job.id = job, request.id = request, webhook.event = %event, "Webhook not sent, not wanted");
            }
            DeliveryOutcome::Busy { after } => {
                info!(job.id = job, request.id = request, webhook.event = %event, ?after, "Webhook postponed");
                return Ok(Handled::RetryAfter(after));
            }
            DeliveryOutcome::TooEarly { after } => {
                info!(job.id = job, request.id = request, webhook.event = %event, ?after, "Webhook postponed");
            }
            DeliveryOutcome::Abandoned { cause } => {
                warn!(
                    job.id = job,
                    request.id = request,
                    webhook.event = %event,
                    %cause,
                    metric.WebhookAttemptsFailed = 1,
                    "Webhook abandoned"
                );
            }
            DeliveryOutcome::Retry { after, cause } => {
                warn!(
                    job.id = job,
                    request.id = request,
                    webhook.event = %event,
                    %cause,
                    ?after,
                    metric.WebhookAttemptsFailed = 1,
                    "Webhook not delivered, will be retried"
                );
            }
        }
        Ok(Handled::Done)
    })
    .await
}
