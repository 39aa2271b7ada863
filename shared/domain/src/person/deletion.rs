//! How a patient is deleted, and what its person's item remembers of it.
//!
//! A deletion takes effect with the write that removes the record. Rows that were folded before are
//! gone with the patient, and a row that is folded later creates a new patient under a new id.
//!
//! A message can be received again after the deletion, and its rows must not become patients a
//! second time. Two rules make sure of that:
//!
//! - **What was decided before the deletion stays decided.** The item keeps the decisions of jobs
//!   that may still write, and the ids of deleted patients that they name. A repeated question gets
//!   the id of the deleted patient as its answer, and changes nothing.
//! - **A job that began before the deletion waits until its earlier attempts have ended.** An
//!   attempt that changed nothing left no decision in the item, but may be about to store its
//!   outcomes. [`ATTEMPT_ENDS`] after the deletion, no attempt is alive that has read the patient.
//!   If none of them has stored outcomes, no attempt has answered for the rows, and they are folded
//!   again.
//!
//! Both need the item until no job of the time before the deletion may write, which is
//! [`JOB_WRITES`] after it at the latest. If the item has no patients by then, the table deletes it
//! ([`Person::forgotten_at`]). The item holds no names and no dates of a deleted patient: only ids,
//! keyed hashes, and what is left to clean up.

use std::time::Duration;

use super::decision::Place;
use super::gone::{DeletedPatient, Gone};
use super::{KnownIdentity, Person};
use crate::hash_key::HashKey;
use crate::identity::Identity;
use crate::ids::{JobId, PatientId};
use crate::job::times::{JOB_WRITES, may_write};
use crate::mutants::{Bug, has};
use crate::time::Timestamp;

/// How long after its beginning an attempt to import a chunk has certainly ended: longer than the
/// functions `ImportRows` and `Abandon` may run (template.yaml: 120 and 150 seconds).
pub const ATTEMPT_ENDS: Duration = Duration::from_mins(3);

impl Person {
    /// Deletes a patient, by the undo of a job or by a call. Returns whether there was one with
    /// this id.
    pub fn delete(
        &mut self,
        patient: PatientId,
        key: &HashKey,
        undone_by: Option<JobId>,
        now: Timestamp,
    ) -> bool {
        let Some((known, index)) = self.place_of(patient) else { return false };
        let by = undone_by.map_or(Gone::Deleted, Gone::Undone);
        known.take(index, key, now, by);
        true
    }

    /// Returns what is remembered of patients that were deleted or corrected.
    pub fn deleted_patients(&self) -> impl Iterator<Item = &DeletedPatient> {
        self.identities.iter().flat_map(|known| &known.deleted)
    }

    /// Returns what is remembered of a deleted patient.
    pub fn deleted(&self, patient: PatientId) -> Option<&DeletedPatient> {
        self.deleted_patients().find(|deleted| deleted.id == patient && !deleted.is_corrected())
    }

    /// Returns when a patient of an identity was deleted or corrected last, if a job that started
    /// at this time may have read the patient before without leaving a decision.
    pub fn deleted_since(
        &self,
        identity: &Identity,
        key: &HashKey,
        job: JobId,
        started_at: Timestamp,
    ) -> Option<Timestamp> {
        let known = self.identities.iter().find(|known| known.is(identity, key))?;
        if known.decisions.iter().any(|decision| decision.job == job) {
            return None;
        }
        known.deleted.iter().map(|deleted| deleted.at).filter(|at| *at >= started_at).max()
    }

    /// Returns when nothing of the item is needed any more. `None` if it has patients, or says
    /// where a patient is.
    pub fn forgotten_at(&self) -> Option<Timestamp> {
        let last = self.deleted_patients().map(|deleted| deleted.at.plus(JOB_WRITES)).max();
        last.filter(|_| self.patients().next().is_none() && self.moved.is_empty())
    }
}

impl KnownIdentity {
    /// Takes a patient out of the identity, and remembers it for the rows that were about it.
    pub(super) fn take(&mut self, index: usize, key: &HashKey, now: Timestamp, by: Gone) {
        self.forget(now);
        let record = &self.patients[index];
        let (gone, is_forgotten) = match by {
            Gone::Corrected => {
                (DeletedPatient::corrected(record.patient.id, now), has(Bug::CorrectionForgotten))
            }
            Gone::Deleted | Gone::Undone(_) => {
                (DeletedPatient::new(record, key, now, by), has(Bug::DeletionForgetsDecisions))
            }
        };
        self.remember_gone(index, gone);
        let record = self.patients.remove(index);
        for decision in &mut self.decisions {
            decision.move_places(|before| match before {
                Place::At(at, effect) if at > index => Place::At(at - 1, effect),
                Place::At(..) | Place::Deleted(..) | Place::NoRoom => before,
            });
        }
        if is_forgotten {
            self.decisions.clear();
        }
        if self.patients.is_empty() {
            self.hash = Some(key.deleted_identity(&Identity::of_patient(&record.patient)));
        }
    }

    /// Remembers that what was decided for a patient is not to be repeated.
    /// A patient that is corrected again is remembered once.
    pub(super) fn remember_gone(&mut self, index: usize, gone: DeletedPatient) {
        let is_same = |known: &DeletedPatient| {
            known.id == gone.id && known.is_corrected() && gone.is_corrected()
        };
        let place = if let Some(place) = self.deleted.iter().position(is_same) {
            self.deleted[place].at = gone.at;
            place
        } else {
            self.deleted.push(gone);
            self.deleted.len() - 1
        };
        for decision in &mut self.decisions {
            decision.move_places(|before| match before {
                Place::At(at, effect) if at == index => Place::Deleted(place, effect),
                Place::At(..) | Place::Deleted(..) | Place::NoRoom => before,
            });
        }
    }

    /// Forgets the decisions of jobs that write no more, and the deleted patients that no job can
    /// have a row about.
    pub(super) fn forget(&mut self, now: Timestamp) {
        self.decisions.retain(|decision| may_write(decision.job, now));
        for index in (0..self.deleted.len()).rev() {
            let is_named = |decision: &super::Decision| decision.names_deleted(index);
            if self.deleted[index].at.plus(JOB_WRITES) >= now || self.decisions.iter().any(is_named)
            {
                continue;
            }
            self.deleted.remove(index);
            for decision in &mut self.decisions {
                decision.move_places(|before| match before {
                    Place::Deleted(at, effect) if at > index => Place::Deleted(at - 1, effect),
                    Place::At(..) | Place::Deleted(..) | Place::NoRoom => before,
                });
            }
        }
    }
}
