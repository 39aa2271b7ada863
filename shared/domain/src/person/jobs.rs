//! Which jobs and calls the item of a person names.

use std::collections::BTreeSet;

use super::decision::Place;
use super::{KnownIdentity, Person};
use crate::ids::{JobId, PatientId};
use crate::record::PatientRecord;

impl Person {
    /// Returns the jobs that the item names as those with rows about a patient, who may be deleted.
    /// A job that changed nothing is named for some days at most, or not at all.
    pub fn jobs_about(&self, patient: PatientId) -> BTreeSet<JobId> {
        let changes = self.identities.iter().flat_map(|known| known.changes_of(patient));
        changes.filter(|id| !id.is_call()).collect()
    }

    /// Returns the calls that the record of a patient names as those that changed it.
    pub fn calls_about(&self, patient: PatientId) -> BTreeSet<JobId> {
        let record = self.patient(patient).into_iter();
        record.flat_map(PatientRecord::changes).filter(|id| id.is_call()).collect()
    }
}

impl KnownIdentity {
    fn changes_of(&self, patient: PatientId) -> BTreeSet<JobId> {
        let at = self.index_of(patient);
        let is_about = |place| match place {
            Place::At(index, _) => at == Some(index),
            Place::Deleted(index, _) => {
                self.deleted.get(index).is_some_and(|deleted| deleted.id == patient)
            }
            Place::NoRoom => false,
        };
        let decided = self
            .decisions
            .iter()
            .filter(|decision| decision.runs.iter().any(|&(_, place)| is_about(place)))
            .map(|decision| decision.job);
        let wrote = at.into_iter().flat_map(|index| self.patients[index].changes());
        decided.chain(wrote).collect()
    }
}
