//! Which customer a call belongs to, and whether its API key has calls left in this minute.
//!
//! Usage plans of API Gateway know only keys of its own, of which an account has 10,000. So each
//! key counts its calls itself, in the request that finds its customer, on the item that this
//! request reads. The first call of a minute needs a second request.
//!
//! Around the end of a minute a key can make twice its calls. That is harmless: the limit keeps one
//! customer from taking what all customers share, and the throttling of the stage bounds the total.

use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use bulk_domain::ids::CustomerId;
use bulk_domain::key_rights::KeyRights;
use bulk_domain::time::Timestamp;
use bulk_pipeline::ports::{Admission, PortResult};
use serde::Deserialize;

use crate::item::{Item, from_fields, n, number, parsed};
use crate::table::{Table, Updated, update_and_return};

/// Seconds in a minute.
const SECONDS: i64 = 60;

/// Attempts to count a call. Another call can be first only at the beginning of a minute.
const ATTEMPTS: u32 = 3;

/// Returns the customer that a key belongs to, and counts the call on the item of the key.
pub async fn admit(table: &Table, key: Item, limit: u32, now: Timestamp) -> PortResult<Admission> {
    let minute = now.as_seconds() / SECONDS;
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let item = match count(table, key.clone(), minute, limit).await? {
            Updated::Done(item) => return admitted(item),
            Updated::Conflict(None) => return Ok(Admission::UnknownKey),
            Updated::Conflict(Some(item)) => item,
        };
        if number(&item, "minute") == Some(minute) {
            let left = SECONDS - now.as_seconds() % SECONDS;
            let customer = parsed(&item, "customer")?;
            return Ok(Admission::TooMany(customer, Duration::from_secs(left.unsigned_abs())));
        }
        if let Updated::Done(item) = begin_minute(table, key.clone(), minute).await? {
            return admitted(item);
        }
        last = Some(item);
    }
    // The clock of another machine is ahead by a minute, so that this call cannot be counted in its
    // own minute.
    last.map_or(Ok(Admission::UnknownKey), admitted)
}

fn admitted(item: Item) -> PortResult<Admission> {
    let StoredRights { customer, rights } = from_fields(item)?;
    Ok(Admission::Admitted(customer, rights))
}

/// The attributes of a key that decide about its calls.
#[derive(Deserialize)]
struct StoredRights {
    customer: CustomerId,
    #[serde(flatten)]
    rights: KeyRights,
}

async fn count(table: &Table, key: Item, minute: i64, limit: u32) -> PortResult<Updated> {
    let update = in_minute(table, key, minute)
        .condition_expression(
            "#minute = :minute AND (calls < callsPerMinute OR \
             (attribute_not_exists(callsPerMinute) AND calls < :limit))",
        )
        .update_expression("ADD calls :one")
        .expression_attribute_values(":limit", n(limit));
    update_and_return(update).await
}

async fn begin_minute(table: &Table, key: Item, minute: i64) -> PortResult<Updated> {
    let update = in_minute(table, key, minute)
        .condition_expression(
            "attribute_exists(pk) AND (attribute_not_exists(#minute) OR #minute < :minute)",
        )
        .update_expression("SET #minute = :minute, calls = :one");
    update_and_return(update).await
}

fn in_minute(table: &Table, key: Item, minute: i64) -> UpdateItemFluentBuilder {
    table
        .update(key)
        .expression_attribute_names("#minute", "minute")
        .expression_attribute_values(":minute", n(minute))
        .expression_attribute_values(":one", n(1))
}
