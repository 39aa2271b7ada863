//! Pauses that grow with every attempt.

use std::time::Duration;

/// Doublings after which a pause grows no further: by then it is a thousand times the first one.
const MOST_DOUBLINGS: u32 = 10;

/// An exponential backoff: the pause doubles with every attempt up to a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backoff {
    /// The pause after the first failed attempt.
    pub first: Duration,
    /// The longest pause between two attempts.
    pub longest: Duration,
}

impl Backoff {
    /// Returns the pause after a failed attempt that had `earlier` failed attempts before it.
    pub fn pause(self, earlier: u32) -> Duration {
        self.first.saturating_mul(1 << earlier.min(MOST_DOUBLINGS)).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_doubles_up_to_its_limit() {
        let backoff = Backoff { first: Duration::from_secs(2), longest: Duration::from_mins(2) };
        let pauses: Vec<u64> =
            (0..=7).chain([u32::MAX]).map(|earlier| backoff.pause(earlier).as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 120, 120, 120]);
    }
}
