//! The queues: chunks, document queries, finished jobs, webhooks.

use std::time::Duration;

use aws_lambda_events::sqs::SqsMessage;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use domain::ids::CustomerId;
use domain::job_size::JobSize;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use pipeline::messages::{ChunkMessage, FinishedMessage, QueryMessage, UploadMessage, WebhookMessage};
use pipeline::ports::{
    PortError, PortResult, SendChunks, SendFinished, SendQueries, SendUpload, SendWebhook,
};
use serde::Serialize;

use crate::error::{failed, malformed};

/// Messages that one `SendMessageBatch` takes (AWS limit).
const MESSAGES_PER_BATCH: usize = 10;

/// Batches in flight at the same time.
const CONCURRENT_BATCHES: usize = 8;

/// A queue, whatever is in it.
#[derive(Clone, Debug)]
struct Queue {
    client: Client,
    url: String,
}

macro_rules! queue {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(Queue);

        impl $name {
            /// The queue with this URL.
            pub fn new(client: Client, url: String) -> Self {
                Self(Queue { client, url })
            }
        }

        impl MessageWait for $name {
            async fn wait(&self, message: &SqsMessage, wait: Duration) -> PortResult<()> {
                self.0.wait(message, wait).await
            }
        }

        impl MessagePutBack for $name {
            async fn put_back(&self, message: &SqsMessage, wait: Duration) -> PortResult<()> {
                self.0.put_back(message, wait).await
            }
        }
    };
}

queue!(
    /// The queue of finished jobs.
    Finished
);
queue!(
    /// The queue of webhooks.
    Webhooks
);
queue!(
    /// The queue of patients whose documents are to be looked for.
    Queries
);
queue!(
    /// The queue of uploads whose S3 event was lost.
    Uploads
);

/// A queue whose messages come again when its visibility timeout says so.
#[derive(Clone, Copy, Debug)]
pub struct Unhurried;

impl MessageWait for Unhurried {
    async fn wait(&self, _message: &SqsMessage, _wait: Duration) -> PortResult<()> {
        Ok(())
    }
}

/// The dead letters have no queue to go back to: what fails comes again.
impl MessagePutBack for Unhurried {
    async fn put_back(&self, _message: &SqsMessage, _wait: Duration) -> PortResult<()> {
        Err(PortError { operation: "sqs.SendMessage", code: "a dead letter".to_owned(), transient: false })
    }
}

/// Puts the work of a received message back as a new message.
pub trait MessagePutBack: Send + Sync {
    /// Sends a copy of the message that is delivered after `wait` (at most 15 minutes, AWS limit), with one retry more.
    fn put_back(&self, message: &SqsMessage, wait: Duration) -> impl Future<Output = PortResult<()>> + Send;
}

/// The message attribute that counts how often the work of a message was put back.
const RETRIES: &str = "retries";

/// Returns how often the work of a message was put back.
pub(crate) fn retries_of(message: &SqsMessage) -> u32 {
    let retries = message.message_attributes.get(RETRIES).and_then(|value| value.string_value.as_deref());
    retries.and_then(|retries| retries.parse().ok()).unwrap_or(0)
}

/// Holds a received message back.
pub trait MessageWait: Send + Sync {
    /// Makes the message visible again after `wait` (at most 12 hours, AWS limit).
    fn wait(&self, message: &SqsMessage, wait: Duration) -> impl Future<Output = PortResult<()>> + Send;
}

impl Queue {
    async fn send(&self, message: &impl Serialize) -> PortResult<()> {
        const OPERATION: &str = "sqs.SendMessage";
        let request = self.client.send_message().queue_url(&self.url).message_body(body(OPERATION, message)?);
        request.send().await.map_err(failed(OPERATION))?;
        Ok(())
    }

    async fn wait(&self, message: &SqsMessage, wait: Duration) -> PortResult<()> {
        const OPERATION: &str = "sqs.ChangeMessageVisibility";
        self.client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt(OPERATION, message)?)
            .visibility_timeout(i32::try_from(wait.as_secs()).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(failed(OPERATION))?;
        Ok(())
    }

