//! What `aws` takes for granted of SQS: its limits, and when a message is received again.
//!
//! The limits are from
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>
//! and `sqs-batch-api.html` there.

use std::time::Duration;

use aws_sdk_sqs::operation::send_message::builders::SendMessageFluentBuilder;
use aws_sdk_sqs::types::{Message, SendMessageBatchRequestEntry};

use crate::emulator::TestedQueues;
use crate::services::code;

/// Bytes of one message, and of all messages of a batch together.
const LARGEST_MESSAGE: usize = 1024 * 1024;

fn send(queues: &TestedQueues, body: &str) -> SendMessageFluentBuilder {
    queues.client.send_message().queue_url(&queues.finished).message_body(body)
}

async fn send_batch(queues: &TestedQueues, entries: &[(&str, &str)]) -> Result<(), String> {
    let entry = |(id, body): &(&str, &str)| {
        SendMessageBatchRequestEntry::builder().id(*id).message_body(*body).build().unwrap()
    };
    let entries = entries.iter().map(entry).collect();
    let batch =
        queues.client.send_message_batch().queue_url(&queues.finished).set_entries(Some(entries));
    code(batch.send().await)
}

/// Asserts that a request is refused with this code, whether the SDK has the code itself or its
/// name in the service's model.
#[track_caller]
fn assert_refused(result: Result<(), String>, expected: &str) {
    let code = result.expect_err(expected);
    assert!(code.contains(expected), "{code} where AWS says {expected}");
}

pub async fn a_batch_has_ten_messages_at_most_and_no_id_twice(queues: &TestedQueues) {
    let ids = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"].map(|id| (id, "x"));
    assert_eq!(send_batch(queues, &ids[..10]).await, Ok(()));
    assert_refused(send_batch(queues, &ids).await, "TooManyEntriesInBatchRequest");
    assert_refused(send_batch(queues, &[ids[0], ids[0]]).await, "BatchEntryIdsNotDistinct");
}

pub async fn a_message_has_a_mebibyte_at_most(queues: &TestedQueues) {
    let body = "x".repeat(LARGEST_MESSAGE + 1);
    assert_eq!(code(send(queues, &body[1..]).send().await), Ok(()));
    let refused = code(send(queues, &body).send().await);
    assert!(refused.is_err(), "a byte more");
}

pub async fn a_batch_has_a_mebibyte_at_most(queues: &TestedQueues) {
    let half = "x".repeat(LARGEST_MESSAGE / 2);
    assert_eq!(send_batch(queues, &[("0", &half), ("1", &half)]).await, Ok(()));
    assert_refused(
        send_batch(queues, &[("0", &half), ("1", &half), ("2", "x")]).await,
        "BatchRequestTooLong",
    );
}

pub async fn a_message_is_not_empty(queues: &TestedQueues) {
    assert!(code(send(queues, "").send().await).is_err(), "an empty message");
}

/// `API_SendMessage.html`: characters that XML cannot hold are refused.
pub async fn a_message_holds_no_control_characters(queues: &TestedQueues) {
    assert_refused(code(send(queues, "a\u{1}b").send().await), "InvalidMessageContents");
}

/// Receives the messages that are visible now, without deleting them.
async fn receive(queues: &TestedQueues, url: &str) -> Vec<Message> {
    let receive = queues.client.receive_message().queue_url(url).wait_time_seconds(1);
    receive.max_number_of_messages(10).send().await.unwrap().messages.unwrap_or_default()
}

fn bodies(messages: &[Message]) -> Vec<&str> {
    let mut bodies: Vec<_> = messages.iter().filter_map(Message::body).collect();
    bodies.sort_unstable();
    bodies
}

/// `sqs-visibility-timeout.html`: a message that is held back is received again when its visibility
/// timeout is over, and not before.
pub async fn a_message_that_is_held_back_is_received_again_after_that_time(queues: &TestedQueues) {
    assert_eq!(code(send(queues, "x").send().await), Ok(()));
    let first = receive(queues, &queues.finished).await;
    let wait =
        queues.client.change_message_visibility().queue_url(&queues.finished).visibility_timeout(2);
    wait.set_receipt_handle(first[0].receipt_handle.clone()).send().await.unwrap();
    assert_eq!(bodies(&receive(queues, &queues.finished).await), Vec::<&str>::new());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(bodies(&receive(queues, &queues.finished).await), ["x"]);
}

/// `API_ChangeMessageVisibility.html`: 12 hours at most.
pub async fn a_message_is_held_back_for_12_hours_at_most(queues: &TestedQueues) {
    assert_eq!(code(send(queues, "x").send().await), Ok(()));
    let first = receive(queues, &queues.finished).await;
    let wait = queues.client.change_message_visibility().queue_url(&queues.finished);
    let wait =
        wait.visibility_timeout(12 * 3600 + 1).set_receipt_handle(first[0].receipt_handle.clone());
    assert!(code(wait.send().await).is_err(), "a second more");
}

contract!($ sqs:
    a_batch_has_ten_messages_at_most_and_no_id_twice,
    a_message_has_a_mebibyte_at_most,
    a_batch_has_a_mebibyte_at_most,
    a_message_is_not_empty,
    a_message_holds_no_control_characters,
    a_message_that_is_held_back_is_received_again_after_that_time,
    a_message_is_held_back_for_12_hours_at_most,
);
