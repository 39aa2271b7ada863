//! Optimistic concurrency: read, change, and write on the condition that nothing has changed in
//! between.

use crate::Error;

/// Attempts of one change. If [`CONCURRENT_UPSERTS`](crate::upsert::CONCURRENT_UPSERTS)
/// writers of one item all begin together, one more of them succeeds with every round, and more
/// than a few never meet.
const MOST_ATTEMPTS: u32 = 20;

/// Every attempt to change a stored value met a conflict with another worker or call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{MOST_ATTEMPTS} writes in a row met a conflict")]
pub struct Contended;

/// Counts the attempts of one change.
///
/// `retry_conflicts` is shorter, but its future is not provably `Send` where the change borrows
/// (<https://github.com/rust-lang/rust/issues/134997>), and the handlers of the API have to be.
#[derive(Debug, Default)]
pub struct WriteAttempts(u32);

impl WriteAttempts {
    /// Begins an attempt: to read, to change, and to write.
    ///
    /// # Errors
    ///
    /// [`Contended`] after the last attempt.
    pub fn begin(&mut self) -> Result<(), Contended> {
        self.0 += 1;
        if self.0 > MOST_ATTEMPTS { Err(Contended) } else { Ok(()) }
    }
}

/// Repeats `attempt` until it returns a value. An attempt reads, changes and writes, and returns
/// `None` if its write met a conflict.
///
/// # Errors
///
/// The error of an attempt, or [`Contended`] if every attempt met a conflict.
pub(crate) async fn retry_conflicts<T>(
    mut attempt: impl AsyncFnMut() -> Result<Option<T>, Error>,
) -> Result<T, Error> {
    let mut attempts = WriteAttempts::default();
    loop {
        attempts.begin()?;
        if let Some(done) = attempt().await? {
            return Ok(done);
        }
    }
}
