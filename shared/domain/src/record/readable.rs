//! What an operator reads of a record: everything in it, and the jobs that wrote it.

use serde_json::{Map, Value, json};

use super::PatientRecord;
use crate::ids::JobId;

impl PatientRecord {
    /// Returns the record as JSON with all names in full, as an operator reads it. It holds
    /// everything about the patient.
    pub fn to_readable(&self) -> Value {
        let written_by: Map<String, Value> = self
            .written_by
            .iter()
            .map(|(field, job)| (field.name().to_owned(), json!(job)))
            .collect();
        let joined_by: Map<String, Value> =
            self.joined_by.iter().map(|(cohort, job)| (cohort.to_string(), json!(job))).collect();
        let left_by: Map<String, Value> =
            self.left_by.iter().map(|(cohort, call)| (cohort.to_string(), json!(call))).collect();
        json!({
            "patient": self.patient,
            "createdBy": self.created_by,
            "changedBy": self.changed_by,
            "writtenBy": written_by,
            "joinedBy": joined_by,
            "leftBy": left_by,
            "calledBy": self.called_by,
        })
    }

    /// Returns the jobs and calls that created or changed the patient, as far as the record names
    /// them.
    pub(crate) fn changes(&self) -> impl Iterator<Item = JobId> {
        let written_by = self.written_by.iter().map(|(_, job)| *job);
        let joined_by = self.joined_by.iter().map(|(_, job)| *job);
        let left_by = self.left_by.iter().map(|(_, call)| *call);
        let cohorts = joined_by.chain(left_by);
        written_by.chain(cohorts).chain([self.created_by, self.changed_by]).chain(self.called_by)
    }
}
