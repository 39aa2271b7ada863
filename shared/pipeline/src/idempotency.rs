//! `Idempotency-Key`: a call that is made again is the same call.
//!
//! What a key stands for is written down before its job is: the job's id and what the job is to be. Whoever
//! comes with the key again finds that, makes the job if it is not there yet, under the same id, and answers
//! with what is stored. So two calls at once make one job, and so does a call that died halfway.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use domain::ids::{FacilityId, JobId};
use domain::time::Timestamp;
use domain::upload_terms::UploadTerms;

/// How long a key is remembered.
pub const KEPT: Duration = Duration::from_hours(24);

/// The longest key.
const LONGEST: usize = 255;

/// A key that a caller made up.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// Text that is no key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("Idempotency-Key must have 1 to 255 visible characters")]
pub struct NotAKey;

impl IdempotencyKey {
    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let is_key = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_key { Ok(Self(text.to_owned())) } else { Err(NotAKey) }
    }
}

impl fmt::Debug for IdempotencyKey {
    /// A caller may have put anything into it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey(…)")
    }
}

/// The parameters of a call, as they were sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parameters {
    /// The facility that was asked for, if one was.
    pub facility: Option<FacilityId>,
    /// Only validate.
    pub dry_run: bool,
    /// What the upload is bound to.
    pub terms: UploadTerms,
}

/// What a key stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Promise {
    /// The job that is made for it.
    pub job: JobId,
    /// The job's facility.
    pub facility: FacilityId,
    /// The call that came with it.
    pub parameters: Parameters,
    /// Until when it is remembered.
    pub expires_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_up_to_255_visible_characters() {
        assert!("a".parse::<IdempotencyKey>().is_ok());
        assert!("~".repeat(255).parse::<IdempotencyKey>().is_ok());
        for text in ["", " ", "a b", "é", "a\tb", &"a".repeat(256)] {
            assert_eq!(text.parse::<IdempotencyKey>(), Err(NotAKey), "{text}");
        }
    }
}
