//! Which spelling of a name a patient keeps.
//!
//! A name that came in capitals does not replace one that differs in case only. So an older job
//! that is imported late can still give the spelling that a newer job in capitals would have left.
//! For that the record notes, while an older job may come, up to which job the spelling is settled.

use super::{PatientRecord, Register, RowsOfJob};
use crate::ids::JobId;
use crate::mutants::{Bug, has};
use crate::patient::Names;

/// One of the two names of a patient.
#[derive(Clone, Copy)]
pub(super) enum NameField {
    First,
    Last,
}

impl NameField {
    fn writer(self) -> Register {
        match self {
            Self::First => Register::FirstName,
            Self::Last => Register::LastName,
        }
    }

    fn spelling(self) -> Register {
        match self {
            Self::First => Register::FirstNameSpelling,
            Self::Last => Register::LastNameSpelling,
        }
    }
}

impl PatientRecord {
    /// Notes about a new record that no job has spelled its names yet, if they came in one case.
    pub(super) fn note_capitals(&mut self, field: NameField, source: RowsOfJob, in_one_case: bool) {
        if in_one_case && source.may_overtake {
            self.written_by.push((field.spelling(), *JobId::ALL.start()));
        }
    }

    /// Writes a name, as if the jobs had been imported in the order of their ids. Returns whether
    /// the name changed.
    pub(super) fn write_name(
        &mut self,
        field: NameField,
        source: RowsOfJob,
        name: &Names,
        in_one_case: bool,
    ) -> bool {
        let same_letters = self.name(field).differs_in_case_only(name);
        let keeps_spelling = same_letters && in_one_case && !has(Bug::CapitalsKept);
        if keeps_spelling && !source.may_overtake {
            return false;
        }
        let mut is_change = false;
        let before = self.last_writer(field.writer()).unwrap_or(self.created_by);
        let settled = self.last_writer(field.spelling());
        if !self.may_write(field.writer(), source.job) {
            if settled.is_some_and(|settled| settled <= source.job)
                && !keeps_spelling
                && !has(Bug::LateSpellingLost)
            {
                let spelled =
                    if same_letters { name.clone() } else { self.name(field).in_title_case() };
                is_change = *self.name(field) != spelled;
                *self.name(field) = spelled;
                self.settle(field, Some(source.job));
            }
        } else if !keeps_spelling {
            is_change = self.name(field) != name;
            self.name(field).clone_from(name);
            self.settle(field, (in_one_case && source.may_overtake).then_some(before));
        } else if settled.is_none() && before < source.job {
            self.settle(field, Some(before));
        }
        is_change
    }

    fn name(&mut self, field: NameField) -> &mut Names {
        match field {
            NameField::First => &mut self.patient.first_name,
            NameField::Last => &mut self.patient.last_name,
        }
    }

    /// Notes up to which job the spelling is settled; `None` if no older job can change it.
    fn settle(&mut self, field: NameField, job: Option<JobId>) {
        self.written_by.retain(|(register, _)| *register != field.spelling());
        self.written_by.extend(job.map(|job| (field.spelling(), job)));
    }
}
