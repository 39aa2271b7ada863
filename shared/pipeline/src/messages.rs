//! The messages between the functions: ids and byte ranges, never patient data.

use bulk_domain::delivery::Carrier;
use bulk_domain::document::DocumentName;
use bulk_domain::ids::{CustomerId, DownloadId, JobId, PatientId};
use bulk_domain::job::{Job, Upload};
use bulk_domain::plan::ChunkNumber;
use bulk_domain::query::{QueryPart, QueryRequestId};
use bulk_domain::webhook::WebhookSubject;
use serde::{Deserialize, Serialize};

use crate::job_ref::JobRef;
use crate::ports::CopyRef;

/// An upload to read, sent because its S3 event was lost or could not be handled.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UploadMessage {
    /// The customer of the job.
    pub customer: CustomerId,
    /// The id of the job.
    pub job: JobId,
    /// The version of the upload that is to be read.
    pub upload: Upload,
}

/// One chunk to import: a pointer to the line of the plan that lists its byte ranges.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChunkMessage {
    /// The customer of the job.
    pub customer: CustomerId,
    /// The id of the job.
    pub job: JobId,
    /// The number of the chunk.
    pub chunk: ChunkNumber,
    /// The first byte and the end of the chunk's line in the plan.
    pub plan: (u64, u64),
}

/// Patients that are searched for documents: up to 25 of a chunk, or one that a customer asks for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct QueryMessage {
    /// The customer of the patients.
    pub customer: CustomerId,
    /// The part or the call that asks for the queries. It is the same each time the message is
    /// received.
    #[serde(flatten)]
    pub asker: QueryAsker,
    /// The ids of the patients.
    pub patients: Vec<PatientId>,
}

impl QueryMessage {
    /// Returns the part of a chunk that asks for the queries, or `None` if a customer asks for
    /// them.
    pub fn part(&self) -> Option<QueryPart> {
        match self.asker {
            QueryAsker::Part(part) => Some(part),
            QueryAsker::Request(_) => None,
        }
    }
}

/// The origin of document queries: an import, or a call of the API.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum QueryAsker {
    /// A part of a chunk, after the chunk was imported.
    Part(QueryPart),
    /// A call of the API, by which a customer asks for one patient.
    Request(QueryRequestId),
}

impl QueryAsker {
    /// Returns the id of the request. The id of a part is derived from the part, so that every
    /// attempt has the same one.
    pub fn request(self) -> QueryRequestId {
        match self {
            Self::Part(part) => QueryRequestId::of_part(part),
            Self::Request(request) => request,
        }
    }
}

/// A document with a content that a caller wants to download.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CopyMessage {
    /// The customer of the patient.
    pub customer: CustomerId,
    /// The document, with its patient.
    pub document: DocumentName,
    /// The version of the copy's record that the caller saw, or `None` if there was none. The
    /// message is void if the record has another version.
    pub version: Option<u64>,
}

impl CopyMessage {
    /// Returns the place of the copy.
    pub fn copy_ref(&self) -> CopyRef {
        CopyRef { customer: self.customer, document: self.document }
    }
}

/// A bulk download of a patient's documents that is to be carried on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DownloadMessage {
    /// The customer of the patient.
    pub customer: CustomerId,
    /// The patient that the documents are about.
    pub patient: PatientId,
    /// The id of the bulk download.
    pub download: DownloadId,
}

/// A message to the function that calls the gateway. Its fields tell its kind.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged)]
pub enum GatewayMessage {
    /// Patients to search for documents.
    Query(QueryMessage),
    /// A document to copy.
    Copy(CopyMessage),
    /// A patient with documents to copy.
    Download(DownloadMessage),
}

/// A job that has nothing left to wait for and is to be finalized.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FinishedMessage {
    /// The id of the job.
    pub job: JobId,
}

/// One chunk of an undone job, with patients to be deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UndoMessage {
    /// The customer of the job.
    pub customer: CustomerId,
    /// The id of the job.
    pub job: JobId,
    /// The number of the chunk.
    pub chunk: ChunkNumber,
}

/// Patients who are about to be opted out or deleted. What is left of their documents later is
/// deleted then.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WithdrawalMessage {
    /// The customer of the patients.
    pub customer: CustomerId,
    /// The ids of the patients.
    pub withdrawn: Vec<PatientId>,
}

/// A message to the function that deletes patients and their documents. Its fields tell its kind.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged)]
pub enum DeletionMessage {
    /// A chunk of an undone job.
    Undo(UndoMessage),
    /// Patients who may lose their documents: those of them who are opted out or deleted.
    Withdrawal(WithdrawalMessage),
}

