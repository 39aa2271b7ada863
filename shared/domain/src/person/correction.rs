//! How a call corrects a patient, and where the patient is then.
//!
//! A correction replaces the demographics, and may change the identity. Matching looks for a person
//! in the item of its identity's bucket, so that a patient with another identity has to move to
//! another item. Its id keeps the bucket in which it was created. The item of that bucket therefore
//! says to which bucket each of its patients has moved ([`Person::moved_to`]). One transaction
//! writes all items that a move changes, so that a patient is always in exactly one item, and is
//! found by its id and by its identity.
//!
//! For rows, a correction is a deletion and a creation at once. The two rules of
//! [`deletion`](super::deletion) hold, because a message can be received again after a correction,
//! and its rows must not bring back what the call has corrected:
//!
//! - **What was decided before the correction stays decided.** The identity that the patient had
//!   remembers its id for the rows of jobs that may still write. A repeated question gets this id
//!   as its answer, and changes nothing.
//! - **A job that began before the correction waits until its earlier attempts have ended**, if it
//!   has not decided about the person.
//!
//! A row that is folded after the correction is about the patient if it has the corrected identity
//! and shares a zip code with it. A row with the identity that was corrected is about another
//! person. A patient that moves comes last among those of its new identity, so that the decisions
//! for the others stay right.

use super::gone::{DeletedPatient, Gone, MovedPatient};
use super::{KnownIdentity, Person};
use crate::hash_key::{Bucket, HashKey};
use crate::identity::Identity;
use crate::ids::{JobId, PatientId};
use crate::mutants::{Bug, has};
use crate::record::{Correction, PatientRecord};
use crate::stored_size::{LARGEST_PATIENTS, LARGEST_PERSON};
use crate::time::Timestamp;

/// What a correction does to the item that the patient is in.
#[derive(Clone, PartialEq, Debug)]
pub enum Corrected {
    /// The identity is the same; the record is corrected in its place.
    InPlace,
    /// The identity is another one. The record was taken out of the item, and belongs to the item
    /// of this bucket.
    Moves(Box<PatientRecord>, Bucket),
}

impl Person {
    /// Returns whether the item has room for all that is in it.
    pub fn fits(&self) -> bool {
        self.patients_size() <= LARGEST_PATIENTS && self.stored_size() <= LARGEST_PERSON
    }

    /// Corrects a patient by a call. Returns `None` if the item does not have the patient.
    pub fn correct(
        &mut self,
        patient: PatientId,
        correction: &Correction,
        key: &HashKey,
        call: JobId,
        now: Timestamp,
    ) -> Option<Corrected> {
        let (known, index) = self.place_of(patient)?;
        let before = Identity::of_patient(&known.patients[index].patient);
        let mut record = known.patients[index].clone();
        record.correct(correction, call, now);
        let identity = Identity::of_patient(&record.patient);
        if identity == before {
            known.remember_corrected(index, now);
            known.patients[index] = record;
            return Some(Corrected::InPlace);
        }
        known.take(index, key, now, Gone::Corrected);
        Some(Corrected::Moves(Box::new(record), key.bucket(&identity)))
    }

    /// Adds a corrected patient, as the last one of its identity.
    pub fn receive(&mut self, record: PatientRecord, key: &HashKey) {
        let identity = Identity::of_patient(&record.patient);
        let known = self.identities.iter().position(|known| known.is(&identity, key));
        let known = known.unwrap_or_else(|| {
            self.identities.push(KnownIdentity::default());
            self.identities.len() - 1
        });
        let known = &mut self.identities[known];
        known.patients.push(record);
        known.hash = None;
    }

    /// Returns the bucket to which a patient with an id of this bucket has moved.
    pub fn moved_to(&self, patient: PatientId) -> Option<Bucket> {
        self.moved.iter().find(|moved| moved.id == patient).map(|moved| moved.to)
    }

    /// Notes to which bucket a patient with an id of this bucket has moved; `None` if it is here.
    /// Returns whether that was not noted yet.
    pub fn note_move(&mut self, patient: PatientId, to: Option<Bucket>) -> bool {
        let is_new = self.moved_to(patient) != to;
        self.moved.retain(|moved| moved.id != patient);
        self.moved.extend(to.map(|to| MovedPatient { id: patient, to }));
        is_new
    }

    /// Returns whether rows were about a patient of this item that was corrected since.
    pub(super) fn was_corrected(&self, patient: PatientId) -> bool {
        self.deleted_patients().any(|gone| gone.id == patient && gone.is_corrected())
    }
}

impl KnownIdentity {
    /// Remembers for the rows of a patient that it is corrected, and stays in its place.
    fn remember_corrected(&mut self, index: usize, now: Timestamp) {
        if has(Bug::CorrectionForgotten) {
            return;
        }
        self.forget(now);
        self.remember_gone(index, DeletedPatient::corrected(self.patients[index].patient.id, now));
    }
}
