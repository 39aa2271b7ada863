//! The directory: what belongs to a customer, and the keys by which its calls are known.

use std::future::Future;
use std::time::Duration;

use domain::cohort::Cohort;
use domain::facility::Facility;
use domain::ids::{CohortId, CustomerId, FacilityId};
use domain::time::Timestamp;

use super::{PortResult, WebhookSettings, Write};
use crate::idempotency::{IdempotencyKey, Promise};

/// Calls that an API key may make in a minute, unless the operator has set another limit: 50 a second.
pub const CALLS_PER_MINUTE: u32 = 3000;

/// What is done with a call, going by its API key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    /// It is the call of this customer.
    Admitted(CustomerId),
    /// Nobody knows the key.
    UnknownKey,
    /// The key has been used too often; it may be used again after this time.
    TooMany(Duration),
}

/// Finds the customer that an API key belongs to, and counts the call.
pub trait AdmitCall: Send + Sync {
    /// Whether the call is answered.
    fn admit_call(&self, api_key: &str, now: Timestamp)
    -> impl Future<Output = PortResult<Admission>> + Send;
}

/// Reads a customer's facilities.
pub trait ListFacilities: Send + Sync {
    /// All of them.
    fn list_facilities(&self, customer: CustomerId)
    -> impl Future<Output = PortResult<Vec<Facility>>> + Send;
}

/// Reads one facility.
pub trait LoadFacility: Send + Sync {
    /// The customer's facility with this id, if there is one.
    fn load_facility(
        &self,
        customer: CustomerId,
        facility: FacilityId,
    ) -> impl Future<Output = PortResult<Option<Facility>>> + Send;
}

/// Stores a new facility.
pub trait CreateFacility: Send + Sync {
    /// Stores it under its id, which is fresh.
    fn create_facility(
        &self,
        customer: CustomerId,
        facility: &Facility,
    ) -> impl Future<Output = PortResult<()>> + Send;
}

/// Reads a customer's cohorts.
pub trait ListCohorts: Send + Sync {
    /// All of them.
    fn list_cohorts(&self, customer: CustomerId) -> impl Future<Output = PortResult<Vec<Cohort>>> + Send;
}

/// Reads one cohort.
pub trait LoadCohort: Send + Sync {
    /// The customer's cohort with this id, if there is one.
    fn load_cohort(
        &self,
        customer: CustomerId,
        cohort: CohortId,
    ) -> impl Future<Output = PortResult<Option<Cohort>>> + Send;
}

/// Stores a new cohort.
pub trait CreateCohort: Send + Sync {
    /// Stores it under its id, which is fresh.
    fn create_cohort(
        &self,
        customer: CustomerId,
        cohort: &Cohort,
    ) -> impl Future<Output = PortResult<()>> + Send;
}

/// Stores a customer's webhook settings.
pub trait StoreSettings: Send + Sync {
    /// Replaces what was set, on the condition that the stored version is still `settings.version`, and
    /// counts it up.
    fn store_settings(
        &self,
        customer: CustomerId,
        settings: &WebhookSettings,
    ) -> impl Future<Output = PortResult<Write>> + Send;
}

/// Reads what a key stands for.
pub trait LoadPromise: Send + Sync {
    /// What it stands for; none once that has expired.
    fn load_promise(
        &self,
        customer: CustomerId,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> impl Future<Output = PortResult<Option<Promise>>> + Send;
}

/// Writes down what a key stands for.
pub trait StorePromise: Send + Sync {
    /// Stores it, on the condition that the key stands for nothing, or for nothing any more.
    fn store_promise(
        &self,
        customer: CustomerId,
        key: &IdempotencyKey,
        promise: &Promise,
        now: Timestamp,
    ) -> impl Future<Output = PortResult<Write>> + Send;
}
