//! HMAC-SHA256 (RFC 2104), for signatures and for keyed hashes.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Returns the code of all parts, one after the other.
pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    mac(key, parts).finalize().into_bytes().into()
}

/// Returns whether this is the code of all parts. Takes the same time for every wrong code.
pub(crate) fn is_hmac_sha256(key: &[u8], parts: &[&[u8]], code: &[u8]) -> bool {
    mac(key, parts).verify_slice(code).is_ok()
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    // An HMAC key can have any length, because RFC 2104 hashes or pads it.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("HMAC takes any key")
    };
    for part in parts {
        mac.update(part);
    }
    mac
}
