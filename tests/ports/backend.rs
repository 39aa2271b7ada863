//! What a test needs of a backend beside its ports: the customers, readers and operators at their
//! other end.

use std::time::Duration;

use bulk_domain::facility::Facility;
use bulk_domain::ids::{CohortId, CustomerId, PatientId};
use bulk_domain::job::Upload;
use bulk_domain::job_size::JobSize;
use bulk_pipeline::messages::{
    ChunkMessage, CopyMessage, DeletionMessage, DownloadMessage, FinishedMessage, QueryMessage,
    UploadMessage, WebhookMessage,
};
use bulk_pipeline::ports::{JobRef, ResultFile, WebhookSettings};
use bytes::Bytes;

/// A customer, who transfers files over HTTP.
pub trait Customer {
    /// Uploads a file by a signed link, and returns the version and the etag that S3 gives it.
    async fn upload(&self, job: JobRef, bytes: Bytes) -> Upload;
    /// Downloads a result file by a signed link, or returns none if there is no such file.
    async fn download(&self, job: JobRef, file: ResultFile) -> Option<Bytes>;
}

/// A bucket, which tells how many versions it stores.
pub trait Versions {
    /// Returns the number of versions of the copies of a patient's documents.
    async fn versions_of_copies(&self, customer: CustomerId, patient: PatientId) -> usize;
}

/// The functions that read the queues. Each method receives and deletes all messages of one queue,
/// one by one.
pub trait Receive {
    async fn chunks(&self, size: JobSize) -> Vec<ChunkMessage>;
    async fn queries(&self) -> Vec<QueryMessage>;
    async fn copies(&self) -> Vec<CopyMessage>;
    async fn downloads(&self) -> Vec<DownloadMessage>;
    async fn finished(&self) -> Vec<FinishedMessage>;
    async fn deletions(&self) -> Vec<DeletionMessage>;
    async fn uploads(&self) -> Vec<UploadMessage>;
    async fn webhooks(&self) -> Vec<WebhookMessage>;
    /// Lets the time of the queues pass: sleeps for an emulator, and sets the clock of a cloud in
    /// memory.
    async fn pass(&self, time: Duration);
}

/// An operator, who enters customers into the directory.
pub trait Operator {
    async fn enter(
        &self,
        customer: CustomerId,
        facilities: &[Facility],
        cohorts: &[CohortId],
        settings: &WebhookSettings,
    );
    /// Gives a customer another name.
    async fn rename(&self, customer: CustomerId, name: &str);
}
