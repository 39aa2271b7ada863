//! The two messages of a job: `processing` never comes after the end, and the end not before it.

use std::time::Duration;

use bulk_domain::delivery::{Carrier, DeliveryState, LEASE, WebhookDelivery};
use bulk_domain::job::{Job, JobStatus};
use bulk_memory::Cloud;
use bulk_pipeline::deliver_webhook::DeliveryOutcome;
use bulk_pipeline::messages::WebhookMessage;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{WebhookSettings, Write};

use crate::setup::{
    URL, announce, canceled_job, cloud, customer, deliver, deliver_all, message, next_message,
    read, record, settings, started_job, told,
};

/// Returns a cloud with one customer, the server of which gives these answers, and a job of this
/// customer that ran.
async fn job_with_answers(answers: Vec<u16>) -> (Cloud, Job) {
    let cloud = cloud();
    cloud.set_customer(customer(1), bulk_domain::row::Directory::default(), settings(URL));
    cloud.set_answers(URL, answers);
    let job = started_job(&cloud, customer(1), 1).await;
    (cloud, job)
}

#[tokio::test]
async fn the_end_is_posted_after_the_start_failed_for_good() {
    let (cloud, job) = job_with_answers(vec![500; 10]).await;
    announce(&cloud, &job, JobStatus::Processing).await;
    announce(&cloud, &job, JobStatus::Failed).await;
    deliver_all(&cloud).await;
    let mut expected = vec!["processing"; 10];
    expected.push("failed");
    assert_eq!(told(&cloud), expected);
}

#[tokio::test]
async fn an_end_that_overtakes_the_start_waits_for_it_and_follows_within_a_second() {
    let (cloud, job) = job_with_answers(vec![500, 500, 500]).await;
    announce(&cloud, &job, JobStatus::Failed).await;
    announce(&cloud, &job, JobStatus::Processing).await;
    deliver_all(&cloud).await;
    assert_eq!(told(&cloud), ["processing", "processing", "processing", "processing", "failed"]);
    let received = cloud.received();
    let gap = received[3].0.until(received[4].0);
    assert!(gap <= Duration::from_secs(1), "{gap:?} after the start had arrived");
}

#[tokio::test]
async fn an_end_whose_start_is_nowhere_sees_to_it_that_it_is_told() {
    let (cloud, job) = job_with_answers(vec![]).await;
    announce(&cloud, &job, JobStatus::Failed).await;
    deliver_all(&cloud).await;
    assert_eq!(told(&cloud), ["processing", "failed"]);
    announce(&cloud, &job, JobStatus::Processing).await;
    deliver_all(&cloud).await;
    assert_eq!(
        told(&cloud).len(),
        2,
        "the start's own message is late, and nothing is left to say"
    );
}

#[tokio::test]
async fn a_job_that_never_started_has_no_start_to_wait_for() {
    let cloud = cloud();
    cloud.set_customer(customer(1), bulk_domain::row::Directory::default(), settings(URL));
    let job = canceled_job(&cloud, customer(1), 1).await;
    assert_eq!(
        deliver(&cloud, &message(&job, JobStatus::Failed)).await,
        DeliveryOutcome::Delivered
    );
    assert_eq!(told(&cloud), ["failed"]);
}

#[tokio::test]
async fn a_start_that_no_receiver_took_does_not_hold_up_the_end() {
    let (cloud, job) = job_with_answers(vec![500]).await;
    announce(&cloud, &job, JobStatus::Processing).await;
    deliver(&cloud, &message(&job, JobStatus::Processing)).await;
    cloud.set_customer(
        customer(1),
        bulk_domain::row::Directory::default(),
        WebhookSettings::default(),
    );
    deliver_all(&cloud).await;
    assert_eq!(record(&cloud, JobStatus::Processing).state, DeliveryState::Skipped);
    cloud.set_customer(customer(1), bulk_domain::row::Directory::default(), settings(URL));
    assert_eq!(
        deliver(&cloud, &message(&job, JobStatus::Failed)).await,
        DeliveryOutcome::Delivered
    );
}

#[tokio::test]
async fn a_start_that_is_sent_again_waits_while_an_attempt_at_the_end_is_under_way() {
    let (cloud, job) = job_with_answers(vec![410]).await;
    deliver(&cloud, &message(&job, JobStatus::Processing)).await;
    // An attempt of a function that died.
    let mut end = WebhookDelivery::new(customer(1), job.id, JobStatus::Failed);
    end.begin(Carrier::default(), cloud.now());
    assert_eq!(cloud.store_delivery(&end, None).await.unwrap(), Write::Done);
    let again =
        WebhookMessage { carrier: Carrier::of_round(1), ..message(&job, JobStatus::Processing) };
    assert!(matches!(deliver(&cloud, &again).await, DeliveryOutcome::TooEarly { .. }));
    assert_eq!(told(&cloud).len(), 1);
    cloud.set_time(cloud.now().plus(LEASE));
    let waiting = read(&next_message(&cloud).unwrap());
    assert_eq!(deliver(&cloud, &waiting).await, DeliveryOutcome::Delivered);
    assert_eq!(deliver(&cloud, &again).await, DeliveryOutcome::NothingToSend);
}
