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
    /// Takes `count` permits at `rate` queries a second (above 0). Returns the rate limit
    /// afterwards.
    ///
    /// # Errors
    ///
    /// Returns how long to wait before the next attempt, if the next permit is more than a second
    /// ahead.
    pub fn take(
        known: Option<Self>,
        count: u32,
        rate: f64,
        now: Timestamp,
    ) -> Result<Self, Duration> {
        let next = known.map_or(now, |limit| limit.next.max(now));
        if next > now.plus(AHEAD) {
            return Err(now.until(next));
        }
        // A rate so low that its wait is no duration counts as one permit in as long as there is.
        let taken = Duration::try_from_secs_f64(f64::from(count) / rate).unwrap_or(Duration::MAX);
        Ok(Self { next: next.plus(taken) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000).plus(Duration::from_secs(seconds))
    }

    #[test]
    fn no_more_permits_are_taken_than_the_rate_allows() {
        let mut limit = None;
        let mut taken = 0;
        for second in 0..100 {
            while let Ok(next) = RateLimit::take(limit, 10, 5.0, at(second)) {
                (limit, taken) = (Some(next), taken + 10);
            }
        }
        assert!((500..=520).contains(&taken), "{taken}");
        assert_eq!(
            RateLimit::take(Some(RateLimit { next: at(60) }), 1, 5.0, at(0)),
            Err(Duration::from_mins(1))
        );
    }
}
