//! Time, randomness and settings, as ports so that tests can choose them.

use bulk_domain::query::PATIENTS_PER_PART;
use bulk_domain::time::Timestamp;
use uuid::Uuid;

/// The clock, the source of ids and secrets, and settings of the deployment or of a test.
pub trait Environment: Send + Sync {
    /// Returns the time now.
    fn now(&self) -> Timestamp;
    /// Returns a new UUID of version 7, which begins with the time now.
    fn new_id(&self) -> Uuid;
    /// Returns 32 bytes that cannot be guessed.
    fn secret(&self) -> [u8; 32];
    /// Returns the base URL of the API, without a slash at its end: links in webhooks lead to it.
    /// Empty in a function that sends none.
    fn api_url(&self) -> &str;
    /// Returns how many patients a part of a chunk's document queries has. All workers must have
    /// the same number, because each derives the parts from the outcomes of the chunk.
    fn patients_per_part(&self) -> usize {
        PATIENTS_PER_PART
    }
}
