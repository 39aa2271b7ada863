//! The directory table: customers with their API keys, facilities, cohorts, webhook settings and
//! idempotency keys.

mod admission;
mod item;
mod operator;

use aws_sdk_dynamodb::Client;
use bulk_domain::cohort::Cohort;
use bulk_domain::facility::Facility;
use bulk_domain::hash_key::HashKey;
use bulk_domain::ids::{CohortId, CustomerId, FacilityId};
use bulk_domain::time::Timestamp;
use bulk_pipeline::idempotency::{IdempotencyKey, Promise};
use bulk_pipeline::ports::{
    Admission, CALLS_PER_MINUTE, CustomerDirectory, DirectoryStore, PortError, PortResult,
    Versioned, WebhookSettings, Write,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

pub use operator::{Customer, KeyTerms, StoredKey};

use crate::error::malformed;
use crate::item::{Item, after_prefix, from_fields, key, n, required_number, s, text, with_fields};
use crate::table::{Table, find, store};
use item::{PromiseItem, SettingsItem};

pub(crate) const CUSTOMER: &str = "customer";
const CUSTOMER_PREFIX: &str = "customer#";
const KEY_PREFIX: &str = "key#";
pub(crate) const API_KEY: &str = "api-key";
const FACILITY: &str = "facility#";
const COHORT: &str = "cohort#";
const SETTINGS: &str = "settings";

/// The directory table, with the limit of calls that applies to most keys.
#[derive(Clone, Debug)]
pub struct Directory {
    pub(crate) table: Table,
    calls_per_minute: u32,
}

/// A new API key, which is shown once. Only its SHA-256 is stored, from which a key of 32 random
/// bytes cannot be guessed.
#[derive(Debug)]
pub struct ApiKey(SecretString);

impl ApiKey {
    /// Returns the key with these random bytes.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(format!("bpi_{}", const_hex::encode(bytes)).into())
    }

    /// Returns the text that the caller sends as `x-api-key`.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl Directory {
    /// Returns the table of this name.
    pub fn new(client: Client, name: String) -> Self {
        Self { table: Table { client, name }, calls_per_minute: CALLS_PER_MINUTE }
    }

    /// Returns the same table with another limit for API keys that have no limit of their own.
    #[must_use]
    pub fn with_calls_per_minute(self, calls_per_minute: u32) -> Self {
        Self { calls_per_minute, ..self }
    }

    /// Returns all items of a customer with a sort key that starts with `prefix`.
    async fn list(&self, customer: CustomerId, prefix: &str) -> PortResult<Vec<Item>> {
        let query = self
            .table
            .query()
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", s(customer_pk(customer)))
            .expression_attribute_values(":prefix", s(prefix))
            .consistent_read(true);
        find(query, None).await
    }

    async fn list_all<T: DeserializeOwned>(
        &self,
        customer: CustomerId,
        prefix: &str,
    ) -> PortResult<Vec<T>> {
        self.list(customer, prefix).await?.into_iter().map(from_fields).collect()
    }

    async fn load<T: DeserializeOwned>(
        &self,
        customer: CustomerId,
        sk: &str,
    ) -> PortResult<Option<T>> {
        self.table.get(key(customer_pk(customer), sk)).await?.map(from_fields).transpose()
    }

    /// Returns the value of an item, with its version.
    async fn load_versioned<T: DeserializeOwned>(
        &self,
        customer: CustomerId,
        sk: &str,
    ) -> PortResult<Option<Versioned<T>>> {
        let Some(item) = self.table.get(key(customer_pk(customer), sk)).await? else {
            return Ok(None);
        };
        let version = required_number(&item, "version")?;
        Ok(Some(Versioned { value: from_fields(item)?, version }))
    }

    /// Stores a value on the condition that the stored item has this version, or that there is none
    /// if `version` is `None`.
    async fn store_versioned(
        &self,
        customer: CustomerId,
        sk: &str,
        value: &impl Serialize,
        version: Option<u64>,
    ) -> PortResult<Write> {
        let item = with_fields(key(customer_pk(customer), sk), value)?;
        self.table.put_version(item, version).await
    }

    async fn delete_versioned(
        &self,
        customer: CustomerId,
        sk: &str,
        version: u64,
    ) -> PortResult<Write> {
        self.table.delete_version(key(customer_pk(customer), sk), version).await
    }
}

impl DirectoryStore for Directory {
    async fn admit_call(&self, api_key: &str, now: Timestamp) -> PortResult<Admission> {
        admission::admit(&self.table, key(key_pk(api_key), API_KEY), self.calls_per_minute, now)
            .await
    }

    async fn load_directory(&self, customer: CustomerId) -> PortResult<CustomerDirectory> {
        // The sort keys of cohorts, of the customer itself and of facilities follow each other.
        let query = self
            .table
            .query()
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", s(customer_pk(customer)))
            .expression_attribute_values(":first", s(COHORT))
            .expression_attribute_values(":last", s(format!("{FACILITY}~")))
            .consistent_read(true);
        let (mut ids, mut hash_key) = (bulk_domain::row::Directory::default(), None);
        for item in find(query, None).await? {
            match text(&item, "sk") {
                Some(CUSTOMER) => hash_key = Some(read_hash_key(&item)?),
                Some(sk) if sk.starts_with(COHORT) => {
                    ids.cohorts.insert(after_prefix(&item, "sk", COHORT)?);
                }
                _ => {
                    ids.facilities.insert(after_prefix(&item, "sk", FACILITY)?);
                }
            }
        }
        Ok(CustomerDirectory { ids, hash_key: hash_key.ok_or_else(no_hash_key)? })
    }

