//! The patients in the item of a person, and their places in it.

use super::{KnownIdentity, Person};
use crate::ids::PatientId;
use crate::record::PatientRecord;

impl Person {
    /// Returns the patients of all identities, identity by identity.
    pub fn patients(&self) -> impl Iterator<Item = &PatientRecord> {
        self.identities.iter().flat_map(|known| &known.patients)
    }

    /// Returns the patients of all identities by value.
    pub fn into_patients(self) -> impl Iterator<Item = PatientRecord> {
        self.identities.into_iter().flat_map(|known| known.patients)
    }

    /// Returns the patient with this id.
    pub fn patient(&self, id: PatientId) -> Option<&PatientRecord> {
        self.patients().find(|record| record.patient.id == id)
    }

    /// Returns the patient with this id, to be changed by a call.
    pub fn patient_mut(&mut self, id: PatientId) -> Option<&mut PatientRecord> {
        self.place_of(id).map(|(known, index)| &mut known.patients[index])
    }

    /// Returns the identity of a patient, and the patient's index among those of the identity.
    pub(super) fn place_of(&mut self, id: PatientId) -> Option<(&mut KnownIdentity, usize)> {
        self.identities.iter_mut().find_map(|known| known.index_of(id).map(|index| (known, index)))
    }
}

impl KnownIdentity {
    /// Returns the index of the patient with this id.
    pub(super) fn index_of(&self, id: PatientId) -> Option<usize> {
        self.patients.iter().position(|record| record.patient.id == id)
    }
}
