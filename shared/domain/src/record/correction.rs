//! How a call corrects a record: it replaces the demographics.

use super::lists::{add_address, add_contact};
use super::{PatientRecord, Register};
use crate::ids::JobId;
use crate::patient::{
    Address, Contact, Dob, DriversLicense, ExternalId, Gender, Names, PersonalIdentifier, Ssn,
};
use crate::time::Timestamp;

/// The demographics of a patient as a call corrects them. They replace all that is known: what is
/// `None` or empty here, the patient has no more, except where a field says otherwise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Correction {
    /// First names, which may be several.
    pub first_name: Names,
    /// Last names, which may be several.
    pub last_name: Names,
    /// Date of birth, not after tomorrow.
    pub dob: Dob,
    /// Gender at birth of the patient.
    pub gender: Gender,
    /// All addresses; at least one.
    pub addresses: Vec<Address>,
    /// All phone numbers and email addresses.
    pub contacts: Vec<Contact>,
    /// Social security number, if the patient has one.
    pub ssn: Option<Ssn>,
    /// Driver's licence, if the patient has one.
    pub drivers_license: Option<DriversLicense>,
    /// The id in the customer's own system; `None` leaves it as it is.
    pub external_id: Option<ExternalId>,
    /// Whether the patient is opted out; `None` leaves it as it is.
    pub hie_opt_out: Option<bool>,
}

impl PatientRecord {
    /// Replaces the demographics by a call. Its id is one as jobs have them, so that the call has
    /// its place among the jobs: no value of an older job replaces a corrected one.
    pub(crate) fn correct(&mut self, correction: &Correction, call: JobId, now: Timestamp) {
        let patient = &mut self.patient;
        patient.first_name.clone_from(&correction.first_name);
        patient.last_name.clone_from(&correction.last_name);
        (patient.dob, patient.gender_at_birth) = (correction.dob, correction.gender);
        patient.address.clear();
        for address in &correction.addresses {
            add_address(&mut patient.address, address);
        }
        patient.contact.clear();
        for contact in &correction.contacts {
            add_contact(&mut patient.contact, contact);
        }
        let ssn = correction.ssn.map(|value| PersonalIdentifier::Ssn { value });
        let license = correction.drivers_license.clone().map(PersonalIdentifier::DriversLicense);
        patient.personal_identifiers = ssn.into_iter().chain(license).collect();
        let mut written =
            vec![Register::FirstName, Register::LastName, Register::Ssn, Register::DriversLicense];
        if let Some(external_id) = &correction.external_id {
            patient.external_id = Some(external_id.clone());
            written.push(Register::ExternalId);
        }
        if let Some(opt_out) = correction.hie_opt_out {
            patient.hie_opt_out = opt_out;
            written.push(Register::HieOptOut);
        }
        let is_kept = |register: Register| match register {
            // The call spells the names, too.
            Register::FirstNameSpelling | Register::LastNameSpelling => false,
            register => !written.contains(&register),
        };
        self.written_by.retain(|(register, _)| is_kept(*register));
        self.written_by.extend(written.into_iter().map(|register| (register, call)));
        self.note_call(call, now);
    }

    /// Returns whether a job may still write the external id. No job may that is not newer than the
    /// job or call that wrote it last.
    pub(crate) fn may_write_external_id(&self, job: JobId) -> bool {
        self.last_writer(Register::ExternalId).is_none_or(|last| job > last)
    }
}
