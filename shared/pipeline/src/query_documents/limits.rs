//! The limits of calls to the gateway: its circuit breaker, and the rate limit of each customer.

use std::time::Duration;

use bulk_domain::circuit_breaker::{CallPermit, CircuitBreaker};
use bulk_domain::ids::CustomerId;
use bulk_domain::query::QueryOutcome;
use bulk_domain::rate_limit::RateLimit;

use super::{LEASED, PatientOutcome};
use crate::ports::prelude::*;
use crate::ports::{PortResult, Ports, Write};

/// The pause after a conflict about the rate limit: another message of the customer has just taken
/// permits.
const RATE_LIMIT_PAUSE: Duration = Duration::from_secs(1);

/// Takes permits for so many queries. Returns how long the gateway must not be called, or `None` if
/// it may be called now.
pub(super) async fn refused_for<P: Ports>(
    ports: &P,
    interval: Option<Duration>,
    customer: CustomerId,
    queries: u32,
) -> PortResult<Option<Duration>> {
    let (limits, now) = (ports.gateway_limits(), ports.environment().now());
    let breaker = limits.load_circuit_breaker().await?;
    match breaker.as_ref().map_or(CallPermit::Call, |breaker| breaker.value.permit(now)) {
        CallPermit::Call => {}
        CallPermit::Wait(after) => return Ok(Some(after)),
        CallPermit::Probe(probing) => {
            let version = breaker.map(|breaker| breaker.version);
            if limits.store_circuit_breaker(probing, version).await? == Write::Conflict {
                return Ok(Some(LEASED.first));
            }
        }
    }
    let Some(interval) = interval else { return Ok(None) };
    let taken = limits.load_rate_limit(customer).await?;
    let (known, version) =
        (taken.as_ref().map(|taken| taken.value), taken.map(|taken| taken.version));
    match RateLimit::take(known, queries, interval, now) {
        Err(after) => Ok(Some(after)),
        Ok(taken) => match limits.store_rate_limit(customer, taken, version).await? {
            Write::Done => Ok(None),
            Write::Conflict => Ok(Some(RATE_LIMIT_PAUSE)),
        },
    }
}

/// Tells the circuit breaker whether the gateway answered. One answer shows that the gateway is up.
pub(super) async fn tell_circuit_breaker<P: Ports>(
    ports: &P,
    patients: &[PatientOutcome],
) -> PortResult<()> {
    let has_failed = patients.iter().any(|patient| matches!(patient, PatientOutcome::Failed(_)));
    let has_answered = patients.iter().any(|patient| {
        matches!(
            patient,
            PatientOutcome::Ended(
                QueryOutcome::Documents(_) | QueryOutcome::NotKnown | QueryOutcome::Ambiguous
            )
        )
    });
    if !has_failed && !has_answered {
        return Ok(());
    }
    let known = ports.gateway_limits().load_circuit_breaker().await?;
    let (breaker, version): (CircuitBreaker, Option<u64>) =
        known.map_or((CircuitBreaker::default(), None), |known| (known.value, Some(known.version)));
    let after = if has_answered {
        breaker.after_success()
    } else {
        Some(breaker.after_failure(ports.environment().now()))
    };
    if let Some(after) = after {
        // A conflict is ignored, because another message has just told the circuit breaker what it
        // saw.
        let _ = ports.gateway_limits().store_circuit_breaker(after, version).await?;
    }
    Ok(())
}
