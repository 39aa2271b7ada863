//! What a webhook tells about a job, and the ids of the messages.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{JobId, MessageId};
use crate::job::JobStatus;

/// What a webhook tells about a job, in the order in which the webhooks of a job arrive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum WebhookEvent {
    /// The file of the job was accepted.
    Processing,
    /// Document queries of the job's patients ended.
    Documents,
    /// The job is completed.
    Completed,
    /// The job failed or was canceled.
    Failed,
}

impl WebhookEvent {
    /// Returns the event as the API names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Documents => "documents",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// Returns the place of the event among those of a job: one of the two ends is the last one.
    pub const fn place(self) -> u8 {
        match self {
            Self::Processing => 0,
            Self::Documents => 1,
            Self::Completed | Self::Failed => 2,
        }
    }

    /// Returns whether the event is the end of the job.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

impl fmt::Display for WebhookEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<JobStatus> for WebhookEvent {
    /// Returns the event that a job reached a status. A job that waits for its file has no event of
    /// its own: its first one is that the file was accepted.
    fn from(status: JobStatus) -> Self {
        match status {
            JobStatus::Waiting | JobStatus::Expired | JobStatus::Processing => Self::Processing,
            JobStatus::Completed => Self::Completed,
            JobStatus::Failed => Self::Failed,
        }
    }
}

/// A place among the patients that a job has queried. A message about documents begins at a place,
/// and the next one where it ended.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize,
)]
pub struct DocumentsPlace {
    /// The number of the chunk.
    pub chunk: u32,
    /// The number of the queried patient of the chunk, from 0.
    pub patient: u32,
}

/// Returns the id of the message about an event of `job`; about documents, of the message that
/// begins at `place`. It is computed and not random, so that every attempt, and every repetition of
/// the event behind it, has the same id.
pub fn message_id(job: JobId, event: WebhookEvent, place: DocumentsPlace) -> MessageId {
    let name = match event {
        WebhookEvent::Documents => format!("documents/{}/{}", place.chunk, place.patient),
        WebhookEvent::Processing | WebhookEvent::Completed | WebhookEvent::Failed => {
            event.as_str().to_owned()
        }
    };
    MessageId::new(Uuid::new_v5(&job.as_uuid(), name.as_bytes()))
}
