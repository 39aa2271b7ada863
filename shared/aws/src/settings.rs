//! A customer's webhook settings, in the directory table.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::CustomerId;
use domain::time::Timestamp;
use domain::webhook::WebhookKey;
use pipeline::ports::StoreSettings;
use pipeline::ports::{LoadSettings, PingReport, PortResult, ReplacedKey, WebhookSettings, Write};

use crate::Directory;
use crate::directory::customer_pk;
use crate::error::{conditional, malformed};
use crate::item::{Item, key, n, number, required_number, s, text};

/// The sort key of the settings.
const SETTINGS: &str = "settings";

impl LoadSettings for Directory {
    async fn load_settings(&self, customer: CustomerId) -> PortResult<WebhookSettings> {
        let Some(item) = self.get(key(customer_pk(customer), SETTINGS)).await? else {
            return Ok(WebhookSettings::default());
        };
        let replaced = item.get("replacedKeys").and_then(|keys| keys.as_l().ok()).map(Vec::as_slice);
        let pinged = number(&item, "pingedAt").map(Timestamp::from_millis);
        let failure = text(&item, "pingFailure").map(str::to_owned);
        Ok(WebhookSettings {
            url: text(&item, "webhookUrl").map(str::to_owned),
            key: text(&item, "webhookKey").map(|key| WebhookKey::from_stored(key.to_owned())),
            replaced: replaced.unwrap_or_default().iter().map(read_replaced).collect::<PortResult<_>>()?,
            ping: pinged.map(|when| PingReport { when, failure }),
            version: number(&item, "version").unwrap_or(0),
        })
    }
}

impl StoreSettings for Directory {
    async fn store_settings(&self, customer: CustomerId, settings: &WebhookSettings) -> PortResult<Write> {
        let mut item = key(customer_pk(customer), SETTINGS);
        item.insert("version".to_owned(), n(settings.version + 1));
        if let Some(url) = &settings.url {
            item.insert("webhookUrl".to_owned(), s(url));
        }
        if let Some(key) = &settings.key {
            item.insert("webhookKey".to_owned(), s(key.expose()));
        }
        if !settings.replaced.is_empty() {
            let keys = settings.replaced.iter().map(write_replaced).collect();
            item.insert("replacedKeys".to_owned(), AttributeValue::L(keys));
        }
        if let Some(ping) = &settings.ping {
            item.insert("pingedAt".to_owned(), n(ping.when.as_millis()));
            item.extend(ping.failure.as_ref().map(|failure| ("pingFailure".to_owned(), s(failure))));
        }
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        let put = match settings.version {
            0 => put.condition_expression("attribute_not_exists(version)"),
            version => put
                .condition_expression("version = :version")
                .expression_attribute_values(":version", n(version)),
        };
        conditional("dynamodb.PutItem", put.send().await)
    }
}

fn write_replaced(replaced: &ReplacedKey) -> AttributeValue {
    AttributeValue::M(HashMap::from([
        ("key".to_owned(), s(replaced.key.expose())),
        ("validUntil".to_owned(), n(replaced.valid_until.as_millis())),
    ]))
}

fn read_replaced(value: &AttributeValue) -> PortResult<ReplacedKey> {
    let item: &Item = value.as_m().map_err(|_| malformed("dynamodb.read", "replacedKeys"))?;
    let key = text(item, "key").ok_or_else(|| malformed("dynamodb.read", "replacedKeys"))?;
    Ok(ReplacedKey {
        key: WebhookKey::from_stored(key.to_owned()),
        valid_until: Timestamp::from_millis(required_number(item, "validUntil")?),
    })
}
