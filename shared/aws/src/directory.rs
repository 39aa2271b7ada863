//! The directory table: customers, API keys, facilities, cohorts. Webhook settings: see `settings`.

mod operator;

use std::fmt;

use aws_sdk_dynamodb::Client;
use domain::ids::{CohortId, CustomerId, FacilityId};
use domain::time::Timestamp;
use pipeline::api::directory::{Facility, FindCustomer, ListFacilities};
use pipeline::ports::{LoadDirectory, PortError, PortResult};
use sha2::{Digest as _, Sha256};

pub use operator::{Cohort, Customer, StoredKey};

use crate::error::{failed, malformed};
use crate::item::{Item, key, parsed, s, text};

const CUSTOMER: &str = "customer";
const CUSTOMER_OF: &str = "customer#";
const KEY: &str = "key#";
const FACILITY: &str = "facility#";
const COHORT: &str = "cohort#";
const API_KEY: &str = "api-key";

/// The directory table.
#[derive(Clone, Debug)]
pub struct Directory {
    pub(crate) client: Client,
    pub(crate) table: String,
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
        Self { client, table }
    }

    /// Adds a customer.
    pub async fn create_customer(&self, id: CustomerId, name: &str) -> PortResult<()> {
        let mut item = key(customer_pk(id), CUSTOMER);
        item.insert("name".to_owned(), s(name));
        self.put(item).await
    }

    /// Adds an API key of a customer.
    pub async fn create_key(
        &self,
        customer: CustomerId,
        api_key: &ApiKey,
        created_at: Timestamp,
    ) -> PortResult<()> {
        let mut item = key(key_pk(api_key.expose()), API_KEY);
        item.insert("customer".to_owned(), s(customer));
        item.insert("prefix".to_owned(), s(api_key.prefix()));
        item.insert("createdAt".to_owned(), s(created_at));
        self.put(item).await
    }

    /// Adds a facility of a customer.
    pub async fn create_facility(&self, customer: CustomerId, facility: &Facility) -> PortResult<()> {
        let mut item = key(customer_pk(customer), format_args!("{FACILITY}{}", facility.id));
        item.insert("name".to_owned(), s(&facility.name));
        item.insert("npi".to_owned(), s(&facility.npi));
        self.put(item).await
    }

    /// Adds a cohort of a customer.
    pub async fn create_cohort(&self, customer: CustomerId, id: CohortId, name: &str) -> PortResult<()> {
        let mut item = key(customer_pk(customer), format_args!("{COHORT}{id}"));
        item.insert("name".to_owned(), s(name));
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

impl FindCustomer for Directory {
    async fn find_customer(&self, api_key: &str) -> PortResult<Option<CustomerId>> {
        let item = self.get(key(key_pk(api_key), API_KEY)).await?;
        item.map(|item| parsed(&item, "customer")).transpose()
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

impl ListFacilities for Directory {
    async fn list_facilities(&self, customer: CustomerId) -> PortResult<Vec<Facility>> {
        let items = self.list(customer, FACILITY).await?;
        items
            .iter()
            .map(|item| {
                let id: FacilityId = id_after(item, FACILITY)?;
                let attribute = |name| text(item, name).unwrap_or_default().to_owned();
                Ok(Facility { id, name: attribute("name"), npi: attribute("npi") })
            })
            .collect()
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

fn key_pk(api_key: &str) -> String {
    format!("{KEY}{}", key_hash(api_key))
}

fn key_hash(api_key: &str) -> String {
    hex(&Sha256::digest(api_key.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
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
