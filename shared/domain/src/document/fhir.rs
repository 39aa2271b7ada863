//! A document as FHIR R4's `DocumentReference`, the form in which the public API lists documents.

use serde::Serialize;

use super::dates::days_of;
use super::{Coding, DocumentKey, DocumentRecord, DocumentStatus, DocumentType};
use crate::ids::PatientId;
use crate::time::Timestamp;

/// The largest number that FHIR's `unsignedInt` takes.
const LARGEST_SIZE: u64 = i32::MAX as u64;

/// A document as a resource of FHIR R4.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DocumentReference {
    resource_type: ResourceType,
    /// Id of the document: the gateway's, unless that is no id in FHIR's form.
    id: String,
    /// The gateway's id of the document, if `id` is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    master_identifier: Option<Identifier>,
    /// Whether the document is still valid.
    status: DocumentStatus,
    /// What kind of document it is, in code systems and in words.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<DocumentType>,
    subject: Reference,
    /// When the exchange registered the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<Timestamp>,
    /// A description for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// The content, which is downloaded by the attachment's title.
    content: Vec<Content>,
}

/// The type of the resource.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
enum ResourceType {
    DocumentReference,
}

/// An id of a system that is not FHIR's.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct Identifier {
    value: String,
}

/// A reference to the patient.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct Reference {
    /// `Patient/` and the patient's id.
    reference: String,
}

/// A content of a document.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct Content {
    attachment: Attachment,
}

/// A content, described without its bytes.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
struct Attachment {
    /// The media type, such as `application/pdf`.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    /// The size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    /// The `fileName` by which the document is downloaded.
    title: String,
    /// When the document was created: a time, or only a day, a month or a year.
    #[serde(skip_serializing_if = "Option::is_none")]
    creation: Option<String>,
}

impl DocumentReference {
    /// Returns the resource for a document of a patient. What FHIR does not allow is left out,
    /// because a gateway may write anything.
    pub fn of(record: DocumentRecord, patient: PatientId) -> Self {
        let key = DocumentKey::of(&record.document.id);
        let creation = record.date.clone().filter(|date| days_of(date).is_some());
        let document = record.shown(patient);
        let own = document.id.as_str();
        let (id, master_identifier) = if is_id(own) {
            (own.to_owned(), None)
        } else {
            (key.to_string(), Some(Identifier { value: own.to_owned() }))
        };
        let attachment = Attachment {
            content_type: document.mime_type,
            size: document.size.filter(|size| *size <= LARGEST_SIZE),
            title: document.file_name,
            creation,
        };
        Self {
            resource_type: ResourceType::DocumentReference,
            id,
            master_identifier,
            // The search asked for current documents only.
            status: document.status.unwrap_or(DocumentStatus::Current),
            kind: document.kind.and_then(allowed),
            subject: Reference { reference: format!("Patient/{patient}") },
            date: document.indexed,
            description: document.description,
            content: vec![Content { attachment }],
        }
    }
}

/// Returns whether a text is an `id` of FHIR.
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
}

/// Returns a kind without code systems that are no URI. FHIR allows no empty values.
fn allowed(kind: DocumentType) -> Option<DocumentType> {
    let is_uri = |system: &String| !system.contains(char::is_whitespace);
    let coding = kind.coding.into_iter();
    let coding = coding.map(|coding| Coding { system: coding.system.filter(is_uri), ..coding });
    let coding = coding.filter(|coding| *coding != Coding::default()).collect();
    let kind = DocumentType { coding, ..kind };
    (kind != DocumentType::default()).then_some(kind)
}

crate::hidden_debug!(DocumentReference);

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;

    fn of(record: &Value) -> Value {
        let record = serde_json::from_str(&record.to_string()).unwrap();
        let patient = PatientId::new(Uuid::from_u128(7));
        serde_json::to_value(DocumentReference::of(record, patient)).unwrap()
    }

    #[test]
    fn a_document_has_all_that_is_known_of_it() {
        let record = json!({
            "id": "a-1", "fileName": "Summary.pdf", "description": "A summary", "status": "superseded",
            "indexed": "2026-01-02T03:04:05.678Z", "mimeType": "application/pdf", "size": 12,
            "type": {"coding": [{"system": "http://loinc.org", "code": "1", "display": "x"}], "text": "y"},
            "date": "2026-01", "url": "Binary/1",
        });
        let key = DocumentKey::of(&super::super::DocumentId::new("a-1").unwrap());
        let patient = "00000000-0000-0000-0000-000000000007";
        let expected = json!({
            "resourceType": "DocumentReference", "id": "a-1", "status": "superseded",
            "type": record["type"], "subject": {"reference": format!("Patient/{patient}")},
            "date": "2026-01-02T03:04:05.678Z", "description": "A summary",
            "content": [{"attachment": {
                "contentType": "application/pdf", "size": 12, "title": format!("{patient}_{key}.pdf"),
                "creation": "2026-01",
            }}],
        });
        assert_eq!(of(&record), expected);
    }

    #[test]
    fn what_fhir_does_not_allow_is_left_out() {
        let read = of(&json!({
            "id": "urn:oid:2.999.1", "fileName": "a", "size": 3_000_000_000_u64, "date": "2026-13",
            "type": {"coding": [{"system": "no uri"}]},
        }));
        assert_eq!(read["masterIdentifier"], json!({"value": "urn:oid:2.999.1"}));
        assert_eq!(read["id"].as_str().unwrap().len(), 32);
        assert_eq!(read["status"], "current");
        assert_eq!(read.get("type"), None);
        let attachment = &read["content"][0]["attachment"];
        assert_eq!((attachment.get("size"), attachment.get("creation")), (None, None));
    }
}
