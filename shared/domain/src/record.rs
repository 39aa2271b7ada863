//! A patient as it is stored, and how rows are merged into it.
//!
//! Values that a row has win over stored ones, blanks leave them; lists only grow. So that a late
//! redelivery of an older job cannot bring back an older value, each single-valued field remembers the
//! job that wrote it last: job ids sort by time, and an older job does not overwrite a newer one.

use serde::{Deserialize, Serialize};

use crate::ids::{CohortId, FacilityId, JobId, PatientId};
use crate::patient::{Address, AddressText, Contact, Patient, PatientRow, PersonalIdentifier};
use crate::roster::Roster;
use crate::time::Timestamp;

/// A patient with the bookkeeping that merging needs.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PatientRecord {
    /// The patient, in the shape of the API.
    pub patient: Patient,
    /// The job whose row this patient was made from.
    pub created_by: JobId,
    /// The job whose rows changed the patient last.
    pub changed_by: JobId,
    /// The jobs that last wrote a field, where that is not the creating job.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    written_by: Vec<(Register, JobId)>,
    /// The jobs whose rows put the patient into its cohorts, where that is not the creating job.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    joined_by: Vec<(CohortId, JobId)>,
}

/// The fields that hold one value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Register {
    ExternalId,
    FirstName,
    LastName,
    Ssn,
    DriversLicense,
    HieOptOut,
}

/// Where rows come from.
#[derive(Clone, Copy, Debug)]
pub struct RowsOfJob {
    /// Their job.
    pub job: JobId,
    /// The facility of rows that name none.
    pub facility: FacilityId,
    /// Whether an older job may come later: then it matters who wrote a value last even where the value
    /// stays the same.
    pub may_overtake: bool,
    /// The time of the merge.
    pub now: Timestamp,
}

