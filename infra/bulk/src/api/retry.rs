//! Waits between the attempts of a call.

use std::time::Duration;

use bulk_domain::backoff::Backoff;

/// Attempts of one call before it fails.
pub const ATTEMPTS: u32 = 5;

/// The waits between two attempts, unless the service asks for a longer one.
const BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(250), longest: Duration::from_secs(30) };

/// The longest wait that a service may ask for. A user would take a longer one for a program that
/// hangs.
const LONGEST_ASKED: Duration = Duration::from_mins(2);

/// The waits of one call, with jitter so that many clients do not retry at the same moment.
#[derive(Clone, Debug, Default)]
pub struct Pause {
    earlier: u32,
}

impl Pause {
    /// Returns the next wait, which is at least as long as the service asked for.
    pub fn next(&mut self, asked: Option<Duration>) -> Duration {
        let own = BACKOFF.pause(self.earlier).mul_f64(rand::random_range(0.75..1.25));
        self.earlier += 1;
        own.max(asked.unwrap_or_default().min(LONGEST_ASKED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_limit() {
        let mut pause = Pause::default();
        let waits: Vec<Duration> = (0..12).map(|_| pause.next(None)).collect();
        assert!(waits[0] < Duration::from_millis(320));
        assert!(waits[4] > waits[0] * 4);
        assert!(waits.iter().all(|wait| *wait <= BACKOFF.longest.mul_f64(1.25)));
    }

    #[test]
    fn the_service_may_ask_for_a_longer_wait_up_to_a_limit() {
        assert_eq!(Pause::default().next(Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert_eq!(Pause::default().next(Some(Duration::from_hours(24))), LONGEST_ASKED);
    }
}
