//! The tasks of operators: adding customers and API keys, listing them, and revoking keys.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use bulk_domain::api_key::ApiKey;
use bulk_domain::hash_key::HashKey;
use bulk_domain::ids::CustomerId;
use bulk_domain::key_id::KeyId;
use bulk_domain::key_rights::KeyRights;
use bulk_domain::label::Label;
use bulk_domain::time::Timestamp;
use bulk_pipeline::ports::PortResult;
use serde::{Deserialize, Serialize};

use super::{API_KEY, CUSTOMER, CUSTOMER_PREFIX, Directory, KEY_PREFIX, customer_pk, key_pk};
use crate::error::{failed, malformed};
use crate::item::{Item, after_prefix, from_fields, key, required_text, s, with_fields};

/// Digits of a key's SHA-256 that its [`KeyId`] has.
const KEY_ID: usize = 16;

/// A customer, as an operator added it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Customer {
    /// The id of the customer.
    pub id: CustomerId,
    /// The name that the operator gave it.
    pub name: String,
}

/// What is stored about an API key, without the key itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredKey {
    /// The id of the key.
    pub id: KeyId,
    /// The first characters of the key, by which its owner recognizes it.
    pub prefix: String,
    /// When the key was created.
    pub created_at: Timestamp,
    /// The minute of the last call with the key, also if the call was refused. None before the
    /// first call.
    pub last_used: Option<Timestamp>,
    /// What the operator has said about the key.
    pub terms: KeyTerms,
}

/// What an operator says about an API key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyTerms {
    /// The id of the customer that the key belongs to.
    pub customer: CustomerId,
    /// What the key is for, in the operator's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// What the key may do.
    #[serde(flatten)]
    pub rights: KeyRights,
    /// How many calls the key may make in a minute. None: as many as every key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls_per_minute: Option<u32>,
}

impl KeyTerms {
    /// Returns the terms of a key of this customer without limits of its own.
    pub fn of(customer: CustomerId) -> Self {
        Self { customer, label: None, rights: KeyRights::default(), calls_per_minute: None }
    }
}

/// The attributes of an API key, besides its calls of this minute.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyItem {
    prefix: String,
    created_at: Timestamp,
    #[serde(flatten)]
    terms: KeyTerms,
    /// The minute of the last call, counted from 1970. Each call writes it.
    #[serde(default, skip_serializing)]
    minute: Option<i64>,
}

