//! The gateway's circuit breaker and the rate limit of each customer, in the jobs table.

use bulk_domain::circuit_breaker::CircuitBreaker;
use bulk_domain::ids::CustomerId;
use bulk_domain::rate_limit::RateLimit;
use bulk_pipeline::ports::{GatewayLimits, PortResult, Versioned, Write};

use crate::Jobs;
use crate::item::{Item, key};
use crate::table::read_document;

const GATEWAY: &str = "gateway";

impl GatewayLimits for Jobs {
    async fn load_rate_limit(
        &self,
        customer: CustomerId,
    ) -> PortResult<Option<Versioned<RateLimit>>> {
        self.table.get(rate_limit_key(customer)).await?.as_ref().map(read_document).transpose()
    }

    async fn store_rate_limit(
        &self,
        customer: CustomerId,
        taken: RateLimit,
        version: Option<u64>,
    ) -> PortResult<Write> {
        self.table.put_document(rate_limit_key(customer), &taken, version).await
    }

    async fn load_circuit_breaker(&self) -> PortResult<Option<Versioned<CircuitBreaker>>> {
        self.table.get(circuit_breaker_key()).await?.as_ref().map(read_document).transpose()
    }

    async fn store_circuit_breaker(
        &self,
        breaker: CircuitBreaker,
        version: Option<u64>,
    ) -> PortResult<Write> {
        self.table.put_document(circuit_breaker_key(), &breaker, version).await
    }
}

fn circuit_breaker_key() -> Item {
    key(GATEWAY, "circuit-breaker")
}

/// Returns a key with a partition for each customer, because the item is written for every message
/// of the customer's queries.
pub(crate) fn rate_limit_key(customer: CustomerId) -> Item {
    key(format_args!("{GATEWAY}#{customer}"), "rate-limit")
}
