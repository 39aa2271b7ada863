//! Messages that are received twice, early or late, and functions that die: each webhook is posted
//! in order all the same.

use std::sync::Arc;
use std::time::Duration;

use bulk_domain::delivery::{DeliveryState, LEASE, WebhookDelivery};
use bulk_domain::job::JobStatus;
use bulk_memory::{Cloud, Fault, Faults, NoFaults, Operation, QueueName};
use bulk_pipeline::deliver_webhook::{DeliveryOutcome, deliver_webhook};
use bulk_pipeline::messages::WebhookMessage;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{PingOutcome, PostOutcome, WebhookRequest, WebhookServer, Write};
use tokio::sync::Notify;

use crate::setup::{
    URL, canceled_job, cloud, customer, deliver, deliver_all, deliver_next, message, next_message,
    read, record, settings,
};

async fn message_to_a_server_with_answers(answers: Vec<u16>) -> (Cloud, WebhookMessage) {
    let cloud = cloud();
    cloud.set_customer(customer(1), bulk_domain::row::Directory::default(), settings(URL));
    cloud.set_answers(URL, answers);
    let job = canceled_job(&cloud, customer(1), 1).await;
    (cloud, message(&job, JobStatus::Failed))
}

/// Returns how many messages the queue holds, delayed ones included.
fn waiting(cloud: &Cloud) -> usize {
    let in_a_week = cloud.now().plus(Duration::from_hours(7 * 24));
    cloud.with_queues(|queues| queues.get(QueueName::Webhooks).receivable(in_a_week))
}

/// A customer's server that answers when the test tells it to.
struct Held<'a> {
    asked: &'a Notify,
    answers: &'a Notify,
}

impl WebhookServer for Held<'_> {
    async fn post(&self, _: WebhookRequest) -> PostOutcome {
        self.asked.notify_one();
        self.answers.notified().await;
        PostOutcome::Answered { status: 200, retry_after: None }
    }

    async fn ping(&self, _: WebhookRequest) -> PingOutcome {
        unreachable!("no test sends a ping")
    }
}

#[tokio::test]
async fn a_copy_that_comes_early_makes_no_attempt_and_waits() {
    let (cloud, message) = message_to_a_server_with_answers(vec![500, 500]).await;
    deliver(&cloud, &message).await;
    let next = WebhookMessage { carrier: message.carrier.next(), ..message };
    for seconds in [5, 4, 3, 2, 1] {
        assert_eq!(
            deliver(&cloud, &next).await,
            DeliveryOutcome::TooEarly { after: Duration::from_secs(seconds) }
        );
        cloud.set_time(cloud.now().plus(Duration::from_secs(1)));
    }
    assert_eq!(cloud.received().len(), 1);
    assert!(matches!(deliver(&cloud, &next).await, DeliveryOutcome::Retry { .. }));
    assert_eq!(cloud.received().len(), 2);
}

#[tokio::test]
async fn of_two_copies_at_the_same_time_one_makes_the_attempt_and_the_other_waits() {
    let (cloud, message) = message_to_a_server_with_answers(vec![]).await;
    let (asked, answers) = (Notify::new(), Notify::new());
    let server = Held { asked: &asked, answers: &answers };
    let copy = async {
        asked.notified().await;
        let copy = deliver(&cloud, &message).await;
        answers.notify_one();
        copy
    };
    let (held, copy) = futures::join!(deliver_webhook(&cloud, &server, &message), copy);
    assert_eq!(held.unwrap(), DeliveryOutcome::Delivered);
    assert_eq!(copy, DeliveryOutcome::Busy { after: LEASE });
    deliver_all(&cloud).await;
    assert!(cloud.received().is_empty(), "the copy is received, and nothing is left to do");
}

#[tokio::test]
async fn an_attempt_whose_function_died_is_made_again_when_its_lease_has_run_out() {
    let (cloud, message) = message_to_a_server_with_answers(vec![]).await;
    let (asked, answers) = (Notify::new(), Notify::new());
    let server = Held { asked: &asked, answers: &answers };
    tokio::select! {
        _ = deliver_webhook(&cloud, &server, &message) => unreachable!("there is no answer"),
        () = asked.notified() => {}
    }
    let begun = cloud.now();
    cloud.send_webhook(&message).await.unwrap();
    assert_eq!(deliver_next(&cloud).await, Some(DeliveryOutcome::Busy { after: LEASE }));
    deliver_all(&cloud).await;
    let received = cloud.received();
    assert_eq!(received.len(), 1);
    assert_eq!(begun.until(received[0].0), LEASE);
    assert_eq!(record(&cloud, JobStatus::Failed).state, DeliveryState::Delivered);
}

