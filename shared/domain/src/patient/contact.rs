//! A contact of a patient: a phone number, an email address, or both.

use serde::{Deserialize, Serialize};

use crate::patient::{Email, Phone};
use crate::stored_size;

/// A phone number, an email address, or both.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Contact {
    /// Phone number of 10 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
    /// Email address in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
}

impl Contact {
    /// Returns the size of the contact in a patient's record, in bytes.
    pub(crate) fn stored_size(&self) -> usize {
        // {"p":"6175550100","e":}, without the email address.
        const FIELDS: usize = 25;
        FIELDS + self.email.as_ref().map_or(0, |email| stored_size::text(email.as_str()))
    }
}
