//! How a call opts a patient out of health information exchange, beside jobs with rows about the
//! patient.

use super::{PatientRecord, Register};
use crate::ids::JobId;
use crate::time::Timestamp;

impl PatientRecord {
    /// Opts the patient out or in by a call, unless a younger job has said otherwise.
    ///
    /// `call` is an id as jobs have them, made at the time of the call, so that the call has its
    /// place among the jobs: rows of a job that is older than the call do not change what the call
    /// said, and rows of a younger job do.
    pub fn set_opt_out(&mut self, opt_out: bool, call: JobId, now: Timestamp) {
        // The clocks of two functions may differ, so that an earlier call may have a later id.
        let call = self.called_by.map_or(call, |earlier| call.max(earlier));
        if self.may_write(Register::HieOptOut, call) && self.patient.hie_opt_out != opt_out {
            self.patient.hie_opt_out = opt_out;
            self.note_call(call, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;
    use crate::given::ada;
    use crate::hash_key::HashKey;
    use crate::identity::Identity;
    use crate::ids::{FacilityId, RowNumber};
    use crate::patient::PatientRow;
    use crate::person::{Group, Person};
    use crate::record::RowsOfJob;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000).plus(Duration::from_secs(seconds))
    }

    /// Folds one row of a job that was created at this second.
    fn fold(person: Person, job: u64, opt_out: Option<bool>) -> Person {
        let row = PatientRow { hie_opt_out: opt_out, ..ada() };
        let (key, identity) = (HashKey::new([7; 32]), Identity::of_row(&row));
        let bucket = key.bucket(&identity);
        let group = Group { bucket, identity, rows: vec![(RowNumber::FIRST, row)] };
        let source = RowsOfJob {
            job: JobId::first_at(at(job)),
            facility: FacilityId::new(Uuid::from_u128(1)),
            may_overtake: false,
            now: at(job),
        };
        person.fold(&group, &key, source).person
    }

    fn is_opted_out(person: &Person) -> bool {
        person.patients().next().unwrap().patient.hie_opt_out
    }

    fn call(mut person: Person, second: u64, opt_out: bool) -> Person {
        let patient = person.patients().next().unwrap().patient.id;
        let record = person.patient_mut(patient).unwrap();
        record.set_opt_out(opt_out, JobId::first_at(at(second)), at(second));
        assert_eq!(record.patient.hie_opt_out, opt_out);
        person
    }

    #[test]
    fn rows_of_older_jobs_do_not_undo_a_call_and_rows_of_younger_jobs_do() {
        let created = fold(Person::default(), 1, None);
        let called = call(created, 5, true);
        assert!(is_opted_out(&fold(called.clone(), 3, Some(false))));
        assert!(!is_opted_out(&fold(called.clone(), 7, Some(false))));
        assert!(is_opted_out(&fold(called.clone(), 7, None)), "a blank cell changes nothing");
        assert!(!is_opted_out(&call(called, 9, false)));
    }

    #[test]
    fn a_call_that_changes_nothing_has_its_place_all_the_same() {
        let created = fold(Person::default(), 1, Some(true));
        let called = call(created.clone(), 5, true);
        assert!(is_opted_out(&fold(called, 3, Some(false))));
        assert!(!is_opted_out(&fold(created, 3, Some(false))));
    }

    #[test]
    fn a_call_is_a_change_of_its_patient_only_if_it_changes_something() {
        let created = fold(Person::default(), 1, Some(true));
        let called_by = |person: &Person| person.patients().next().unwrap().called_by;
        assert_eq!(called_by(&call(created.clone(), 5, true)), None);
        assert_eq!(called_by(&call(created, 5, false)), Some(JobId::first_at(at(5))));
    }
}
