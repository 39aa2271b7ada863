//! How large JSON is stored in an item: compressed, so that it takes fewer write units.
//!
//! `DynamoDB` bills every KiB of an item that is written (Developer Guide, "DynamoDB read and write
//! operations"). The documents of a patient describe themselves in nearly the same words, so that
//! their JSON takes a fifth of its size after compression.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

/// The bytes of JSON that fit into one write unit of 1,024 bytes with the longest key and the other
/// attributes of an item. Compression could not make such an item cheaper.
const ONE_UNIT: usize = 900;

/// Returns the JSON compressed by DEFLATE (RFC 1951), or `None` if it has to be stored as text,
/// because its item takes one write unit anyway.
pub fn compressed(json: &str) -> Option<Vec<u8>> {
    if json.len() <= ONE_UNIT {
        return None;
    }
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(json.as_bytes()).ok()?;
    encoder.finish().ok()
}

/// Returns the JSON that was compressed to these bytes, or `None` if they were not made by
/// [`compressed`].
pub fn decompressed(bytes: &[u8]) -> Option<String> {
    let mut json = String::new();
    DeflateDecoder::new(bytes).read_to_string(&mut json).ok()?;
    Some(json)
}

/// Returns the number of bytes that the JSON takes in its item.
pub fn stored_len(json: &str) -> usize {
    compressed(json).map_or(json.len(), |bytes| bytes.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn json_that_fits_into_one_write_unit_stays_text() {
        assert_eq!(compressed(&"x".repeat(ONE_UNIT)), None);
        assert_eq!(stored_len(&"x".repeat(ONE_UNIT)), ONE_UNIT);
        assert!(stored_len(&"x".repeat(ONE_UNIT + 1)) < 20);
    }

    #[test]
    fn bytes_that_are_no_compressed_json_are_refused() {
        let whole = compressed(&"0123456789".repeat(200)).unwrap();
        assert_eq!(decompressed(&whole[..whole.len() / 2]), None);
        assert_eq!(decompressed(b"{\"customer\":1}"), None);
        assert_eq!(decompressed(&compressed_bytes(&[0xff; 2000])), None, "not UTF-8");
    }

    fn compressed_bytes(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    proptest! {
        #[test]
        fn compressed_json_is_read_as_it_was_and_never_much_larger(text in "\\PC{1,3000}") {
            match compressed(&text) {
                None => prop_assert!(text.len() <= ONE_UNIT),
                Some(bytes) => {
                    prop_assert!(bytes.len() <= text.len() + 100);
                    prop_assert_eq!(decompressed(&bytes), Some(text));
                }
            }
        }
    }
}
