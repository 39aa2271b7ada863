//! Links to documents in the webhooks about the patients of an import.
//!
//! Such a webhook tells of documents of which nothing has been fetched yet, so that S3 has nothing
//! to link to. The link leads to the API instead, which fetches the content when the link is
//! opened. A signature takes the place of the API key, as in a link of S3: any holder of the link
//! can open this document until the link expires, and no other one.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::DocumentName;
use crate::hidden_debug;
use crate::hmac::{hmac_sha256, is_hmac_sha256};
use crate::ids::CustomerId;
use crate::time::Timestamp;

/// How long a link to a document is valid, as in the public API: long enough to download hundreds
/// of documents.
pub const LINK_VALID: Duration = Duration::from_hours(1);

/// The path of the operation that opens links.
pub const LINK_PATH: &str = "/medical/v1/document/download";

/// The bytes of a key and of a signature, of SHA-256.
const BYTES: usize = 32;

/// The key that signs a customer's links. The customer never sees it. It is made and replaced with
/// the key of the customer's webhooks, so that replacing that one ends all links.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkKey([u8; BYTES]);

impl LinkKey {
    /// Returns the key with these random bytes.
    pub const fn new(bytes: [u8; BYTES]) -> Self {
        Self(bytes)
    }
}

impl Serialize for LinkKey {
    /// Writes the key for the store, in hexadecimal digits.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&const_hex::display(self.0))
    }
}

impl<'de> Deserialize<'de> for LinkKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        bytes_of(&text).map(Self).ok_or_else(|| D::Error::custom("not the key of links"))
    }
}

/// Returns the bytes that these hexadecimal digits write.
fn bytes_of(text: &str) -> Option<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    const_hex::decode_to_slice(text, &mut bytes).ok()?;
    // The decoder also takes a prefix, which is never written.
    (text.len() == 2 * BYTES).then_some(bytes)
}

/// A link to a document of a customer's patient.
#[derive(Clone, PartialEq, Eq)]
pub struct DocumentLink {
    /// The customer of the patient.
    pub customer: CustomerId,
    /// The document that the link opens.
    pub document: DocumentName,
    /// The second in which the link expires.
    expires: i64,
    signature: [u8; BYTES],
}

hidden_debug!(LinkKey, DocumentLink);

/// Why a link does not open its document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadLink {
    /// The customer's key has not signed it.
    Forged,
    /// Its time is over.
    Expired,
}

impl DocumentLink {
    /// Returns a link that is valid from `now` on, signed with the customer's key.
    pub fn signed(
        customer: CustomerId,
        document: DocumentName,
        key: &LinkKey,
        now: Timestamp,
    ) -> Self {
        let expires = now.plus(LINK_VALID).as_seconds();
        let signature = hmac_sha256(&key.0, &[&signed_text(document, expires)]);
        Self { customer, document, expires, signature }
    }

    /// Reads the values of the query parameters that [`Self::url`] writes, as the operation gets
    /// them. Returns `None` if a value is malformed.
    pub fn read(customer: &str, file_name: &str, expires: &str, signature: &str) -> Option<Self> {
        Some(Self {
            customer: customer.parse().ok()?,
            document: file_name.parse().ok()?,
            expires: expires.parse().ok()?,
            signature: bytes_of(signature)?,
        })
    }

    /// Returns the URL of the link at the API with this base URL.
    pub fn url(&self, api: &str) -> String {
        let Self { customer, document, expires, signature } = self;
        let signature = const_hex::encode(signature);
        format!(
            "{api}{LINK_PATH}?customer={customer}&fileName={document}&expires={expires}&signature={signature}"
        )
    }

    /// Checks a link that is opened now. `key` is the key of the link's customer.
    ///
    /// # Errors
    ///
    /// The link does not open its document.
    pub fn check(&self, key: &LinkKey, now: Timestamp) -> Result<(), BadLink> {
        if !is_hmac_sha256(&key.0, &[&signed_text(self.document, self.expires)], &self.signature) {
            return Err(BadLink::Forged);
        }
        if now.as_seconds() < self.expires { Ok(()) } else { Err(BadLink::Expired) }
    }
}

