//! The queues between the functions.

use std::future::Future;
use std::time::Duration;

use bulk_domain::job_size::JobSize;

use super::PortResult;
use crate::messages::{
    ChunkMessage, CopyMessage, DownloadMessage, FinishedMessage, QueryMessage, UndoMessage,
    UploadMessage, WebhookMessage, WithdrawalMessage,
};

/// The longest time that a message can be delayed (`DelaySeconds`; "Amazon SQS standard queue
/// quotas",
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html>).
pub const LONGEST_DELAY: Duration = Duration::from_mins(15);

/// The queues between the functions. A message is received at least once, in no order.
pub trait Queues: Send + Sync {
    /// Returns whether this deployment has a gateway. Without one no document query is started.
    fn has_gateway(&self) -> bool;
    /// Sends all messages to the queue of chunks for jobs of this size. After an error some may
    /// have been sent.
    fn send_chunks(
        &self,
        size: JobSize,
        messages: &[ChunkMessage],
    ) -> impl Future<Output = PortResult<()>> + Send;
    /// Sends all messages to the queue of document queries, or none if there is no gateway. After
    /// an error some may have been sent.
    fn send_queries(
        &self,
        messages: &[QueryMessage],
    ) -> impl Future<Output = PortResult<()>> + Send;
    /// Asks for a copy of a document's content, or does nothing if there is no gateway.
    fn send_copy(&self, message: &CopyMessage) -> impl Future<Output = PortResult<()>> + Send;
    /// Asks for a bulk download to be carried on, or does nothing if there is no gateway.
    fn send_download(
        &self,
        message: &DownloadMessage,
    ) -> impl Future<Output = PortResult<()>> + Send;
    /// Sends all messages to the queue of undone chunks. After an error some may have been sent.
    fn send_undo(&self, messages: &[UndoMessage]) -> impl Future<Output = PortResult<()>> + Send;
    /// Sends a message to the queue of undone chunks, which is received after `delay`. That is
    /// [`LONGEST_DELAY`] at most.
    fn send_withdrawal_after(
        &self,
        message: &WithdrawalMessage,
        delay: Duration,
    ) -> impl Future<Output = PortResult<()>> + Send;
    /// Tells `finalize` that a job, or its undo, has nothing left to wait for.
    fn send_finished(
        &self,
        message: &FinishedMessage,
    ) -> impl Future<Output = PortResult<()>> + Send;
    /// Tells `fan-out` about an upload, as the S3 event of the upload does.
    fn send_upload(&self, message: &UploadMessage) -> impl Future<Output = PortResult<()>> + Send;
    /// Sends a webhook to be delivered.
    fn send_webhook(
        &self,
        message: &WebhookMessage,
    ) -> impl Future<Output = PortResult<()>> + Send {
        self.send_webhook_after(message, Duration::ZERO)
    }
    /// Sends a webhook to be delivered after `delay`, which is [`LONGEST_DELAY`] at most.
    fn send_webhook_after(
        &self,
        message: &WebhookMessage,
        delay: Duration,
    ) -> impl Future<Output = PortResult<()>> + Send;
}
