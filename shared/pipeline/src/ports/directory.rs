//! Customers and what belongs to them: API keys, facilities, cohorts, webhook settings and
//! idempotency keys.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use bulk_domain::api_key::ApiKey;
use bulk_domain::cohort::Cohort;
use bulk_domain::delivery::AttemptOutcome;
use bulk_domain::document::LinkKey;
use bulk_domain::facility::Facility;
use bulk_domain::hash_key::HashKey;
use bulk_domain::ids::{CohortId, CustomerId, FacilityId};
use bulk_domain::key_rights::KeyRights;
use bulk_domain::row::Directory;
use bulk_domain::time::Timestamp;
use bulk_domain::webhook::WebhookKey;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{PortResult, Versioned, Write};
use crate::idempotency::{IdempotencyKey, Promise};

/// Calls that an API key may make in a minute, unless the operator has set another limit: 50 a
/// second.
pub const CALLS_PER_MINUTE: u32 = 3000;

/// The directory of customers.
pub trait DirectoryStore: Send + Sync {
    /// Returns the customer that an API key belongs to, and counts the call. A key that has made
    /// all calls of the minute is refused.
    fn admit_call(
        &self,
        api_key: &ApiKey,
        now: Timestamp,
    ) -> impl Future<Output = PortResult<Admission>> + Send;
    /// Returns what the import of a customer's rows needs.
    fn load_directory(
        &self,
        customer: CustomerId,
    ) -> impl Future<Output = PortResult<CustomerDirectory>> + Send;
    /// Returns the key of a customer's hashes.
    fn load_hash_key(
        &self,
        customer: CustomerId,
    ) -> impl Future<Output = PortResult<HashKey>> + Send;
    /// Returns all facilities or all cohorts of a customer, in no order.
    fn list_entries<E: DirectoryEntry>(
        &self,
        customer: CustomerId,
    ) -> impl Future<Output = PortResult<Vec<E>>> + Send;
    /// Returns the customer's facility or cohort with this id, if there is one.
    fn load_entry<E: DirectoryEntry>(
        &self,
        customer: CustomerId,
        id: E::Id,
    ) -> impl Future<Output = PortResult<Option<Versioned<E>>>> + Send;
    /// Stores a facility or a cohort under its id, which is fresh.
    fn create_entry<E: DirectoryEntry>(
        &self,
        customer: CustomerId,
        entry: &E,
    ) -> impl Future<Output = PortResult<()>> + Send;
    /// Replaces a facility or a cohort.
    ///
    /// Condition: the stored version is `version`.
    fn replace_entry<E: DirectoryEntry>(
        &self,
        customer: CustomerId,
        entry: &E,
        version: u64,
    ) -> impl Future<Output = PortResult<Write>> + Send;
    /// Deletes a facility or a cohort.
    ///
    /// Condition: the stored version is `version`.
    fn delete_entry<E: DirectoryEntry>(
        &self,
        customer: CustomerId,
        id: E::Id,
        version: u64,
    ) -> impl Future<Output = PortResult<Write>> + Send;
    /// Returns the webhook settings of a customer, which are the default ones before the first
    /// change.
    fn load_settings(
        &self,
        customer: CustomerId,
    ) -> impl Future<Output = PortResult<WebhookSettings>> + Send;
    /// Replaces the webhook settings, and counts their version up.
    ///
    /// Condition: the stored version is `settings.version`, or nothing is stored if that is 0.
    fn store_settings(
        &self,
        customer: CustomerId,
        settings: &WebhookSettings,
    ) -> impl Future<Output = PortResult<Write>> + Send;
    /// Returns the job that an idempotency key stands for; `None` if the key is unknown or has
    /// expired at `now`.
    fn load_promise(
        &self,
        customer: CustomerId,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> impl Future<Output = PortResult<Option<Promise>>> + Send;
    /// Stores the job that an idempotency key stands for.
    ///
    /// Condition: nothing is stored for the key, or the stored promise has expired at `now`.
    fn store_promise(
        &self,
        customer: CustomerId,
        key: &IdempotencyKey,
        promise: &Promise,
        now: Timestamp,
    ) -> impl Future<Output = PortResult<Write>> + Send;
}

/// A facility or a cohort: what a customer's directory lists by ids, so that rows can name it.
pub trait DirectoryEntry: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync {
    /// The id of an entry.
    type Id: Copy + Display + Send + Sync;
    /// Which of the two it is.
    const KIND: EntryKind;

    /// Returns the id of the entry.
    fn id(&self) -> Self::Id;
}

/// The kinds of a directory's entries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[expect(missing_docs, reason = "each is the kind of its name")]
pub enum EntryKind {
    Cohort,
    Facility,
}

impl DirectoryEntry for Cohort {
    type Id = CohortId;
    const KIND: EntryKind = EntryKind::Cohort;

    fn id(&self) -> CohortId {
        self.id
    }
}

impl DirectoryEntry for Facility {
    type Id = FacilityId;
    const KIND: EntryKind = EntryKind::Facility;

    fn id(&self) -> FacilityId {
        self.id
    }
}

/// What the import of a customer's rows needs of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerDirectory {
    /// The ids of all facilities and cohorts, to which rows can refer.
    pub ids: Directory,
    /// The key of the customer's hashes.
    pub hash_key: HashKey,
}

/// Whether a call is answered, by its API key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Admission {
    /// The call is one of this customer, and the key has these rights.
    Admitted(CustomerId, KeyRights),
    /// No customer has this key.
    UnknownKey,
    /// The key of this customer has made all calls of this minute. It may be used again after this
    /// time.
    TooMany(CustomerId, Duration),
}

/// Where a customer receives webhooks, and the keys that sign them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookSettings {
    /// The URL of the customer's server, if one is set.
    pub url: Option<String>,
    /// The key that signs webhooks. It is made with the first URL.
    pub key: Option<WebhookKey>,
    /// The key that signs links to documents in webhooks. It is made and replaced with `key`.
    pub link_key: Option<LinkKey>,
    /// Replaced keys that may still be valid, newest first.
    pub replaced: Vec<ReplacedKey>,
    /// Whether webhooks about the documents of patients are sent.
    pub patient_webhooks: bool,
    /// The outcome of the last ping.
    pub ping: Option<PingReport>,
    /// Whether the URL has answered a ping since it was set. Only then is patient data
    /// sent to it.
    pub is_verified: bool,
    /// The version of the settings, which every write increases by one; 0 if nothing was ever
    /// stored.
    pub version: u64,
}

impl WebhookSettings {
    /// Returns the keys that sign a webhook at `now`, newest first.
    pub fn signing_keys(&self, now: Timestamp) -> Vec<WebhookKey> {
        let replaced = self.replaced.iter().filter(|replaced| replaced.valid_until > now);
        self.key.iter().chain(replaced.map(|replaced| &replaced.key)).cloned().collect()
    }
}

/// A signing key that was replaced by a newer one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplacedKey {
    /// The key that was replaced.
    pub key: WebhookKey,
    /// The time until which webhooks are signed with this key, too.
    pub valid_until: Timestamp,
}

/// The outcome of a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PingReport {
    /// When the ping was sent.
    pub when: Timestamp,
    /// The fault of the answer; `None` if the answer was right.
    pub failure: Option<AttemptOutcome>,
}
