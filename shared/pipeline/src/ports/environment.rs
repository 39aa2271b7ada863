//! Time and randomness, as ports so that tests can choose both.

use bulk_domain::time::Timestamp;
use uuid::Uuid;

/// The clock, and the source of ids and secrets.
pub trait Environment: Send + Sync {
    /// Returns the time now.
    fn now(&self) -> Timestamp;
    /// Returns a new UUID of version 7, which begins with the time now.
    fn new_id(&self) -> Uuid;
    /// Returns 32 bytes that cannot be guessed.
    fn secret(&self) -> [u8; 32];
}
