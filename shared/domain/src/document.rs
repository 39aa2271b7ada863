//! Documents that a health information exchange holds about a patient: what is known of one without
//! fetching it, and what the patient is found by.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::patient::{Dob, Gender, Names, Patient, Zip};
use crate::time::Timestamp;

/// What a patient is found by at an exchange that has never heard of our ids.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Demographics {
    /// First names.
    pub given: Names,
    /// Last names.
    pub family: Names,
    /// Date of birth.
    pub birth_date: Dob,
    /// Gender at birth.
    pub gender: Gender,
    /// Zip codes of all known addresses, each once.
    pub postal_codes: Vec<Zip>,
}

impl From<&Patient> for Demographics {
    fn from(patient: &Patient) -> Self {
        let mut postal_codes = Vec::with_capacity(patient.address.len());
        for address in &patient.address {
            if !postal_codes.contains(&address.zip) {
                postal_codes.push(address.zip);
            }
        }
        Self {
            given: patient.first_name.clone(),
            family: patient.last_name.clone(),
            birth_date: patient.dob,
            gender: patient.gender_at_birth,
            postal_codes,
        }
    }
}

/// The exchange's name for a document: not blank, without control characters, at most 255 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct DocumentId(String);

impl DocumentId {
    /// Most bytes of an id. FHIR allows 64; a URN or an OID in its place can be longer. It has to fit
    /// into the key of a table.
    const BYTES: usize = 255;

    /// The id, if text can be one.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_id = !text.is_empty() && text.len() <= Self::BYTES && !text.chars().any(char::is_control);
        is_id.then(|| Self(text.to_owned()))
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for DocumentId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text).ok_or_else(|| serde::de::Error::custom("not a document's id"))
    }
}

/// A document as the API shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    /// The exchange's id for it.
    pub id: DocumentId,
    /// A name for a file that would hold it.
    pub file_name: String,
    /// What it is, in words for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it still stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<DocumentStatus>,
    /// When the exchange came to know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub indexed: Option<Timestamp>,
    /// Its format, such as `application/pdf`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// Its bytes. An exchange that makes documents on demand does not know them beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// What kind of document it is.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<DocumentType>,
}

/// Whether a document still stands, in FHIR's codes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DocumentStatus {
    /// It does.
    Current,
    /// Another one took its place.
    Superseded,
    /// It should never have been there.
    EnteredInError,
}

/// The kind of a document: the same one in several code systems.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct DocumentType {
    /// Its codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coding: Vec<Coding>,
    /// It in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A code of a code system.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Coding {
    /// The code system's URI, such as `http://loinc.org`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What the code means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
}

/// A document as it is stored: what the API shows, and what it takes to fetch it one day.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentRecord {
    /// What the API shows.
    #[serde(flatten)]
    pub document: Document,
    /// Where the document is, as the exchange wrote it: absolute, or relative to the exchange's base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When the document was made, as the exchange wrote it: a time, or a day, a month or a year only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
}

/// Titles, descriptions and links tell of a patient's health: none of them gets into a log by `{:?}`.
macro_rules! opaque_debug {
    ($($name:ident),*) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        })*
    };
}

opaque_debug!(Document, DocumentRecord);

#[cfg(test)]
mod tests;
