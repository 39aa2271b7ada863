//! What the item of a person remembers of patients that are not in it any more, or not as they
//! were.

use crate::hash_key::{Bucket, ExternalIdHash, HashKey};
use crate::ids::{CohortId, JobId, PatientId};
use crate::record::PatientRecord;
use crate::stored_size::ID;
use crate::time::Timestamp;

/// What an item remembers of a patient that was deleted, or corrected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeletedPatient {
    /// The id, which no other patient ever gets.
    pub id: PatientId,
    /// When the patient was deleted or corrected.
    pub at: Timestamp,
    /// The hash of its external id, so that its entry can be deleted by a later attempt, too.
    pub external_id: Option<ExternalIdHash>,
    /// The cohorts that it was in, so that it can be removed from their rosters.
    pub cohorts: Vec<CohortId>,
    /// How the patient is gone.
    pub by: Gone,
}

/// How a patient is gone for the rows that were about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gone {
    /// A call deleted the patient.
    Deleted,
    /// The undo of this job deleted the patient. A retry of the undo counts the patient, too.
    Undone(JobId),
    /// A call corrected the patient, which for the rows of earlier jobs is the same as a deletion.
    Corrected,
}

impl DeletedPatient {
    pub(super) fn new(record: &PatientRecord, key: &HashKey, at: Timestamp, by: Gone) -> Self {
        let patient = &record.patient;
        Self {
            id: patient.id,
            at,
            external_id: patient.external_id.as_ref().map(|id| key.external_id(id)),
            cohorts: patient.cohort_ids.iter().copied().chain(record.left_cohorts()).collect(),
            by,
        }
    }

    pub(super) const fn corrected(id: PatientId, at: Timestamp) -> Self {
        Self { id, at, external_id: None, cohorts: Vec::new(), by: Gone::Corrected }
    }

    /// Returns whether the patient was not deleted but corrected.
    pub const fn is_corrected(&self) -> bool {
        matches!(self.by, Gone::Corrected)
    }

    /// Returns the job with the undo that deleted the patient, if an undo did.
    pub const fn undone_by(&self) -> Option<JobId> {
        match self.by {
            Gone::Undone(job) => Some(job),
            Gone::Deleted | Gone::Corrected => None,
        }
    }

    /// Returns the size in the store, in bytes: less than that of the smallest patient.
    pub(super) fn stored_size(&self) -> usize {
        DELETED_SIZE + ID * self.cohorts.len()
    }
}

/// The size of a deleted patient without cohorts,
/// `{"i":"…","t":1800000000000,"x":"…","h":[],"u":100},`, of the hash of its identity, and of the
/// id of the undone job. A corrected patient takes less.
const DELETED_SIZE: usize = 55 + 4 * ID;

/// A patient that is in the item of another bucket than the one in its id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct MovedPatient {
    pub id: PatientId,
    pub to: Bucket,
}

/// The size of a moved patient in the store, `["…",1152921504606846975],`.
pub(super) const MOVED_SIZE: usize = ID + 24;
