//! `Idempotency-Key`: a repeated call has the effect of a single one.
//!
//! The promise of a key, which is the id and the parameters of a job, is stored before the job is.
//! A call with the same key finds the promise, creates the job under the same id if it does not
//! exist yet, and answers with what is stored. So two concurrent calls create one job, and so does
//! the retry of a call that died half-way.

use std::str::FromStr;
use std::time::Duration;

use bulk_domain::csv::ColumnMappings;
use bulk_domain::ids::{CustomerId, FacilityId, JobId};
use bulk_domain::job::Job;
use bulk_domain::time::Timestamp;
use bulk_domain::upload_terms::UploadTerms;
use secrecy::{ExposeSecret as _, SecretString};

/// How long the promise of a key is stored.
pub const KEPT: Duration = Duration::from_hours(24);

/// Characters of the longest key.
const LONGEST: usize = 255;

/// A key that the caller chose. `Debug` hides it, because it may contain personal data.
#[derive(Clone, Debug)]
pub struct IdempotencyKey(SecretString);

/// The text is no idempotency key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("Idempotency-Key must have 1 to 255 visible characters")]
pub struct NotAKey;

impl IdempotencyKey {
    /// Returns the text of the key.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl FromStr for IdempotencyKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let is_key =
            (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_key { Ok(Self(text.into())) } else { Err(NotAKey) }
    }
}

/// The parameters of a call that creates a job, as they were sent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Parameters {
    /// The facility, if the call names one.
    pub facility: Option<FacilityId>,
    /// Whether rows are only validated.
    pub dry_run: bool,
    /// What the customer says about header cells.
    pub columns: ColumnMappings,
    /// The size and the checksum that the upload has to have, if the call names them.
    pub terms: UploadTerms,
}

impl Parameters {
    /// Returns the job that these parameters ask for.
    pub fn new_job(
        &self,
        id: JobId,
        customer: CustomerId,
        facility: FacilityId,
        now: Timestamp,
    ) -> Job {
        let job = Job::new(id, customer, facility, self.dry_run, now);
        Job { mappings: self.columns.clone(), ..job }
    }
}

/// The job that an idempotency key stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Promise {
    /// The id of the job.
    pub job: JobId,
    /// The facility of the job.
    pub facility: FacilityId,
    /// The parameters of the first call with the key.
    pub parameters: Parameters,
    /// The time until which calls with the key find the promise.
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
            assert_eq!(text.parse::<IdempotencyKey>().unwrap_err(), NotAKey, "{text}");
        }
    }
}
