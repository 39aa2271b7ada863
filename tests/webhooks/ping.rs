//! Links to patient data are sent only to a URL that has answered a ping since it was set.

use bulk_api::operations::update_settings::set_webhook;
use bulk_domain::delivery::{AttemptOutcome, NoAnswer};
use bulk_domain::job::JobStatus;
use bulk_domain::row::Directory;
use bulk_domain::webhook_url::UrlPolicy;
use bulk_memory::Cloud;
use bulk_pipeline::deliver_webhook::DeliveryOutcome;
use bulk_pipeline::ports::WebhookSettings;
use bulk_pipeline::ports::prelude::*;
use serde_json::Value;

use crate::setup::{
    URL, announce, canceled_job, cloud, customer, deliver, deliver_all, message, next_message,
    read, record, settings,
};

const SECOND_URL: &str = "https://second.example.com/";
const NO_PONG: AttemptOutcome = AttemptOutcome::Error(NoAnswer::NoPong);

/// Returns a cloud in which the server at `URL` answers pings, or does not, and a customer who has
/// set this URL.
fn with_customer(answers_pings: bool) -> Cloud {
    let cloud = cloud();
    cloud.set_customer(customer(1), Directory::default(), settings(URL));
    cloud.set_pong(URL, answers_pings);
    cloud
}

async fn set(cloud: &Cloud, url: Option<&str>) -> WebhookSettings {
    set_webhook(cloud, cloud, UrlPolicy::PublicOnly, customer(1), url, None).await.unwrap()
}

async fn is_verified(cloud: &Cloud) -> bool {
    cloud.load_settings(customer(1)).await.unwrap().is_verified
}

/// Returns the URL and the body of each message, in order.
fn received(cloud: &Cloud) -> Vec<(String, Value)> {
    let read = |body: &[u8]| serde_json::from_slice(body).unwrap();
    cloud.received().into_iter().map(|(_, request)| (request.url, read(&request.body))).collect()
}

#[tokio::test]
async fn a_link_waits_in_the_record_of_its_delivery_until_a_ping_is_answered() {
    let cloud = with_customer(false);
    let job = canceled_job(&cloud, customer(1), 1).await;
    announce(&cloud, &job, JobStatus::Completed).await;
    for _ in 0..3 {
        let waiting = next_message(&cloud).unwrap();
        let outcome = deliver(&cloud, &read(&waiting)).await;
        assert!(matches!(outcome, DeliveryOutcome::Retry { cause: NO_PONG, .. }), "{outcome:?}");
        cloud.with_queues(|queues| {
            queues.get(bulk_memory::QueueName::Webhooks).delete(waiting.receipt);
        });
    }
    assert_eq!((received(&cloud).len(), is_verified(&cloud).await), (0, false));
    cloud.set_pong(URL, true);
    deliver_all(&cloud).await;
    assert!(received(&cloud)[0].1["bulkPatientCreate"]["result"].is_string());
    assert!(is_verified(&cloud).await);
    let attempts = record(&cloud, JobStatus::Completed).attempts;
    let outcomes: Vec<AttemptOutcome> = attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [NO_PONG, NO_PONG, NO_PONG, AttemptOutcome::StatusCode(200)]);
}

#[tokio::test]
async fn one_answered_ping_is_enough_for_all_links() {
    let cloud = with_customer(true);
    for number in 1..=3 {
        let job = canceled_job(&cloud, customer(1), number).await;
        let outcome = deliver(&cloud, &message(&job, JobStatus::Completed)).await;
        assert_eq!(outcome, DeliveryOutcome::Delivered);
    }
    assert_eq!((received(&cloud).len(), cloud.answered_pings().len()), (3, 1));
}

#[tokio::test]
async fn a_message_without_a_link_needs_no_ping() {
    let cloud = with_customer(false);
    let job = canceled_job(&cloud, customer(1), 1).await;
    let outcome = deliver(&cloud, &message(&job, JobStatus::Failed)).await;
    assert_eq!(outcome, DeliveryOutcome::Delivered);
    assert!(!is_verified(&cloud).await);
}

#[tokio::test]
async fn another_url_has_to_answer_a_ping_of_its_own_and_the_same_one_does_not() {
    let cloud = with_customer(true);
    assert!(set(&cloud, Some(URL)).await.is_verified);
    cloud.set_pong(URL, false);
    let again = set(&cloud, Some(URL)).await;
    assert!(again.is_verified && again.ping.unwrap().failure == Some(NO_PONG));
    cloud.set_pong(SECOND_URL, false);
    assert!(!set(&cloud, Some(SECOND_URL)).await.is_verified);
    // The first URL has to answer once more, because it was replaced in between.
    assert!(!set(&cloud, Some(URL)).await.is_verified);
}

#[tokio::test]
async fn a_url_is_told_that_it_was_replaced_or_cleared() {
    let cloud = with_customer(true);
    set(&cloud, Some(URL)).await;
    set(&cloud, Some(SECOND_URL)).await;
    set(&cloud, None).await;
    set(&cloud, None).await;
    let told = received(&cloud);
    let urls: Vec<&str> = told.iter().map(|(url, _)| url.as_str()).collect();
    assert_eq!(urls, [URL, SECOND_URL]);
    for (_, body) in &told {
        assert_eq!(body["meta"]["type"], "settings.webhook-replaced");
        assert!(!body.to_string().contains("https"), "{body}");
    }
}
