//! The queues that messages are received from, and how failed messages are retried by them.

use std::time::Duration;

use aws_lambda_events::sqs::SqsMessage;
use bulk_aws::{Queue, SqsQueues};
use bulk_pipeline::ports::{PortError, PortResult};

/// The message attribute that counts how often the work of a message was sent as a new message.
const RETRIES: &str = "retries";

/// The queues that a function receives messages from.
pub trait MessageSource: Send + Sync {
    /// Makes a received message visible again after `wait` (at most 12 hours, AWS limit).
    fn hide(
        &self,
        message: &SqsMessage,
        wait: Duration,
    ) -> impl Future<Output = PortResult<()>> + Send;
    /// Sends a copy of the message that counts one retry more. It is delivered after `wait` (at
    /// most 15 minutes, AWS limit).
    fn send_retry(
        &self,
        message: &SqsMessage,
        wait: Duration,
    ) -> impl Future<Output = PortResult<()>> + Send;
}

/// The copy of a message is sent to the queue that the message was received from, which the message
/// names.
impl MessageSource for SqsQueues {
    async fn hide(&self, message: &SqsMessage, wait: Duration) -> PortResult<()> {
        let receipt =
            message.receipt_handle.as_deref().ok_or_else(|| incomplete("receiptHandle"))?;
        queue_of(self, message)?.set_visibility(receipt, wait).await
    }

    async fn send_retry(&self, message: &SqsMessage, wait: Duration) -> PortResult<()> {
        let body = message.body.as_deref().ok_or_else(|| incomplete("body"))?;
        let group = message.attributes.get("MessageGroupId").map(String::as_str);
        let retries = (RETRIES, retries_of(message).saturating_add(1));
        queue_of(self, message)?.send_copy(body, group, retries, wait).await
    }
}

/// The queues of dead letters. A function cannot send to them, so that a dead letter is always
/// received again after the visibility timeout.
#[derive(Clone, Copy, Debug)]
pub struct DeadLetterQueues;

impl MessageSource for DeadLetterQueues {
    async fn hide(&self, _message: &SqsMessage, _wait: Duration) -> PortResult<()> {
        Ok(())
    }

    async fn send_retry(&self, _message: &SqsMessage, _wait: Duration) -> PortResult<()> {
        Err(PortError {
            operation: "sqs.SendMessage",
            code: "a dead letter".to_owned(),
            transient: false,
        })
    }
}

/// Returns how often the work of a message was sent as a new message.
pub fn retries_of(message: &SqsMessage) -> u32 {
    let retries =
        message.message_attributes.get(RETRIES).and_then(|value| value.string_value.as_deref());
    retries.and_then(|retries| retries.parse().ok()).unwrap_or(0)
}

fn queue_of<'a>(queues: &'a SqsQueues, message: &SqsMessage) -> PortResult<Queue<'a>> {
    let arn = message.event_source_arn.as_deref();
    arn.and_then(|arn| queues.with_arn(arn)).ok_or_else(|| incomplete("eventSourceARN"))
}

fn incomplete(what: &'static str) -> PortError {
    PortError {
        operation: "sqs.ReceiveMessage",
        code: format!("malformed {what}"),
        transient: false,
    }
}
