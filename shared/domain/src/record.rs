//! A patient with its bookkeeping, and how a row is merged into it.
//!
//! Values that a row has win over stored ones, blanks leave them; lists only grow. So that a late
//! redelivery of an older job cannot bring back an older value, each single-valued field remembers
//! the job that wrote it last: job ids sort by time, and an older job does not overwrite a newer
//! one.

mod cohorts;
mod correction;
mod lists;
mod names;
mod opt_out;
mod readable;

use serde::{Deserialize, Serialize};

use crate::ids::{CohortId, FacilityId, JobId, PatientId};
use crate::mutants::{Bug, has};
use crate::outcome::RowEffect;
use crate::patient::{ExternalId, Names, Patient, PatientRow, PersonalIdentifier, Zip};
use crate::roster::Roster;
use crate::stored_size::ID;
use crate::time::Timestamp;
use crate::warning::PatientWarnings;

pub use correction::Correction;
use lists::{add, add_address, add_contact};
use names::NameField;

/// A patient with the bookkeeping that merging needs.
#[derive(Clone, PartialEq, Debug)]
pub struct PatientRecord {
    /// The patient, in the shape of the API.
    pub patient: Patient,
    /// The job that created this patient.
    pub created_by: JobId,
    /// The job that changed the patient last. The creating job, unless another job has changed the
    /// patient: the creating job never takes its place again.
    pub changed_by: JobId,
    /// The jobs that last wrote a field, if that was not the creating job.
    pub(crate) written_by: Vec<(Register, JobId)>,
    /// The jobs and calls that put the patient into its cohorts, if that was not the creating job.
    pub(crate) joined_by: Vec<(CohortId, JobId)>,
    /// The calls that took the patient out of cohorts, while older jobs may write.
    pub(crate) left_by: Vec<(CohortId, JobId)>,
    /// The last call that changed the patient, if any did. It does not count in `changed_by`, by
    /// which a job knows which patients it has to query for documents.
    pub called_by: Option<JobId>,
}

/// The fields that hold one value, stored as one letter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Register {
    #[serde(rename = "x")]
    ExternalId,
    #[serde(rename = "f")]
    FirstName,
    #[serde(rename = "l")]
    LastName,
    #[serde(rename = "n")]
    Ssn,
    #[serde(rename = "d")]
    DriversLicense,
    #[serde(rename = "o")]
    HieOptOut,
    /// The job up to which the spelling of the first name is settled, if an older one may come.
    #[serde(rename = "F")]
    FirstNameSpelling,
    /// The same of the last name.
    #[serde(rename = "L")]
    LastNameSpelling,
}

impl Register {
    const fn name(self) -> &'static str {
        match self {
            Self::ExternalId => "externalId",
            Self::FirstName => "firstName",
            Self::LastName => "lastName",
            Self::Ssn => "ssn",
            Self::DriversLicense => "driversLicense",
            Self::HieOptOut => "hieOptOut",
            Self::FirstNameSpelling => "firstNameSpelling",
            Self::LastNameSpelling => "lastNameSpelling",
        }
    }
}

/// Where rows come from.
#[derive(Clone, Copy, Debug)]
pub struct RowsOfJob {
    /// The job that wrote the values.
    pub job: JobId,
    /// The facility of rows that name none.
    pub facility: FacilityId,
    /// Whether an older job may come later: then it matters who wrote a value last even where the
    /// value stays the same.
    pub may_overtake: bool,
    /// The time of the merge.
    pub now: Timestamp,
}

impl PatientRecord {
    /// Returns whether the rows of a job changed the record, which was `before` at first. Notes the
    /// change.
    pub(crate) fn note_change(&mut self, before: Option<&Self>, source: RowsOfJob) -> bool {
        if before.is_none_or(|before| before.patient != self.patient) {
            self.patient.date_updated = source.now;
            // An attempt that is repeated can change the patient after another job did.
            if source.job != self.created_by {
                self.changed_by = source.job;
            }
            return true;
        }
        let is_overtaking = before.is_some_and(|before| before.written_by != self.written_by);
        source.may_overtake && is_overtaking
    }

    /// Returns the size of the record in the store, in bytes.
    pub(crate) fn stored_size(&self) -> usize {
        self.patient.stored_size() + (self.joined_by.len() + self.left_by.len()) * NOTE_SIZE
    }

    /// Returns the zip codes of the patient's addresses.
    pub(crate) fn zips(&self) -> impl Iterator<Item = Zip> {
        self.patient.address.iter().map(|address| address.zip)
    }