    async fn put_back(&self, message: &SqsMessage, wait: Duration) -> PortResult<()> {
        const OPERATION: &str = "sqs.SendMessage";
        let retries = MessageAttributeValue::builder()
            .data_type("Number")
            .string_value(retries_of(message).saturating_add(1).to_string())
            .build()
            .map_err(|_| malformed(OPERATION, "attribute"))?;
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(message.body.as_deref().ok_or_else(|| malformed(OPERATION, "body"))?)
            // The group keeps the queue fair between customers.
            .set_message_group_id(message.attributes.get("MessageGroupId").cloned())
            .message_attributes(RETRIES, retries)
            .delay_seconds(i32::try_from(wait.as_secs()).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(failed(OPERATION))?;
        Ok(())
    }

    /// Whether a message is from this queue. ARN and URL end with its name.
    fn has_sent(&self, message: &SqsMessage) -> bool {
        let arn = message.event_source_arn.as_deref().and_then(|arn| arn.rsplit(':').next());
        arn.is_some_and(|name| self.url.rsplit('/').next() == Some(name))
    }

    /// Sends messages, those of a customer as one group. That makes a fair queue of a standard one: one customer's
    /// thousand messages do not hold up another's one.
    async fn send_fairly<M: Serialize + Sync>(
        &self,
        messages: &[M],
        customer: impl Fn(&M) -> CustomerId,
    ) -> PortResult<()> {
        let batches = messages
            .chunks(MESSAGES_PER_BATCH)
            .map(|batch| batch.iter().map(|message| (customer(message), message)).collect())
            .map(|batch: Vec<(CustomerId, &M)>| self.send_batch(batch));
        stream::iter(batches.collect::<Vec<_>>()).buffer_unordered(CONCURRENT_BATCHES).try_collect().await
    }

    async fn send_batch(&self, messages: Vec<(CustomerId, &(impl Serialize + Sync))>) -> PortResult<()> {
        const OPERATION: &str = "sqs.SendMessageBatch";
        let entries = (0..)
            .zip(messages)
            .map(|(index, (customer, message)): (usize, _)| {
                SendMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .message_body(body(OPERATION, message)?)
                    .message_group_id(customer.to_string())
                    .build()
                    .map_err(|_| malformed(OPERATION, "entry"))
            })
            .collect::<PortResult<Vec<_>>>()?;
        let request = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries));
        let answer = request.send().await.map_err(failed(OPERATION))?;
        match answer.failed.first() {
            None => Ok(()),
            Some(failure) => Err(PortError {
                operation: OPERATION,
                code: failure.code.clone(),
                transient: !failure.sender_fault,
            }),
        }
    }
}

/// The queues of chunks, one for each size of job.
#[derive(Clone, Debug)]
pub struct Chunks {
    small: Queue,
    medium: Queue,
    large: Queue,
}

impl Chunks {
    /// The queues with these URLs.
    pub fn new(client: &Client, small: String, medium: String, large: String) -> Self {
        let queue = |url| Queue { client: client.clone(), url };
        Self { small: queue(small), medium: queue(medium), large: queue(large) }
    }

    const fn of(&self, size: JobSize) -> &Queue {
        match size {
            JobSize::Small => &self.small,
            JobSize::Medium => &self.medium,
            JobSize::Large => &self.large,
        }
    }
}

impl SendChunks for Chunks {
    async fn send_chunks(&self, size: JobSize, messages: &[ChunkMessage]) -> PortResult<()> {
        self.of(size).send_fairly(messages, |message| message.customer).await
    }
}

impl Chunks {
    /// One function reads all three: a message says which queue it is from.
    fn source_of(&self, message: &SqsMessage) -> PortResult<&Queue> {
        let queue = JobSize::ALL.into_iter().map(|size| self.of(size)).find(|queue| queue.has_sent(message));
        queue.ok_or_else(|| malformed("sqs.ReceiveMessage", "eventSourceARN"))
    }
}

impl MessageWait for Chunks {
    async fn wait(&self, message: &SqsMessage, wait: Duration) -> PortResult<()> {
        self.source_of(message)?.wait(message, wait).await
    }
}

impl MessagePutBack for Chunks {
    async fn put_back(&self, message: &SqsMessage, wait: Duration) -> PortResult<()> {
        self.source_of(message)?.put_back(message, wait).await
    }
}

impl SendQueries for Queries {
    async fn send_queries(&self, messages: &[QueryMessage]) -> PortResult<()> {
        self.0.send_fairly(messages, |message| message.customer).await
    }
}

impl SendFinished for Finished {
    async fn send_finished(&self, message: &FinishedMessage) -> PortResult<()> {
        self.0.send(message).await
    }
}

impl SendUpload for Uploads {
    async fn send_upload(&self, message: &UploadMessage) -> PortResult<()> {
        self.0.send(message).await
    }
}

impl SendWebhook for Webhooks {
    async fn send_webhook_after(&self, message: &WebhookMessage, delay: Duration) -> PortResult<()> {
        const OPERATION: &str = "sqs.SendMessage";
        // Whole seconds, rounded up: a message that comes early would only have to be sent once more.
        let seconds = i32::try_from(delay.as_millis().div_ceil(1000)).unwrap_or(i32::MAX);
        self.0
            .client
            .send_message()
            .queue_url(&self.0.url)
            .message_body(body(OPERATION, message)?)
            .message_group_id(message.customer.to_string())
            .delay_seconds(seconds)
            .send()
            .await
            .map_err(failed(OPERATION))?;
        Ok(())
    }
}

fn receipt<'a>(operation: &'static str, message: &'a SqsMessage) -> PortResult<&'a str> {
    message.receipt_handle.as_deref().ok_or_else(|| malformed(operation, "receiptHandle"))
}

fn body(operation: &'static str, message: &impl Serialize) -> PortResult<String> {
    serde_json::to_string(message).map_err(|_| malformed(operation, "message"))
}
