//! The undo of a job: how far it is, and what it did with each patient.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::ids::PatientId;
use crate::plan::ChunkNumber;
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
    use super::*;

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
}
