//! Care with a gateway that others need, too: no more queries a second than agreed, and none while it is down.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// How far ahead of its time a slot may be taken.
const AHEAD: Duration = Duration::from_secs(1);

/// Failures in a row after which a gateway counts as down.
const FAILURES: u32 = 5;

/// The first pause of a gateway that is down; it doubles with every failed probe.
const FIRST_PAUSE: Duration = Duration::from_secs(30);

/// The longest pause of a gateway that is down.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// The slots of a customer: when the next one is free.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Slots {
    /// When the next query may start.
    pub next: Timestamp,
}

impl Slots {
    /// Takes `count` slots at `rate` queries a second (above 0): the slots afterwards, or how long to wait
    /// before asking again.
    pub fn take(known: Option<Self>, count: u32, rate: f64, now: Timestamp) -> Result<Self, Duration> {
        let next = known.map_or(now, |slots| slots.next.max(now));
        if next > now.plus(AHEAD) {
            let millis = next.as_millis().saturating_sub(now.as_millis());
            return Err(Duration::from_millis(u64::try_from(millis).unwrap_or(0)));
        }
        let taken = Duration::try_from_secs_f64(f64::from(count) / rate).unwrap_or(Duration::MAX);
        Ok(Self { next: next.plus(taken) })
    }
}

/// A circuit breaker: whether a gateway is worth calling.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Breaker {
    /// Failures since the last success.
    pub failures: u32,
    /// Until when nobody calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_until: Option<Timestamp>,
}

/// What a caller may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leave {
    /// The caller may call the gateway.
    Call,
    /// Store this, and if that succeeds call: one caller tries whether the gateway is back.
    Probe(Breaker),
    /// Come again after this time.
    Wait(Duration),
}

impl Breaker {
    /// What a caller may do at `now`.
    pub fn leave(self, now: Timestamp) -> Leave {
        match self.closed_until {
            None => Leave::Call,
            Some(until) if until > now => {
                let millis = until.as_millis().saturating_sub(now.as_millis());
                Leave::Wait(Duration::from_millis(u64::try_from(millis).unwrap_or(0)))
            }
            // While one probes, the others stay away.
            Some(_) => Leave::Probe(Self { closed_until: Some(now.plus(self.pause())), ..self }),
        }
    }

    /// The breaker after a success; none if that changes nothing.
    pub fn after_success(self) -> Option<Self> {
        (self != Self::default()).then(Self::default)
    }

    /// The breaker after a failure.
    #[must_use]
    pub fn after_failure(self, now: Timestamp) -> Self {
        let failures = self.failures.saturating_add(1);
        let failed = Self { failures, ..self };
        if failures < FAILURES {
            failed
        } else {
            Self { closed_until: Some(now.plus(failed.pause())), ..failed }
        }
    }

    fn pause(self) -> Duration {
        let doublings = self.failures.saturating_sub(FAILURES).min(10);
        FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000).plus(Duration::from_secs(seconds))
    }

    #[test]
    fn no_more_slots_are_taken_than_the_rate_allows() {
        let mut slots = None;
        let mut taken = 0;
        for second in 0..100 {
            while let Ok(next) = Slots::take(slots, 10, 5.0, at(second)) {
                (slots, taken) = (Some(next), taken + 10);
            }
        }
        assert!((500..=520).contains(&taken), "{taken}");
        assert_eq!(Slots::take(Some(Slots { next: at(60) }), 1, 5.0, at(0)), Err(Duration::from_mins(1)));
    }

    #[test]
    fn a_gateway_that_failed_five_times_is_left_alone_and_probed_by_one() {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            breaker = breaker.after_failure(at(0));
            assert_eq!(breaker.leave(at(0)), Leave::Call);
        }
        breaker = breaker.after_failure(at(0));
        assert_eq!(breaker.leave(at(10)), Leave::Wait(Duration::from_secs(20)));
        let Leave::Probe(probing) = breaker.leave(at(30)) else { panic!() };
        assert_eq!(probing.leave(at(31)), Leave::Wait(Duration::from_secs(29)));
        assert_eq!(probing.after_failure(at(32)).leave(at(33)), Leave::Wait(Duration::from_secs(59)));
        assert_eq!(probing.after_success().unwrap().leave(at(32)), Leave::Call);
        assert_eq!(Breaker::default().after_success(), None);
    }
}
