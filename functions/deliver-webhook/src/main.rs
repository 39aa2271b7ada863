//! SQS messages about webhooks -> `pipeline::deliver_webhook`.

use aws::events::{Handled, handle_groups};
use aws::{Environment, Event, Program, System, WebhookClient, webhook_policy};
use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use pipeline::deliver_webhook::{DeliverWebhook, Delivery as Delivered};
use pipeline::messages::WebhookMessage;
use pipeline::redelivery::Delivery;
use tracing::{info, warn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::logging::init();
    let environment = Environment::load(Program::DeliverWebhook).await;
    let queue = environment.webhooks()?;
    let deliver = DeliverWebhook {
        jobs: environment.jobs()?,
        settings: environment.directory()?,
        files: environment.files()?,
        http: WebhookClient::new(webhook_policy())?,
        clock: System,
    };
    let handle = async |message: WebhookMessage, Delivery { receives: delivery, .. }| {
        let (job, status) = (message.job, message.status);
        match deliver.run(&message).await? {
            Delivered::Delivered => info!(job.id = %job, job.status = %status, delivery, "Webhook delivered"),
            Delivered::NothingToSend => info!(job.id = %job, job.status = %status, "No webhook is due"),
            Delivered::NoReceiver => info!(job.id = %job, job.status = %status, "No webhook URL is set"),
            Delivered::GivenUp { cause } => {
                warn!(job.id = %job, job.status = %status, delivery, %cause, "Webhook given up");
            }
            Delivered::Retry { after, cause } => {
                warn!(job.id = %job, job.status = %status, delivery, %cause, ?after, "Webhook not delivered");
                return Ok(Handled::Again(after));
            }
        }
        Ok(Handled::Done)
    };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Event<SqsEvent>>| {
        Ok::<_, Error>(handle_groups(&queue, event.payload.0, handle).await)
    }))
    .await
}
