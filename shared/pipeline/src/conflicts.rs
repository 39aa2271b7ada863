//! Optimistic concurrency: read, change, and write on the condition that nothing has changed in
//! between.

use crate::Error;

/// Attempts of one change. If [`CONCURRENT_UPSERTS`](crate::import_rows::CONCURRENT_UPSERTS)
/// writers of one item all begin together, one more of them succeeds with every round, and more
/// than a few never meet.
const ATTEMPTS: u32 = 20;

/// Repeats `attempt` until it returns a value. An attempt reads, changes and writes, and returns
/// `None` if its write met a conflict.
///
/// # Errors
///
/// The error of an attempt, or [`Error::Contended`] if every attempt met a conflict.
pub async fn retry_conflicts<T>(
    mut attempt: impl AsyncFnMut() -> Result<Option<T>, Error>,
) -> Result<T, Error> {
    for _ in 0..ATTEMPTS {
        if let Some(done) = attempt().await? {
            return Ok(done);
        }
    }
    Err(Error::Contended { attempts: ATTEMPTS })
}