    /// Returns what it takes to undo an update: lists only grow.
    pub(crate) fn mark(&self) -> Mark {
        let patient = &self.patient;
        Mark {
            external_id: patient.external_id.clone(),
            first_name: patient.first_name.clone(),
            last_name: patient.last_name.clone(),
            personal_identifiers: patient.personal_identifiers.clone(),
            hie_opt_out: patient.hie_opt_out,
            written_by: self.written_by.clone(),
            addresses: patient.address.len(),
            contacts: patient.contact.len(),
            facilities: patient.facility_ids.len(),
            cohorts: patient.cohort_ids.len(),
            joined: self.joined_by.len(),
        }
    }

    pub(crate) fn go_back_to(&mut self, mark: Mark) {
        let patient = &mut self.patient;
        patient.external_id = mark.external_id;
        patient.first_name = mark.first_name;
        patient.last_name = mark.last_name;
        patient.personal_identifiers = mark.personal_identifiers;
        patient.hie_opt_out = mark.hie_opt_out;
        self.written_by = mark.written_by;
        patient.address.truncate(mark.addresses);
        patient.contact.truncate(mark.contacts);
        patient.facility_ids.truncate(mark.facilities);
        patient.cohort_ids.truncate(mark.cohorts);
        self.joined_by.truncate(mark.joined);
    }

    /// The rosters that the patient is on by rows of this job.
    pub fn rosters_by(&self, job: JobId) -> impl Iterator<Item = Roster> {
        let cohorts = self.patient.cohort_ids.iter().map(|cohort| Roster::Cohort(*cohort));
        std::iter::once(Roster::AllPatients)
            .chain(cohorts)
            .filter(move |roster| self.listed_by(*roster) == Some(job))
    }

    /// Returns the job that put the patient on a roster.
    pub fn listed_by(&self, roster: Roster) -> Option<JobId> {
        match roster {
            Roster::AllPatients => Some(self.created_by),
            Roster::Cohort(cohort) => {
                let joined = self.joined_by.iter().find(|(joined, _)| *joined == cohort);
                let is_in = self.patient.cohort_ids.contains(&cohort);
                is_in.then(|| joined.map_or(self.created_by, |(_, job)| *job))
            }
        }
    }

    /// Returns the patient that a row creates.
    pub(crate) fn create(id: PatientId, source: RowsOfJob, row: &PatientRow) -> Self {
        let mut record = Self {
            patient: Patient {
                id,
                external_id: None,
                first_name: row.first_name.clone(),
                last_name: row.last_name.clone(),
                dob: row.dob,
                gender_at_birth: row.gender,
                address: Vec::new(),
                contact: Vec::new(),
                personal_identifiers: Vec::new(),
                facility_ids: Vec::new(),
                cohort_ids: Vec::new(),
                hie_opt_out: false,
                date_created: source.now,
                date_updated: source.now,
            },
            created_by: source.job,
            changed_by: source.job,
            written_by: Vec::new(),
            joined_by: Vec::new(),
            left_by: Vec::new(),
            called_by: None,
        };
        let in_one_case = row.names_in_one_case;
        record.note_capitals(NameField::First, source, in_one_case.first);
        record.note_capitals(NameField::Last, source, in_one_case.last);
        record.update(source, row);
        record
    }

    /// Merges a row into the record.
    pub(crate) fn update(&mut self, source: RowsOfJob, row: &PatientRow) -> Merged {
        let job = source.job;
        let mut merged = Merged::default();
        if let Some(external_id) = &row.external_id
            && self.may_write(Register::ExternalId, job)
        {
            let before = self.patient.external_id.replace(external_id.clone());
            if before.as_ref() != Some(external_id) {
                merged.is_change = true;
                if before.is_some() {
                    merged.warnings.add(PatientWarnings::EXTERNAL_ID_REPLACED);
                }
            }
        }
        let in_one_case = row.names_in_one_case;
        merged.is_change |=
            self.write_name(NameField::First, source, &row.first_name, in_one_case.first);
        merged.is_change |=
            self.write_name(NameField::Last, source, &row.last_name, in_one_case.last);
        if let Some(ssn) = &row.ssn
            && self.may_write(Register::Ssn, job)
        {
            let ssn = PersonalIdentifier::Ssn { value: *ssn };
            self.identify(ssn, PatientWarnings::SSN_REPLACED, &mut merged);
        }
        if let Some(license) = &row.drivers_license
            && self.may_write(Register::DriversLicense, job)
        {
            let license = PersonalIdentifier::DriversLicense(license.clone());
            self.identify(license, PatientWarnings::LICENSE_REPLACED, &mut merged);
        }
        if let Some(opt_out) = row.hie_opt_out
            && self.may_write(Register::HieOptOut, job)
        {
            merged.is_change |=
                std::mem::replace(&mut self.patient.hie_opt_out, opt_out) != opt_out;
        }
        let patient = &mut self.patient;
        for address in &row.addresses {
            merged.is_change |= add_address(&mut patient.address, address);
        }
        for contact in &row.contacts {
            merged.is_change |= add_contact(&mut patient.contact, contact);
        }
        merged.is_change |= add(&mut patient.facility_ids, row.facility.unwrap_or(source.facility));
        for cohort in &row.cohorts {
            if !self.has_left(*cohort, job) && add(&mut self.patient.cohort_ids, *cohort) {
                merged.is_change = true;
                if job != self.created_by {
                    self.joined_by.push((*cohort, job));
                }
            }
        }
        merged
    }

