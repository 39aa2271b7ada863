//! What becomes of a message whose work failed.
//!
//! SQS counts how often a message was received, and moves it to the dead letters once it was received too often. That
//! count must not include a disturbance of AWS: a table that is throttled for an hour would use it up within minutes,
//! and rows would fail for good. So the work of a transient failure is put back as a new message, which has been received
//! zero times and waits as a delayed message; the received one is deleted. What is left for the count are crashes,
//! time-outs and permanent failures.
//!
//! Such work is retried until it has nothing left to do, at the latest because the sweep ended its job past the job's
//! time.

use std::time::Duration;

use domain::mutants::{Bug, has};

use crate::Error;

/// The pause before the first retry of a message. It doubles with every further one.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// The longest pause. After a disturbance that lasted for hours, work goes on within this time.
const LONGEST_PAUSE: Duration = Duration::from_mins(2);

/// How a message came to a worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// How often this message was received, this time included (SQS: `ApproximateReceiveCount`).
    pub receives: u32,
    /// How often its work was put back as a new message before.
    pub retries: u32,
}

impl Delivery {
    /// A message that is received for the first time.
    pub const FIRST: Self = Self { receives: 1, retries: 0 };
}

/// How failed work comes to a worker again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Redelivery {
    /// As a new message, after this time.
    PutBack(Duration),
    /// As the same message, after this time. The queue counts it.
    Same(Duration),
}

impl Redelivery {
    /// Returns how the work that failed with `error` is retried.
    pub fn after(error: &Error, delivery: Delivery) -> Self {
        if error.is_transient() && !has(Bug::DisturbanceUsesTriesUp) {
            Self::PutBack(pause(delivery.retries))
        } else {
            Self::Same(Self::counted_pause(delivery))
        }
    }

    /// Returns how long a message waits that cannot be put back, because the queue does not answer either, or that the
    /// queue is to count.
    pub fn counted_pause(delivery: Delivery) -> Duration {
        pause(delivery.receives.saturating_sub(1))
    }
}

fn pause(earlier: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << earlier.min(10)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use domain::ids::JobId;
    use uuid::Uuid;

    use super::*;
    use crate::ports::PortError;

    fn failure(transient: bool) -> Error {
        PortError { operation: "dynamodb.PutItem", code: "a code".to_owned(), transient }.into()
    }

    #[test]
    fn a_transient_failure_is_put_back_after_a_growing_pause() {
        let pauses: Vec<u64> = (0..=8)
            .map(|retries| match Redelivery::after(&failure(true), Delivery { receives: 1, retries }) {
                Redelivery::PutBack(pause) => pause.as_secs(),
                Redelivery::Same(_) => panic!("the queue counts a transient failure"),
            })
            .collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 120, 120, 120]);
    }

    #[test]
    fn a_permanent_failure_is_counted_by_the_queue() {
        let delivery = Delivery { receives: 3, retries: 7 };
        for error in [failure(false), Error::NoSuchJob(JobId::new(Uuid::nil()))] {
            assert_eq!(Redelivery::after(&error, delivery), Redelivery::Same(Duration::from_secs(8)));
        }
    }
}
