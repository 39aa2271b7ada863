//! How failed work of an SQS message is retried.
//!
//! SQS counts how often a message was received, and moves it to the dead letters once it was
//! received too often. That count must not include an outage of AWS: a table that is throttled for
//! an hour would use it up within minutes, and rows would fail for good. So work that met a
//! transient error is sent as a new, delayed message with a receive count of zero, and the received
//! message is deleted. Only crashes, time-outs and permanent errors are counted.
//!
//! Such work is retried until it is done. It ends at the latest when the sweep abandons its job.

use std::time::Duration;

use bulk_domain::backoff::Backoff;
use bulk_domain::mutants::{Bug, has};

use crate::Error;

/// The pauses before the retries. The longest one bounds how long work rests after an outage has
/// ended.
const BACKOFF: Backoff = Backoff { first: Duration::from_secs(2), longest: Duration::from_mins(2) };

/// How often the work of a message was attempted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attempts {
    /// How often this message was received, this time included (SQS: `ApproximateReceiveCount`).
    pub receive_count: u32,
    /// How often the work was sent as a new message before.
    pub retries: u32,
}

impl Attempts {
    /// The first attempt of work that was never retried.
    pub const FIRST: Self = Self { receive_count: 1, retries: 0 };
}

/// How failed work is retried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retry {
    /// By a new message that is received after this time.
    NewMessage(Duration),
    /// By the same message, which is received again after this time. The queue counts it.
    SameMessage(Duration),
}

impl Retry {
    /// Returns how work that failed with `error` is retried.
    pub fn after(error: &Error, attempts: Attempts) -> Self {
        if error.is_transient() && !has(Bug::DisturbanceCountsAsAttempt) {
            Self::NewMessage(BACKOFF.pause(attempts.retries))
        } else {
            Self::SameMessage(Self::counted_pause(attempts))
        }
    }

    /// Returns the pause before the same message is received again. It also follows a transient
    /// error if no new message could be sent, because SQS did not answer either.
    pub fn counted_pause(attempts: Attempts) -> Duration {
        BACKOFF.pause(attempts.receive_count.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use bulk_domain::ids::JobId;
    use uuid::Uuid;

    use super::*;
    use crate::ports::PortError;

    fn failure(transient: bool) -> Error {
        PortError { operation: "dynamodb.PutItem", code: "a code".to_owned(), transient }.into()
    }

    #[test]
    fn a_transient_failure_is_retried_by_a_new_message_after_a_growing_pause() {
        for (retries, seconds) in [(0, 2), (3, 16), (6, 120)] {
            let retry = Retry::after(&failure(true), Attempts { receive_count: 1, retries });
            assert_eq!(retry, Retry::NewMessage(Duration::from_secs(seconds)));
        }
    }

    #[test]
    fn a_permanent_failure_is_counted_by_the_queue() {
        let attempts = Attempts { receive_count: 3, retries: 7 };
        let job = JobId::new(Uuid::nil());
        for error in [failure(false), Error::Inconsistent { job, what: "a test" }] {
            assert_eq!(Retry::after(&error, attempts), Retry::SameMessage(Duration::from_secs(8)));
        }
    }
}
