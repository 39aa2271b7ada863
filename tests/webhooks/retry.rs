//! `POST /settings/webhook/retry`: deliveries that failed for good are sent again, once and in
//! order.

use bulk_api::ApiError;
use bulk_api::operations::retry_webhooks::{WebhooksRetried, retry_webhooks};
use bulk_domain::delivery::DeliveryState;
use bulk_domain::job::JobStatus;
use bulk_memory::Cloud;

use crate::setup::{
    URL, announce, cloud, customer, deliver_all, record, settings, started_job, told,
};

fn retried(webhook_requests_retried: u32, webhook_requests_failed: u32) -> WebhooksRetried {
    WebhooksRetried { webhook_requests_retried, webhook_requests_failed }
}

async fn retry(cloud: &Cloud) -> WebhooksRetried {
    retry_webhooks(cloud, customer(1)).await.unwrap()
}

/// Stores a job, and delivers its two messages to a server that gives these answers.
async fn job_with_answers(answers: Vec<u16>) -> Cloud {
    let cloud = cloud();
    cloud.set_customer(customer(1), bulk_domain::row::Directory::default(), settings(URL));
    cloud.set_answers(URL, answers);
    let job = started_job(&cloud, customer(1), 1).await;
    announce(&cloud, &job, JobStatus::Processing).await;
    announce(&cloud, &job, JobStatus::Failed).await;
    deliver_all(&cloud).await;
    cloud
}

#[tokio::test]
async fn what_failed_is_sent_again_in_order_and_twice_is_once() {
    let cloud = job_with_answers(vec![410, 410]).await;
    assert_eq!(retry(&cloud).await, retried(2, 0));
    assert_eq!(retry(&cloud).await, retried(0, 0));
    assert_eq!(record(&cloud, JobStatus::Failed).state, DeliveryState::Processing);
    deliver_all(&cloud).await;
    assert_eq!(told(&cloud), ["processing", "failed", "processing", "failed"]);
    assert!(cloud.deliveries().iter().all(|delivery| delivery.state == DeliveryState::Delivered));
}

#[tokio::test]
async fn two_calls_at_the_same_time_send_once() {
    let cloud = job_with_answers(vec![410, 410]).await;
    futures::join!(retry(&cloud), retry(&cloud));
    deliver_all(&cloud).await;
    assert_eq!(told(&cloud).len(), 4);
}

#[tokio::test]
async fn the_start_is_not_told_after_the_end() {
    let cloud = job_with_answers(vec![410, 200]).await;
    assert_eq!(retry(&cloud).await, retried(1, 0));
    deliver_all(&cloud).await;
    assert_eq!(told(&cloud), ["processing", "failed"]);
    assert_eq!(record(&cloud, JobStatus::Processing).state, DeliveryState::Skipped);
    assert_eq!(retry(&cloud).await, retried(0, 0));
}

#[tokio::test]
async fn every_round_has_all_its_attempts_and_can_fail_again() {
    let cloud = job_with_answers(vec![410; 2].into_iter().chain(vec![500; 20]).collect()).await;
    retry(&cloud).await;
    deliver_all(&cloud).await;
    assert_eq!(told(&cloud).len(), 22);
    let failed = record(&cloud, JobStatus::Failed);
    assert_eq!((failed.state, failed.round, failed.attempts.len()), (DeliveryState::Failed, 1, 11));
    assert_eq!(retry(&cloud).await, retried(2, 0));
    deliver_all(&cloud).await;
    assert_eq!(record(&cloud, JobStatus::Failed).state, DeliveryState::Delivered);
}

#[tokio::test]
async fn another_customers_deliveries_are_left_alone() {
    let cloud = job_with_answers(vec![410, 410]).await;
    cloud.set_customer(customer(2), bulk_domain::row::Directory::default(), settings(URL));
    assert_eq!(retry_webhooks(&cloud, customer(2)).await.unwrap(), retried(0, 0));
    let without_url = retry_webhooks(&cloud, customer(3)).await;
    assert!(
        matches!(without_url, Err(ApiError::Conflict(_))),
        "without a URL there is nowhere to send to"
    );
}
