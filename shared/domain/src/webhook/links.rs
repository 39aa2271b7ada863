//! The body of a webhook with links to the documents of a patient.

use serde::Serialize;

use super::documents::DocumentsStatus;
use super::linked_document::LinkedDocument;
use super::to_json;
use crate::document::{BulkDownload, DownloadTally, Metadata};
use crate::ids::{DownloadId, MessageId, PatientId};
use crate::patient::ExternalId;
use crate::time::Timestamp;

/// The `type` of a message with links.
pub const LINKS_TYPE: &str = "medical.document-bulk-download-urls";

/// The body of a webhook with links. A bulk download of many documents has several such messages.
#[derive(Serialize)]
pub struct LinksMessage<'a> {
    meta: LinksMeta<'a>,
    patients: [PatientLinks<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LinksMeta<'a> {
    message_id: MessageId,
    request_id: DownloadId,
    when: Timestamp,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    data: &'a Metadata,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PatientLinks<'a> {
    patient_id: PatientId,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a ExternalId>,
    status: DocumentsStatus,
    /// How many documents have no link, in all messages.
    errors: u32,
    documents: &'a [LinkedDocument],
    pagination: Pagination,
}

/// The place of a message among those of its bulk download, as the public API has it in messages
/// with pages.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pagination {
    page: u32,
    total_pages: u32,
    total_items: u32,
}

impl<'a> LinksMessage<'a> {
    /// Returns the message `id` of a bulk download that has ended with `tally`, with the documents
    /// of the page `page`, counted from 0. `when` is the time of the attempt.
    pub fn new(
        id: MessageId,
        download: &'a BulkDownload,
        tally: DownloadTally,
        page: u32,
        external_id: Option<&'a ExternalId>,
        documents: &'a [LinkedDocument],
        when: Timestamp,
    ) -> Self {
        let status =
            if tally.is_success() { DocumentsStatus::Completed } else { DocumentsStatus::Failed };
        let pagination = Pagination {
            page: page + 1,
            total_pages: download.messages(),
            total_items: tally.successful,
        };
        Self {
            meta: LinksMeta {
                message_id: id,
                request_id: download.id,
                when,
                r#type: LINKS_TYPE,
                data: &download.metadata,
            },
            patients: [PatientLinks {
                patient_id: download.patient,
                external_id,
                status,
                errors: tally.errors(),
                documents,
                pagination,
            }],
        }
    }

    /// Returns the body in JSON.
    pub fn to_body(&self) -> Vec<u8> {
        to_json(self)
    }
}
