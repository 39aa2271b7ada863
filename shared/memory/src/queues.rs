//! The queues that are between the functions.

use std::time::Duration;

use domain::job_size::JobSize;
use domain::time::Timestamp;
use pipeline::messages::{ChunkMessage, FinishedMessage, QueryMessage, UploadMessage, WebhookMessage};
use pipeline::ports::{PortResult, SendChunks, SendFinished, SendQueries, SendUpload, SendWebhook};
use serde::Serialize;

use crate::cloud::{Billed, permanent};
use crate::{Cloud, Operation, Queue};

/// Messages that one `SendMessageBatch` takes (AWS limit).
const MESSAGES_PER_BATCH: usize = 10;

/// For so long a FIFO queue drops messages that it was sent before (AWS limit).
const DEDUPLICATED_FOR: Duration = Duration::from_mins(5);

/// One of the queues.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum QueueName {
    /// Uploads whose event was lost.
    Uploads,
    /// Chunks of jobs of a size.
    Chunks(JobSize),
    /// Patients whose documents are to be looked for.
    Queries,
    /// Jobs with nothing left to wait for.
    Finished,
    /// Webhooks; FIFO.
    Webhooks,
}

impl QueueName {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Uploads,
        Self::Chunks(JobSize::Small),
        Self::Chunks(JobSize::Medium),
        Self::Chunks(JobSize::Large),
        Self::Queries,
        Self::Finished,
        Self::Webhooks,
    ];

    /// What template.yaml calls it.
    pub const fn resource(self) -> &'static str {
        match self {
            Self::Uploads => "Uploads",
            Self::Chunks(JobSize::Small) => "SmallJobChunks",
            Self::Chunks(JobSize::Medium) => "MediumJobChunks",
            Self::Chunks(JobSize::Large) => "LargeJobChunks",
            Self::Queries => "Queries",
            Self::Finished => "Finished",
            Self::Webhooks => "Webhooks",
        }
    }
}

/// All queues, with the timeouts and tries that template.yaml gives them.
#[derive(Debug)]
pub struct Queues {
    uploads: Queue,
    chunks: [Queue; JobSize::ALL.len()],
    queries: Queue,
    finished: Queue,
    webhooks: Queue,
    recent_webhooks: Vec<(Timestamp, String)>,
}

impl Default for Queues {
    fn default() -> Self {
        Self {
            uploads: Queue::new(Duration::from_mins(90), 5),
            chunks: JobSize::ALL.map(|_| Queue::new(Duration::from_mins(12), 8)),
            queries: Queue::new(Duration::from_mins(24), 1000),
            finished: Queue::new(Duration::from_mins(90), 8),
            webhooks: Queue::new(Duration::from_mins(6), 100),
            recent_webhooks: Vec::new(),
        }
    }
}

impl Queues {
    /// The queue of this name.
    pub fn get(&mut self, name: QueueName) -> &mut Queue {
        match name {
            QueueName::Uploads => &mut self.uploads,
            QueueName::Chunks(size) => &mut self.chunks[size as usize],
            QueueName::Queries => &mut self.queries,
            QueueName::Finished => &mut self.finished,
            QueueName::Webhooks => &mut self.webhooks,
        }
    }
}

impl Cloud {
    async fn send(&self, queue: QueueName, messages: &[impl Serialize + Sync]) -> PortResult<()> {
        for batch in messages.chunks(MESSAGES_PER_BATCH) {
            let bodies: Vec<String> = batch.iter().map(body).collect::<PortResult<_>>()?;
            let bytes: usize = bodies.iter().map(String::len).sum();
            let (units, items) = ((bytes as u64).div_ceil(64 * 1024), bodies.len() as u64);
            self.call(Operation::SendMessage, |state| {
                for body in bodies {
                    state.queues.get(queue).send(body, None, state.now);
                }
                Billed::new((), units, items).with_bytes(bytes)
            })
            .await?;
        }
        Ok(())
    }
}

fn body(message: &impl Serialize) -> PortResult<String> {
    serde_json::to_string(message).map_err(|_| permanent(Operation::SendMessage, "malformed message"))
}

impl SendChunks for Cloud {
    async fn send_chunks(&self, size: JobSize, messages: &[ChunkMessage]) -> PortResult<()> {
        self.send(QueueName::Chunks(size), messages).await
    }
}

impl SendQueries for Cloud {
    async fn send_queries(&self, messages: &[QueryMessage]) -> PortResult<()> {
        self.send(QueueName::Queries, messages).await
    }
}

impl SendFinished for Cloud {
    async fn send_finished(&self, message: &FinishedMessage) -> PortResult<()> {
        self.send(QueueName::Finished, std::slice::from_ref(message)).await
    }
}

impl SendUpload for Cloud {
    async fn send_upload(&self, message: &UploadMessage) -> PortResult<()> {
        self.send(QueueName::Uploads, std::slice::from_ref(message)).await
    }
}

impl SendWebhook for Cloud {
    async fn send_webhook(&self, message: &WebhookMessage) -> PortResult<()> {
        let (body, id) = (body(message)?, message.deduplication_id());
        let bytes = body.len();
        self.call(Operation::SendMessage, |state| {
            let (now, queues) = (state.now, &mut state.queues);
            queues.recent_webhooks.retain(|(sent, _)| sent.plus(DEDUPLICATED_FOR) > now);
            if !queues.recent_webhooks.iter().any(|(_, recent)| *recent == id) {
                queues.recent_webhooks.push((now, id));
                queues.webhooks.send(body, Some(message.job.to_string()), now);
            }
            Billed::request(()).with_bytes(bytes)
        })
        .await
    }
}
