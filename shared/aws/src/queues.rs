//! The queues between the functions, on SQS.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use bulk_domain::ids::CustomerId;
use bulk_domain::job_size::JobSize;
use bulk_pipeline::messages::{
    ChunkMessage, CopyMessage, DownloadMessage, FinishedMessage, QueryMessage, UndoMessage,
    UploadMessage, WebhookMessage, WithdrawalMessage,
};
use bulk_pipeline::ports::{PortError, PortResult, Queues};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;

use crate::error::{failed, malformed};

const SEND: &str = "sqs.SendMessage";
const SEND_BATCH: &str = "sqs.SendMessageBatch";
const CHANGE_VISIBILITY: &str = "sqs.ChangeMessageVisibility";

/// Messages that are sent by one `SendMessageBatch` (AWS limit).
const MESSAGES_PER_BATCH: usize = 10;

/// Batches that are sent at the same time.
const CONCURRENT_BATCHES: usize = 8;

/// The URLs of the queues that a function can reach.
#[derive(Clone, Debug, Default)]
pub struct QueueUrls {
    /// The queue of uploads, for those with an S3 event that was lost or could not be handled.
    pub uploads: Option<String>,
    /// The queue for chunks of jobs with few rows.
    pub small_job_chunks: Option<String>,
    /// The queue for chunks of jobs with more rows.
    pub medium_job_chunks: Option<String>,
    /// The queue for chunks of jobs with many rows.
    pub large_job_chunks: Option<String>,
    /// The queue of document queries; `None` if the deployment has no gateway.
    pub queries: Option<String>,
    /// The queue of documents to copy; `None` if the deployment has no gateway.
    pub copies: Option<String>,
    /// The queue of bulk downloads; `None` if the deployment has no gateway.
    pub downloads: Option<String>,
    /// The queue of jobs with nothing left to wait for.
    pub finished: Option<String>,
    /// The queue of the chunks of undone jobs.
    pub undone_chunks: Option<String>,
    /// The queue of webhooks to deliver.
    pub webhooks: Option<String>,
}

/// The queues of SQS that a function can reach.
#[derive(Clone, Debug)]
pub struct SqsQueues {
    client: Client,
    urls: QueueUrls,
}

/// One queue, for messages of any kind.
#[derive(Clone, Copy, Debug)]
pub struct Queue<'a> {
    client: &'a Client,
    url: &'a str,
}

impl SqsQueues {
    /// Returns the queues with these URLs.
    pub fn new(client: Client, urls: QueueUrls) -> Self {
        Self { client, urls }
    }

    /// Returns the queue with this ARN, if it is one of these. The ARN and the URL of a queue both
    /// end with its name.
    pub fn with_arn(&self, arn: &str) -> Option<Queue<'_>> {
        let QueueUrls {
            uploads,
            small_job_chunks,
            medium_job_chunks,
            large_job_chunks,
            queries,
            copies,
            downloads,
            finished,
            undone_chunks,
            webhooks,
        } = &self.urls;
        let name = arn.rsplit(':').next();
        [
            uploads,
            small_job_chunks,
            medium_job_chunks,
            large_job_chunks,
            queries,
            copies,
            downloads,
            finished,
            undone_chunks,
            webhooks,
        ]
        .into_iter()
        .flatten()
        .find(|url| url.rsplit('/').next() == name)
        .map(|url| Queue { client: &self.client, url })
    }

    fn queue<'a>(&'a self, url: Option<&'a String>) -> PortResult<Queue<'a>> {
        let url = url.ok_or_else(|| malformed(SEND, "queue URL"))?;
        Ok(Queue { client: &self.client, url })
    }
}

impl Queues for SqsQueues {
    fn has_gateway(&self) -> bool {
        self.urls.queries.is_some()
    }

    async fn send_chunks(&self, size: JobSize, messages: &[ChunkMessage]) -> PortResult<()> {
        let url = match size {
            JobSize::Small => &self.urls.small_job_chunks,
            JobSize::Medium => &self.urls.medium_job_chunks,
            JobSize::Large => &self.urls.large_job_chunks,
        };
        self.queue(url.as_ref())?.send_fairly(messages, |message| message.customer).await
    }

    async fn send_queries(&self, messages: &[QueryMessage]) -> PortResult<()> {
        match &self.urls.queries {
            None => Ok(()),
            url => {
                self.queue(url.as_ref())?.send_fairly(messages, |message| message.customer).await
            }
        }
    }

    async fn send_copy(&self, message: &CopyMessage) -> PortResult<()> {
        match &self.urls.copies {
            None => Ok(()),
            url => {
                let messages = std::slice::from_ref(message);
                self.queue(url.as_ref())?.send_fairly(messages, |message| message.customer).await
            }
        }
    }

    async fn send_download(&self, message: &DownloadMessage) -> PortResult<()> {
        match &self.urls.downloads {
            None => Ok(()),
            url => {
                let messages = std::slice::from_ref(message);
                self.queue(url.as_ref())?.send_fairly(messages, |message| message.customer).await
            }
        }
    }

    async fn send_undo(&self, messages: &[UndoMessage]) -> PortResult<()> {
        let queue = self.queue(self.urls.undone_chunks.as_ref())?;
        queue.send_fairly(messages, |message| message.customer).await
    }

