//! SQS: errors as its reference lists them, and batches of which SQS accepted only some messages.

use std::time::Duration;

use aws_lambda_events::sqs::SqsMessage;
use bulk_aws::{QueueUrls, SqsQueues};
use bulk_domain::job_size::JobSize;
use bulk_domain::webhook::{WebhookEvent, WebhookSubject};
use bulk_lambda::MessageSource as _;
use bulk_pipeline::messages::{ChunkMessage, FinishedMessage, WebhookMessage};
use bulk_pipeline::ports::PortError;
use bulk_pipeline::ports::prelude::*;
use serde_json::{Value, json};

use super::server::Server;
use super::{SECRET, assert_error};
use crate::given;

fn messages(count: u32) -> Vec<ChunkMessage> {
    let (customer, job) = (given::customer(), given::job_id());
    (0..count)
        .map(|number| ChunkMessage { customer, job, chunk: given::chunk(number), plan: (0, 9) })
        .collect()
}

fn webhook() -> WebhookMessage {
    let (customer, job) = (given::customer(), given::job_id());
    WebhookMessage::of(customer, WebhookSubject::job(job, WebhookEvent::Failed))
}

fn queues(server: &Server) -> SqsQueues {
    let url = |queue| Some(format!("{}/000000000000/{queue}", server.endpoint.url));
    let urls = QueueUrls {
        small_job_chunks: url("small"),
        medium_job_chunks: url("medium"),
        large_job_chunks: url("large"),
        finished: url("finished"),
        webhooks: url("webhooks"),
        ..QueueUrls::default()
    };
    SqsQueues::new(server.endpoint.sqs(), urls)
}

async fn assert_is(status: u16, code: &str, transient: bool) {
    let body = json!({"__type": format!("com.amazonaws.sqs#{code}"), "message": SECRET});
    let server = Server::answering([(status, body.to_string())]).await;
    let queues = queues(&server);
    for sent in [
        queues.send_chunks(JobSize::Large, &messages(1)).await,
        queues.send_finished(&FinishedMessage { job: given::job().id }).await,
        queues.send_webhook(&webhook()).await,
    ] {
        assert_error(&sent.unwrap_err(), transient, code);
    }
}

#[tokio::test]
async fn what_passes_by_itself_is_transient() {
    for (status, code) in [
        (400, "RequestThrottled"),
        (403, "RequestThrottled"),
        (400, "ThrottlingException"),
        // An operator corrects these, so that the same request succeeds later.
        (400, "QueueDoesNotExist"),
        (403, "AccessDeniedException"),
        (500, "InternalFailure"),
        (503, "ServiceUnavailable"),
    ] {
        assert_is(status, code, true).await;
    }
}

#[tokio::test]
async fn what_the_same_request_would_meet_again_is_not_transient() {
    for (status, code) in [(400, "InvalidMessageContents"), (400, "BatchRequestTooLong")] {
        assert_is(status, code, false).await;
    }
}

/// Returns the answer to a batch in which these entries failed.
fn partly(failed: &[(&str, &str, bool)]) -> (u16, String) {
    let failed: Vec<Value> = failed
        .iter()
        .map(|(id, code, sender_fault)| {
            json!({"Id": id, "Code": code, "SenderFault": sender_fault, "Message": SECRET})
        })
        .collect();
    let sent = json!({"Id": "0", "MessageId": "1", "MD5OfMessageBody": "0cc175b9c0f1b6a831c399e269772661"});
    (200, json!({"Successful": [sent], "Failed": failed}).to_string())
}

async fn error_of(failed: &[(&str, &str, bool)]) -> PortError {
    let server = Server::answering([partly(&[]), partly(failed), partly(&[])]).await;
    queues(&server).send_chunks(JobSize::Large, &messages(25)).await.unwrap_err()
}

#[tokio::test]
async fn a_batch_that_was_not_taken_whole_is_an_error_by_whose_fault_it_is() {
    assert_error(&error_of(&[("3", "InternalError", false)]).await, true, "InternalError");
    assert_error(
        &error_of(&[("9", "InvalidMessageContents", true)]).await,
        false,
        "InvalidMessageContents",
    );
}

/// One function reads the queues of all sizes, so that each message has to name its own queue.
#[tokio::test]
async fn a_chunk_is_hidden_in_the_queue_that_it_was_received_from() {
    let server = Server::answering([(200, "{}".to_owned())]).await;
    let mut message = SqsMessage::default();
    message.receipt_handle = Some("receipt".to_owned());
    for name in ["small", "medium", "large"] {
        message.event_source_arn = Some(format!("arn:aws:sqs:us-east-1:000000000000:{name}"));
        queues(&server).hide(&message, Duration::from_secs(2)).await.unwrap();
        let asked = server.requests().pop().unwrap();
        assert!(asked["QueueUrl"].as_str().unwrap().ends_with(&format!("/{name}")), "{asked}");
        assert_eq!(asked["VisibilityTimeout"], 2);
    }
    message.event_source_arn = Some("arn:aws:sqs:us-east-1:000000000000:another".to_owned());
    assert!(!queues(&server).hide(&message, Duration::ZERO).await.unwrap_err().transient);
}

/// Groups make the queue fair between customers, as it is for chunks. A delay is rounded up,
/// because a message that is received too early would have to be sent once more.
#[tokio::test]
async fn a_webhook_is_of_its_customers_group_and_late_rather_than_early() {
    let server = Server::answering([(200, "{}".to_owned())]).await;
    let queues = queues(&server);
    let message = webhook();
    for (delay_ms, seconds) in [(0, 0), (1, 1), (5000, 5), (5001, 6), (900_000, 900)] {
        queues.send_webhook_after(&message, Duration::from_millis(delay_ms)).await.unwrap();
        let asked = server.requests().pop().unwrap();
        assert_eq!(asked["DelaySeconds"], seconds, "{asked}");
        assert_eq!(asked["MessageGroupId"], message.customer.to_string());
    }
}

#[tokio::test]
async fn batches_hold_ten_messages_and_ids_that_differ() {
    let server = Server::answering([partly(&[])]).await;
    let sent = messages(23);
    queues(&server).send_chunks(JobSize::Large, &sent).await.unwrap();
    let mut arrived = Vec::new();
    for batch in server.requests() {
        let entries = batch["Entries"].as_array().unwrap();
        assert!(entries.len() <= 10);
        let mut ids: Vec<_> = entries.iter().map(|entry| entry["Id"].as_str().unwrap()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), entries.len());
        let bodies = entries.iter().map(|entry| entry["MessageBody"].as_str().unwrap());
        arrived.extend(bodies.map(|body| serde_json::from_str::<ChunkMessage>(body).unwrap()));
    }
    arrived.sort_by_key(|message| message.chunk);
    assert_eq!(arrived, sent);
}
