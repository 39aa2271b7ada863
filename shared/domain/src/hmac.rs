//! HMAC-SHA256 (RFC 2104), for signatures and for keyed hashes.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Returns the code of all parts, one after the other.
pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // An HMAC key can have any length, because RFC 2104 hashes or pads it.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("HMAC takes any key")
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
