//! The names of documents in the API, which lists them as `fileName`.
//!
//! A name names the patient of the document, because a download is asked for by the name alone. The
//! title that the exchange has for a document is no such name: two documents can have the same
//! title, and a title tells of a patient, so that it does not belong into a URL.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::document::DocumentId;
use crate::ids::PatientId;

/// Bytes of a key: enough that no two documents of a patient share one.
const KEY_BYTES: usize = 16;

/// A document's id as a part of names and keys, for which the id itself may be too long: the first
/// bytes of its SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DocumentKey([u8; KEY_BYTES]);

impl DocumentKey {
    /// Returns the key of the document with this id.
    pub fn of(id: &DocumentId) -> Self {
        let hash = Sha256::digest(id.as_str().as_bytes());
        Self(std::array::from_fn(|index| hash[index]))
    }
}

impl fmt::Display for DocumentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&const_hex::encode(self.0))
    }
}

impl FromStr for DocumentKey {
    type Err = NotAName;

    /// Reads the form that [`fmt::Display`] writes.
    fn from_str(text: &str) -> Result<Self, NotAName> {
        let mut bytes = [0; KEY_BYTES];
        const_hex::decode_to_slice(text, &mut bytes).map_err(|_| NotAName)?;
        // The decoder also takes a prefix, which no key has.
        if text.len() == 2 * KEY_BYTES { Ok(Self(bytes)) } else { Err(NotAName) }
    }
}

impl Serialize for DocumentKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DocumentKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The name of a document: the patient and the key of the document. Written as
/// `{patient}_{key}`, in the API with the extension of its media type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DocumentName {
    /// The patient that the document is about.
    pub patient: PatientId,
    /// The document among those of the patient.
    pub document: DocumentKey,
}

/// The text is no name of a document.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a document's name")]
pub struct NotAName;

impl fmt::Display for DocumentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.patient, self.document)
    }
}

impl Serialize for DocumentName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DocumentName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for DocumentName {
    type Err = NotAName;

    /// Reads a name with or without an extension.
    fn from_str(text: &str) -> Result<Self, NotAName> {
        let (name, _) = text.split_once('.').unwrap_or((text, ""));
        let (patient, key) = name.split_once('_').ok_or(NotAName)?;
        let patient = patient.parse().map_err(|_| NotAName)?;
        Ok(Self { patient, document: key.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_name_is_read_back_with_or_without_an_extension() {
        let document = DocumentKey::of(&DocumentId::new("urn:oid:2.999.1").unwrap());
        let name = DocumentName { patient: PatientId::new(Uuid::from_u128(7)), document };
        let hex = document.to_string();
        assert_eq!(hex.len(), 32);
        assert_eq!(name.to_string(), format!("00000000-0000-0000-0000-000000000007_{hex}"));
        for text in [name.to_string(), format!("{name}.pdf"), format!("{name}.tar.gz")] {
            assert_eq!(text.parse(), Ok(name), "{text}");
        }
    }

    #[test]
    fn any_other_text_is_no_name() {
        let patient = Uuid::nil();
        for text in [
            String::new(),
            patient.to_string(),
            format!("{patient}_"),
            format!("{patient}_00"),
            format!("{patient}_0x{}", "0".repeat(32)),
            format!("{patient}_{}", "g".repeat(32)),
            format!("{patient}_{}", "0".repeat(34)),
            format!("x_{}", "0".repeat(32)),
            format!("../{patient}_{}", "0".repeat(32)),
        ] {
            assert_eq!(text.parse::<DocumentName>(), Err(NotAName), "{text}");
        }
    }

    #[test]
    fn two_ids_have_two_keys() {
        let key = |id| DocumentKey::of(&DocumentId::new(id).unwrap());
        assert_eq!(key("a"), key("a"));
        assert_ne!(key("a"), key("A"));
    }
}
