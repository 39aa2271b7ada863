//! The queues between the functions, with the sender's and the receiver's end of each.

use std::time::Duration;

use aws_sdk_sqs::Client;
use bulk_aws::{QueueUrls, SqsQueues};
use bulk_domain::job_size::JobSize;
use bulk_pipeline::messages::{
    ChunkMessage, CopyMessage, DeletionMessage, DownloadMessage, FinishedMessage, QueryMessage,
    UndoMessage, UploadMessage, WebhookMessage, WithdrawalMessage,
};
use bulk_pipeline::ports::{PortResult, Queues};
use serde::de::DeserializeOwned;

use super::fresh;
use crate::backend::Receive;
use crate::template;

/// Seconds to wait for a message before the test takes a queue for empty.
const PATIENCE: i32 = 1;

/// The queues of one test, one of each kind.
pub struct TestedQueues {
    pub client: Client,
    sqs: SqsQueues,
    chunks: [String; 3],
    queries: String,
    copies: String,
    downloads: String,
    pub finished: String,
    undone_chunks: String,
    uploads: String,
    pub webhooks: String,
}

impl TestedQueues {
    pub async fn new(client: Client) -> Self {
        let make =
            async |resource| template::create_queue(&client, resource, &fresh(resource)).await;
        let (queries, finished) = (make("Queries").await, make("Finished").await);
        let (copies, downloads) = (make("Copies").await, make("Downloads").await);
        let chunks = [
            make("SmallJobChunks").await,
            make("MediumJobChunks").await,
            make("LargeJobChunks").await,
        ];
        let undone_chunks = make("UndoneChunks").await;
        let (uploads, webhooks) = (make("Uploads").await, make("Webhooks").await);
        let [small, medium, large] = chunks.clone();
        let urls = QueueUrls {
            uploads: Some(uploads.clone()),
            small_job_chunks: Some(small),
            medium_job_chunks: Some(medium),
            large_job_chunks: Some(large),
            queries: Some(queries.clone()),
            copies: Some(copies.clone()),
            downloads: Some(downloads.clone()),
            finished: Some(finished.clone()),
            undone_chunks: Some(undone_chunks.clone()),
            webhooks: Some(webhooks.clone()),
        };
        let sqs = SqsQueues::new(client.clone(), urls);
        Self {
            client,
            sqs,
            chunks,
            queries,
            copies,
            downloads,
            finished,
            undone_chunks,
            uploads,
            webhooks,
        }
    }

    async fn receive<T: DeserializeOwned>(&self, url: &str) -> Vec<T> {
        let mut messages = Vec::new();
        loop {
            let request = self.client.receive_message().queue_url(url).wait_time_seconds(PATIENCE);
            let answer = request.max_number_of_messages(1).send().await.unwrap();
            let Some(message) = answer.messages.unwrap_or_default().pop() else { return messages };
            messages.push(serde_json::from_str(&message.body.unwrap()).unwrap());
            let delete = self.client.delete_message().queue_url(url);
            delete.receipt_handle(message.receipt_handle.unwrap()).send().await.unwrap();
        }
    }
}

impl Receive for TestedQueues {
    async fn chunks(&self, size: JobSize) -> Vec<ChunkMessage> {
        self.receive(&self.chunks[size as usize]).await
    }

    async fn queries(&self) -> Vec<QueryMessage> {
        self.receive(&self.queries).await
    }

    async fn copies(&self) -> Vec<CopyMessage> {
        self.receive(&self.copies).await
    }

    async fn downloads(&self) -> Vec<DownloadMessage> {
        self.receive(&self.downloads).await
    }

    async fn finished(&self) -> Vec<FinishedMessage> {
        self.receive(&self.finished).await
    }

    async fn deletions(&self) -> Vec<DeletionMessage> {
        self.receive(&self.undone_chunks).await
    }

    async fn uploads(&self) -> Vec<UploadMessage> {
        self.receive(&self.uploads).await
    }

    async fn webhooks(&self) -> Vec<WebhookMessage> {
        self.receive(&self.webhooks).await
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

impl Queues for TestedQueues {
    fn has_gateway(&self) -> bool {
        self.sqs.has_gateway()
    }

    async fn send_chunks(&self, size: JobSize, messages: &[ChunkMessage]) -> PortResult<()> {
        self.sqs.send_chunks(size, messages).await
    }

    async fn send_queries(&self, messages: &[QueryMessage]) -> PortResult<()> {
        self.sqs.send_queries(messages).await
    }

    async fn send_copy(&self, message: &CopyMessage) -> PortResult<()> {
        self.sqs.send_copy(message).await
    }

    async fn send_download(&self, message: &DownloadMessage) -> PortResult<()> {
        self.sqs.send_download(message).await
    }

    async fn send_undo(&self, messages: &[UndoMessage]) -> PortResult<()> {
        self.sqs.send_undo(messages).await
    }

    async fn send_withdrawal_after(
        &self,
        message: &WithdrawalMessage,
        delay: Duration,
    ) -> PortResult<()> {
        self.sqs.send_withdrawal_after(message, delay).await
    }

    async fn send_finished(&self, message: &FinishedMessage) -> PortResult<()> {
        self.sqs.send_finished(message).await
    }

    async fn send_upload(&self, message: &UploadMessage) -> PortResult<()> {
        self.sqs.send_upload(message).await
    }

    async fn send_webhook_after(
        &self,
        message: &WebhookMessage,
        delay: Duration,
    ) -> PortResult<()> {
        self.sqs.send_webhook_after(message, delay).await
    }
}
