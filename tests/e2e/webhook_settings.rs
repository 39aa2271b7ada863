//! Webhook settings: the ping, the key, the replacement of the key, and URLs that are refused.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::customer::{Customer, PATIENCE};
use crate::receiver::{Behaviour, Receiver};

#[tokio::test]
async fn setting_a_url_pings_it_with_a_signed_message() {
    let (customer, _) = Customer::with_facility();
    let receiver = Receiver::start().await;
    let (status, settings) = customer.set_webhook_url(Some(&receiver.url)).await;
    assert_eq!(status, StatusCode::OK, "{settings}");
    assert_eq!(
        (&settings["id"], &settings["webhookUrl"]),
        (&json!(customer.id), &json!(receiver.url))
    );
    assert_eq!(settings["webhookEnabled"], true);
    assert!(settings.get("webhookStatusDetail").is_none(), "{settings}");
    let key = settings["webhookKey"].as_str().unwrap();
    let bytes = key.strip_prefix("whsec_").unwrap();
    assert!(bytes.trim_end_matches('=').len() * 6 / 8 >= 32, "{key}");
    let pings = receiver.pings();
    assert_eq!(pings.len(), 1);
    pings[0].assert_signed_with(key);
    let ping = pings[0].json();
    assert_eq!((&ping["meta"]["type"], ping["ping"].is_string()), (&json!("ping"), true), "{ping}");
    assert_eq!(ping["meta"]["messageId"], pings[0].header("webhook-id"));
}

#[tokio::test]
async fn a_url_whose_ping_fails_is_set_and_says_so() {
    let (customer, _) = Customer::with_facility();
    let receiver = Receiver::start().await;
    let long = "x".repeat(100_000);
    for (behaviour, detail) in [
        (Behaviour::Answer(500), "ping: answered 500"),
        (Behaviour::AnswerWith(302, "location", receiver.url.clone()), "ping: answered 302"),
        (Behaviour::Slow(Duration::from_secs(20)), "ping: no answer in time"),
        (Behaviour::HangUp, "ping: the connection broke"),
        (Behaviour::Garbage, "ping: the connection broke"),
        (
            Behaviour::EndlessBody,
            "ping: the answer was not {\"pong\": …} with the value of the ping",
        ),
        (Behaviour::AnswerWith(500, "x-long", long), "ping: answered 500"),
    ] {
        receiver.set(behaviour);
        let (status, settings) = customer.set_webhook_url(Some(&receiver.url)).await;
        assert_eq!(
            (status, &settings["webhookUrl"]),
            (StatusCode::OK, &json!(receiver.url)),
            "{settings}"
        );
        assert_eq!(settings["webhookStatusDetail"], detail);
        let (_, status) = customer.call(Method::GET, "/settings/webhook").await;
        assert_eq!(
            (&status["webhookEnabled"], &status["webhookStatusDetail"]),
            (&json!(true), &json!(detail))
        );
    }
    receiver.set(Behaviour::Answer(200));
    customer.set_webhook_url(Some(&receiver.url)).await;
    let (_, status) = customer.call(Method::GET, "/settings/webhook").await;
    assert!(status.get("webhookStatusDetail").is_none(), "{status}");
    customer.cause_a_webhook().await;
    receiver.wait_for(&["failed"], PATIENCE).await;
}

#[tokio::test]
async fn another_url_keeps_the_key_and_clearing_drops_it() {
    let (customer, _) = Customer::with_facility();
    let (receiver, key) = customer.listen().await;
    let elsewhere = Receiver::start().await;
    let (_, settings) = customer.set_webhook_url(Some(&elsewhere.url)).await;
    assert_eq!(settings["webhookKey"], key.as_str());
    let (status, _) = customer.set_webhook_url(Some("  ")).await;
    assert_eq!(
        status,
        StatusCode::BAD_REQUEST,
        "blank is no URL, and not a wish to clear it either"
    );
    for empty in [None, Some("")] {
        let (_, settings) = customer.set_webhook_url(empty).await;
        let cleared = json!({"id": customer.id, "webhookUrl": null, "webhookKey": null, "webhookEnabled": false, "patientWebhooks": false});
        assert_eq!(settings, cleared);
    }
    for path in ["/settings/webhook/rotate", "/settings/webhook/retry"] {
        let (status, problem) = customer.call(Method::POST, path).await;
        assert_eq!(
            (status, &problem["detail"]),
            (StatusCode::CONFLICT, &json!("No webhook URL is set"))
        );
    }
    let (_, settings) = customer.set_webhook_url(Some(&receiver.url)).await;
    assert!(settings["webhookKey"].is_string() && settings["webhookKey"] != key.as_str());
}

