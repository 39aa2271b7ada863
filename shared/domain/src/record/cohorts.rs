//! How a patient joins and leaves cohorts by calls.
//!
//! A call has an id as jobs have them, made at the time of the call, so that it has its place among
//! the jobs: rows of a job that is older than the call do not put the patient back into a cohort
//! that it left, and rows of a younger job do.

use super::PatientRecord;
use crate::ids::{CohortId, JobId};
use crate::job::times::may_write;
use crate::roster::Roster;
use crate::time::Timestamp;

impl PatientRecord {
    /// Puts the patient into a cohort by a call. Returns whether it was not in it.
    pub fn join_cohort(&mut self, cohort: CohortId, call: JobId, now: Timestamp) -> bool {
        if self.patient.cohort_ids.contains(&cohort) {
            return false;
        }
        self.patient.cohort_ids.push(cohort);
        self.joined_by.push((cohort, call));
        self.left_by.retain(|(left, _)| *left != cohort);
        self.note_call(call, now);
        true
    }

    /// Takes the patient out of a cohort by a call. Returns whether it was in it.
    pub fn leave_cohort(&mut self, cohort: CohortId, call: JobId, now: Timestamp) -> bool {
        let Some(joined_by) = self.listed_by(Roster::Cohort(cohort)) else { return false };
        // The clocks of two functions may differ, so that the patient may have joined by a later
        // id.
        let left_by = call.max(joined_by);
        self.patient.cohort_ids.retain(|known| *known != cohort);
        self.joined_by.retain(|(joined, _)| *joined != cohort);
        // No job that is older than a call may write when the note of the call is forgotten.
        self.left_by.retain(|(left, by)| *left != cohort && may_write(*by, now));
        self.left_by.push((cohort, left_by));
        self.note_call(call, now);
        true
    }

    /// Returns the call by which the patient left a cohort that it is not in, or the last job or
    /// call by which it had joined the cohort: the later of the two ids.
    pub fn left_by(&self, cohort: CohortId) -> Option<JobId> {
        self.left_by.iter().find(|(left, _)| *left == cohort).map(|(_, by)| *by)
    }

    /// Returns the cohorts that the patient left, of which rosters may still name it.
    pub(crate) fn left_cohorts(&self) -> impl Iterator<Item = CohortId> {
        self.left_by.iter().map(|(cohort, _)| *cohort)
    }

    /// Returns whether the patient left a cohort, and rows of this job do not put it back.
    pub(super) fn has_left(&self, cohort: CohortId, job: JobId) -> bool {
        self.left_by(cohort).is_some_and(|by| job <= by)
    }

    /// Notes that a call changed the patient.
    pub(crate) fn note_call(&mut self, call: JobId, now: Timestamp) {
        self.patient.date_updated = now;
        self.called_by = Some(call);
    }
}
