//! The gateway's circuit breaker, and the rate limit of each customer.

use std::collections::BTreeMap;

use bulk_domain::circuit_breaker::CircuitBreaker;
use bulk_domain::ids::CustomerId;
use bulk_domain::rate_limit::RateLimit;
use bulk_pipeline::ports::{GatewayLimits, PortResult, Versioned, Write};

use crate::call::Billed;
use crate::{Cloud, Operation, Resource};

#[derive(Default, Debug)]
pub(crate) struct GatewayLimitsState {
    rate_limits: BTreeMap<CustomerId, Versioned<RateLimit>>,
    breaker: Option<Versioned<CircuitBreaker>>,
}

/// Replaces a value on the condition that it has this version.
fn replace<T>(stored: &mut Option<Versioned<T>>, value: T, version: Option<u64>) -> Write {
    if stored.as_ref().map(|stored| stored.version) != version {
        return Write::Conflict;
    }
    *stored = Some(Versioned { value, version: version.unwrap_or(0) + 1 });
    Write::Done
}

impl GatewayLimits for Cloud {
    async fn load_rate_limit(
        &self,
        customer: CustomerId,
    ) -> PortResult<Option<Versioned<RateLimit>>> {
        self.call(Operation::GetItem, Resource::GATEWAY, |state| {
            Billed::request(state.gateway_limits.rate_limits.get(&customer).cloned())
        })
        .await
    }

    async fn store_rate_limit(
        &self,
        customer: CustomerId,
        taken: RateLimit,
        version: Option<u64>,
    ) -> PortResult<Write> {
        self.call(Operation::PutItem, Resource::GATEWAY, |state| {
            let mut stored = state.gateway_limits.rate_limits.remove(&customer);
            let write = replace(&mut stored, taken, version);
            state.gateway_limits.rate_limits.extend(stored.map(|taken| (customer, taken)));
            Billed::request(write)
        })
        .await
    }

    async fn load_circuit_breaker(&self) -> PortResult<Option<Versioned<CircuitBreaker>>> {
        self.call(Operation::GetItem, Resource::GATEWAY, |state| {
            Billed::request(state.gateway_limits.breaker.clone())
        })
        .await
    }

    async fn store_circuit_breaker(
        &self,
        breaker: CircuitBreaker,
        version: Option<u64>,
    ) -> PortResult<Write> {
        self.call(Operation::PutItem, Resource::GATEWAY, |state| {
            Billed::request(replace(&mut state.gateway_limits.breaker, breaker, version))
        })
        .await
    }
}
