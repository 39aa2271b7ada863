//! FHIR's references from one resource to another.

use serde::Deserialize;

use crate::lenient::lenient;

/// A reference to a resource.
#[derive(Deserialize, Default)]
pub(crate) struct Reference {
    #[serde(default, deserialize_with = "lenient")]
    reference: String,
}

impl Reference {
    /// Returns the id of the patient that a relative or absolute reference names, without its
    /// version.
    pub(crate) fn patient_id(&self) -> Option<&str> {
        let (before, after) = self.reference.rsplit_once("Patient/")?;
        let is_segment = before.is_empty() || before.ends_with('/');
        let id = after.split_once("/_history/").map_or(after, |(id, _)| id);
        (is_segment && !id.is_empty() && !id.contains('/')).then_some(id)
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