#[tokio::test]
async fn copies_do_not_multiply_while_attempts_die_one_after_the_other() {
    let (cloud, message) = message_to_a_server_with_answers(vec![]).await;
    for _ in 0..10 {
        cloud.send_webhook(&message).await.unwrap();
    }
    let mut version = None;
    for round in 1..=20 {
        // An attempt of a function that died.
        let mut dying = WebhookDelivery::about(message.customer, message.subject);
        dying.begin(message.carrier, cloud.now());
        assert_eq!(cloud.store_delivery(&dying, version).await.unwrap(), Write::Done);
        version = Some(round);
        for _ in 0..10 {
            let outcome = deliver_next(&cloud).await;
            assert_eq!(outcome, Some(DeliveryOutcome::Busy { after: LEASE }), "{round}");
        }
        cloud.set_time(cloud.now().plus(LEASE));
    }
    assert_eq!(waiting(&cloud), 10);
}

#[tokio::test]
async fn copies_end_at_the_next_attempt() {
    let (cloud, message) = message_to_a_server_with_answers(vec![500, 500]).await;
    for _ in 0..10 {
        cloud.send_webhook(&message).await.unwrap();
    }
    for _ in 0..10 {
        let received = next_message(&cloud).unwrap();
        deliver(&cloud, &read(&received)).await;
        cloud.with_queues(|queues| queues.get(QueueName::Webhooks).delete(received.receipt));
    }
    assert_eq!((cloud.received().len(), waiting(&cloud)), (1, 1));
    deliver_all(&cloud).await;
    assert_eq!(cloud.received().len(), 3);
}

#[tokio::test]
async fn copies_of_a_wait_of_hours_end_at_the_next_delay() {
    let (cloud, message) = message_to_a_server_with_answers(vec![500; 6]).await;
    let handle_next = async || {
        let received = next_message(&cloud).unwrap();
        deliver(&cloud, &read(&received)).await;
        cloud.with_queues(|queues| queues.get(QueueName::Webhooks).delete(received.receipt));
    };
    cloud.send_webhook(&message).await.unwrap();
    while cloud.received().len() < 6 {
        handle_next().await;
    }
    // An hour until the next attempt.
    let carrier = record(&cloud, JobStatus::Failed).carrier();
    for _ in 0..10 {
        cloud.send_webhook(&WebhookMessage { carrier, ..message }).await.unwrap();
    }
    // The copies, the message that they are copies of, and the one that it was handed on to.
    for _ in 0..12 {
        handle_next().await;
    }
    assert_eq!(waiting(&cloud), 1);
    deliver_all(&cloud).await;
    assert_eq!(cloud.received().len(), 7);
}

/// An SQS that refuses every message.
#[derive(Debug)]
struct SqsOutage;

impl Faults for SqsOutage {
    fn fault(&self, operation: Operation) -> Option<Fault> {
        (operation == Operation::SendMessage).then_some(Fault::Refused)
    }

    fn delay(&self) -> u32 {
        NoFaults.delay()
    }

    fn piece(&self) -> usize {
        NoFaults.piece()
    }
}

#[tokio::test]
async fn where_the_next_message_cannot_be_sent_the_last_one_waits_in_its_place() {
    let (cloud, message) = message_to_a_server_with_answers(vec![500]).await;
    let failed = deliver_webhook(&cloud.with_faults(Arc::new(SqsOutage)), &cloud, &message).await;
    assert!(failed.unwrap_err().is_transient(), "the message is retried");
    assert_eq!(record(&cloud, JobStatus::Failed).attempts.len(), 1, "the attempt was made");
    assert_eq!(
        deliver(&cloud, &message).await,
        DeliveryOutcome::TooEarly { after: Duration::from_secs(5) }
    );
    deliver_all(&cloud).await;
    let received = cloud.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].0.until(received[1].0), Duration::from_secs(5));
}
