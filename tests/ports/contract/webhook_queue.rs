//! The queue of webhooks: those of a job in order, and each of them once.

use domain::ids::{CustomerId, JobId};
use domain::job::JobStatus::{self, Completed, Failed, Processing};
use pipeline::messages::WebhookMessage;
use pipeline::ports::SendWebhook;

use crate::backend::Receive;
use crate::given;

fn message(customer: CustomerId, job: JobId, status: JobStatus) -> WebhookMessage {
    WebhookMessage { customer, job, status, round: 0 }
}

pub async fn the_webhooks_of_a_job_arrive_in_the_order_in_which_they_were_sent(
    ports: &(impl SendWebhook + Receive),
) {
    let customer = given::customer();
    let jobs: Vec<JobId> = (0..6).map(|_| given::job_id()).collect();
    let ends = [Completed, Failed].into_iter().cycle();
    for status in [Some(Processing), None] {
        for (job, end) in jobs.iter().zip(ends.clone()) {
            ports.send_webhook(&message(customer, *job, status.unwrap_or(end))).await.unwrap();
        }
    }
    let arrived = ports.webhooks().await;
    assert_eq!(arrived.len(), 12);
    for (job, end) in jobs.into_iter().zip(ends) {
        let of_job: Vec<_> = arrived.iter().filter(|arrived| arrived.job == job).copied().collect();
        assert_eq!(of_job, [message(customer, job, Processing), message(customer, job, end)]);
    }
}

pub async fn a_webhook_that_is_sent_again_soon_after_arrives_once(ports: &(impl SendWebhook + Receive)) {
    let (customer, job) = (given::customer(), given::job_id());
    for status in [Processing, Processing, Completed, Processing] {
        ports.send_webhook(&message(customer, job, status)).await.unwrap();
    }
    let expected = [Processing, Completed].map(|status| message(customer, job, status));
    assert_eq!(ports.webhooks().await, expected);
    // Not even if the first one has been received since.
    ports.send_webhook(&message(customer, job, Completed)).await.unwrap();
    assert_eq!(ports.webhooks().await, []);
}

pub async fn a_webhook_that_is_sent_again_by_hand_arrives_again(ports: &(impl SendWebhook + Receive)) {
    let first = message(given::customer(), given::job_id(), Completed);
    let again = WebhookMessage { round: 1, ..first };
    for message in [&first, &again, &again] {
        ports.send_webhook(message).await.unwrap();
    }
    assert_eq!(ports.webhooks().await, [first, again]);
}

contract!($ webhook_queue:
    the_webhooks_of_a_job_arrive_in_the_order_in_which_they_were_sent,
    a_webhook_that_is_sent_again_soon_after_arrives_once,
    a_webhook_that_is_sent_again_by_hand_arrives_again,
);
