//! An API key, as a caller sends it in `x-api-key`.

use std::str::FromStr;

use secrecy::{ExposeSecret as _, SecretString};

use crate::key_id::KeyId;

/// With what every key begins, so that scanners of source code can recognize a leaked one.
const PREFIX: &str = "bpi_";

/// Hexadecimal digits after the prefix: 256 random bits.
const DIGITS: usize = 64;

/// Characters of a key that are shown to people, so that they know which key it is: 16 of its bits.
const READABLE: usize = 8;

/// An API key. It is shown once, when it is made. Only its SHA-256 is stored, from which a key of
/// 32 random bytes cannot be guessed.
#[derive(Debug)]
pub struct ApiKey(SecretString);

impl ApiKey {
    /// Returns the key with these random bytes.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(format!("{PREFIX}{}", const_hex::encode(bytes)).into())
    }

    /// Returns the text that the caller sends.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Returns the id of the key, which is shown in place of the key.
    pub fn id(&self) -> KeyId {
        KeyId::of(self.expose())
    }

    /// Returns the first characters of the key.
    pub fn prefix(&self) -> &str {
        self.expose().get(..READABLE).unwrap_or_default()
    }
}

/// The text cannot be an API key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not an API key")]
pub struct NotAnApiKey;

impl FromStr for ApiKey {
    type Err = NotAnApiKey;

    fn from_str(text: &str) -> Result<Self, NotAnApiKey> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        match text.strip_prefix(PREFIX) {
            Some(digits) if digits.len() == DIGITS && digits.bytes().all(is_digit) => {
                Ok(Self(text.into()))
            }
            _ => Err(NotAnApiKey),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_made() {
        let key = ApiKey::from_random([7; 32]);
        let read: ApiKey = key.expose().parse().unwrap();
        assert_eq!((read.id(), read.prefix()), (key.id(), "bpi_0707"));
        assert!(!format!("{key:?}").contains("0707"));
    }

    #[test]
    fn a_text_of_another_shape_is_no_key() {
        let key = ApiKey::from_random([0xab; 32]);
        let text = key.expose();
        for other in [
            "",
            "bpi_",
            &text[1..],
            &text[..text.len() - 1],
            &format!("{text}a"),
            &format!(" {text}"),
            &text.to_uppercase(),
            &text.replace('b', "x"),
            &text.replacen("ab", "ä", 1),
        ] {
            assert_eq!(other.parse::<ApiKey>().unwrap_err(), NotAnApiKey, "{other}");
        }
    }
}
