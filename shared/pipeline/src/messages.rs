//! The messages between the functions: ids and byte ranges, never patient data.

use domain::ids::{CustomerId, JobId};
use domain::job::JobStatus;
use domain::plan::ChunkNumber;
use serde::{Deserialize, Serialize};

use crate::ports::JobRef;

/// One chunk to import: a pointer to the line of the plan that lists its byte ranges.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChunkMessage {
    /// Whose job it is.
    pub customer: CustomerId,
    /// The job.
    pub job: JobId,
    /// The chunk.
    pub chunk: ChunkNumber,
    /// Where in the plan the chunk's line starts and ends, in bytes.
    pub plan: (u64, u64),
}

/// A job with nothing left to wait for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FinishedMessage {
    /// The job.
    pub job: JobId,
}

/// A webhook to deliver: that a job reached a status.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WebhookMessage {
    /// Whose job it is.
    pub customer: CustomerId,
    /// The job.
    pub job: JobId,
    /// The status that it reached.
    pub status: JobStatus,
}

impl ChunkMessage {
    /// The job, as files are named by it.
    pub fn job_ref(&self) -> JobRef {
        JobRef { customer: self.customer, job: self.job }
    }
}
