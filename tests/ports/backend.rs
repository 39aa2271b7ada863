//! What a test needs of a backend beside the ports: the other end of things.

use std::time::Duration;

use bytes::Bytes;
use domain::facility::Facility;
use domain::ids::{CohortId, CustomerId};
use domain::job::Upload;
use domain::job_size::JobSize;
use pipeline::messages::{ChunkMessage, FinishedMessage, QueryMessage, UploadMessage, WebhookMessage};
use pipeline::ports::{JobRef, ResultFile, WebhookSettings};

/// A customer with HTTP.
pub trait Customer {
    /// Uploads a file by a signed link, and gives what S3 has to say about it.
    async fn upload(&self, job: JobRef, bytes: Bytes) -> Upload;
    /// Downloads a result file by a signed link; none if there is no such file.
    async fn download(&self, job: JobRef, file: ResultFile) -> Option<Bytes>;
}

/// Whoever reads the queues. Each receives, and deletes, everything that is in its queue, one by one.
pub trait Receive {
    async fn chunks(&self, size: JobSize) -> Vec<ChunkMessage>;
    async fn queries(&self) -> Vec<QueryMessage>;
    async fn finished(&self) -> Vec<FinishedMessage>;
    async fn uploads(&self) -> Vec<UploadMessage>;
    async fn webhooks(&self) -> Vec<WebhookMessage>;
    /// Lets time pass.
    async fn pass(&self, time: Duration);
}

/// An operator who enters customers.
pub trait Operator {
    async fn enter(
        &self,
        customer: CustomerId,
        facilities: &[Facility],
        cohorts: &[CohortId],
        settings: &WebhookSettings,
    );
}