    /// Whether `job` may write a register, and notes that it does.
    fn may_write(&mut self, register: Register, job: JobId) -> bool {
        let position = self.written_by.iter().position(|(written, _)| *written == register);
        if self.last_writer(register).is_some_and(|last| job < last) && !has(Bug::OlderJobWins) {
            return false;
        }
        match position {
            Some(index) => self.written_by[index].1 = job,
            // The creating job is known anyway, except that an opt-out needs to be told from none.
            None if job == self.created_by && register != Register::HieOptOut => {}
            None => self.written_by.push((register, job)),
        }
        true
    }

    /// Returns the job that wrote a register last, if it has a value.
    fn last_writer(&self, register: Register) -> Option<JobId> {
        let noted = self.written_by.iter().find(|(written, _)| *written == register);
        let created_by = self.was_given_at_creation(register).then_some(self.created_by);
        noted.map(|(_, job)| *job).or(created_by)
    }

    /// Whether a register without a writer of its own got its value from the row that created the
    /// patient. An opt-out that was given always has a writer: `false` may also mean "not given".
    fn was_given_at_creation(&self, register: Register) -> bool {
        let has = |wanted: fn(&PersonalIdentifier) -> bool| {
            self.patient.personal_identifiers.iter().any(wanted)
        };
        match register {
            Register::FirstName | Register::LastName => true,
            Register::ExternalId => self.patient.external_id.is_some(),
            Register::Ssn => has(|known| matches!(known, PersonalIdentifier::Ssn { .. })),
            Register::DriversLicense => {
                has(|known| matches!(known, PersonalIdentifier::DriversLicense(_)))
            }
            Register::HieOptOut | Register::FirstNameSpelling | Register::LastNameSpelling => false,
        }
    }

    /// Sets the identifier of one type, of which a patient has one. Warns if it replaces another
    /// one.
    fn identify(
        &mut self,
        identifier: PersonalIdentifier,
        warning: PatientWarnings,
        merged: &mut Merged,
    ) {
        let identifiers = &mut self.patient.personal_identifiers;
        let same_type = |known: &&mut PersonalIdentifier| {
            std::mem::discriminant(*known) == std::mem::discriminant(&identifier)
        };
        if let Some(known) = identifiers.iter_mut().find(same_type) {
            let before = std::mem::replace(known, identifier);
            if before != *known {
                merged.is_change = true;
                merged.warnings.add(warning);
            }
            return;
        }
        // The social security number comes first in the list, also if it was added last.
        let is_ssn = matches!(identifier, PersonalIdentifier::Ssn { .. });
        identifiers.insert(if is_ssn { 0 } else { identifiers.len() }, identifier);
        merged.is_change = true;
    }
}

/// What a row did to a record.
#[derive(Clone, Copy, Default)]
pub(crate) struct Merged {
    /// Which identifiers the row replaced by others.
    pub warnings: PatientWarnings,
    /// Whether the row changed something that callers can read.
    pub is_change: bool,
}

impl Merged {
    /// Returns what the row did to its patient, who was there before.
    pub(crate) const fn effect(self) -> RowEffect {
        if self.is_change { RowEffect::Updated } else { RowEffect::Unchanged }
    }
}

/// The size of a note that says which job or call added or removed a cohort, and of the job's id.
const NOTE_SIZE: usize = ID + 10;

/// A record before an update: its single values, and the lengths of its lists.
pub(crate) struct Mark {
    external_id: Option<ExternalId>,
    first_name: Names,
    last_name: Names,
    personal_identifiers: Vec<PersonalIdentifier>,
    hie_opt_out: bool,
    written_by: Vec<(Register, JobId)>,
    addresses: usize,
    contacts: usize,
    facilities: usize,
    cohorts: usize,
    joined: usize,
}

#[cfg(test)]
mod tests;
