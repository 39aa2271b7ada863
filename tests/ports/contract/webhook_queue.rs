//! The queue of webhooks: each message arrives as often as it is sent, and never before its delay
//! is over.

use std::time::Duration;

use bulk_domain::delivery::Carrier;
use bulk_domain::webhook::WebhookEvent::{Completed, Processing};
use bulk_domain::webhook::{LinksPage, WebhookEvent, WebhookSubject};
use bulk_pipeline::messages::WebhookMessage;
use bulk_pipeline::ports::Queues;

use crate::backend::Receive;
use crate::given;

fn about(event: WebhookEvent) -> WebhookSubject {
    WebhookSubject::job(given::job_id(), event)
}

fn message() -> WebhookMessage {
    WebhookMessage::of(given::customer(), about(Completed))
}

pub async fn a_webhook_arrives_as_often_as_it_is_sent(ports: &(impl Queues + Receive)) {
    let sent = message();
    let again = WebhookMessage { carrier: Carrier::of_round(1).next(), ..sent };
    let start = WebhookMessage { subject: about(Processing), ..sent };
    let (download, patient) = (given::download(), given::patient());
    let links = LinksPage { download, patient, page: 7 };
    let links = WebhookMessage { subject: WebhookSubject::Links { links }, ..sent };
    let mut all = [sent, sent, again, start, links];
    for message in &all {
        ports.send_webhook(message).await.unwrap();
    }
    let mut arrived = ports.webhooks().await;
    let order = |message: &WebhookMessage| (message.subject.as_str(), message.carrier);
    arrived.sort_by_key(order);
    all.sort_by_key(order);
    assert_eq!(arrived, all);
}

pub async fn a_webhook_that_is_sent_with_a_delay_arrives_after_it(ports: &(impl Queues + Receive)) {
    let (late, now) = (message(), message());
    let delay = Duration::from_millis(2500);
    ports.send_webhook_after(&late, delay).await.unwrap();
    ports.send_webhook(&now).await.unwrap();
    assert_eq!(ports.webhooks().await, [now], "it holds up no other");
    // SQS counts whole seconds.
    ports.pass(delay + Duration::from_secs(1)).await;
    assert_eq!(ports.webhooks().await, [late]);
}

pub async fn fifteen_minutes_is_the_longest_delay(ports: &impl Queues) {
    let longest = bulk_pipeline::ports::LONGEST_DELAY;
    ports.send_webhook_after(&message(), longest).await.unwrap();
    let error =
        ports.send_webhook_after(&message(), longest + Duration::from_secs(1)).await.unwrap_err();
    assert!(!error.transient, "{error}");
}

contract!($ webhook_queue:
    a_webhook_arrives_as_often_as_it_is_sent,
    a_webhook_that_is_sent_with_a_delay_arrives_after_it,
    fifteen_minutes_is_the_longest_delay,
);
