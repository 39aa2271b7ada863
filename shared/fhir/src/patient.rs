//! The fields of FHIR's `Patient` that decide whether it is our patient.

use serde::Deserialize;

use crate::lenient::{lenient, lenient_list};
use crate::reference::Reference;

/// A patient of the exchange.
#[derive(Deserialize)]
pub(crate) struct Patient {
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) id: String,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) active: Option<bool>,
    #[serde(default, deserialize_with = "lenient_list")]
    pub(crate) name: Vec<HumanName>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) gender: String,
    #[serde(default, rename = "birthDate", deserialize_with = "lenient")]
    pub(crate) birth_date: String,
    #[serde(default, deserialize_with = "lenient_list")]
    pub(crate) address: Vec<Address>,
    #[serde(default, deserialize_with = "lenient_list")]
    link: Vec<PatientLink>,
}

#[derive(Deserialize)]
pub(crate) struct HumanName {
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) family: String,
    #[serde(default, deserialize_with = "lenient_list")]
    pub(crate) given: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct Address {
    #[serde(default, rename = "postalCode", deserialize_with = "lenient")]
    pub(crate) postal_code: String,
}

#[derive(Deserialize)]
struct PatientLink {
    #[serde(default, deserialize_with = "lenient")]
    other: Reference,
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    kind: String,
}

impl Patient {
    /// Returns the id of the record that this one was merged into, if it was merged.
    pub(crate) fn replaced_by(&self) -> Option<&str> {
        self.link
            .iter()
            .find(|link| link.kind == "replaced-by")
            .and_then(|link| link.other.patient_id())
    }

    /// Returns whether the record is in use. A record without `active` is.
    pub(crate) fn is_active(&self) -> bool {
        self.active != Some(false)
    }
}
