//! Which jobs may still change the external id of a patient.

use super::{KnownIdentity, Person};
use crate::ids::{JobId, PatientId};
use crate::job::times::may_write;
use crate::time::Timestamp;

impl Person {
    /// Returns whether a job may still change the external id of this patient, who may not exist
    /// yet. A deleted patient never changes.
    pub fn awaits(&self, patient: PatientId, job: JobId, now: Timestamp) -> bool {
        if self.deleted(patient).is_some() {
            return false;
        }
        let record = self.patient(patient);
        if record.is_some_and(|record| !record.may_write_external_id(job)) {
            return false;
        }
        let has_decided =
            |known: &KnownIdentity| known.decisions.iter().any(|decision| decision.job == job);
        let is_of_patient = |known: &&KnownIdentity| known.index_of(patient).is_some();
        let has_decided = match self.identities.iter().find(is_of_patient) {
            Some(known) => has_decided(known),
            None => self.identities.iter().any(has_decided),
        };
        may_write(job, now) && !has_decided
    }
}