#[tokio::test]
async fn a_url_that_answers_no_ping_gets_no_link_until_it_answers_one() {
    let (customer, _) = Customer::with_facility();
    let receiver = Receiver::start().await;
    receiver.set_pongs(false);
    let (_, settings) = customer.set_webhook_url(Some(&receiver.url)).await;
    let detail = "ping: the answer was not {\"pong\": …} with the value of the ping";
    assert_eq!(settings["webhookStatusDetail"], detail);
    let header = "firstName,lastName,dob,gender,addressLine1,city,state,zip";
    let (job, url) = customer.create_job("").await;
    let row = "Ada,Lovelace,1985-12-10,F,1 Main St,Boston,MA,02108";
    customer.upload(&url, format!("{header}\n{row}\n")).await;
    receiver.wait_for(&["processing"], PATIENCE).await;
    // The ping of the call, and those of the first two attempts.
    receiver.wait_for_pings(3, PATIENCE).await;
    assert!(receiver.deliveries().iter().all(|message| message.status() == "processing"));
    let (_, status) = customer.call(Method::GET, "/settings/webhook").await;
    let attempts = status["deliveries"][0]["attempts"].as_array().unwrap();
    assert!(attempts.iter().all(|attempt| attempt["error"] == "no-pong"), "{status}");
    receiver.set_pongs(true);
    let message = receiver.wait_for_end_of(&job, PATIENCE).await;
    assert!(message.json()["bulkPatientCreate"]["result"].is_string());
    // The URL stays verified, so that the next import needs no ping.
    let pings = receiver.pings().len();
    customer.import(&receiver, "", &format!("{header}\n{row}\n")).await;
    assert_eq!(receiver.pings().len(), pings);
}

#[tokio::test]
async fn the_url_that_is_replaced_is_told_so_by_a_signed_message() {
    let (customer, _) = Customer::with_facility();
    let (receiver, key) = customer.listen().await;
    let elsewhere = Receiver::start().await;
    customer.set_webhook_url(Some(&elsewhere.url)).await;
    customer.set_webhook_url(Some(&elsewhere.url)).await;
    customer.set_webhook_url(None).await;
    for replaced in [&receiver, &elsewhere] {
        let told = replaced.deliveries();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].json()["meta"]["type"], "settings.webhook-replaced");
        assert!(!told[0].json().to_string().contains("http"));
        told[0].assert_signed_with(&key);
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_holds_the_call_for_a_second_only() {
    let (customer, _) = Customer::with_facility();
    let receiver = Receiver::start().await;
    receiver.set(Behaviour::Slow(Duration::from_secs(20)));
    let elsewhere = Receiver::start().await;
    elsewhere.set(Behaviour::Slow(Duration::from_secs(20)));
    for url in [&receiver.url, &elsewhere.url] {
        let started = Instant::now();
        let (status, settings) = customer.set_webhook_url(Some(url)).await;
        assert_eq!(status, StatusCode::OK, "{settings}");
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn for_a_day_messages_are_signed_with_the_replaced_key_too() {
    let (customer, _) = Customer::with_facility();
    let (receiver, old) = customer.listen().await;
    let (status, settings) = customer.call(Method::POST, "/settings/webhook/rotate").await;
    assert_eq!(
        (status, &settings["webhookUrl"]),
        (StatusCode::OK, &json!(receiver.url)),
        "{settings}"
    );
    let new = settings["webhookKey"].as_str().unwrap();
    assert_ne!(new, old);
    customer.cause_a_webhook().await;
    let message = receiver.wait_for(&["failed"], PATIENCE).await;
    assert_eq!(message.header("webhook-signature").split(' ').count(), 2);
    message.assert_signed_with(new);
    message.assert_verified_by_the_public_library(&old);
    for _ in 0..3 {
        let (status, _) = customer.call(Method::POST, "/settings/webhook/rotate").await;
        assert_eq!(status, StatusCode::OK);
    }
    let (status, problem) = customer.call(Method::POST, "/settings/webhook/rotate").await;
    assert_eq!(
        status,
        StatusCode::CONFLICT,
        "a fifth key would push out one that is in use: {problem}"
    );
}

#[tokio::test]
async fn a_url_that_is_not_public_is_refused_and_changes_nothing() {
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    for url in [
        "https://169.254.169.254/latest/meta-data/",
        "https://[fd00:ec2::254]/",
        "https://10.0.0.1/",
        "https://0xa9fea9fe/",
        "https://metadata.google.internal/",
        "https://user:hunter2@hooks.example.com/",
        "http://hooks.example.com/",
        "not a url",
    ] {
        let (status, problem) = customer.set_webhook_url(Some(url)).await;
        assert_eq!(
            (status, &problem["name"]),
            (StatusCode::BAD_REQUEST, &json!("BAD_REQUEST")),
            "{url}"
        );
        assert!(!problem.to_string().contains("hunter2"), "{problem}");
    }
    let (_, settings) = customer.call(Method::GET, "/settings").await;
    assert_eq!(settings["webhookUrl"], receiver.url.as_str());
}

#[tokio::test]
async fn a_list_of_deliveries_that_is_not_there_is_refused() {
    let (customer, _) = Customer::with_facility();
    for query in ["?count=0", "?count=101", "?count=x", "?state=delivered", "?state=x"] {
        let (status, problem) =
            customer.call(Method::GET, &format!("/settings/webhook{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}: {problem}");
    }
    let (_, body) = customer.call(Method::GET, "/settings/webhook").await;
    let nothing = json!({"webhookEnabled": false, "webhookRequestsProcessing": 0, "webhookRequestsFailed": 0, "deliveries": []});
    assert_eq!(body, nothing);
}
