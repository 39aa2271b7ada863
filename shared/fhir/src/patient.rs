//! `Patient`, as far as it decides whether it is ours.

use serde::Deserialize;

use crate::lenient::{lenient, lenient_list};

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

/// A reference to another resource.
#[derive(Deserialize, Default)]
pub(crate) struct Reference {
    #[serde(default, deserialize_with = "lenient")]
    reference: String,
}

impl Reference {
    /// The id of the patient that is referred to, relative or absolute, with or without a version.
    pub(crate) fn patient_id(&self) -> Option<&str> {
        let (before, after) = self.reference.rsplit_once("Patient/")?;
        let is_segment = before.is_empty() || before.ends_with('/');
        let id = after.split_once("/_history/").map_or(after, |(id, _)| id);
        (is_segment && !id.is_empty() && !id.contains('/')).then_some(id)
    }
}

impl Patient {
    /// The record that took the place of this one, if it was merged into another.
    pub(crate) fn replaced_by(&self) -> Option<&str> {
        self.link.iter().find(|link| link.kind == "replaced-by").and_then(|link| link.other.patient_id())
    }

    /// Whether the record is in use. One that does not say is.
    pub(crate) fn is_active(&self) -> bool {
        self.active != Some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_relative_or_absolute_with_or_without_a_version() {
        for (reference, id) in [
            ("Patient/1", Some("1")),
            ("https://h/fhir/Patient/a-b.c", Some("a-b.c")),
            ("Patient/1/_history/2", Some("1")),
            ("Practitioner/1", None),
            ("RelatedPatient/1", None),
            ("Patient/", None),
            ("Patient/1/2", None),
            ("#p", None),
            ("urn:uuid:0190f5a8-0000-7000-8000-000000000001", None),
            ("", None),
        ] {
            let reference = Reference { reference: reference.into() };
            assert_eq!(reference.patient_id(), id, "{}", reference.reference);
        }
    }
}
