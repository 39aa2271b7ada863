//! Webhooks to receivers that misbehave: which attempts are retried, when, and what is recorded
//! about them.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::customer::{Customer, PATIENCE};
use crate::receiver::{Behaviour, Delivery, Receiver};

const ROW: &str = "firstName,lastName,dob,gender,addressLine1,city,state,zip\nAda,Lovelace,1985-12-10,F,1 Main St,Boston,MA,02110\n";

async fn status_of(customer: &Customer, query: &str) -> Value {
    let (status, body) = customer.call(Method::GET, &format!("/settings/webhook{query}")).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

/// Waits until this many deliveries are in progress and this many have failed, and returns the
/// whole answer.
async fn wait_for_counts(customer: &Customer, processing: u32, failed: u32) -> Value {
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let body = status_of(customer, "").await;
        let counts = (&body["webhookRequestsProcessing"], &body["webhookRequestsFailed"]);
        if counts == (&json!(processing), &json!(failed)) {
            return body;
        }
        assert!(std::time::Instant::now() < deadline, "{body}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until the outcome of an attempt of the customer's one delivery is recorded, and returns
/// the whole answer.
async fn wait_for_attempt(customer: &Customer) -> Value {
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let body = wait_for_counts(customer, 1, 0).await;
        if body["deliveries"][0]["attempts"].get(0).is_some() {
            return body;
        }
        assert!(std::time::Instant::now() < deadline, "{body}");
    }
}

/// Makes a receiver misbehave once, and expects a retry of the same message. Returns the time
/// between the two attempts, and the record of the first.
async fn misbehaves_once(behaviour: Behaviour) -> (Duration, Value) {
    let (customer, _) = Customer::with_facility();
    let (receiver, key) = customer.listen().await;
    receiver.set(behaviour);
    let job = customer.cause_a_webhook().await;
    receiver.wait_for_count(1, PATIENCE).await;
    let body = wait_for_attempt(&customer).await;
    receiver.set(Behaviour::Answer(204));
    assert!(
        body["webhookStatusDetail"].is_string() && body["deliveries"][0]["nextAttempt"].is_string()
    );
    let messages = receiver.wait_for_count(2, PATIENCE).await;
    for message in &messages {
        message.assert_signed_with(&key);
        assert_eq!(message.header("webhook-id"), messages[0].header("webhook-id"));
        assert_eq!(message.json()["meta"]["messageId"], messages[0].header("webhook-id"));
    }
    let body = wait_for_counts(&customer, 0, 0).await;
    assert!(body.get("webhookStatusDetail").is_none(), "{body}");
    let delivery = &body["deliveries"][0];
    assert_eq!((&delivery["state"], &delivery["status"]), (&json!("delivered"), &json!("failed")));
    assert_eq!(
        (&delivery["requestId"], &delivery["attempts"][1]["statusCode"]),
        (&json!(job), &json!(204))
    );
    assert!(!body.to_string().contains("secret"), "no URL, no key: {body}");
    assert_eq!(receiver.deliveries().len(), 2, "an accepted message is not retried");
    (messages[1].at - messages[0].at, delivery["attempts"][0].clone())
}

async fn is_retried_after_five_seconds(behaviour: Behaviour, outcome: (&str, Value)) {
    let (gap, attempt) = misbehaves_once(behaviour).await;
    assert_eq!(attempt[outcome.0], outcome.1, "{attempt}");
    assert!(gap >= Duration::from_secs(5), "{gap:?}");
}

#[tokio::test]
async fn after_a_server_error_the_message_is_retried() {
    is_retried_after_five_seconds(Behaviour::Answer(500), ("statusCode", json!(500))).await;
}

#[tokio::test]
async fn after_garbage_the_message_is_retried() {
    is_retried_after_five_seconds(Behaviour::Garbage, ("error", json!("connection-broke"))).await;
}

#[tokio::test]
async fn after_a_closed_connection_the_message_is_retried() {
    is_retried_after_five_seconds(Behaviour::HangUp, ("error", json!("connection-broke"))).await;
}

#[tokio::test]
async fn a_receiver_has_four_seconds() {
    let slow = Behaviour::Slow(Duration::from_secs(20));
    is_retried_after_five_seconds(slow, ("error", json!("timeout"))).await;
}

#[tokio::test]
async fn headers_that_never_end_are_no_answer() {
    let (_, attempt) = misbehaves_once(Behaviour::EndlessHeaders).await;
    assert!(
        ["timeout", "connection-broke"].contains(&attempt["error"].as_str().unwrap()),
        "{attempt}"
    );
}

#[tokio::test]
async fn a_receiver_that_asks_for_time_gets_it() {
    let (gap, attempt) =
        misbehaves_once(Behaviour::AnswerWith(429, "retry-after", "9".into())).await;
    assert_eq!(attempt["statusCode"], 429);
    assert!(gap >= Duration::from_secs(9), "{gap:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Receiver::start().await;
    let redirect = Behaviour::AnswerWith(302, "location", elsewhere.url.clone());
    is_retried_after_five_seconds(redirect, ("statusCode", json!(302))).await;
    assert!(elsewhere.deliveries().is_empty());
}

#[tokio::test]
async fn a_body_that_never_ends_does_not_matter() {
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    receiver.set(Behaviour::EndlessBody);
    customer.cause_a_webhook().await;
    receiver.wait_for_count(1, PATIENCE).await;
    loop {
        let body = status_of(&customer, "").await;
        if body["deliveries"][0]["attempts"].get(0).is_some() {
            assert_eq!(body["deliveries"][0]["state"], "delivered", "{body}");
            break;
        }
    }
}

#[tokio::test]
async fn without_a_secure_connection_nothing_is_sent() {
    let (customer, _) = Customer::with_facility();
    let receiver = Receiver::start().await;
    let url = receiver.url.replace("http:", "https:");
    let (_, settings) = customer.set_webhook_url(Some(&url)).await;
    assert_eq!(settings["webhookStatusDetail"], "ping: no secure connection", "{settings}");
    customer.cause_a_webhook().await;
    let body = wait_for_attempt(&customer).await;
    assert_eq!(body["deliveries"][0]["attempts"][0]["error"], "no-tls", "{body}");
    assert!(receiver.deliveries().is_empty() && receiver.pings().is_empty());
}

#[tokio::test]
async fn a_receiver_that_is_gone_gets_no_more_until_asked_for_and_then_in_order() {
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    receiver.set(Behaviour::Answer(410));
    let (id, _) = customer.import(&receiver, "", ROW).await;
    let body = wait_for_counts(&customer, 0, 2).await;
    assert_eq!(body["webhookStatusDetail"], "answered 410");
    let failed = status_of(&customer, "?state=failed&count=1").await;
    assert_eq!(failed["deliveries"][0]["status"], "completed", "newest first");

    receiver.set(Behaviour::Answer(200));
    for (sent, path) in [(2, "/settings/webhook/retry"), (0, "/settings/webhook/retry")] {
        let (status, body) = customer.call(Method::POST, path).await;
        assert_eq!(
            (status, &body["webhookRequestsRetried"]),
            (StatusCode::OK, &json!(sent)),
            "{body}"
        );
        assert_eq!(body["webhookRequestsFailed"], 0);
        receiver.wait_for_count(4, PATIENCE).await;
    }
    wait_for_counts(&customer, 0, 0).await;
    let messages = receiver.deliveries();
    let statuses: Vec<String> = messages.iter().map(Delivery::status).collect();
    assert_eq!(statuses, ["processing", "completed", "processing", "completed"]);
    assert_eq!(messages[0].header("webhook-id"), messages[2].header("webhook-id"));
    let link = messages[3].json()["bulkPatientCreate"]["result"].as_str().unwrap().to_owned();
    assert_eq!(customer.download(&link).await.rows.len(), 1, "the link is as fresh as the attempt");
    assert_eq!(messages[3].json()["meta"]["requestId"], id.as_str());
}

#[tokio::test]
async fn the_end_of_a_job_waits_until_its_start_was_told() {
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    receiver.set(Behaviour::Answer(503));
    let (id, url) = customer.create_job("").await;
    customer.upload(&url, ROW).await;
    receiver.wait_for_count(1, PATIENCE).await;
    customer.wait_until_completed(&id).await;
    receiver.set(Behaviour::Answer(200));
    receiver.wait_for(&["completed"], PATIENCE).await;
    let statuses: Vec<String> = receiver.deliveries().iter().map(Delivery::status).collect();
    let starts = statuses.len() - 1;
    assert!(
        starts >= 2 && statuses[..starts].iter().all(|status| status == "processing"),
        "{statuses:?}"
    );
}