impl PatientRecord {
    /// The record after all `rows` of a job, in file order; none if they change nothing. Without a
    /// record `before` the first row creates one.
    pub fn merge<'a>(
        before: Option<&Self>,
        id: PatientId,
        source: RowsOfJob,
        rows: impl IntoIterator<Item = &'a PatientRow>,
    ) -> Option<Self> {
        let mut rows = rows.into_iter();
        let mut record = match before {
            Some(before) => before.clone(),
            None => Self::create(id, source, rows.next()?),
        };
        for row in rows {
            record.update(source, row);
        }
        if before.is_none_or(|before| before.patient != record.patient) {
            record.patient.date_updated = source.now;
            record.changed_by = source.job;
            Some(record)
        } else {
            let is_overtaking = before.is_some_and(|before| before.written_by != record.written_by);
            (source.may_overtake && is_overtaking).then_some(record)
        }
    }

    /// The rosters that the patient is on by rows of this job.
    pub fn rosters_by(&self, job: JobId) -> impl Iterator<Item = Roster> {
        let cohorts = self.patient.cohort_ids.iter().map(|cohort| Roster::Cohort(*cohort));
        std::iter::once(Roster::Everybody)
            .chain(cohorts)
            .filter(move |roster| self.listed_by(*roster) == Some(job))
    }

    /// The job whose rows put the patient on a roster.
    pub fn listed_by(&self, roster: Roster) -> Option<JobId> {
        match roster {
            Roster::Everybody => Some(self.created_by),
            Roster::Cohort(cohort) => {
                let joined = self.joined_by.iter().find(|(joined, _)| *joined == cohort);
                let is_in = self.patient.cohort_ids.contains(&cohort);
                is_in.then(|| joined.map_or(self.created_by, |(_, job)| *job))
            }
        }
    }

    fn create(id: PatientId, source: RowsOfJob, row: &PatientRow) -> Self {
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
        };
        record.update(source, row);
        record
    }

    fn update(&mut self, source: RowsOfJob, row: &PatientRow) {
        let job = source.job;
        if let Some(external_id) = &row.external_id
            && self.may_write(Register::ExternalId, job)
        {
            self.patient.external_id = Some(external_id.clone());
        }
        if self.may_write(Register::FirstName, job) {
            self.patient.first_name.clone_from(&row.first_name);
        }
        if self.may_write(Register::LastName, job) {
            self.patient.last_name.clone_from(&row.last_name);
        }
        if let Some(ssn) = &row.ssn
            && self.may_write(Register::Ssn, job)
        {
            self.identify(PersonalIdentifier::Ssn { value: *ssn });
        }
        if let Some(license) = &row.drivers_license
            && self.may_write(Register::DriversLicense, job)
        {
            self.identify(PersonalIdentifier::DriversLicense(license.clone()));
        }
        if let Some(opt_out) = row.hie_opt_out
            && self.may_write(Register::HieOptOut, job)
        {
            self.patient.hie_opt_out = opt_out;
        }
        for address in &row.addresses {
            add_address(&mut self.patient.address, address);
        }
        for contact in &row.contacts {
            add_contact(&mut self.patient.contact, contact);
        }
        add(&mut self.patient.facility_ids, row.facility.unwrap_or(source.facility));
        for cohort in &row.cohorts {
            if !self.patient.cohort_ids.contains(cohort) {
                self.patient.cohort_ids.push(*cohort);
                if job != self.created_by {
                    self.joined_by.push((*cohort, job));
                }
            }
        }
    }

    /// Whether `job` may write a register, and notes that it does.
    fn may_write(&mut self, register: Register, job: JobId) -> bool {
        let position = self.written_by.iter().position(|(written, _)| *written == register);
        let last_writer = match position {
            Some(index) => Some(self.written_by[index].1),
            None => self.was_given_at_creation(register).then_some(self.created_by),
        };
        if last_writer.is_some_and(|last| job < last) {
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

    /// Whether a register without a writer of its own got its value from the row that created the
    /// patient. An opt-out that was given always has a writer: `false` may also mean "not given".
    fn was_given_at_creation(&self, register: Register) -> bool {
        let has =
            |wanted: fn(&PersonalIdentifier) -> bool| self.patient.personal_identifiers.iter().any(wanted);
        match register {
            Register::FirstName | Register::LastName => true,
            Register::ExternalId => self.patient.external_id.is_some(),
            Register::Ssn => has(|known| matches!(known, PersonalIdentifier::Ssn { .. })),
            Register::DriversLicense => has(|known| matches!(known, PersonalIdentifier::DriversLicense(_))),
            Register::HieOptOut => false,
        }
    }

    /// Sets the identifier of one type, of which a patient has one.
    fn identify(&mut self, identifier: PersonalIdentifier) {
        let same_type = |known: &&mut PersonalIdentifier| {
            std::mem::discriminant(*known) == std::mem::discriminant(&identifier)
        };
        match self.patient.personal_identifiers.iter_mut().find(same_type) {
            Some(known) => *known = identifier,
            None => self.patient.personal_identifiers.push(identifier),
        }
    }
}

fn add<T: PartialEq>(list: &mut Vec<T>, value: T) {
    if !list.contains(&value) {
        list.push(value);
    }
}

fn add_address(known: &mut Vec<Address>, address: &Address) {
    if !known.iter().any(|known| is_same_place(known, address)) {
        known.push(address.clone());
    }
}

/// Whether two addresses differ in nothing but upper and lower case.
fn is_same_place(a: &Address, b: &Address) -> bool {
    let same = |a: &AddressText, b: &AddressText| a.as_str().to_lowercase() == b.as_str().to_lowercase();
    let same_line2 = match (&a.address_line2, &b.address_line2) {
        (Some(a), Some(b)) => same(a, b),
        (a, b) => a == b,
    };
    (a.zip, a.state) == (b.zip, b.state)
        && same(&a.address_line1, &b.address_line1)
        && same(&a.city, &b.city)
        && same_line2
}

/// Adds the phone number and the e-mail address that the patient does not have yet.
fn add_contact(known: &mut Vec<Contact>, contact: &Contact) {
    let phone = contact.phone.filter(|phone| known.iter().all(|known| known.phone.as_ref() != Some(phone)));
    let email =
        contact.email.clone().filter(|email| known.iter().all(|known| known.email.as_ref() != Some(email)));
    if phone.is_some() || email.is_some() {
        known.push(Contact { phone, email });
    }
}

#[cfg(test)]
mod tests;
