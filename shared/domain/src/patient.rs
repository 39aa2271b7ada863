//! A patient: values that can only hold what is valid, what one row says, and what the API shows.
//!
//! Every value is read from text by its `FromStr`, and from JSON by the same rules, so that a cell
//! of a file and a field of a request cannot be judged differently. `Debug` never shows a value:
//! these are the data that must not get into a log.

mod address;
mod contact;
mod date_text;
mod dob;
mod email;
mod gender;
mod identifiers;
mod names;
mod phone;
mod several;
mod state;
mod time_text;
mod title_case;
mod value;

use serde::{Deserialize, Serialize};

use crate::ids::{CohortId, FacilityId, PatientId};
use crate::stored_size;
use crate::time::Timestamp;

pub use address::{Address, AddressText, Country, Zip};
pub use contact::Contact;
pub use dob::Dob;
pub use email::Email;
pub use gender::Gender;
pub use identifiers::{DriversLicense, ExternalId, LicenseNumber, PersonalIdentifier, Ssn};
pub use names::Names;
pub use phone::Phone;
pub use state::State;

pub(crate) use date_text::first_two_numbers;
pub(crate) use several::Several;
pub(crate) use value::Value;

/// What one row says about a patient, valid and normalised. What is `None` or empty was blank.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PatientRow {
    /// The id in the customer's own system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// First names, in the order of the row.
    pub first_name: Names,
    /// Last names, in the order of the row.
    pub last_name: Names,
    /// Which of the names came in upper or in lower case only. They do not replace a name that
    /// differs in case alone.
    #[serde(default, skip_serializing_if = "NamesInOneCase::are_none")]
    pub names_in_one_case: NamesInOneCase,
    /// Date of birth of the patient.
    pub dob: Dob,
    /// Gender at birth of the patient.
    pub gender: Gender,
    /// The filled address slots in order; at least one.
    pub addresses: Vec<Address>,
    /// The filled contact slots in order. The phone and the email of one slot are one contact.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<Contact>,
    /// Social security number, if the row has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssn: Option<Ssn>,
    /// Driver's licence, if the row has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drivers_license: Option<DriversLicense>,
    /// Cohorts in the order of their slots, each once. They exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cohorts: Vec<CohortId>,
    /// The facility, if it is not the job's. It exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facility: Option<FacilityId>,
    /// Whether the patient is opted out of health information exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hie_opt_out: Option<bool>,
}

/// Which of a row's names came in upper or in lower case only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct NamesInOneCase {
    /// Whether the first names were.
    pub first: bool,
    /// Whether the last names were.
    pub last: bool,
}

impl NamesInOneCase {
    // `serde` asks with a reference.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether a text is a value such as a header never has: a date, a zip code, a phone number or an
/// email address.
pub(crate) fn looks_like_data(text: &str) -> bool {
    let Ok(text) = crate::text::clean(text) else { return false };
    Dob::from_tidy(&text).is_ok()
        || Email::from_tidy(&text).is_ok()
        || Phone::from_tidy(&text).is_ok()
        || (text.len() == 5 && Zip::from_tidy(&text).is_ok())
}

impl PatientRow {
    /// Returns how much the row adds to its person's item at most, in bytes.
    pub fn stored_size(&self) -> usize {
        let license = self.drivers_license.as_ref();
        FIELDS_SIZE
            + stored_size::text(self.first_name.as_str())
            + stored_size::text(self.last_name.as_str())
            + self.external_id.as_ref().map_or(0, |id| stored_size::text(id.as_str()))
            + license.map_or(0, |license| stored_size::text(license.value.as_str()))
            + self.addresses.iter().map(Address::stored_size).sum::<usize>()
            + self.contacts.iter().map(Contact::stored_size).sum::<usize>()
            // Beside the cohort's id there may be a note of the job that put the patient into it.
            + self.cohorts.len() * (2 * stored_size::ID + 10)
            // The facility of the row or of its job.
            + stored_size::ID
    }
}

/// The size of a patient's fields without the texts and lists in them, with the ids of the patient
/// and of eleven jobs and calls: those that created, changed and corrected it, and that its eight
/// notes name.
const FIELDS_SIZE: usize = 580;

impl Patient {
    /// Returns the size of the patient, in bytes.
    pub fn stored_size(&self) -> usize {
        let license = |identifier: &PersonalIdentifier| match identifier {
            PersonalIdentifier::Ssn { .. } => 0,
            PersonalIdentifier::DriversLicense(license) => {
                stored_size::text(license.value.as_str())
            }
        };
        FIELDS_SIZE
            + stored_size::text(self.first_name.as_str())
            + stored_size::text(self.last_name.as_str())
            + self.external_id.as_ref().map_or(0, |id| stored_size::text(id.as_str()))
            + self.personal_identifiers.iter().map(license).sum::<usize>()
            + self.address.iter().map(Address::stored_size).sum::<usize>()
            + self.contact.iter().map(Contact::stored_size).sum::<usize>()
            + (self.facility_ids.len() + self.cohort_ids.len()) * stored_size::ID
    }
}

/// A patient, in the shape of the API.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Patient {
    /// Id of the patient: `metriportId` in result files.
    pub id: PatientId,
    /// Id in your own system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// First names, as they were written.
    pub first_name: Names,
    /// Last names, as they were written.
    pub last_name: Names,
    /// Date of birth, as `YYYY-MM-DD`.
    pub dob: Dob,
    /// Gender at birth: `M`, `F`, `O` or `U`.
    pub gender_at_birth: Gender,
    /// All known addresses, oldest first.
    pub address: Vec<Address>,
    /// All known phone numbers and email addresses, oldest first.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub contact: Vec<Contact>,
    /// Social security number and driver's licenses.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub personal_identifiers: Vec<PersonalIdentifier>,
    /// Facilities where the patient receives care.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub facility_ids: Vec<FacilityId>,
    /// Cohorts that the patient belongs to.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub cohort_ids: Vec<CohortId>,
    /// Whether the patient is opted out of health information exchange. No document query is then
    /// started.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub hie_opt_out: bool,
    /// When the patient was created.
    pub date_created: Timestamp,
    /// When the patient last changed.
    pub date_updated: Timestamp,
}

#[cfg(test)]
mod tests;
