//! The undo of a job: which patients it deletes, which it keeps and why, and how far it is.
//!
//! An undo deletes each patient that the job created, unless another job or a call has changed the
//! patient since. A patient that the job updated stays as it is, because its earlier values are not
//! stored anywhere. A job that read a patient and changed nothing does not count as a change: it
//! left no trace in the record.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::ids::{JobId, PatientId};
use crate::job::{Job, JobStatus};
use crate::mutants::{Bug, has};
use crate::plan::ChunkNumber;
use crate::record::PatientRecord;
use crate::time::Timestamp;

/// The undo of a job. It never ends the job again: the job's own state stays.
#[derive(Clone, PartialEq, Debug)]
pub struct Undo {
    /// When a call asked for it first.
    pub started_at: Timestamp,
    /// When every patient was decided and the file of kept patients was written. None before.
    pub finished_at: Option<Timestamp>,
    /// The chunks of the job with patients that are not decided yet.
    pub pending_chunks: BTreeSet<ChunkNumber>,
    /// How many patients were deleted and kept so far.
    pub tally: UndoTally,
    /// Whether there is a file of the kept patients.
    pub has_kept_file: bool,
}

/// How far an undo is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum UndoStatus {
    /// Patients are being deleted.
    Processing,
    /// Every patient of the import is deleted or kept.
    Completed,
}

/// Why a job cannot be undone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UndoRefusal {
    /// The job may still write patients.
    NotEnded,
    /// The job was a dry run.
    DryRun,
    /// The job has imported no row.
    NothingImported,
    /// The outcomes of the job's rows were deleted.
    TooOld,
}

/// What an undo did with a patient.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum UndoOutcome {
    /// The patient was deleted.
    #[serde(rename = "d")]
    Deleted,
    /// The patient stays as it is.
    #[serde(rename = "k")]
    Kept(KeptReason),
}

/// Why an undo keeps a patient that its job created or updated.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum KeptReason {
    /// The job updated a patient that was there before.
    #[serde(rename = "b")]
    ExistedBefore,
    /// Another job has changed the patient that the job created.
    #[serde(rename = "j")]
    ChangedByJob,
    /// A call has changed the patient that the job created.
    #[serde(rename = "c")]
    ChangedByCall,
    /// The service could not delete the patient, however often it retried.
    #[serde(rename = "i")]
    NotDeleted,
}

/// A patient that an undo has decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UndonePatient {
    /// The patient that the job created or updated.
    #[serde(rename = "p")]
    pub patient: PatientId,
    /// What the undo did with it.
    #[serde(rename = "o")]
    pub outcome: UndoOutcome,
}

/// How many patients an undo has deleted and kept.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct UndoTally {
    /// The patients that were deleted.
    pub deleted: u32,
    /// The patients that the job created or updated, and that stay.
    pub kept: u32,
}

impl Undo {
    /// Returns the undo of a job that begins now. The chunks of an ended job have their outcomes.
    pub fn begin(job: &Job, now: Timestamp) -> Self {
        let chunks = job.file.as_ref().map_or(0, |file| file.chunks);
        Self {
            started_at: now,
            finished_at: None,
            pending_chunks: (0..chunks).map(ChunkNumber::new).collect(),
            tally: UndoTally::default(),
            has_kept_file: false,
        }
    }

    /// Returns how far the undo is.
    pub const fn status(&self) -> UndoStatus {
        match self.finished_at {
            None => UndoStatus::Processing,
            Some(_) => UndoStatus::Completed,
        }
    }

    /// Returns whether every patient is decided and only the end of the undo is left.
    pub fn is_decided(&self) -> bool {
        self.pending_chunks.is_empty() && self.finished_at.is_none()
    }
}

impl UndoRefusal {
    /// Returns what a caller reads.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NotEnded => {
                "The request has not ended, so that it cannot be undone yet. Wait for its end, or cancel it first"
            }
            Self::DryRun => {
                "The request was a dry run and has created no patients, so that there is nothing to undo"
            }
            Self::NothingImported => {
                "The request has imported no rows, so that there is nothing to undo"
            }
            Self::TooOld => {
                "The files of the request have been deleted after their retention, so that it cannot be undone any more"
            }
        }
    }
}

/// Returns why a job cannot be undone, as far as its record tells, or `None` if it can.
pub fn undo_refusal(job: &Job) -> Option<UndoRefusal> {
    match job.status {
        JobStatus::Waiting | JobStatus::Processing => Some(UndoRefusal::NotEnded),
        JobStatus::Completed | JobStatus::Failed | JobStatus::Expired if job.file.is_none() => {
            Some(UndoRefusal::NothingImported)
        }
        JobStatus::Completed | JobStatus::Failed | JobStatus::Expired => {
            job.dry_run.then_some(UndoRefusal::DryRun)
        }
    }
}

impl KeptReason {
    /// Returns the text in the column `reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExistedBefore => "existed before",
            Self::ChangedByJob => "changed by a later job",
            Self::ChangedByCall => "changed by a call",
            Self::NotDeleted => "internal error, delete this patient by its id",
        }
    }

    /// Returns why the undo of a job keeps a patient with this record, or `None` if the undo
    /// deletes it.
    pub fn of(record: &PatientRecord, job: JobId) -> Option<Self> {
        if record.created_by != job {
            Some(Self::ExistedBefore)
        } else if record.changed_by != job && !has(Bug::LaterChangeUndone) {
            Some(Self::ChangedByJob)
        } else {
            record.called_by.filter(|_| !has(Bug::CalledPatientUndone)).map(|_| Self::ChangedByCall)
        }
    }
}

impl fmt::Display for KeptReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl UndoTally {
    /// Counts the outcomes of patients.
    pub fn of(patients: &[UndonePatient]) -> Self {
        let mut tally = Self::default();
        for patient in patients {
            match patient.outcome {
                UndoOutcome::Deleted => tally.deleted += 1,
                UndoOutcome::Kept(_) => tally.kept += 1,
            }
        }
        tally
    }
}

impl AddAssign for UndoTally {
    fn add_assign(&mut self, Self { deleted, kept }: Self) {
        self.deleted += deleted;
        self.kept += kept;
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    #[test]
    fn the_guide_has_every_reason() {
        const GUIDE: &str = include_str!("../../../infra/docs/integrator.md");
        for reason in [
            KeptReason::ExistedBefore,
            KeptReason::ChangedByJob,
            KeptReason::ChangedByCall,
            KeptReason::NotDeleted,
        ] {
            assert!(GUIDE.contains(&format!("\n| `{reason}` | ")), "{reason}");
        }
    }

    use super::*;
    use crate::ids::{CustomerId, FacilityId, JobId};

    fn job(status: JobStatus, dry_run: bool) -> Job {
        let id = Uuid::from_u128(1);
        let now = Timestamp::from_millis(0);
        let job = Job::new(JobId::new(id), CustomerId::new(id), FacilityId::new(id), dry_run, now);
        Job { status, ..job }
    }

    #[test]
    fn only_a_job_that_ended_can_be_undone() {
        for status in [JobStatus::Waiting, JobStatus::Processing] {
            assert_eq!(undo_refusal(&job(status, false)), Some(UndoRefusal::NotEnded), "{status}");
        }
        for status in [JobStatus::Expired, JobStatus::Failed] {
            let refusal = undo_refusal(&job(status, false));
            assert_eq!(refusal, Some(UndoRefusal::NothingImported), "{status}");
        }
    }
}
