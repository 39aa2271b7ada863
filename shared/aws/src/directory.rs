//! The directory table: customers and their API keys. What else is in it: see `directory::objects` (facilities
//! and cohorts), `settings`, `idempotency` and `admission`.

mod objects;
mod operator;

use std::fmt;

use aws_sdk_dynamodb::Client;
use domain::ids::CustomerId;
use domain::time::Timestamp;
use pipeline::ports::{CALLS_PER_MINUTE, LoadDirectory, PortError, PortResult};
use sha2::{Digest as _, Sha256};

pub use operator::{Customer, StoredKey};

use crate::error::{failed, malformed};
use crate::item::{Item, key, n, s, text};

const CUSTOMER: &str = "customer";
const CUSTOMER_OF: &str = "customer#";
const KEY: &str = "key#";
const FACILITY: &str = "facility#";
const COHORT: &str = "cohort#";
pub(crate) const API_KEY: &str = "api-key";

/// The directory table.
#[derive(Clone, Debug)]
pub struct Directory {
    pub(crate) client: Client,
    pub(crate) table: String,
    pub(crate) calls_per_minute: u32,
}

/// A new API key, shown once. Only its SHA-256 is stored: it has too much randomness to be guessed
/// back from that.
pub struct ApiKey(String);

impl ApiKey {
    /// A key of 32 random bytes.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(format!("bpi_{}", hex(&bytes)))
    }

    /// The text that the caller sends as `x-api-key`.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(hidden)")
    }
}

impl Directory {
    /// The table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table, calls_per_minute: CALLS_PER_MINUTE }
    }

    /// The same table with another limit to the calls with one key.
    #[must_use]
    pub fn with_calls_per_minute(self, calls_per_minute: u32) -> Self {
        Self { calls_per_minute, ..self }
    }

    /// Adds a customer.
    pub async fn create_customer(&self, id: CustomerId, name: &str) -> PortResult<()> {
        let mut item = key(customer_pk(id), CUSTOMER);
        item.insert("name".to_owned(), s(name));
        self.put(item).await
    }

    /// Adds an API key of a customer, which may make as many calls a minute as `calls_per_minute` says, or as
    /// every key may.
    pub async fn create_key(
        &self,
        customer: CustomerId,
        api_key: &ApiKey,
        created_at: Timestamp,
        calls_per_minute: Option<u32>,
    ) -> PortResult<()> {
        let mut item = key(key_pk(api_key.expose()), API_KEY);
        item.insert("customer".to_owned(), s(customer));
        item.insert("prefix".to_owned(), s(api_key.prefix()));
        item.insert("createdAt".to_owned(), s(created_at));
        item.extend(calls_per_minute.map(|calls| ("callsPerMinute".to_owned(), n(calls))));
        self.put(item).await
    }

    async fn put(&self, item: Item) -> PortResult<()> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map_err(failed("dynamodb.PutItem"))?;
        Ok(())
    }

    pub(crate) async fn get(&self, key: Item) -> PortResult<Option<Item>> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true);
        Ok(get.send().await.map_err(failed("dynamodb.GetItem"))?.item)
    }

    /// Everything of a customer whose sort key starts with `prefix`.
    async fn list(&self, customer: CustomerId, prefix: &str) -> PortResult<Vec<Item>> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", s(customer_pk(customer)))
            .expression_attribute_values(":prefix", s(prefix))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.map_err(failed("dynamodb.Query"))?);
        }
        Ok(items)
    }
}

impl LoadDirectory for Directory {
    async fn load_directory(&self, customer: CustomerId) -> PortResult<domain::row::Directory> {
        let (facilities, cohorts) =
            futures::try_join!(self.list(customer, FACILITY), self.list(customer, COHORT))?;
        Ok(domain::row::Directory {
            facilities: facilities.iter().map(|item| id_after(item, FACILITY)).collect::<PortResult<_>>()?,
            cohorts: cohorts.iter().map(|item| id_after(item, COHORT)).collect::<PortResult<_>>()?,
        })
    }
}

pub(crate) fn customer_pk(customer: CustomerId) -> String {
    format!("{CUSTOMER_OF}{customer}")
}

fn customer_id(item: &Item) -> PortResult<CustomerId> {
    text(item, "pk")
        .and_then(|pk| pk.strip_prefix(CUSTOMER_OF))
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| malformed("dynamodb.read", "pk"))
}

pub(crate) fn key_pk(api_key: &str) -> String {
    format!("{KEY}{}", key_hash(api_key))
}

fn key_hash(api_key: &str) -> String {
    hex(&Sha256::digest(api_key.as_bytes()))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn id_after<T: std::str::FromStr>(item: &Item, prefix: &str) -> Result<T, PortError> {
    text(item, "sk")
        .and_then(|sk| sk.strip_prefix(prefix))
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| malformed("dynamodb.read", "sk"))
}
