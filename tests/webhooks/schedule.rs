//! The whole schedule of retries, which takes longer than a test on a stack can wait.

use bulk_domain::delivery::{DeliveryState, LEASE, RETRY_WAITS};
use bulk_domain::job::JobStatus;
use bulk_memory::QueueName;
use bulk_pipeline::abandon::{AbandonOutcome, abandon};
use bulk_pipeline::deliver_webhook::DeliveryOutcome;
use bulk_pipeline::messages::{DeadLetter, WebhookMessage};
use bulk_pipeline::ports::WebhookSettings;

use crate::setup::{
    URL, announce, canceled_job, cloud, customer, deliver, deliver_all, next_message, read, record,
    settings,
};

#[tokio::test]
async fn a_receiver_that_never_answers_well_is_tried_ten_times_over_fifteen_hours() {
    let cloud = cloud();
    cloud.set_customer(customer(1), bulk_domain::row::Directory::default(), settings(URL));
    cloud.set_answers(URL, vec![500; 100]);
    let job = canceled_job(&cloud, customer(1), 1).await;
    announce(&cloud, &job, JobStatus::Failed).await;
    deliver_all(&cloud).await;
    let received = cloud.received();
    assert_eq!(received.len(), 10);
    for (index, pair) in received.windows(2).enumerate() {
        let gap = pair[1].0.as_millis() - pair[0].0.as_millis();
        assert_eq!(gap, i64::try_from(RETRY_WAITS[index].as_millis()).unwrap());
    }
    let id = |index: usize| {
        received[index].1.headers.iter().find(|(name, _)| *name == "webhook-id").cloned()
    };
    assert!((1..10).all(|index| id(index).is_some() && id(index) == id(0)), "one message, one id");
    let record = record(&cloud, JobStatus::Failed);
    assert_eq!((record.state, record.attempts.len()), (DeliveryState::Failed, 10));
}

#[tokio::test]
async fn a_message_that_waits_holds_up_no_other_job() {
    let cloud = cloud();
    cloud.set_customer(customer(1), bulk_domain::row::Directory::default(), settings(URL));
    cloud.set_answers(URL, vec![500]);
    let (first, second) =
        (canceled_job(&cloud, customer(1), 1).await, canceled_job(&cloud, customer(1), 2).await);
    announce(&cloud, &first, JobStatus::Failed).await;
    announce(&cloud, &second, JobStatus::Failed).await;
    deliver_all(&cloud).await;
    let times: Vec<i64> =
        cloud.received().iter().map(|(at, _)| at.as_millis() - crate::setup::START).collect();
    assert_eq!(times, [0, 0, 5000]);
}

#[tokio::test]
async fn a_message_that_is_received_again_is_not_posted_again() {
    let cloud = cloud();
    cloud.set_customer(customer(1), bulk_domain::row::Directory::default(), settings(URL));
    let message = WebhookMessage::about(&canceled_job(&cloud, customer(1), 1).await);
    assert_eq!(deliver(&cloud, &message).await, DeliveryOutcome::Delivered);
    assert_eq!(deliver(&cloud, &message).await, DeliveryOutcome::NothingToSend);
    assert_eq!(cloud.received().len(), 1);
}

#[tokio::test]
async fn without_a_receiver_nothing_is_sent_and_nothing_fails() {
    let cloud = cloud();
    let message = WebhookMessage::about(&canceled_job(&cloud, customer(1), 1).await);
    assert_eq!(deliver(&cloud, &message).await, DeliveryOutcome::NotWanted);
    assert!(cloud.received().is_empty() && cloud.deliveries().is_empty());
}

#[tokio::test]
async fn a_receiver_that_is_taken_away_gets_no_more_tries() {
    let cloud = cloud();
    cloud.set_customer(customer(1), bulk_domain::row::Directory::default(), settings(URL));
    cloud.set_answers(URL, vec![500]);
    let message = WebhookMessage::about(&canceled_job(&cloud, customer(1), 1).await);
    assert!(matches!(deliver(&cloud, &message).await, DeliveryOutcome::Retry { .. }));
    cloud.set_customer(
        customer(1),
        bulk_domain::row::Directory::default(),
        WebhookSettings::default(),
    );
    let next = read(&next_message(&cloud).unwrap());
    assert_eq!(deliver(&cloud, &next).await, DeliveryOutcome::NotWanted);
    assert_eq!(record(&cloud, JobStatus::Failed).state, DeliveryState::Skipped);
}

#[tokio::test]
async fn a_dead_letter_is_recorded_as_failed_unless_it_arrived() {
    let cloud = cloud();
    cloud.set_customer(customer(1), bulk_domain::row::Directory::default(), settings(URL));
    let lost = WebhookMessage::about(&canceled_job(&cloud, customer(1), 1).await);
    let letter = DeadLetter::Webhook(lost);
    assert_eq!(abandon(&cloud, &letter).await.unwrap(), AbandonOutcome::Webhook);
    assert_eq!(abandon(&cloud, &letter).await.unwrap(), AbandonOutcome::Nothing, "twice is once");
    assert_eq!(record(&cloud, JobStatus::Failed).state, DeliveryState::Failed);
    let arrived = WebhookMessage::about(&canceled_job(&cloud, customer(1), 2).await);
    deliver(&cloud, &arrived).await;
    assert_eq!(
        abandon(&cloud, &DeadLetter::Webhook(arrived)).await.unwrap(),
        AbandonOutcome::Nothing
    );
}

#[tokio::test]
async fn what_waits_is_not_in_flight() {
    let cloud = cloud();
    cloud.set_customer(customer(1), bulk_domain::row::Directory::default(), settings(URL));
    cloud.set_answers(URL, vec![500; 1000]);
    for number in 0..50 {
        announce(&cloud, &canceled_job(&cloud, customer(1), number).await, JobStatus::Failed).await;
    }
    while cloud.received().len() < 8 * 50 {
        let received = next_message(&cloud).unwrap();
        deliver(&cloud, &read(&received)).await;
        cloud.with_queues(|queues| {
            let queue = queues.get(QueueName::Webhooks);
            assert_eq!(queue.in_flight(), 1, "what is being handled, and nothing else");
            queue.delete(received.receipt);
        });
    }
}

/// Returns a number that template.yaml states about a resource.
fn setting(resource: &str, name: &str) -> u64 {
    let template = include_str!("../../template.yaml");
    let block = template.split(&format!("\n  {resource}:\n")).nth(1).unwrap();
    let value = block.split(&format!(" {name}: ")).nth(1).unwrap();
    value.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

#[test]
fn a_function_is_ended_before_the_lease_of_its_attempt_runs_out_and_before_its_message_is_visible_again()
 {
    let timeout = setting("DeliverWebhook", "Timeout");
    assert!(timeout + 5 <= LEASE.as_secs(), "5 s for clocks that differ");
    let hidden = setting("Webhooks", "VisibilityTimeout");
    assert!(hidden >= 6 * timeout, "what AWS advises for event sources");
    // An attempt that kills its function is made again by the same message, which becomes a dead
    // letter in the end.
    assert!(hidden > LEASE.as_secs());
}
