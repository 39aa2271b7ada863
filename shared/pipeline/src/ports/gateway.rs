//! The gateway of a health information exchange, and the limits of the calls to it.

use std::future::Future;
use std::time::Duration;

use bulk_domain::circuit_breaker::CircuitBreaker;
use bulk_domain::document::{Demographics, DocumentRecord};
use bulk_domain::ids::CustomerId;
use bulk_domain::rate_limit::RateLimit;

use super::{PortResult, Versioned, Write};

/// The gateway of a health information exchange.
pub trait Gateway: Send + Sync {
    /// Searches for the patient and, if exactly one is found, for the patient's documents.
    fn ask(
        &self,
        demographics: &Demographics,
    ) -> impl Future<Output = Result<GatewayAnswer, GatewayFailure>> + Send;
}

/// The gateway's answer about a patient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GatewayAnswer {
    /// Exactly one patient matches, and has these documents.
    Documents(Vec<DocumentRecord>),
    /// No patient matches the demographics.
    NotKnown,
    /// Several patients match, so that no documents are searched.
    Ambiguous,
}

/// A document query that the gateway did not answer. It holds nothing about a patient, because it
/// is logged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GatewayFailure {
    /// The cause of the failure, for the log.
    pub cause: String,
    /// Whether the same query may succeed later.
    pub transient: bool,
    /// The pause that the gateway asks for, if it asks for one.
    pub retry_after: Option<Duration>,
}

/// The gateway's circuit breaker, and the rate limit of each customer.
pub trait GatewayLimits: Send + Sync {
    /// Returns the permits that a customer has taken, or `None` if it never took one.
    fn load_rate_limit(
        &self,
        customer: CustomerId,
    ) -> impl Future<Output = PortResult<Option<Versioned<RateLimit>>>> + Send;
    /// Stores the permits that a customer has taken.
    ///
    /// Condition: the stored version is `version`, or nothing is stored if `version` is `None`.
    fn store_rate_limit(
        &self,
        customer: CustomerId,
        taken: RateLimit,
        version: Option<u64>,
    ) -> impl Future<Output = PortResult<Write>> + Send;
    /// Returns the circuit breaker, or `None` if no call of the gateway ever failed.
    fn load_circuit_breaker(
        &self,
    ) -> impl Future<Output = PortResult<Option<Versioned<CircuitBreaker>>>> + Send;
    /// Stores the circuit breaker.
    ///
    /// Condition: the stored version is `version`, or nothing is stored if `version` is `None`.
    fn store_circuit_breaker(
        &self,
        breaker: CircuitBreaker,
        version: Option<u64>,
    ) -> impl Future<Output = PortResult<Write>> + Send;
}
