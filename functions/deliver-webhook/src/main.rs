//! SQS messages about webhooks -> `pipeline::deliver_webhook`.

use aws::events::{Handled, handle_messages};
use aws::{Environment, Event, Program, System, WebhookClient, webhook_policy};
use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use pipeline::deliver_webhook::{DeliverWebhook, Delivery};
use pipeline::messages::WebhookMessage;
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
        webhooks: queue.clone(),
        clock: System,
    };
    let handle = async |message: WebhookMessage, _| {
        let (job, status) = (message.job, message.status);
        match deliver.run(&message).await? {
            Delivery::Delivered => info!(job.id = %job, job.status = %status, "Webhook delivered"),
            Delivery::NothingToSend => info!(job.id = %job, job.status = %status, "No webhook is due"),
            Delivery::NoReceiver => info!(job.id = %job, job.status = %status, "No webhook URL is set"),
            Delivery::Waiting { after } => {
                info!(job.id = %job, job.status = %status, ?after, "Webhook waits");
            }
            Delivery::GivenUp { cause } => {
                warn!(job.id = %job, job.status = %status, %cause, "Webhook given up");
            }
            Delivery::Retry { after, cause } => {
                warn!(job.id = %job, job.status = %status, %cause, ?after, "Webhook not delivered");
            }
        }
        Ok(Handled::Done)
    };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Event<SqsEvent>>| {
        Ok::<_, Error>(handle_messages(&queue, event.payload.0, handle).await)
    }))
    .await
}