/// Returns what the signature covers. The customer is not part of it, because each has a key of its
/// own.
fn signed_text(document: DocumentName, expires: i64) -> Vec<u8> {
    format!("{document} {expires}").into_bytes()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use uuid::Uuid;

    use super::*;

    const KEY: LinkKey = LinkKey::new([7; 32]);
    const DOCUMENT: &str = "6496bec1-d4cd-879b-9f0b-e62698adc474_1f6ecce1973c6387929ab9fdc50f9be8";

    fn now() -> Timestamp {
        Timestamp::from_millis(1_767_225_600_999)
    }

    fn link() -> DocumentLink {
        let customer = CustomerId::new(Uuid::from_u128(3));
        DocumentLink::signed(customer, DOCUMENT.parse().unwrap(), &KEY, now())
    }

    /// Reads the URL of a link as the API does, with some parameters replaced.
    fn opened(changes: &[(&str, &str)]) -> Option<DocumentLink> {
        let url = url::Url::parse(&link().url("https://api.example/live")).unwrap();
        assert_eq!(url.path(), format!("/live{LINK_PATH}"));
        let mut sent: HashMap<String, String> = url.query_pairs().into_owned().collect();
        for (name, value) in changes {
            assert!(sent.insert((*name).to_owned(), (*value).to_owned()).is_some(), "{name}");
        }
        let value = |name: &str| sent[name].as_str();
        DocumentLink::read(
            value("customer"),
            value("fileName"),
            value("expires"),
            value("signature"),
        )
    }

    #[test]
    fn a_link_opens_its_document_for_an_hour() {
        let link = opened(&[]).unwrap();
        assert_eq!(link, self::link());
        assert_eq!(link.check(&KEY, now()), Ok(()));
        assert_eq!(link.check(&KEY, now().plus(Duration::from_mins(59))), Ok(()));
        assert_eq!(link.check(&KEY, now().plus(LINK_VALID)), Err(BadLink::Expired));
    }

    #[test]
    fn a_changed_link_opens_nothing() {
        let signature = "0".repeat(64);
        for change in [
            ("fileName", "6496bec1-d4cd-879b-9f0b-e62698adc474_1f6ecce1973c6387929ab9fdc50f9be9"),
            ("fileName", "6496bec1-d4cd-879b-9f0b-e62698adc475_1f6ecce1973c6387929ab9fdc50f9be8"),
            ("expires", "1767229201"),
            ("expires", "9223372036854775807"),
            ("signature", signature.as_str()),
        ] {
            let checked = opened(&[change]).unwrap().check(&KEY, now());
            assert_eq!(checked, Err(BadLink::Forged), "{change:?}");
        }
        assert_eq!(link().check(&LinkKey::new([8; 32]), now()), Err(BadLink::Forged));
    }

    #[test]
    fn other_values_are_no_link() {
        let prefixed = format!("0x{}", "0".repeat(64));
        for change in [
            ("customer", "3"),
            ("fileName", "a.pdf"),
            ("expires", "soon"),
            ("signature", "00"),
            ("signature", prefixed.as_str()),
        ] {
            assert!(opened(&[change]).is_none(), "{change:?}");
        }
    }

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let stored = serde_json::to_string(&KEY).unwrap();
        assert_eq!(stored, format!("\"{}\"", "07".repeat(32)));
        assert_eq!(serde_json::from_str::<LinkKey>(&stored).unwrap(), KEY);
        assert!(serde_json::from_str::<LinkKey>("\"07\"").is_err());
    }

    #[test]
    fn debug_output_does_not_show_what_opens_the_document() {
        assert_eq!(format!("{:?} {KEY:?}", link()), "DocumentLink(…) LinkKey(…)");
    }
}
