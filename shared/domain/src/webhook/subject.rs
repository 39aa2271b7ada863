//! What a webhook is about.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::event::{DocumentsPlace, WebhookEvent, message_id};
use crate::ids::{DownloadId, JobId, MessageId, PatientId, RequestId};

/// What a webhook is about. Its fields tell its kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum WebhookSubject {
    /// An event of a job.
    Job {
        /// The id of the job.
        job: JobId,
        /// What the webhook tells about the job.
        event: WebhookEvent,
    },
    /// Links to the documents of a patient.
    Links {
        /// The message of the bulk download.
        links: LinksPage,
    },
}

/// A message with links to the documents of a patient. A bulk download of many documents has
/// several.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct LinksPage {
    /// The bulk download that has ended.
    pub download: DownloadId,
    /// The patient that the documents are about.
    pub patient: PatientId,
    /// The number of the message, counted from 0.
    pub page: u32,
}

impl WebhookSubject {
    /// Returns an event of a job.
    pub fn job(job: JobId, event: impl Into<WebhookEvent>) -> Self {
        Self::Job { job, event: event.into() }
    }

    /// Returns the job, if the webhook is about one.
    pub const fn job_id(self) -> Option<JobId> {
        match self {
            Self::Job { job, .. } => Some(job),
            Self::Links { .. } => None,
        }
    }

    /// Returns the bulk download, if the webhook is about one.
    pub const fn download_id(self) -> Option<DownloadId> {
        match self {
            Self::Job { .. } => None,
            Self::Links { links } => Some(links.download),
        }
    }

    /// Returns the event of the job, if the webhook is about one.
    pub const fn event(self) -> Option<WebhookEvent> {
        match self {
            Self::Job { event, .. } => Some(event),
            Self::Links { .. } => None,
        }
    }

    /// Returns the id that the API calls `requestId`.
    pub fn request(self) -> RequestId {
        match self {
            Self::Job { job, .. } => job.into(),
            Self::Links { links } => links.download.into(),
        }
    }

    /// Returns the event as the API names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Job { event, .. } => event.as_str(),
            Self::Links { .. } => "links",
        }
    }

    /// Returns the id of the message; about documents, of the message that begins at `place`. It is
    /// computed and not random, so that every attempt, and every repetition of what the message is
    /// about, has the same id.
    pub fn message_id(self, place: DocumentsPlace) -> MessageId {
        match self {
            Self::Job { job, event } => message_id(job, event, place),
            Self::Links { links: LinksPage { download, page, .. } } => {
                let name = format!("links/{page}");
                MessageId::new(Uuid::new_v5(&download.as_uuid(), name.as_bytes()))
            }
        }
    }
}

impl fmt::Display for WebhookSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
