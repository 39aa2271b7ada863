//! Which jobs the item of a person names.

use std::collections::BTreeSet;

use super::decision::Place;
use super::{KnownIdentity, Person};
use crate::ids::{JobId, PatientId};

impl Person {
    /// Returns the jobs that the item names as those with rows about a patient, who may be deleted.
    /// A job that changed nothing is named for some days at most, or not at all.
    pub fn jobs_about(&self, patient: PatientId) -> BTreeSet<JobId> {
        self.identities.iter().flat_map(|known| known.jobs_about(patient)).collect()
    }
}

impl KnownIdentity {
    fn jobs_about(&self, patient: PatientId) -> BTreeSet<JobId> {
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
        let wrote = at.into_iter().flat_map(|index| self.patients[index].jobs());
        decided.chain(wrote).collect()
    }
}
