//! Entity tags: texts that change with their objects, so that a call that changes an object can say
//! which state of it the caller has seen (RFC 9110, section 8.8.3).

use std::fmt;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Bytes of a hash that are in a tag.
const BYTES: usize = 16;

/// The entity tag of an object: 32 hexadecimal digits of the SHA-256 of its JSON.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(transparent)]
pub struct ETag(String);

impl ETag {
    /// Returns the tag of an object. Objects with the same JSON have the same tag.
    pub fn of(object: &impl Serialize) -> Self {
        // The objects of the API have JSON, because they are answered as JSON.
        let json = serde_json::to_vec(object).unwrap_or_default();
        let hash: [u8; 32] = Sha256::digest(json).into();
        Self(const_hex::encode(&hash[..BYTES]))
    }

    /// Returns the tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_changes_with_its_object() {
        let tag = |text: &str| ETag::of(&[text]);
        assert_eq!(tag("a"), tag("a"));
        assert_ne!(tag("a"), tag("b"));
        assert_eq!(tag("a").as_str().len(), 32);
    }
}
