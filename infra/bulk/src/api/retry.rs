//! How long to wait before trying again.

use std::time::Duration;

/// Tries of one call before it is given up.
pub const TRIES: u32 = 5;

/// The first wait; every further one is twice as long.
const FIRST: Duration = Duration::from_millis(250);

/// The longest wait that this program chooses by itself.
const LONGEST: Duration = Duration::from_secs(30);

/// The longest wait that a service may ask for. What wants more is as good as away.
const LONGEST_ASKED: Duration = Duration::from_mins(2);

/// The waits between tries: growing, and a little random, so that many clients do not come back at once.
#[derive(Clone, Debug)]
pub struct Pause {
    next: Duration,
}

impl Default for Pause {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Pause {
    /// How long to wait now, at least as long as was asked for.
    pub fn next(&mut self, asked: Option<Duration>) -> Duration {
        let own = self.next.mul_f64(rand::random_range(0.75..1.25));
        self.next = (self.next * 2).min(LONGEST);
        own.max(asked.unwrap_or_default().min(LONGEST_ASKED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wait_is_longer_up_to_a_limit() {
        let mut pause = Pause::default();
        let waits: Vec<Duration> = (0..12).map(|_| pause.next(None)).collect();
        assert!(waits[0] < Duration::from_millis(320));
        assert!(waits[4] > waits[0] * 4);
        assert!(waits.iter().all(|wait| *wait <= LONGEST.mul_f64(1.25)));
    }

    #[test]
    fn a_service_is_left_alone_as_long_as_it_asks_but_not_for_ever() {
        assert_eq!(Pause::default().next(Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert_eq!(Pause::default().next(Some(Duration::from_hours(24))), LONGEST_ASKED);
    }
}
