//! Terms that an upload can be bound to: its exact size, its checksum, and that it is the only one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::limits::Limits;

/// What the file of a job has to be. Without terms any one file will do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UploadTerms {
    /// Its size in bytes.
    pub bytes: Option<u32>,
    /// The SHA-256 of the file.
    pub sha256: Option<[u8; 32]>,
}

/// Terms that cannot be met or understood. Says which.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadTerms {
    /// The size is no number of bytes, or none that an upload can have.
    #[error("x-upload-content-length must be a number of bytes from 1 to 1073741824 (1 GiB)")]
    Bytes,
    /// The checksum is not one.
    #[error("x-upload-checksum-sha256 must be the SHA-256 of the file in base64")]
    Sha256,
}

impl UploadTerms {
    /// Reads the terms as a caller writes them: a decimal number, and base64.
    pub fn parse(bytes: Option<&str>, sha256: Option<&str>) -> Result<Self, BadTerms> {
        let sizes = 1..=Limits::default().bytes;
        let read_bytes = |text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|bytes| digits && sizes.contains(bytes)).ok_or(BadTerms::Bytes)
        };
        let read_sha256 = |text: &str| {
            let hash = STANDARD.decode(text).map_err(|_| BadTerms::Sha256)?;
            hash.try_into().map_err(|_| BadTerms::Sha256)
        };
        Ok(Self {
            bytes: bytes.map(str::trim).map(read_bytes).transpose()?,
            sha256: sha256.map(str::trim).map(read_sha256).transpose()?,
        })
    }

    /// Whether there are any.
    pub fn are_strict(&self) -> bool {
        self.bytes.is_some() || self.sha256.is_some()
    }

    /// The checksum as HTTP headers have it.
    pub fn sha256_base64(&self) -> Option<String> {
        self.sha256.map(|hash| STANDARD.encode(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_of_bytes_up_to_one_gibibyte() {
        let bytes = |text| UploadTerms::parse(Some(text), None).map(|terms| terms.bytes);
        assert_eq!(bytes("1"), Ok(Some(1)));
        assert_eq!(bytes("1073741824"), Ok(Some(1 << 30)));
        for text in ["0", "1073741825", "-1", "+1", "1.5", "1e3", "", "x"] {
            assert_eq!(bytes(text), Err(BadTerms::Bytes), "{text}");
        }
    }

    #[test]
    fn a_checksum_is_the_base64_of_32_bytes() {
        let text = STANDARD.encode([7; 32]);
        let terms = UploadTerms::parse(None, Some(&text)).unwrap();
        assert_eq!((terms.sha256, terms.sha256_base64()), (Some([7; 32]), Some(text)));
        for text in
            [&STANDARD.encode([7; 31]), &STANDARD.encode([7; 33]), "", "!", &"07".repeat(32)]
        {
            assert_eq!(UploadTerms::parse(None, Some(text)), Err(BadTerms::Sha256), "{text}");
        }
    }

    #[test]
    fn terms_are_strict_where_one_is_given() {
        assert!(!UploadTerms::parse(None, None).unwrap().are_strict());
        assert!(UploadTerms::parse(Some("1"), None).unwrap().are_strict());
    }
}
