//! Messages to other functions.

use std::future::Future;
use std::time::Duration;

use domain::job_size::JobSize;

use super::PortResult;
use crate::messages::{ChunkMessage, FinishedMessage, QueryMessage, UploadMessage, WebhookMessage};

/// Sends chunks to the workers.
pub trait SendChunks: Send + Sync {
    /// Sends all of them to the workers for jobs of this size; on an error some may have been sent.
    fn send_chunks(
        &self,
        size: JobSize,
        messages: &[ChunkMessage],
    ) -> impl Future<Output = PortResult<()>> + Send;
}

/// Says that no chunk of a job is pending any more.
pub trait SendFinished: Send + Sync {
    /// Sends the message.
    fn send_finished(&self, message: &FinishedMessage) -> impl Future<Output = PortResult<()>> + Send;
}

/// Sends patients to be queried.
pub trait SendQueries: Send + Sync {
    /// Whether there is anybody to ask. If not, no row starts a query.
    fn has_gateway(&self) -> bool {
        true
    }
    /// Sends all of them; on an error some may have been sent.
    fn send_queries(&self, messages: &[QueryMessage]) -> impl Future<Output = PortResult<()>> + Send;
}

/// None where there is no gateway.
impl<Q: SendQueries> SendQueries for Option<Q> {
    fn has_gateway(&self) -> bool {
        self.is_some()
    }

    async fn send_queries(&self, messages: &[QueryMessage]) -> PortResult<()> {
        match self {
            Some(queue) => queue.send_queries(messages).await,
            None => Ok(()),
        }
    }
}

/// Hands an upload over to be checked and planned, as its own event would.
pub trait SendUpload: Send + Sync {
    /// Sends the message.
    fn send_upload(&self, message: &UploadMessage) -> impl Future<Output = PortResult<()>> + Send;
}

/// The longest time that a message can be sent ahead (`DelaySeconds`; "Amazon SQS standard queue quotas",
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html>).
pub const LONGEST_DELAY: Duration = Duration::from_mins(15);

/// Hands a webhook over for delivery.
pub trait SendWebhook: Send + Sync {
    /// Sends the message.
    fn send_webhook(&self, message: &WebhookMessage) -> impl Future<Output = PortResult<()>> + Send {
        self.send_webhook_after(message, Duration::ZERO)
    }
    /// Sends the message so that it arrives after `delay`, which is [`LONGEST_DELAY`] at most.
    fn send_webhook_after(
        &self,
        message: &WebhookMessage,
        delay: Duration,
    ) -> impl Future<Output = PortResult<()>> + Send;
}
