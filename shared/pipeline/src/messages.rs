//! The messages between the functions: ids and byte ranges, never patient data.

use domain::delivery::Carrier;
use domain::ids::{CustomerId, JobId, PatientId};
use domain::job::{Job, JobStatus, Upload};
use domain::plan::ChunkNumber;
use domain::query::{QueryPart, QueryRequestId};
use serde::{Deserialize, Serialize};

use crate::ports::JobRef;

/// An upload whose S3 event was lost.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UploadMessage {
    /// Whose job it is.
    pub customer: CustomerId,
    /// The job.
    pub job: JobId,
    /// The version to read.
    pub upload: Upload,
}

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

/// Patients whose documents are to be looked for: up to ten of a chunk, or one by hand.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct QueryMessage {
    /// Whose patients they are.
    pub customer: CustomerId,
    /// Whose work this is; the same on every delivery.
    #[serde(flatten)]
    pub asker: QueryAsker,
    /// The patients.
    pub patients: Vec<PatientId>,
}

impl QueryMessage {
    /// The part of a chunk that it is; none if it is a query by hand.
    pub fn part(&self) -> Option<QueryPart> {
        match self.asker {
            QueryAsker::Part(part) => Some(part),
            QueryAsker::Request(_) => None,
        }
    }
}

/// Who asks for queries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum QueryAsker {
    /// A part of a chunk.
    Part(QueryPart),
    /// A customer, by hand.
    Request(QueryRequestId),
}

impl QueryAsker {
    /// The request.
    pub fn request(self) -> QueryRequestId {
        match self {
            Self::Part(part) => QueryRequestId::of_part(part),
            Self::Request(request) => request,
        }
    }
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
    /// Which of the messages about it this is.
    #[serde(flatten)]
    pub carrier: Carrier,
}

/// A message that was tried as often as it may be. Which kind it is shows in its form.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged)]
pub enum DeadLetter {
    /// A chunk that no worker could import.
    Chunk(ChunkMessage),
    /// Document queries that never came to an end.
    Query(QueryMessage),
    /// An upload that could not be read.
    Upload(UploadMessage),
    /// A webhook that could not be handled.
    Webhook(WebhookMessage),
    /// A job whose result could not be built. The last one: the others have its field, too.
    Finished(FinishedMessage),
}

impl DeadLetter {
    /// The job that it is about; none if it is about a query by hand.
    pub fn job(&self) -> Option<JobId> {
        match self {
            Self::Chunk(message) => Some(message.job),
            Self::Query(message) => message.part().map(|part| part.job),
            Self::Upload(message) => Some(message.job),
            Self::Webhook(message) => Some(message.job),
            Self::Finished(message) => Some(message.job),
        }
    }
}

impl WebhookMessage {
    /// The message that a job reached the status that it has.
    pub fn about(job: &Job) -> Self {
        Self { customer: job.customer, job: job.id, status: job.status, carrier: Carrier::default() }
    }

    /// The job, as files are named by it.
    pub fn job_ref(&self) -> JobRef {
        JobRef { customer: self.customer, job: self.job }
    }
}

impl ChunkMessage {
    /// The job, as files are named by it.
    pub fn job_ref(&self) -> JobRef {
        JobRef { customer: self.customer, job: self.job }
    }
}

#[cfg(test)]
mod tests {
    use domain::plan::ChunkNumber;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_dead_letter_is_told_by_its_form() {
        let (customer, job) = (CustomerId::new(Uuid::from_u128(1)), JobId::new(Uuid::from_u128(2)));
        let upload = Upload { version: "v".into(), etag: "\"e\"".into(), bytes: 1 };
        let read = |json: String| serde_json::from_str::<DeadLetter>(&json).unwrap();
        let chunk = ChunkMessage { customer, job, chunk: ChunkNumber::new(3), plan: (4, 5) };
        assert_eq!(read(serde_json::to_string(&chunk).unwrap()), DeadLetter::Chunk(chunk));
        let patients = vec![PatientId::new(Uuid::from_u128(9))];
        let part = QueryPart { job, chunk: ChunkNumber::new(3), part: 1 };
        for asker in [QueryAsker::Part(part), QueryAsker::Request(QueryRequestId::of_part(part))] {
            let query = QueryMessage { customer, asker, patients: patients.clone() };
            assert_eq!(read(serde_json::to_string(&query).unwrap()), DeadLetter::Query(query));
        }
        let uploaded = UploadMessage { customer, job, upload };
        assert_eq!(read(serde_json::to_string(&uploaded).unwrap()), DeadLetter::Upload(uploaded));
        let webhook = WebhookMessage {
            customer,
            job,
            status: JobStatus::Completed,
            carrier: Carrier::of_round(1).next(),
        };
        assert_eq!(read(serde_json::to_string(&webhook).unwrap()), DeadLetter::Webhook(webhook));
        let finished = FinishedMessage { job };
        assert_eq!(read(serde_json::to_string(&finished).unwrap()), DeadLetter::Finished(finished));
    }
}
