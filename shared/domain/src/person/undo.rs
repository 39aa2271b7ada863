//! What the undo of a job does with a patient.
//!
//! An undo deletes each patient that the job created, unless another job or a call has changed the
//! patient since. A patient that the job updated stays as it is, because its earlier values are not
//! stored anywhere. A job that read a patient and changed nothing does not count as a change: it
//! left no trace in the record.

use super::Person;
use crate::ids::{JobId, PatientId};
use crate::mutants::{Bug, has};
use crate::record::PatientRecord;
use crate::undo::{KeptReason, UndoOutcome};

/// What the undo of a job has to do with a patient.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UndoStep {
    /// The patient is to be deleted.
    Delete,
    /// The patient is decided.
    Ended(UndoOutcome),
}

impl Person {
    /// Returns what the undo of a job has to do with a patient, or `None` if the patient never was
    /// there or a call has deleted it.
    pub fn undo_step(&self, patient: PatientId, job: JobId) -> Option<UndoStep> {
        if let Some(record) = self.patient(patient) {
            let kept = reason_to_keep(record, job).map(UndoOutcome::Kept);
            return Some(kept.map_or(UndoStep::Delete, UndoStep::Ended));
        }
        let is_undone =
            self.deleted(patient).is_some_and(|deleted| deleted.undone_by() == Some(job));
        (is_undone && !has(Bug::UndoForgetsDeletions))
            .then_some(UndoStep::Ended(UndoOutcome::Deleted))
    }
}

/// Returns why the undo of a job keeps a patient with this record, or `None` if the undo deletes
/// it.
pub fn reason_to_keep(record: &PatientRecord, job: JobId) -> Option<KeptReason> {
    if record.created_by != job {
        Some(KeptReason::ExistedBefore)
    } else if record.changed_by != job && !has(Bug::LaterChangeUndone) {
        Some(KeptReason::ChangedByJob)
    } else {
        let called_by = record.called_by.filter(|_| !has(Bug::CalledPatientUndone));
        called_by.map(|_| KeptReason::ChangedByCall)
    }
}
