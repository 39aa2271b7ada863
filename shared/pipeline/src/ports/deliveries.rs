//! Records of webhook deliveries: the attempts, their outcomes, and when the next attempt is due.

use std::future::Future;

use bulk_domain::delivery::{DeliveryState, WebhookDelivery};
use bulk_domain::ids::CustomerId;
use bulk_domain::webhook::WebhookSubject;

use super::{PortResult, Versioned, Write};

/// The records of webhook deliveries, one for each event of a job and for each message of a bulk
/// download. A record expires after the retention time.
pub trait DeliveryStore: Send + Sync {
    /// Returns the delivery of the webhook about `subject`; `None` before its first attempt.
    fn load_delivery(
        &self,
        customer: CustomerId,
        subject: WebhookSubject,
    ) -> impl Future<Output = PortResult<Option<Versioned<WebhookDelivery>>>> + Send;
    /// Stores a delivery. The stored version is then `version` plus one, and 1 for a new record.
    ///
    /// Condition: the stored version is `version`, or there is no record if `version` is `None`.
    fn store_delivery(
        &self,
        delivery: &WebhookDelivery,
        version: Option<u64>,
    ) -> impl Future<Output = PortResult<Write>> + Send;
    /// Returns up to `limit` deliveries of a customer, newest first, in any state or in `state`.
    /// With `state` this reads an index, so that deliveries of the last second may be missing.
    fn list_deliveries(
        &self,
        customer: CustomerId,
        state: Option<Undelivered>,
        limit: u32,
    ) -> impl Future<Output = PortResult<Vec<WebhookDelivery>>> + Send;
    /// Returns up to `limit` failed deliveries of a customer, oldest first, and those of a job in
    /// the order of its states. Reads an index, so that a delivery may have changed in the last
    /// second. Therefore a write has to name the version.
    fn failed_deliveries(
        &self,
        customer: CustomerId,
        limit: u32,
    ) -> impl Future<Output = PortResult<Vec<Versioned<WebhookDelivery>>>> + Send;
    /// Returns the number of a customer's deliveries in a state. Reads an index, so that it may lag
    /// by a second.
    fn count_deliveries(
        &self,
        customer: CustomerId,
        state: Undelivered,
    ) -> impl Future<Output = PortResult<u32>> + Send;
}

/// The states of deliveries that can be counted and listed by themselves, because they are in an
/// index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Undelivered {
    /// Attempts are being made.
    Processing,
    /// The delivery was abandoned.
    Failed,
}

impl Undelivered {
    /// Returns this state as one of all states that a delivery can have.
    pub const fn state(self) -> DeliveryState {
        match self {
            Self::Processing => DeliveryState::Processing,
            Self::Failed => DeliveryState::Failed,
        }
    }
}
