//! Documents that a health information exchange holds about a patient: what is known about one
//! without fetching it, and what the exchange finds the patient by.

mod copy;
mod dates;
mod disposition;
mod download;
mod fhir;
mod link;
mod metadata;
mod name;

use serde::{Deserialize, Serialize};

pub use self::copy::{CopyDecision, CopyFailure, CopyState};
pub use self::dates::{BadDateFilter, DateFilter};
pub use self::disposition::content_disposition;
pub use self::download::{BulkDownload, DocumentStep, DownloadTally};
pub use self::fhir::DocumentReference;
pub use self::link::{BadLink, DocumentLink, LINK_PATH, LINK_VALID, LinkKey};
pub use self::metadata::{BadMetadata, Metadata};
pub use self::name::{DocumentKey, DocumentName, NotAName};
use crate::hidden_debug;
use crate::ids::PatientId;
use crate::media_type::MediaType;
use crate::patient::{Dob, Gender, Names, Patient, Zip};
use crate::time::Timestamp;

/// What an exchange finds a patient by that does not know the ids of this service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Demographics {
    /// The first names of the patient.
    pub first_name: Names,
    /// The last names of the patient.
    pub last_name: Names,
    /// The date of birth, as stored.
    pub dob: Dob,
    /// The gender at birth, as stored.
    pub gender: Gender,
    /// The zip codes of all known addresses, each once.
    pub zips: Vec<Zip>,
}

impl From<&Patient> for Demographics {
    fn from(patient: &Patient) -> Self {
        let mut zips = Vec::with_capacity(patient.address.len());
        for address in &patient.address {
            if !zips.contains(&address.zip) {
                zips.push(address.zip);
            }
        }
        Self {
            first_name: patient.first_name.clone(),
            last_name: patient.last_name.clone(),
            dob: patient.dob,
            gender: patient.gender_at_birth,
            zips,
        }
    }
}

/// The exchange's name for a document: not blank, without control characters, at most 255 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct DocumentId(String);

impl DocumentId {
    /// The most bytes that an id may have. FHIR allows 64; a URN or an OID in its place can be
    /// longer. The id has to fit into the key of a table.
    const BYTES: usize = 255;

    /// Returns the id, or none if this text cannot be an id.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_id =
            !text.is_empty() && text.len() <= Self::BYTES && !text.chars().any(char::is_control);
        is_id.then(|| Self(text.to_owned()))
    }

    /// Returns the text of the id.
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

/// A document, described without its content.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Document {
    /// The id that the exchange has for the document.
    pub id: DocumentId,
    /// A name for a file that would hold the document.
    pub file_name: String,
    /// A description for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether the document is still valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<DocumentStatus>,
    /// When the exchange registered the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub indexed: Option<Timestamp>,
    /// The media type, such as `application/pdf`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// The size in bytes. An exchange that creates documents on demand does not know it beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// What kind of document it is, in code systems and in words.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<DocumentType>,
}

/// Whether a document is still valid, in FHIR's codes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DocumentStatus {
    /// The document is valid.
    Current,
    /// Another document replaced this one.
    Superseded,
    /// The document was registered by mistake.
    EnteredInError,
}

/// The kind of a document: the same kind in one or more code systems.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DocumentType {
    /// The codes, one for each code system.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coding: Vec<Coding>,
    /// The kind in words for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A code of a code system, such as LOINC.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Coding {
    /// The URI of the code system, such as `http://loinc.org`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The code within its system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What the code means, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
}

/// A document as it is stored: what the API shows, and what is needed to fetch the content.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentRecord {
    /// What the API shows of the document.
    #[serde(flatten)]
    pub document: Document,
    /// Where the content is, as the exchange wrote it: absolute, or relative to the base URL of the
    /// exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When the document was created, as the exchange wrote it: a time, or only a day, a month or a
    /// year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
}

impl DocumentRecord {
    /// Returns the name of the document, as one of this patient.
    pub fn name(&self, patient: PatientId) -> DocumentName {
        DocumentName { patient, document: DocumentKey::of(&self.document.id) }
    }

    /// Returns the document of a patient as the API shows it: under its name, with the title in the
    /// place of a missing description.
    #[must_use]
    pub fn shown(self, patient: PatientId) -> Document {
        let name = self.name(patient);
        let media_type = self.document.mime_type.as_deref().and_then(MediaType::new);
        let file_name = match media_type.as_ref().and_then(MediaType::extension) {
            Some(extension) => format!("{name}.{extension}"),
            None => name.to_string(),
        };
        let Document { file_name: title, description, .. } = self.document;
        Document { file_name, description: description.or(Some(title)), ..self.document }
    }
}

/// Divides documents into pages of up to so many bytes of JSON. A longer document has a page of its
/// own, which is never the first one.
pub fn pages_of(documents: &[DocumentRecord], bytes: usize) -> Vec<&[DocumentRecord]> {
    let (mut pages, mut start, mut size) = (Vec::new(), 0, 0);
    for (index, document) in documents.iter().enumerate() {
        // A document is made of texts and numbers, so that it always is JSON.
        let of_document = serde_json::to_vec(document).map_or(0, |json| json.len() + 1);
        if size + of_document > bytes && (size > 0 || index == 0) {
            pages.push(&documents[start..index]);
            (start, size) = (index, 0);
        }
        size += of_document;
    }
    pages.push(&documents[start..]);
    pages
}

hidden_debug!(Document, DocumentRecord);

#[cfg(test)]
mod tests;
