//! What only operators do: look at all customers and their keys, and take keys away.

use domain::ids::CustomerId;
use pipeline::ports::PortResult;

use super::{API_KEY, ApiKey, CUSTOMER, Directory, KEY, customer_id, key_hash};
use crate::error::failed;
use crate::item::{Item, key, parsed, s, text};

/// Characters of a key's hash that name it: 64 bits, enough to tell all keys apart, and no way back to one.
const KEY_ID: usize = 16;

/// Characters of a key that are kept readable, so that its owner knows which of theirs it is: the mark
/// `bpi_` and 16 of its 256 bits.
const KEY_PREFIX: usize = 8;

/// A customer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Customer {
    /// Its id.
    pub id: CustomerId,
    /// Its name.
    pub name: String,
}

/// What is known of an API key. The key itself is not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredKey {
    /// Its name: the beginning of its SHA-256.
    pub id: String,
    /// Its first characters; none of a key that was made before they were kept.
    pub prefix: Option<String>,
    /// When it was made; none of a key that was made before this was kept.
    pub created_at: Option<String>,
    /// Whose it is.
    pub customer: CustomerId,
}

impl ApiKey {
    /// The name that the key goes by where it is not shown.
    pub fn id(&self) -> String {
        key_hash(self.expose()).chars().take(KEY_ID).collect()
    }

    /// Its first characters.
    pub fn prefix(&self) -> &str {
        self.expose().get(..KEY_PREFIX).unwrap_or_default()
    }
}

impl Directory {
    /// All customers, by id.
    pub async fn list_customers(&self) -> PortResult<Vec<Customer>> {
        let items = self.scan("sk = :kind", &[(":kind", CUSTOMER)]).await?;
        let mut customers = items
            .iter()
            .map(|item| Ok(Customer { id: customer_id(item)?, name: name_of(item) }))
            .collect::<PortResult<Vec<_>>>()?;
        customers.sort_by_key(|customer| customer.id);
        Ok(customers)
    }

    /// The API keys of a customer, oldest first.
    pub async fn list_keys(&self, customer: CustomerId) -> PortResult<Vec<StoredKey>> {
        let filter = "sk = :kind AND customer = :customer";
        let items = self.scan(filter, &[(":kind", API_KEY), (":customer", &customer.to_string())]).await?;
        let mut keys = items.iter().map(stored_key).collect::<PortResult<Vec<_>>>()?;
        keys.sort_by(|a, b| (&a.created_at, &a.id).cmp(&(&b.created_at, &b.id)));
        Ok(keys)
    }

    /// Takes an API key away: whoever uses it is refused from now on. Gives what it was; none if there is no
    /// such key.
    pub async fn revoke_key(&self, id: &str) -> PortResult<Option<StoredKey>> {
        if id.len() != KEY_ID || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let begin = format!("{KEY}{}", id.to_ascii_lowercase());
        let values = [(":kind", API_KEY), (":begin", begin.as_str())];
        let found = self.scan("sk = :kind AND begins_with(pk, :begin)", &values).await?;
        let Some(item) = found.first() else { return Ok(None) };
        let revoked = stored_key(item)?;
        let delete = self.client.delete_item().table_name(&self.table);
        let delete = delete.set_key(Some(key(text(item, "pk").unwrap_or_default(), API_KEY)));
        delete.send().await.map_err(failed("dynamodb.DeleteItem"))?;
        Ok(Some(revoked))
    }

    /// Reads the whole table. It holds a few items for each customer, and only operators do this.
    async fn scan(&self, filter: &str, values: &[(&str, &str)]) -> PortResult<Vec<Item>> {
        let mut scan =
            self.client.scan().table_name(&self.table).filter_expression(filter).consistent_read(true);
        for (name, value) in values {
            scan = scan.expression_attribute_values(*name, s(value));
        }
        let mut pages = scan.into_paginator().items().send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.map_err(failed("dynamodb.Scan"))?);
        }
        Ok(items)
    }
}

fn stored_key(item: &Item) -> PortResult<StoredKey> {
    let pk = text(item, "pk").unwrap_or_default();
    Ok(StoredKey {
        id: pk.trim_start_matches(KEY).chars().take(KEY_ID).collect(),
        prefix: text(item, "prefix").map(str::to_owned),
        created_at: text(item, "createdAt").map(str::to_owned),
        customer: parsed(item, "customer")?,
    })
}

fn name_of(item: &Item) -> String {
    text(item, "name").unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_by_what_leads_not_back_to_it() {
        let key = ApiKey::from_random([7; 32]);
        assert_eq!(key.id().len(), KEY_ID);
        assert!(!key.expose().contains(&key.id()));
        assert_eq!(key.prefix(), "bpi_0707");
    }
}
