//! What the use cases ask of the world: one small trait for each capability.
//!
//! A use case names the traits that it needs, and the role of its function in template.yaml allows
//! exactly the calls behind them. `aws` implements them on DynamoDB, S3 and SQS.

mod documents;
mod files;
mod jobs;
mod patients;
mod queues;
mod webhooks;

use domain::ids::{CustomerId, JobId};
use domain::job::Job;
use domain::time::Timestamp;
use uuid::Uuid;

pub use self::documents::*;
pub use self::files::*;
pub use self::jobs::*;
pub use self::patients::*;
pub use self::queues::*;
pub use self::webhooks::*;

/// A call to the outside that failed. Says which and how, never with what data: it goes to the log.
#[derive(Debug, thiserror::Error)]
#[error("{operation} failed: {code}")]
pub struct PortError {
    /// What was tried, for example `dynamodb.PutItem`.
    pub operation: &'static str,
    /// The service's error code, or a word for what happened on the way.
    pub code: String,
    /// Whether the same call may succeed later.
    pub transient: bool,
}

/// Result of a call to the outside.
pub type PortResult<T> = Result<T, PortError>;

/// The time.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// Fresh ids and secrets.
pub trait Randomness: Send + Sync {
    /// Returns a new UUIDv7 of this moment.
    fn new_id(&self) -> Uuid;
    /// 32 bytes that nobody can guess.
    fn secret(&self) -> [u8; 32];
}

/// What names a job everywhere outside the jobs table: objects of S3 are kept by customer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct JobRef {
    /// Whose it is.
    pub customer: CustomerId,
    /// Which one.
    pub job: JobId,
}

impl From<&Job> for JobRef {
    fn from(job: &Job) -> Self {
        Self { customer: job.customer, job: job.id }
    }
}

/// A stored value with the version that a conditional write has to name.
#[derive(Clone, Debug)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// Its version, which every write counts up.
    pub version: u64,
}

/// Whether a conditional write took place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Write {
    /// It did.
    Done,
    /// Somebody else was there first; nothing was written.
    Conflict,
}