    async fn send_withdrawal_after(
        &self,
        message: &WithdrawalMessage,
        delay: Duration,
    ) -> PortResult<()> {
        let queue = self.queue(self.urls.undone_chunks.as_ref())?;
        queue.send_after(message, message.customer, delay).await
    }

    async fn send_finished(&self, message: &FinishedMessage) -> PortResult<()> {
        self.queue(self.urls.finished.as_ref())?.send(message).await
    }

    async fn send_upload(&self, message: &UploadMessage) -> PortResult<()> {
        self.queue(self.urls.uploads.as_ref())?.send(message).await
    }

    async fn send_webhook_after(
        &self,
        message: &WebhookMessage,
        delay: Duration,
    ) -> PortResult<()> {
        let queue = self.queue(self.urls.webhooks.as_ref())?;
        queue.send_after(message, message.customer, delay).await
    }
}

impl Queue<'_> {
    async fn send(&self, message: &impl Serialize) -> PortResult<()> {
        let request =
            self.client.send_message().queue_url(self.url).message_body(body(SEND, message)?);
        request.send().await.map_err(failed(SEND))?;
        Ok(())
    }

    /// Sends a message of a customer's group, which is received after `delay`.
    async fn send_after(
        &self,
        message: &impl Serialize,
        customer: CustomerId,
        delay: Duration,
    ) -> PortResult<()> {
        let request = self
            .client
            .send_message()
            .queue_url(self.url)
            .message_body(body(SEND, message)?)
            .message_group_id(customer.to_string())
            .delay_seconds(seconds(SEND, delay)?);
        request.send().await.map_err(failed(SEND))?;
        Ok(())
    }

    /// Makes a received message visible again after `wait` (at most 12 hours, AWS limit).
    ///
    /// # Errors
    ///
    /// The call failed, so that the message is visible again after the queue's visibility timeout.
    pub async fn set_visibility(&self, receipt: &str, wait: Duration) -> PortResult<()> {
        self.client
            .change_message_visibility()
            .queue_url(self.url)
            .receipt_handle(receipt)
            .visibility_timeout(seconds(CHANGE_VISIBILITY, wait)?)
            .send()
            .await
            .map_err(failed(CHANGE_VISIBILITY))?;
        Ok(())
    }

    /// Sends the body of a received message as a new message, which has one numeric attribute and
    /// is received after `delay` (at most 15 minutes, AWS limit). The group keeps the queue fair
    /// between customers.
    ///
    /// # Errors
    ///
    /// The call failed, so that the caller must not delete the received message.
    pub async fn send_copy(
        &self,
        body: &str,
        group: Option<&str>,
        (attribute, value): (&str, u32),
        delay: Duration,
    ) -> PortResult<()> {
        let value = MessageAttributeValue::builder()
            .data_type("Number")
            .string_value(value.to_string())
            .build()
            .map_err(|_| malformed(SEND, "attribute"))?;
        self.client
            .send_message()
            .queue_url(self.url)
            .message_body(body)
            .set_message_group_id(group.map(str::to_owned))
            .message_attributes(attribute, value)
            .delay_seconds(seconds(SEND, delay)?)
            .send()
            .await
            .map_err(failed(SEND))?;
        Ok(())
    }

    /// Sends messages, those of a customer as one group. The groups make a fair queue of a standard
    /// queue: the thousand messages of one customer do not delay the one message of another
    /// customer.
    async fn send_fairly<M: Serialize + Sync>(
        &self,
        messages: &[M],
        customer: impl Fn(&M) -> CustomerId,
    ) -> PortResult<()> {
        let batches = messages
            .chunks(MESSAGES_PER_BATCH)
            .map(|batch| batch.iter().map(|message| (customer(message), message)).collect())
            .map(|batch: Vec<(CustomerId, &M)>| self.send_batch(batch));
        stream::iter(batches.collect::<Vec<_>>())
            .buffer_unordered(CONCURRENT_BATCHES)
            .try_collect()
            .await
    }

    async fn send_batch(
        &self,
        messages: Vec<(CustomerId, &(impl Serialize + Sync))>,
    ) -> PortResult<()> {
        let entries = (0..)
            .zip(messages)
            .map(|(index, (customer, message)): (usize, _)| {
                SendMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .message_body(body(SEND_BATCH, message)?)
                    .message_group_id(customer.to_string())
                    .build()
                    .map_err(|_| malformed(SEND_BATCH, "entry"))
            })
            .collect::<PortResult<Vec<_>>>()?;
        let request =
            self.client.send_message_batch().queue_url(self.url).set_entries(Some(entries));
        let answer = request.send().await.map_err(failed(SEND_BATCH))?;
        match answer.failed.first() {
            None => Ok(()),
            Some(failure) => Err(PortError {
                operation: SEND_BATCH,
                code: failure.code.clone(),
                transient: !failure.sender_fault,
            }),
        }
    }
}

fn body(operation: &'static str, message: &impl Serialize) -> PortResult<String> {
    serde_json::to_string(message).map_err(|_| malformed(operation, "message"))
}

/// Returns whole seconds, rounded up, because a message that is received too early has to be sent
/// once more.
fn seconds(operation: &'static str, time: Duration) -> PortResult<i32> {
    i32::try_from(time.as_millis().div_ceil(1000)).map_err(|_| malformed(operation, "delay"))
}