impl Directory {
    /// Adds a customer with the key of its hashes, or renames the one with this id, which keeps its
    /// key. Here and below, the error is that of the call to DynamoDB: `AccessDeniedException` if
    /// the operator's role lacks a right, and `ResourceNotFoundException` if there is no table of
    /// this name in the region.
    pub async fn create_customer(
        &self,
        id: CustomerId,
        name: &str,
        hash_key: &HashKey,
    ) -> PortResult<()> {
        let update = self
            .table
            .update(key(customer_pk(id), CUSTOMER))
            .update_expression("SET #name = :name, hashKey = if_not_exists(hashKey, :key)")
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":name", s(name))
            .expression_attribute_values(
                ":key",
                AttributeValue::B(Blob::new(hash_key.expose().to_vec())),
            );
        update.send().await.map_err(failed("dynamodb.UpdateItem"))?;
        Ok(())
    }

    /// Adds an API key with these terms.
    pub async fn create_key(
        &self,
        api_key: &ApiKey,
        created_at: Timestamp,
        terms: KeyTerms,
    ) -> PortResult<()> {
        let prefix = api_key.prefix().to_owned();
        let fields = KeyItem { prefix, created_at, terms, minute: None };
        self.table.replace(with_fields(key(key_pk(api_key.expose()), API_KEY), &fields)?).await
    }

    /// Lets a key end at `end`, unless it ends earlier. Returns the key before that, or `None` if
    /// no key has this id.
    pub async fn end_key(&self, id: KeyId, end: Timestamp) -> PortResult<Option<StoredKey>> {
        let Some(item) = self.find_key(id).await? else { return Ok(None) };
        let key = key(required_text(&item, "pk")?, API_KEY);
        let stored = stored_key(item)?;
        if stored.terms.rights.valid_until.is_none_or(|until| until > end) {
            let update = self
                .table
                .update(key)
                .condition_expression("attribute_exists(pk)")
                .update_expression("SET validUntil = :end")
                .expression_attribute_values(":end", s(end.to_string()));
            update.send().await.map_err(failed("dynamodb.UpdateItem"))?;
        }
        Ok(Some(stored))
    }

    /// Returns all customers, ordered by id.
    pub async fn list_customers(&self) -> PortResult<Vec<Customer>> {
        let items = self.scan("sk = :kind", &[(":kind", CUSTOMER)]).await?;
        let read = |item: &Item| {
            let name = required_text(item, "name")?.to_owned();
            Ok(Customer { id: after_prefix(item, "pk", CUSTOMER_PREFIX)?, name })
        };
        let mut customers = items.iter().map(read).collect::<PortResult<Vec<_>>>()?;
        customers.sort_by_key(|customer| customer.id);
        Ok(customers)
    }

    /// Returns the API keys of a customer, oldest first.
    pub async fn list_keys(&self, customer: CustomerId) -> PortResult<Vec<StoredKey>> {
        let filter = "sk = :kind AND customer = :customer";
        let items =
            self.scan(filter, &[(":kind", API_KEY), (":customer", &customer.to_string())]).await?;
        let mut keys = items.into_iter().map(stored_key).collect::<PortResult<Vec<_>>>()?;
        keys.sort_by(|a, b| (&a.created_at, &a.id).cmp(&(&b.created_at, &b.id)));
        Ok(keys)
    }

    /// Revokes an API key, so that calls with it are refused from now on. Returns the key, or
    /// `None` if no key has this id.
    pub async fn revoke_key(&self, id: KeyId) -> PortResult<Option<StoredKey>> {
        let Some(item) = self.find_key(id).await? else { return Ok(None) };
        let key = key(required_text(&item, "pk")?, API_KEY);
        let revoked = stored_key(item)?;
        self.table.delete(key).await?;
        Ok(Some(revoked))
    }

    async fn find_key(&self, id: KeyId) -> PortResult<Option<Item>> {
        // The hash in a key's primary key begins with its id.
        let begin = format!("{KEY_PREFIX}{id}");
        let values = [(":kind", API_KEY), (":begin", begin.as_str())];
        let found = self.scan("sk = :kind AND begins_with(pk, :begin)", &values).await?;
        Ok(found.into_iter().next())
    }

    /// Reads the whole table, because it holds only a few items for each customer, and only
    /// operators do this.
    async fn scan(&self, filter: &str, values: &[(&str, &str)]) -> PortResult<Vec<Item>> {
        let mut pages = self.table.scan(filter, values).into_paginator().items().send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.map_err(failed("dynamodb.Scan"))?);
        }
        Ok(items)
    }
}

fn stored_key(item: Item) -> PortResult<StoredKey> {
    let hash = required_text(&item, "pk")?.trim_start_matches(KEY_PREFIX);
    let id = hash.get(..KEY_ID).and_then(|id| id.parse().ok());
    let id = id.ok_or_else(|| malformed("dynamodb.read", "pk"))?;
    let KeyItem { prefix, created_at, terms, minute } = from_fields(item)?;
    let last_used = minute.map(|minute| Timestamp::from_millis(minute * 60_000));
    Ok(StoredKey { id, prefix, created_at, last_used, terms })
}

#[cfg(test)]
mod tests {
    use super::super::hash;
    use super::*;

    #[test]
    fn the_id_of_a_key_begins_the_hash_under_which_it_is_stored() {
        let key = ApiKey::from_random([7; 32]);
        assert_eq!(key.id().to_string(), hash(key.expose())[..KEY_ID]);
    }
}