/// A webhook to deliver.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WebhookMessage {
    /// The customer that the webhook is for.
    pub customer: CustomerId,
    /// What the webhook is about.
    #[serde(flatten)]
    pub subject: WebhookSubject,
    /// The place of this message among those about the same webhook.
    #[serde(flatten)]
    pub carrier: Carrier,
}

/// A message that was received as often as its queue allows. Its fields tell its kind.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged)]
pub enum DeadLetter {
    /// A chunk that no worker could import.
    Chunk(ChunkMessage),
    /// Document queries that no worker could complete.
    Query(QueryMessage),
    /// A document that no worker could copy.
    Copy(CopyMessage),
    /// Patients of which no worker could delete the documents.
    Withdrawal(WithdrawalMessage),
    /// A bulk download that no worker could end.
    Download(DownloadMessage),
    /// An upload that `fan-out` could not read or plan.
    Upload(UploadMessage),
    /// A message about a webhook that `deliver-webhook` could not handle.
    Webhook(WebhookMessage),
    /// A chunk of an undo that no worker could complete. It comes after [`DeadLetter::Chunk`],
    /// which has its fields, too.
    Undo(UndoMessage),
    /// A job that `finalize` could not finish. It is the last variant, because the first one that
    /// fits is taken, and the other messages have the field of this one, too.
    Finished(FinishedMessage),
}

impl DeadLetter {
    /// Returns the job that the message is about, or `None` if it is about documents that a
    /// customer asked for, or that are to be deleted.
    pub fn job(&self) -> Option<JobId> {
        match self {
            Self::Chunk(message) => Some(message.job),
            Self::Query(message) => message.part().map(|part| part.job),
            Self::Copy(_) | Self::Download(_) | Self::Withdrawal(_) => None,
            Self::Upload(message) => Some(message.job),
            Self::Webhook(message) => message.subject.job_id(),
            Self::Undo(message) => Some(message.job),
            Self::Finished(message) => Some(message.job),
        }
    }
}

impl WebhookMessage {
    /// Returns the first message about the present status of a job.
    pub fn about(job: &Job) -> Self {
        Self::of(job.customer, WebhookSubject::job(job.id, job.status))
    }

    /// Returns the first message about a subject.
    pub fn of(customer: CustomerId, subject: WebhookSubject) -> Self {
        Self { customer, subject, carrier: Carrier::default() }
    }
}

impl ChunkMessage {
    /// Returns the job with its customer.
    pub fn job_ref(&self) -> JobRef {
        JobRef { customer: self.customer, job: self.job }
    }
}

#[cfg(test)]
mod tests {
    use bulk_domain::document::{DocumentId, DocumentKey};
    use bulk_domain::plan::ChunkNumber;
    use bulk_domain::webhook::{LinksPage, WebhookEvent};
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
        let document = DocumentName {
            patient: patients[0],
            document: DocumentKey::of(&DocumentId::new("d").unwrap()),
        };
        for version in [None, Some(3)] {
            let copy = CopyMessage { customer, document, version };
            assert_eq!(read(serde_json::to_string(&copy).unwrap()), DeadLetter::Copy(copy));
        }
        let download = DownloadId::new(Uuid::from_u128(10));
        let download = DownloadMessage { customer, patient: patients[0], download };
        assert_eq!(read(serde_json::to_string(&download).unwrap()), DeadLetter::Download(download));
        let withdrawal = WithdrawalMessage { customer, withdrawn: patients.clone() };
        let sent = serde_json::to_string(&withdrawal).unwrap();
        let deletion = serde_json::from_str::<DeletionMessage>(&sent).unwrap();
        assert_eq!(deletion, DeletionMessage::Withdrawal(withdrawal.clone()));
        assert_eq!(read(sent), DeadLetter::Withdrawal(withdrawal));
        let uploaded = UploadMessage { customer, job, upload };
        assert_eq!(read(serde_json::to_string(&uploaded).unwrap()), DeadLetter::Upload(uploaded));
        let links = LinksPage { download: download.download, patient: patients[0], page: 3 };
        for subject in
            [WebhookSubject::job(job, WebhookEvent::Completed), WebhookSubject::Links { links }]
        {
            let carrier = Carrier::of_round(1).next();
            let webhook = WebhookMessage { customer, subject, carrier };
            let json = serde_json::to_string(&webhook).unwrap();
            assert_eq!(read(json), DeadLetter::Webhook(webhook));
        }
        let undo = UndoMessage { customer, job, chunk: ChunkNumber::new(3) };
        assert_eq!(read(serde_json::to_string(&undo).unwrap()), DeadLetter::Undo(undo));
        let finished = FinishedMessage { job };
        assert_eq!(read(serde_json::to_string(&finished).unwrap()), DeadLetter::Finished(finished));
    }
}
