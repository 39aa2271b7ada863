//! The body of a webhook about the documents of patients.

use serde::Serialize;

use super::event::{DocumentsPlace, WebhookEvent, message_id};
use super::linked_document::LinkedDocument;
use super::{Meta, to_json};
use crate::ids::{JobId, PatientId};
use crate::patient::ExternalId;
use crate::time::Timestamp;

/// The `type` of a message about documents.
pub const DOCUMENTS_TYPE: &str = "medical.document-download";

/// What a document query of a job found about a patient.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PatientDocuments {
    /// The id of the patient.
    pub patient_id: PatientId,
    /// The id of the patient in the customer's system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// How the query ended.
    pub status: DocumentsStatus,
    /// The documents of the last query that succeeded.
    pub documents: Vec<LinkedDocument>,
    /// Whether the patient has more documents than a message has room for. A caller can list them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more_documents: bool,
}

impl PatientDocuments {
    /// Returns the bytes of this patient in the body of a message.
    pub fn bytes(&self) -> usize {
        to_json(self).len()
    }
}

/// How a document query ended, in the words of the public API.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DocumentsStatus {
    /// The gateway answered, or did not have to be asked.
    Completed,
    /// The gateway did not answer in any attempt.
    Failed,
}

/// The body of a webhook about the documents of patients.
#[derive(Debug, Serialize)]
pub struct DocumentsMessage<'a> {
    meta: Meta,
    patients: &'a [PatientDocuments],
}

impl<'a> DocumentsMessage<'a> {
    /// Returns the message of `job` that begins at `place`. `when` is the time of the attempt.
    pub fn new(
        job: JobId,
        place: DocumentsPlace,
        patients: &'a [PatientDocuments],
        when: Timestamp,
    ) -> Self {
        let message_id = message_id(job, WebhookEvent::Documents, place);
        Self { meta: Meta { message_id, request_id: job, when, r#type: DOCUMENTS_TYPE }, patients }
    }

    /// Returns the body in JSON.
    pub fn to_body(&self) -> Vec<u8> {
        to_json(self)
    }
}
