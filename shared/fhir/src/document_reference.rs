//! FHIR's `DocumentReference`, and how it becomes a document of the pipeline.

use bulk_domain::document::{
    Coding, Document, DocumentId, DocumentRecord, DocumentStatus, DocumentType,
};
use bulk_domain::media_type::MediaType;
use bulk_domain::time::Timestamp;
use serde::Deserialize;

use crate::lenient::{lenient, lenient_list, lenient_number};
use crate::reference::Reference;

/// Longest text in characters. A longer one is cut, because it is a label only.
const TEXT_CHARS: usize = 1000;
/// Longest file name in characters. File systems take 255 bytes.
const NAME_CHARS: usize = 150;
/// Most codes of a type. A type usually has codes of two or three code systems.
const CODINGS: usize = 10;
/// Longest link in bytes. A longer one is left out, because a cut link would be wrong.
const URL_BYTES: usize = 4096;

/// What the exchange knows about a document, without its content.
#[derive(Deserialize)]
pub(crate) struct DocumentReference {
    #[serde(default, deserialize_with = "lenient")]
    id: String,
    #[serde(default, rename = "masterIdentifier", deserialize_with = "lenient")]
    master_identifier: Identifier,
    #[serde(default, deserialize_with = "lenient")]
    status: Option<DocumentStatus>,
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    kind: Option<CodeableConcept>,
    #[serde(default, deserialize_with = "lenient")]
    subject: Reference,
    #[serde(default, deserialize_with = "lenient")]
    date: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient")]
    description: String,
    #[serde(default, deserialize_with = "lenient_list")]
    content: Vec<Content>,
}

#[derive(Deserialize, Default)]
struct Identifier {
    #[serde(default, deserialize_with = "lenient")]
    value: String,
}

#[derive(Deserialize, Default)]
struct CodeableConcept {
    #[serde(default, deserialize_with = "lenient_list")]
    coding: Vec<FhirCoding>,
    #[serde(default, deserialize_with = "lenient")]
    text: String,
}

#[derive(Deserialize)]
struct FhirCoding {
    #[serde(default, deserialize_with = "lenient")]
    system: String,
    #[serde(default, deserialize_with = "lenient")]
    code: String,
    #[serde(default, deserialize_with = "lenient")]
    display: String,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default, deserialize_with = "lenient")]
    attachment: Attachment,
}

#[derive(Deserialize, Default)]
pub(crate) struct Attachment {
    #[serde(default, rename = "contentType", deserialize_with = "lenient")]
    pub(crate) content_type: String,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) url: String,
    /// The content in base64.
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) data: String,
    #[serde(default, deserialize_with = "lenient_number")]
    size: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    title: String,
    #[serde(default, deserialize_with = "lenient")]
    creation: String,
}

impl DocumentReference {
    /// Returns the id of the patient that the document is about, if it refers to one.
    pub(crate) fn subject_id(&self) -> Option<&str> {
        self.subject.patient_id()
    }

    /// Returns the document in each of its formats.
    pub(crate) fn into_attachments(self) -> impl Iterator<Item = Attachment> {
        self.content.into_iter().map(|content| content.attachment)
    }

    /// Returns the document. `None` if it has no id.
    pub(crate) fn into_record(self) -> Option<DocumentRecord> {
        let id =
            DocumentId::new(&self.id).or_else(|| DocumentId::new(&self.master_identifier.value))?;
        // Several attachments are one document in several formats: the first with a link is used.
        let mut attachments: Vec<_> =
            self.content.into_iter().map(|content| content.attachment).collect();
        let chosen = attachments
            .iter()
            .position(|attachment| !attachment.url.is_empty() || !attachment.data.is_empty())
            .unwrap_or(0);
        let attachment = if attachments.is_empty() {
            Attachment::default()
        } else {
            attachments.swap_remove(chosen)
        };
        let mime_type = text(&attachment.content_type);
        let document = Document {
            file_name: file_name(&attachment.title, id.as_str(), mime_type.as_deref()),
            id,
            description: text(&self.description),
            status: self.status,
            indexed: self.date,
            mime_type,
            size: attachment.size,
            kind: self.kind.and_then(kind),
        };
        Some(DocumentRecord {
            document,
            url: link(attachment.url),
            date: date(attachment.creation),
        })
    }
}

/// Returns text on one line, cut to the longest length. `None` if it is blank.
fn text(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let line: String = words
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(TEXT_CHARS)
        .collect();
    (!line.is_empty()).then_some(line)
}

fn kind(concept: CodeableConcept) -> Option<DocumentType> {
    let codings = concept.coding.into_iter().take(CODINGS).map(|coding| Coding {
        system: text(&coding.system),
        code: text(&coding.code),
        display: text(&coding.display),
    });
    let coding: Vec<_> = codings.filter(|coding| *coding != Coding::default()).collect();
    let kind = DocumentType { coding, text: text(&concept.text) };
    (kind != DocumentType::default()).then_some(kind)
}

/// Returns a link to the content. A `data:` URL is no link: it is the content itself, which is not
/// kept in the list of documents.
fn link(url: String) -> Option<String> {
    let is_data = url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
    let is_link =
        !url.is_empty() && !is_data && url.len() <= URL_BYTES && !url.chars().any(char::is_control);
    is_link.then_some(url)
}

/// Returns a FHIR `dateTime` unchanged. It may be a year only.
fn date(date: String) -> Option<String> {
    let is_date = (4..=35).contains(&date.len())
        && date.starts_with(|c: char| c.is_ascii_digit())
        && date.bytes().all(|b| b.is_ascii_digit() || b"-:.+TZ".contains(&b));
    is_date.then_some(date)
}

/// Returns the title as a name that every file system takes, with the extension of its format. The
/// id takes the place of a missing title.
fn file_name(title: &str, id: &str, mime_type: Option<&str>) -> String {
    let title = text(title).unwrap_or_else(|| id.to_owned());
    let safe = |c: char| if r#"/\:*?"<>|"#.contains(c) { '_' } else { c };
    let name: String = title.chars().take(NAME_CHARS).map(safe).collect();
    let name = name.trim_matches(|c: char| c == '.' || c.is_whitespace());
    let name = if name.is_empty() { "document" } else { name };
    match mime_type.and_then(MediaType::new).as_ref().and_then(MediaType::extension) {
        Some(extension) if !has_extension(name) => format!("{name}.{extension}"),
        _ => name.to_owned(),
    }
}

/// Returns whether a name ends with an extension. An extension begins with a letter, unlike the
/// last arc of an OID.
fn has_extension(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, end)| {
        (1..=5).contains(&end.len())
            && end.starts_with(|c: char| c.is_ascii_alphabetic())
            && end.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests;
