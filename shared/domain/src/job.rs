//! A job, which is one bulk import, and the states that it can be in.

pub mod times;
pub mod undo;

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::csv::{ColumnMappings, Columns};
use crate::ids::{CustomerId, FacilityId, JobId};
use crate::job_size::JobSize;
use crate::outcome::Tally;
use crate::plan::ChunkNumber;
use crate::query::QueryTally;
use crate::time::Timestamp;
use crate::undo::Undo;
use times::UPLOAD_WINDOW;

/// How many jobs of one customer may be `waiting` at the same time (integrator guide, "Limits").
pub const WAITING_JOBS: usize = 1_000;

/// The `reason` of a canceled job, and of its rows that were not started.
pub const CANCELED: &str = "canceled";

/// The `reason` of a job with a result that could not be built, through no fault of its file.
pub const INTERNAL_ERROR: &str = "internal error, please upload the file again";

/// The state of a job.
///
/// `waiting` becomes `processing`, `failed` or `expired`. `processing` becomes `completed` or
/// `failed`, which are final. `expired` becomes `processing` or `failed` if S3 accepted a file
/// after all, because its upload began before the link ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum JobStatus {
    /// The job has no file, or one that has not been checked yet.
    Waiting,
    /// The file is valid, and its rows are being imported.
    Processing,
    /// Every row has its outcome.
    Completed,
    /// The file could not be imported, or the customer canceled the job.
    Failed,
    /// The upload link ended before a file was there.
    Expired,
}

/// What can happen to a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JobEvent {
    /// The whole file was read and is valid.
    FileAccepted,
    /// The file cannot be imported.
    FileRejected,
    /// The upload link ended and no file is there.
    UploadExpired,
    /// The customer canceled the job, and every row of it has an outcome.
    Canceled,
    /// Every row has its outcome and the result file is written.
    Finalized,
    /// The result cannot be built, however often a worker retries.
    Abandoned,
}

/// An event that cannot happen in the state of the job, for example a file for a job that ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a {status} job cannot take {event:?}")]
pub struct IllegalTransition {
    status: JobStatus,
    event: JobEvent,
}

impl JobStatus {
    /// Returns the state after `event`. No other code decides about states.
    pub fn after(self, event: JobEvent) -> Result<Self, IllegalTransition> {
        use JobEvent::{Abandoned, Canceled, FileAccepted, FileRejected, Finalized, UploadExpired};
        use JobStatus::{Completed, Expired, Failed, Processing, Waiting};
        match (self, event) {
            (Waiting | Expired, FileAccepted) => Ok(Processing),
            (Waiting | Expired, FileRejected | Abandoned)
            | (Waiting, Canceled)
            | (Processing, Canceled | Abandoned) => Ok(Failed),
            (Waiting, UploadExpired) => Ok(Expired),
            (Processing, Finalized) => Ok(Completed),
            (Waiting, Finalized)
            | (Processing, FileAccepted | FileRejected | UploadExpired)
            | (Expired, UploadExpired | Canceled | Finalized)
            | (
                Completed | Failed,
                FileAccepted | FileRejected | UploadExpired | Canceled | Finalized | Abandoned,
            ) => Err(IllegalTransition { status: self, event }),
        }
    }

    /// Returns whether the state never changes again.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Waiting | Self::Processing | Self::Expired => false,
            Self::Completed | Self::Failed => true,
        }
    }

    /// Returns whether the job takes a file: the first one that S3 accepts.
    pub const fn takes_file(self) -> bool {
        match self {
            Self::Waiting | Self::Expired => true,
            Self::Processing | Self::Completed | Self::Failed => false,
        }
    }

    /// Returns the name that the API and the tables use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The one upload that a job is bound to: a version of its object, which no later upload replaces.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Upload {
    /// The id of the object's version in the versioned bucket.
    pub version: String,
    /// The entity tag of that version, quotes included, as S3 writes it.
    pub etag: String,
    /// The size in bytes.
    pub bytes: u64,
}

impl Upload {
    /// The version of an object that was stored while its bucket kept no versions. An event does
    /// not name it; a list of the object's versions does (Amazon S3 User Guide, "How S3 Versioning
    /// works" and "Event message structure").
    pub const NO_VERSION: &str = "null";

    /// Returns whether a later upload to the same link leaves this one as it is.
    pub fn is_versioned(&self) -> bool {
        self.version != Self::NO_VERSION
    }
}

/// What the scan found out about the file before it was accepted.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AcceptedFile {
    /// The upload that was read.
    pub upload: Upload,
    /// Which column of the file means what.
    pub columns: Columns,
    /// The number of data rows.
    pub rows: u32,
    /// The number of chunks that the rows were divided into.
    pub chunks: u32,
}