    async fn load_hash_key(&self, customer: CustomerId) -> PortResult<HashKey> {
        let item = self.table.get(key(customer_pk(customer), CUSTOMER)).await?;
        read_hash_key(&item.ok_or_else(no_hash_key)?)
    }

    async fn list_facilities(&self, customer: CustomerId) -> PortResult<Vec<Facility>> {
        self.list_all(customer, FACILITY).await
    }

    async fn load_facility(
        &self,
        customer: CustomerId,
        facility: FacilityId,
    ) -> PortResult<Option<Versioned<Facility>>> {
        self.load_versioned(customer, &facility_sk(facility)).await
    }

    async fn create_facility(&self, customer: CustomerId, facility: &Facility) -> PortResult<()> {
        // A conflict means that an earlier attempt has stored it, because its id is fresh.
        self.store_versioned(customer, &facility_sk(facility.id), facility, None).await.map(|_| ())
    }

    async fn replace_facility(
        &self,
        customer: CustomerId,
        facility: &Facility,
        version: u64,
    ) -> PortResult<Write> {
        self.store_versioned(customer, &facility_sk(facility.id), facility, Some(version)).await
    }

    async fn delete_facility(
        &self,
        customer: CustomerId,
        facility: FacilityId,
        version: u64,
    ) -> PortResult<Write> {
        self.delete_versioned(customer, &facility_sk(facility), version).await
    }

    async fn list_cohorts(&self, customer: CustomerId) -> PortResult<Vec<Cohort>> {
        self.list_all(customer, COHORT).await
    }

    async fn load_cohort(
        &self,
        customer: CustomerId,
        cohort: CohortId,
    ) -> PortResult<Option<Versioned<Cohort>>> {
        self.load_versioned(customer, &cohort_sk(cohort)).await
    }

    async fn create_cohort(&self, customer: CustomerId, cohort: &Cohort) -> PortResult<()> {
        // A conflict means that an earlier attempt has stored it, because its id is fresh.
        self.store_versioned(customer, &cohort_sk(cohort.id), cohort, None).await.map(|_| ())
    }

    async fn replace_cohort(
        &self,
        customer: CustomerId,
        cohort: &Cohort,
        version: u64,
    ) -> PortResult<Write> {
        self.store_versioned(customer, &cohort_sk(cohort.id), cohort, Some(version)).await
    }

    async fn delete_cohort(
        &self,
        customer: CustomerId,
        cohort: CohortId,
        version: u64,
    ) -> PortResult<Write> {
        self.delete_versioned(customer, &cohort_sk(cohort), version).await
    }

    async fn load_settings(&self, customer: CustomerId) -> PortResult<WebhookSettings> {
        let stored: Option<SettingsItem> = self.load(customer, SETTINGS).await?;
        Ok(stored.map(WebhookSettings::from).unwrap_or_default())
    }

    async fn store_settings(
        &self,
        customer: CustomerId,
        settings: &WebhookSettings,
    ) -> PortResult<Write> {
        let item =
            with_fields(key(customer_pk(customer), SETTINGS), &SettingsItem::from(settings))?;
        let version = Some(settings.version).filter(|version| *version > 0);
        self.table.put_version(item, version).await
    }

    async fn load_promise(
        &self,
        customer: CustomerId,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> PortResult<Option<Promise>> {
        let stored: Option<PromiseItem> = self.load(customer, &promise_sk(key)).await?;
        let promise = stored.map(Promise::try_from).transpose()?;
        // DynamoDB deletes an expired item within days, not at once (Developer Guide, "Time to
        // Live").
        Ok(promise.filter(|promise| promise.expires_at.as_seconds() > now.as_seconds()))
    }

    async fn store_promise(
        &self,
        customer: CustomerId,
        idempotency: &IdempotencyKey,
        promise: &Promise,
        now: Timestamp,
    ) -> PortResult<Write> {
        let key = key(customer_pk(customer), promise_sk(idempotency));
        let put = self
            .table
            .put(with_fields(key, &PromiseItem::from(promise))?)
            .condition_expression("attribute_not_exists(pk) OR expiresAt <= :now")
            .expression_attribute_values(":now", n(now.as_seconds()));
        store(put).await
    }
}

fn no_hash_key() -> PortError {
    malformed("dynamodb.read", "hashKey")
}

fn read_hash_key(customer: &Item) -> PortResult<HashKey> {
    let bytes = customer.get("hashKey").and_then(|value| value.as_b().ok());
    let bytes = bytes.and_then(|bytes| bytes.as_ref().try_into().ok());
    bytes.map(HashKey::new).ok_or_else(no_hash_key)
}

pub(crate) fn customer_pk(customer: CustomerId) -> String {
    format!("{CUSTOMER_PREFIX}{customer}")
}

fn key_pk(api_key: &str) -> String {
    format!("{KEY_PREFIX}{}", hash(api_key))
}

fn facility_sk(facility: FacilityId) -> String {
    format!("{FACILITY}{facility}")
}

fn cohort_sk(cohort: CohortId) -> String {
    format!("{COHORT}{cohort}")
}

fn promise_sk(key: &IdempotencyKey) -> String {
    format!("idempotency#{}", hash(key.expose()))
}

fn hash(text: &str) -> String {
    const_hex::encode(Sha256::digest(text.as_bytes()))
}
