//! The rate limit of a customer's document queries: no more queries a second than the operator has
//! set.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// How far ahead of its time a permit may be taken.
const AHEAD: Duration = Duration::from_secs(1);

/// The rate limit of a customer: when the next permit is free.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RateLimit {
    /// When the next query may start.
    pub next: Timestamp,
}

impl RateLimit {
    /// Takes `count` permits, of which one becomes free in every `interval`. Returns the rate limit
    /// afterwards.
    ///
    /// # Errors
    ///
    /// Returns how long to wait before the next attempt, if the next permit is more than a second
    /// ahead.
    pub fn take(
        known: Option<Self>,
        count: u32,
        interval: Duration,
        now: Timestamp,
    ) -> Result<Self, Duration> {
        let next = known.map_or(now, |limit| limit.next.max(now));
        if next > now.plus(AHEAD) {
            return Err(now.until(next));
        }
        Ok(Self { next: next.plus(interval.saturating_mul(count)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five permits a second.
    const EVERY: Duration = Duration::from_millis(200);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000).plus(Duration::from_secs(seconds))
    }

    #[test]
    fn no_more_permits_are_taken_than_the_rate_allows() {
        let mut limit = None;
        let mut taken = 0;
        for second in 0..100 {
            while let Ok(next) = RateLimit::take(limit, 10, EVERY, at(second)) {
                (limit, taken) = (Some(next), taken + 10);
            }
        }
        assert!((500..=520).contains(&taken), "{taken}");
        assert_eq!(
            RateLimit::take(Some(RateLimit { next: at(60) }), 1, EVERY, at(0)),
            Err(Duration::from_mins(1))
        );
    }
}
