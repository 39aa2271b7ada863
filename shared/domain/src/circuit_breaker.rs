//! A circuit breaker for the gateway that document queries ask: closed while calls succeed, open
//! while the gateway is down, and half-open for one probe after each pause.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::backoff::Backoff;
use crate::time::Timestamp;

/// The failures in a row that open the circuit breaker.
const FAILURES: u32 = 5;

/// The pauses of an open circuit breaker, each after another failed probe.
const BACKOFF: Backoff =
    Backoff { first: Duration::from_secs(30), longest: Duration::from_mins(5) };

/// The state of the circuit breaker, shared by all workers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CircuitBreaker {
    /// How many calls failed since the last success.
    pub failures: u32,
    /// Until when the circuit breaker is open, so that calls are refused. None while it is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_until: Option<Timestamp>,
}

/// Whether a worker may call the gateway.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallPermit {
    /// The circuit breaker is closed: the worker may call.
    Call,
    /// The circuit breaker is half-open: the worker may call if it can store this state, so that
    /// only one worker probes.
    Probe(CircuitBreaker),
    /// The circuit breaker is open: the worker has to wait for this time.
    Wait(Duration),
}

impl CircuitBreaker {
    /// Returns whether a worker may call the gateway at `now`.
    pub fn permit(self, now: Timestamp) -> CallPermit {
        match self.open_until {
            None => CallPermit::Call,
            Some(until) if until > now => CallPermit::Wait(now.until(until)),
            // The circuit breaker stays open for the other workers while one probes.
            Some(_) => CallPermit::Probe(Self { open_until: Some(now.plus(self.pause())), ..self }),
        }
    }

    /// Returns the state after a success. None if the success changes nothing.
    pub fn after_success(self) -> Option<Self> {
        (self != Self::default()).then(Self::default)
    }

    /// Returns the state after a failure.
    #[must_use]
    pub fn after_failure(self, now: Timestamp) -> Self {
        let failures = self.failures.saturating_add(1);
        let failed = Self { failures, ..self };
        if failures < FAILURES {
            failed
        } else {
            Self { open_until: Some(now.plus(failed.pause())), ..failed }
        }
    }

    fn pause(self) -> Duration {
        BACKOFF.pause(self.failures.saturating_sub(FAILURES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000).plus(Duration::from_secs(seconds))
    }

    #[test]
    fn five_failures_open_the_circuit_breaker_and_one_worker_probes_after_each_pause() {
        let mut breaker = CircuitBreaker::default();
        for _ in 0..4 {
            breaker = breaker.after_failure(at(0));
            assert_eq!(breaker.permit(at(0)), CallPermit::Call);
        }
        breaker = breaker.after_failure(at(0));
        assert_eq!(breaker.permit(at(10)), CallPermit::Wait(Duration::from_secs(20)));
        let CallPermit::Probe(probing) = breaker.permit(at(30)) else { panic!() };
        assert_eq!(probing.permit(at(31)), CallPermit::Wait(Duration::from_secs(29)));
        assert_eq!(
            probing.after_failure(at(32)).permit(at(33)),
            CallPermit::Wait(Duration::from_secs(59))
        );
        assert_eq!(probing.after_success().unwrap().permit(at(32)), CallPermit::Call);
        assert_eq!(CircuitBreaker::default().after_success(), None);
    }
}