/// A job: one bulk import.
#[derive(Clone, PartialEq, Debug)]
pub struct Job {
    /// The id, which the API calls `requestId`.
    pub id: JobId,
    /// The customer that created the job.
    pub customer: CustomerId,
    /// The facility of rows that name none.
    pub facility: FacilityId,
    /// Whether rows are only validated, so that no patient is created.
    pub dry_run: bool,
    /// What the customer says about the header cells of the file.
    pub mappings: ColumnMappings,
    /// The state of the job.
    pub status: JobStatus,
    /// When the job was created.
    pub created_at: Timestamp,
    /// Until when a file can be uploaded.
    pub upload_expires_at: Timestamp,
    /// When the file was accepted. None before.
    pub started_at: Option<Timestamp>,
    /// When the job ended. None before.
    pub finished_at: Option<Timestamp>,
    /// The file, once it is accepted.
    pub file: Option<AcceptedFile>,
    /// Whether an older job of the customer was still open when this one's file was accepted, so
    /// that this job may overtake it. Values of a newer job stay, so that this job has to mark
    /// every value as its own, even one that it does not change.
    pub may_overtake: bool,
    /// The chunks without outcomes. Empty before the file is accepted.
    pub pending_chunks: BTreeSet<ChunkNumber>,
    /// The chunks with document queries that have not ended.
    pub pending_queries: BTreeSet<ChunkNumber>,
    /// How many document queries were started.
    pub queries: u32,
    /// How many document queries ended in which way.
    pub queries_ended: QueryTally,
    /// How many rows ended in which way so far.
    pub tally: Tally,
    /// Why the job failed, for the customer.
    pub reason: Option<String>,
    /// Whether the customer asked to cancel the job while it was processing. Rows that are not
    /// started then are reported as canceled, and the job ends as soon as every row has its
    /// outcome.
    pub cancel_requested: bool,
    /// The undo of the job, if a call has asked for it.
    pub undo: Option<Undo>,
}

impl Job {
    /// Returns a new job that waits for its file.
    pub fn new(
        id: JobId,
        customer: CustomerId,
        facility: FacilityId,
        dry_run: bool,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            customer,
            facility,
            dry_run,
            mappings: ColumnMappings::default(),
            status: JobStatus::Waiting,
            created_at,
            upload_expires_at: created_at.plus(UPLOAD_WINDOW),
            started_at: None,
            finished_at: None,
            file: None,
            may_overtake: false,
            pending_chunks: BTreeSet::new(),
            pending_queries: BTreeSet::new(),
            queries: 0,
            queries_ended: QueryTally::default(),
            tally: Tally::default(),
            reason: None,
            cancel_requested: false,
            undo: None,
        }
    }

    /// Returns the job with its file accepted, so that every chunk is pending.
    pub fn accept(
        self,
        file: AcceptedFile,
        may_overtake: bool,
        now: Timestamp,
    ) -> Result<Self, IllegalTransition> {
        Ok(Self {
            status: self.status.after(JobEvent::FileAccepted)?,
            started_at: Some(now),
            // A job that had expired has not ended any more.
            finished_at: None,
            pending_chunks: (0..file.chunks).map(ChunkNumber::new).collect(),
            file: Some(file),
            may_overtake,
            ..self
        })
    }

    /// Returns the job, ended by `event`, with a reason for the customer if it failed.
    pub fn end(
        self,
        event: JobEvent,
        reason: Option<String>,
        now: Timestamp,
    ) -> Result<Self, IllegalTransition> {
        Ok(Self { status: self.status.after(event)?, finished_at: Some(now), reason, ..self })
    }

    /// Returns the event by which the job ends when every row has its outcome, and the reason for
    /// the customer.
    pub fn closing_event(&self) -> (JobEvent, Option<String>) {
        if self.cancel_requested {
            (JobEvent::Canceled, Some(CANCELED.to_owned()))
        } else {
            (JobEvent::Finalized, None)
        }
    }

    /// Returns whether the job has nothing left to wait for: every row has its outcome, and every
    /// document query has ended. The queries of a canceled job go on by themselves.
    pub fn is_complete(&self) -> bool {
        self.pending_chunks.is_empty() && (self.pending_queries.is_empty() || self.cancel_requested)
    }

    /// Returns whether the rows of the job have result files, because it ran to its end or was
    /// canceled while it ran.
    pub fn has_results(&self) -> bool {
        self.status == JobStatus::Completed
            || (self.status == JobStatus::Failed && self.cancel_requested)
    }

    /// Returns the number of data rows. 0 before the file is accepted.
    pub fn total(&self) -> u32 {
        self.file.as_ref().map_or(0, |file| file.rows)
    }

    /// Returns the size class of the job, by its rows.
    pub fn size(&self) -> JobSize {
        JobSize::of(self.total())
    }

    /// Returns the share of rows that have their outcome, from 0 to 1.
    pub fn progress(&self) -> f64 {
        match self.total() {
            0 => 0.0,
            total => f64::from(self.tally.ended()) / f64::from(total),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [JobStatus; 5] = [
        JobStatus::Waiting,
        JobStatus::Processing,
        JobStatus::Completed,
        JobStatus::Failed,
        JobStatus::Expired,
    ];
    const EVENTS: [JobEvent; 6] = [
        JobEvent::Abandoned,
        JobEvent::FileAccepted,
        JobEvent::FileRejected,
        JobEvent::UploadExpired,
        JobEvent::Canceled,
        JobEvent::Finalized,
    ];

    #[test]
    fn a_final_state_never_changes() {
        for state in STATES.into_iter().filter(|state| state.is_final()) {
            for event in EVENTS {
                assert!(state.after(event).is_err(), "{state} took {event:?}");
            }
        }
    }

    #[test]
    fn exactly_the_promised_transitions_exist() {
        let mut seen = Vec::new();
        for state in STATES {
            for event in EVENTS {
                if let Ok(next) = state.after(event) {
                    seen.push(format!("{state} -> {next}"));
                }
            }
        }
        seen.sort();
        seen.dedup();
        assert_eq!(
            seen,
            [
                "expired -> failed",
                "expired -> processing",
                "processing -> completed",
                "processing -> failed",
                "waiting -> expired",
                "waiting -> failed",
                "waiting -> processing",
            ]
        );
    }
}
