//! The directory table: customers with their API keys, facilities, cohorts, webhook settings and
//! idempotency keys.

mod admission;
mod item;
mod operator;

use aws_sdk_dynamodb::Client;
use bulk_domain::api_key::ApiKey;
use bulk_domain::hash_key::HashKey;
use bulk_domain::ids::CustomerId;
use bulk_domain::time::Timestamp;
use bulk_pipeline::idempotency::{IdempotencyKey, Promise};
use bulk_pipeline::ports::{
    Admission, CALLS_PER_MINUTE, CustomerDirectory, DirectoryEntry, DirectoryStore, EntryKind,
    PortError, PortResult, Versioned, WebhookSettings, Write,
};
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
pub(crate) const SETTINGS: &str = "settings";

/// The directory table, with the limit of calls that applies to most keys.
#[derive(Clone, Debug)]
pub struct Directory {
    pub(crate) table: Table,
    calls_per_minute: u32,
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

    /// Returns the value of a customer's item with this sort key, if there is one.
    async fn load_item<T: DeserializeOwned>(
        &self,
        customer: CustomerId,
        sk: &str,
    ) -> PortResult<Option<T>> {
        self.table.get(key(customer_pk(customer), sk)).await?.map(from_fields).transpose()
    }
}

impl DirectoryStore for Directory {
    async fn admit_call(&self, api_key: &ApiKey, now: Timestamp) -> PortResult<Admission> {
        admission::admit(
            &self.table,
            key(key_pk(api_key.expose()), API_KEY),
            self.calls_per_minute,
            now,
        )
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

    async fn list_entries<E: DirectoryEntry>(&self, customer: CustomerId) -> PortResult<Vec<E>> {
        let query = self
            .table
            .query()
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", s(customer_pk(customer)))
            .expression_attribute_values(":prefix", s(prefix_of(E::KIND)))
            .consistent_read(true);
        find(query, None).await?.into_iter().map(from_fields).collect()
    }

    async fn load_entry<E: DirectoryEntry>(
        &self,
        customer: CustomerId,
        id: E::Id,
    ) -> PortResult<Option<Versioned<E>>> {
        let Some(item) = self.table.get(entry_key::<E>(customer, id)).await? else {
            return Ok(None);
        };
        let version = required_number(&item, "version")?;
        Ok(Some(Versioned { value: from_fields(item)?, version }))
    }

    async fn create_entry<E: DirectoryEntry>(
        &self,
        customer: CustomerId,
        entry: &E,
    ) -> PortResult<()> {
        let item = with_fields(entry_key::<E>(customer, entry.id()), entry)?;
        // A conflict means that an earlier attempt has stored it, because its id is fresh.
        self.table.put_version(item, None).await.map(|_| ())
    }

    async fn replace_entry<E: DirectoryEntry>(
        &self,
        customer: CustomerId,
        entry: &E,
        version: u64,
    ) -> PortResult<Write> {
        let item = with_fields(entry_key::<E>(customer, entry.id()), entry)?;
        self.table.put_version(item, Some(version)).await
    }

    async fn delete_entry<E: DirectoryEntry>(
        &self,
        customer: CustomerId,
        id: E::Id,
        version: u64,
    ) -> PortResult<Write> {
        self.table.delete_version(entry_key::<E>(customer, id), version).await
    }

    async fn load_settings(&self, customer: CustomerId) -> PortResult<WebhookSettings> {
        let stored: Option<SettingsItem> = self.load_item(customer, SETTINGS).await?;
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
        let stored: Option<PromiseItem> = self.load_item(customer, &promise_sk(key)).await?;
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

const fn prefix_of(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Cohort => COHORT,
        EntryKind::Facility => FACILITY,
    }
}

fn entry_key<E: DirectoryEntry>(customer: CustomerId, id: E::Id) -> Item {
    key(customer_pk(customer), format_args!("{}{id}", prefix_of(E::KIND)))
}

fn promise_sk(key: &IdempotencyKey) -> String {
    format!("idempotency#{}", hash(key.expose()))
}

fn hash(text: &str) -> String {
    const_hex::encode(Sha256::digest(text.as_bytes()))
}
