//! Webhooks: where a customer wants them, what came of each, and the customer's server.

use std::future::Future;
use std::time::Duration;

use domain::delivery::{DeliveryState, NoAnswer, WebhookDelivery};
use domain::ids::CustomerId;
use domain::job::JobStatus;
use domain::time::Timestamp;
use domain::webhook::WebhookKey;

use super::{JobRef, PortResult, Versioned, Write};

/// Remembers the deliveries of webhooks: what was tried and what came of it.
pub trait DeliveryLog: Send + Sync {
    /// The delivery of the message about `status`, if there was an attempt.
    fn load_delivery(
        &self,
        job: JobRef,
        status: JobStatus,
    ) -> impl Future<Output = PortResult<Option<Versioned<WebhookDelivery>>>> + Send;
    /// Stores it, on the condition that the stored version is still `version` (none: that there is nothing
    /// stored, which counts as 0). The version is then one more.
    fn store_delivery(
        &self,
        delivery: &WebhookDelivery,
        version: Option<u64>,
    ) -> impl Future<Output = PortResult<Write>> + Send;
}

/// Lists a customer's deliveries.
pub trait ListDeliveries: Send + Sync {
    /// The newest ones, in any state or in one, at most `limit`, newest first. Only what is still being tried
    /// and what failed can be asked for by state.
    fn list_deliveries(
        &self,
        customer: CustomerId,
        state: Option<Undelivered>,
        limit: u32,
    ) -> impl Future<Output = PortResult<Vec<WebhookDelivery>>> + Send;
    /// The oldest failed ones, a job's in the order of its states, at most `limit`.
    fn failed_deliveries(
        &self,
        customer: CustomerId,
        limit: u32,
    ) -> impl Future<Output = PortResult<Vec<Versioned<WebhookDelivery>>>> + Send;
    /// How many there are in this state.
    fn count_deliveries(
        &self,
        customer: CustomerId,
        state: Undelivered,
    ) -> impl Future<Output = PortResult<u32>> + Send;
}

/// The states of deliveries that are counted and can be asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Undelivered {
    /// Being tried.
    Processing,
    /// Given up.
    Failed,
}

impl Undelivered {
    /// The state.
    pub const fn state(self) -> DeliveryState {
        match self {
            Self::Processing => DeliveryState::Processing,
            Self::Failed => DeliveryState::Failed,
        }
    }
}

/// Where and how a customer wants webhooks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookSettings {
    /// The receiver, if one is set.
    pub url: Option<String>,
    /// The key that messages are signed with; set with the first URL.
    pub key: Option<WebhookKey>,
    /// Keys that were replaced and are still valid, newest first.
    pub replaced: Vec<ReplacedKey>,
    /// What came of the last ping.
    pub ping: Option<PingReport>,
    /// Counted up by every write; 0 if nothing was ever stored.
    pub version: u64,
}

impl WebhookSettings {
    /// The keys that a message is signed with at `now`, the newest first.
    pub fn signing_keys(&self, now: Timestamp) -> Vec<WebhookKey> {
        let replaced = self.replaced.iter().filter(|replaced| replaced.valid_until > now);
        self.key.iter().chain(replaced.map(|replaced| &replaced.key)).cloned().collect()
    }
}

/// A key that another one took the place of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplacedKey {
    /// The key.
    pub key: WebhookKey,
    /// Until then messages are signed with it, too.
    pub valid_until: Timestamp,
}

/// What came of a ping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingReport {
    /// When it was sent.
    pub when: Timestamp,
    /// What was wrong with the answer; none if it was right.
    pub failure: Option<String>,
}

/// Reads a customer's webhook settings.
pub trait LoadSettings: Send + Sync {
    /// The settings; nothing set if there are none.
    fn load_settings(&self, customer: CustomerId)
    -> impl Future<Output = PortResult<WebhookSettings>> + Send;
}

/// A webhook request, complete.
#[derive(Clone, Debug)]
pub struct WebhookRequest {
    /// Where it goes.
    pub url: String,
    /// Header names and values, signatures included.
    pub headers: Vec<(&'static str, String)>,
    /// The exact bytes that were signed.
    pub body: Vec<u8>,
}

/// What came of posting a webhook.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PostOutcome {
    /// The receiver answered.
    Answered {
        /// HTTP status code.
        status: u16,
        /// How long it asks us to wait, by `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// There was no answer.
    Unreachable(NoAnswer),
}

/// What came of a ping.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PingOutcome {
    /// The receiver answered.
    Answered {
        /// HTTP status code.
        status: u16,
        /// The start of the body, as much of it as a right answer can have.
        body: Vec<u8>,
    },
    /// There was no answer.
    Unreachable(NoAnswer),
}

/// Posts to a customer's server.
pub trait PostWebhook: Send + Sync {
    /// Posts once, without following redirects. Never fails: a receiver that does is an outcome.
    fn post(&self, request: WebhookRequest) -> impl Future<Output = PostOutcome> + Send;
}

/// Pings a customer's server.
pub trait PingWebhook: Send + Sync {
    /// Posts once and reads the start of the answer. Never fails: a receiver that does is an outcome.
    fn ping(&self, request: WebhookRequest) -> impl Future<Output = PingOutcome> + Send;
}
