//! The queues that connect the functions.

use std::time::Duration;

use bulk_domain::job_size::JobSize;
use bulk_pipeline::messages::{
    ChunkMessage, CopyMessage, DownloadMessage, FinishedMessage, QueryMessage, UndoMessage,
    UploadMessage, WebhookMessage, WithdrawalMessage,
};
use bulk_pipeline::ports::{self, LONGEST_DELAY, PortResult};
use serde::Serialize;

use crate::call::{Billed, permanent};
use crate::{Cloud, Operation, Queue, Resource};

/// Messages that one `SendMessageBatch` takes (AWS limit).
const MESSAGES_PER_BATCH: usize = 10;

/// The name of a queue, by the work that its messages ask for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum QueueName {
    /// Uploads that a job was not started for, because their event was lost or its work failed for
    /// now.
    Uploads,
    /// Chunks of the jobs of one size.
    Chunks(JobSize),
    /// Patients about which the gateway is to be asked for documents.
    Queries,
    /// Documents with contents that callers want to download.
    Copies,
    /// Bulk downloads of patients' documents.
    Downloads,
    /// Jobs that have nothing left to wait for, so that they can be finalized.
    Finished,
    /// Chunks of jobs that are being undone, and patients of which the documents are to be deleted.
    UndoneChunks,
    /// Webhooks that are to be delivered, by job and status.
    Webhooks,
}

impl QueueName {
    /// All queues, once each.
    pub const ALL: [Self; 10] = [
        Self::Uploads,
        Self::Chunks(JobSize::Small),
        Self::Chunks(JobSize::Medium),
        Self::Chunks(JobSize::Large),
        Self::Queries,
        Self::Copies,
        Self::Downloads,
        Self::Finished,
        Self::UndoneChunks,
        Self::Webhooks,
    ];

    /// Returns the logical id that template.yaml gives the queue.
    pub const fn resource(self) -> &'static str {
        match self {
            Self::Uploads => "Uploads",
            Self::Chunks(JobSize::Small) => "SmallJobChunks",
            Self::Chunks(JobSize::Medium) => "MediumJobChunks",
            Self::Chunks(JobSize::Large) => "LargeJobChunks",
            Self::Queries => "Queries",
            Self::Copies => "Copies",
            Self::Downloads => "Downloads",
            Self::Finished => "Finished",
            Self::UndoneChunks => "UndoneChunks",
            Self::Webhooks => "Webhooks",
        }
    }
}

/// All queues, with the visibility timeouts and receive counts that template.yaml gives them.
#[derive(Debug)]
pub struct Queues {
    uploads: Queue,
    chunks: [Queue; JobSize::ALL.len()],
    queries: Queue,
    copies: Queue,
    downloads: Queue,
    finished: Queue,
    undone_chunks: Queue,
    webhooks: Queue,
}

impl Default for Queues {
    fn default() -> Self {
        Self {
            uploads: Queue::new(Duration::from_mins(90), 5),
            chunks: JobSize::ALL.map(|_| Queue::new(Duration::from_mins(12), 8)),
            queries: Queue::new(Duration::from_mins(24), 1000),
            copies: Queue::new(Duration::from_mins(24), 3),
            downloads: Queue::new(Duration::from_mins(24), 1000),
            finished: Queue::new(Duration::from_mins(90), 8),
            undone_chunks: Queue::new(Duration::from_mins(12), 8),
            webhooks: Queue::new(Duration::from_mins(3), 100),
        }
    }
}

impl Queues {
    /// Returns the queue of this name.
    pub fn get(&mut self, name: QueueName) -> &mut Queue {
        match name {
            QueueName::Uploads => &mut self.uploads,
            QueueName::Chunks(size) => &mut self.chunks[size as usize],
            QueueName::Queries => &mut self.queries,
            QueueName::Copies => &mut self.copies,
            QueueName::Downloads => &mut self.downloads,
            QueueName::Finished => &mut self.finished,
            QueueName::UndoneChunks => &mut self.undone_chunks,
            QueueName::Webhooks => &mut self.webhooks,
        }
    }
}

impl Cloud {
    async fn send(&self, queue: QueueName, messages: &[impl Serialize + Sync]) -> PortResult<()> {
        self.send_after(queue, messages, Duration::ZERO).await
    }

    async fn send_after(
        &self,
        queue: QueueName,
        messages: &[impl Serialize + Sync],
        delay: Duration,
    ) -> PortResult<()> {
        if delay > LONGEST_DELAY {
            return Err(permanent(Operation::SendMessage, "InvalidParameterValue"));
        }
        for batch in messages.chunks(MESSAGES_PER_BATCH) {
            let bodies: Vec<String> = batch.iter().map(body).collect::<PortResult<_>>()?;
            let bytes: usize = bodies.iter().map(String::len).sum();
            let (units, items) = ((bytes as u64).div_ceil(64 * 1024), bodies.len() as u64);
            self.call(Operation::SendMessage, Resource::Queue(queue), |state| {
                for body in bodies {
                    state.queues.get(queue).send(body, state.now.plus(delay));
                }
                Billed::new((), units, items).with_bytes(bytes)
            })
            .await?;
        }
        Ok(())
    }
}

fn body(message: &impl Serialize) -> PortResult<String> {
    serde_json::to_string(message)
        .map_err(|_| permanent(Operation::SendMessage, "malformed message"))
}

impl ports::Queues for Cloud {
    async fn send_chunks(&self, size: JobSize, messages: &[ChunkMessage]) -> PortResult<()> {
        self.send(QueueName::Chunks(size), messages).await
    }

    fn has_gateway(&self) -> bool {
        Self::has_gateway(self)
    }

    async fn send_queries(&self, messages: &[QueryMessage]) -> PortResult<()> {
        self.send(QueueName::Queries, messages).await
    }

    async fn send_copy(&self, message: &CopyMessage) -> PortResult<()> {
        if !Self::has_gateway(self) {
            return Ok(());
        }
        self.send(QueueName::Copies, std::slice::from_ref(message)).await
    }

    async fn send_download(&self, message: &DownloadMessage) -> PortResult<()> {
        if !Self::has_gateway(self) {
            return Ok(());
        }
        self.send(QueueName::Downloads, std::slice::from_ref(message)).await
    }

    async fn send_undo(&self, messages: &[UndoMessage]) -> PortResult<()> {
        self.send(QueueName::UndoneChunks, messages).await
    }

    async fn send_withdrawal_after(
        &self,
        message: &WithdrawalMessage,
        delay: Duration,
    ) -> PortResult<()> {
        self.send_after(QueueName::UndoneChunks, std::slice::from_ref(message), delay).await
    }

    async fn send_finished(&self, message: &FinishedMessage) -> PortResult<()> {
        self.send(QueueName::Finished, std::slice::from_ref(message)).await
    }

    async fn send_upload(&self, message: &UploadMessage) -> PortResult<()> {
        self.send(QueueName::Uploads, std::slice::from_ref(message)).await
    }

    async fn send_webhook_after(
        &self,
        message: &WebhookMessage,
        delay: Duration,
    ) -> PortResult<()> {
        self.send_after(QueueName::Webhooks, std::slice::from_ref(message), delay).await
    }
}
