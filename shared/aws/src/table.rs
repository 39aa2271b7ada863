//! A table of DynamoDB: the calls that its stores make.

mod batch_insert;

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::{
    KeysAndAttributes, Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use bulk_domain::backoff::Backoff;
use bulk_pipeline::ports::{PortError, PortResult, Versioned, Write};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{conditional, failed, malformed};
use crate::item::{Item, from_json, n, required_number, s};

const BATCH_GET: &str = "dynamodb.BatchGetItem";
const PUT: &str = "dynamodb.PutItem";
const UPDATE: &str = "dynamodb.UpdateItem";
const TRANSACT: &str = "dynamodb.TransactWriteItems";

/// Keys that are read by one `BatchGetItem` (AWS limit).
const KEYS_PER_BATCH: usize = 100;

/// Batches that are read at the same time.
const CONCURRENT_BATCHES: usize = 8;

/// Items that are deleted at the same time. At about 5 ms a deletion, 32 make 6,000 a second.
const CONCURRENT_DELETIONS: usize = 32;

/// Attempts to read the keys that DynamoDB leaves unprocessed. The pauses between them are 6 s in
/// all.
const BATCH_ATTEMPTS: u32 = 8;

const UNPROCESSED: Backoff =
    Backoff { first: Duration::from_millis(25), longest: Duration::from_secs(4) };

/// A table of DynamoDB, and how a function calls it.
///
/// Every method returns the error of its call, with the call's name and without the item, or names
/// the attribute that the item lacks or that cannot be read.
#[derive(Clone, Debug)]
pub struct Table {
    pub client: Client,
    pub name: String,
}

/// The outcome of a conditional update.
pub enum Updated {
    /// The update took place. This is the item after it.
    Done(Item),
    /// The condition was not met. This is the item as it is, if there is one.
    Conflict(Option<Item>),
}

impl Table {
    /// Returns the item with this key, if there is one.
    pub async fn get(&self, key: Item) -> PortResult<Option<Item>> {
        let get =
            self.client.get_item().table_name(&self.name).set_key(Some(key)).consistent_read(true);
        Ok(get.send().await.map_err(failed("dynamodb.GetItem"))?.item)
    }

    /// Returns those items with these keys that exist, in no order. No key may be in the list
    /// twice.
    pub async fn get_many(&self, keys: Vec<Item>) -> PortResult<Vec<Item>> {
        let batches: Vec<Vec<Item>> = keys.chunks(KEYS_PER_BATCH).map(<[Item]>::to_vec).collect();
        let read: Vec<Vec<Item>> = stream::iter(batches)
            .map(|keys| self.get_batch(keys))
            .buffer_unordered(CONCURRENT_BATCHES)
            .try_collect()
            .await?;
        Ok(read.into_iter().flatten().collect())
    }

    async fn get_batch(&self, mut keys: Vec<Item>) -> PortResult<Vec<Item>> {
        let mut items = Vec::with_capacity(keys.len());
        for attempt in 0..BATCH_ATTEMPTS {
            let request = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .consistent_read(true)
                .build()
                .map_err(|_| malformed(BATCH_GET, "keys"))?;
            let batch = self.client.batch_get_item().request_items(&self.name, request);
            let answer = batch.send().await.map_err(failed(BATCH_GET))?;
            items.extend(answer.responses.into_iter().flat_map(HashMap::into_values).flatten());
            keys = answer
                .unprocessed_keys
                .into_iter()
                .flat_map(HashMap::into_values)
                .flat_map(|left| left.keys)
                .collect();
            if keys.is_empty() {
                return Ok(items);
            }
            tokio::time::sleep(UNPROCESSED.pause(attempt)).await;
        }
        Err(PortError {
            operation: BATCH_GET,
            code: "unprocessed keys".to_owned(),
            transient: true,
        })
    }

    /// Returns the request that stores an item.
    pub fn put(&self, item: Item) -> PutItemFluentBuilder {
        self.client.put_item().table_name(&self.name).set_item(Some(item))
    }

    /// Stores an item, or replaces the one with its key.
    pub async fn replace(&self, item: Item) -> PortResult<()> {
        self.put(item).send().await.map_err(failed(PUT))?;
        Ok(())
    }

    /// Stores an item, unless there is one with its key.
    pub async fn create(&self, item: Item) -> PortResult<Write> {
        store(self.put(item).condition_expression("attribute_not_exists(pk)")).await
    }

    /// Stores an item with the version `version` plus one, on the condition that the stored item
    /// has the version `version`, or that there is no item if `version` is `None`.
    pub async fn put_version(&self, mut item: Item, version: Option<u64>) -> PortResult<Write> {
        item.insert("version".to_owned(), n(version.unwrap_or(0) + 1));
        let (condition, values) = if_version(version);
        let put = self.put(item).condition_expression(condition);
        store(put.set_expression_attribute_values(values)).await
    }

    /// Stores a value as JSON in the item with this key, on the condition of
    /// [`Table::put_version`].
    pub async fn put_document(
        &self,
        item: Item,
        document: &impl Serialize,
        version: Option<u64>,
    ) -> PortResult<Write> {
        self.put_version(with_document(item, document)?, version).await
    }

    /// Returns the part of a transaction that stores a value as [`Table::put_document`] does.
    pub fn document_put(
        &self,
        item: Item,
        document: &impl Serialize,
        version: Option<u64>,
    ) -> PortResult<Put> {
        let item = document_item(item, document, version)?;
        let (condition, values) = if_version(version);
        let put = Put::builder().table_name(&self.name).set_item(Some(item));
        let put = put.condition_expression(condition).set_expression_attribute_values(values);
        put.build().map_err(|_| malformed(TRANSACT, "item"))
    }

    /// Stores all items, or none if the condition of one is not met.
    pub async fn transact(&self, puts: Vec<Put>) -> PortResult<Write> {
        let items = puts.into_iter().map(|put| TransactWriteItem::builder().put(put).build());
        let write = self.client.transact_write_items().set_transact_items(Some(items.collect()));
        match write.send().await {
            Ok(_) => Ok(Write::Done),
            Err(error) => match cancellation(&error) {
                Some(Cancellation::Conflict) => Ok(Write::Conflict),
                Some(Cancellation::Throttled(code)) => {
                    Err(PortError { operation: TRANSACT, code, transient: true })
                }
                None => Err(failed(TRANSACT)(error)),
            },
        }
    }

    /// Deletes the item with this key, if there is one.
    pub async fn delete(&self, key: Item) -> PortResult<()> {
        let delete = self.client.delete_item().table_name(&self.name).set_key(Some(key));
        delete.send().await.map_err(failed("dynamodb.DeleteItem"))?;
        Ok(())
    }

    /// Deletes the item with this key, on the condition that it has this version.
    pub async fn delete_version(&self, key: Item, version: u64) -> PortResult<Write> {
        let (condition, values) = if_version(Some(version));
        let delete = self.client.delete_item().table_name(&self.name).set_key(Some(key));
        let delete = delete.condition_expression(condition).set_expression_attribute_values(values);
        conditional("dynamodb.DeleteItem", delete.send().await)
    }

    /// Returns the request that updates the item with this key.
    pub fn update(&self, key: Item) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.name).set_key(Some(key))
    }

    /// Deletes the items with these keys, several at a time. Returns their number.
    pub async fn delete_all(&self, keys: Vec<Item>) -> PortResult<u64> {
        let count = keys.len() as u64;
        stream::iter(keys)
            .map(|key| self.delete(key))
            .buffer_unordered(CONCURRENT_DELETIONS)
            .try_collect::<()>()
            .await?;
        Ok(count)
    }

    /// Returns the request for all items of the table that a filter lets pass. It is read
    /// consistently, so that no item of an earlier write is missing.
    pub fn scan(&self, filter: &str, values: &[(&str, &str)]) -> ScanFluentBuilder {
        let scan = self.client.scan().table_name(&self.name).filter_expression(filter);
        values.iter().fold(scan.consistent_read(true), |scan, (name, value)| {
            scan.expression_attribute_values(*name, s(value))
        })
    }

    /// Returns the request for the items of a partition.
    pub fn query(&self) -> QueryFluentBuilder {
        self.client.query().table_name(&self.name)
    }
}

/// Returns the condition that the stored item has this version, or that there is none if `version`
/// is `None`, with the values that the condition names.
fn if_version(version: Option<u64>) -> (&'static str, Option<Item>) {
    match version {
        None => ("attribute_not_exists(pk)", None),
        Some(version) => {
            ("version = :version", Some(HashMap::from([(":version".to_owned(), n(version))])))
        }
    }
}

/// Returns an item with a value as JSON, and with the version after `version`.
pub fn document_item(
    item: Item,
    document: &impl Serialize,
    version: Option<u64>,
) -> PortResult<Item> {
    let mut item = with_document(item, document)?;
    item.insert("version".to_owned(), n(version.unwrap_or(0) + 1));
    Ok(item)
}

fn with_document(mut item: Item, document: &impl Serialize) -> PortResult<Item> {
    let json = serde_json::to_string(document).map_err(|_| malformed(PUT, "document"))?;
    item.insert("doc".to_owned(), s(json));
    Ok(item)
}

/// Why a transaction was canceled, if a retry or another read is the answer to it.
#[derive(PartialEq, Eq, Debug)]
enum Cancellation {
    /// A condition was not met, or another write of one of its items was under way.
    Conflict,
    /// The table took no more writes at that moment, with DynamoDB's code.
    Throttled(String),
}

/// Returns why a transaction was canceled (Amazon DynamoDB API Reference, `TransactWriteItems`).
/// `None` if a retry does not help, for example because an item is too large.
fn cancellation(error: &SdkError<TransactWriteItemsError, HttpResponse>) -> Option<Cancellation> {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
            let reasons = canceled.cancellation_reasons().iter();
            cancellation_by(reasons.filter_map(|reason| reason.code()))
        }
        _ => None,
    }
}

fn cancellation_by<'a>(codes: impl Iterator<Item = &'a str>) -> Option<Cancellation> {
    let mut cause = None;
    for code in codes.filter(|code| *code != "None") {
        match code {
            "ConditionalCheckFailed" | "TransactionConflict" => {
                cause = cause.or(Some(Cancellation::Conflict));
            }
            "ThrottlingError" | "ProvisionedThroughputExceeded" => {
                cause = Some(Cancellation::Throttled(code.to_owned()));
            }
            _ => return None,
        }
    }
    cause
}

/// Stores an item on the condition that the request names.
pub async fn store(put: PutItemFluentBuilder) -> PortResult<Write> {
    conditional(PUT, put.send().await)
}

/// Updates an item on the condition that the request names.
pub async fn update(update: UpdateItemFluentBuilder) -> PortResult<Write> {
    conditional(UPDATE, update.send().await)
}

/// Updates an item on the condition that the request names, and returns the item.
pub async fn update_and_return(update: UpdateItemFluentBuilder) -> PortResult<Updated> {
    let answer: Result<UpdateItemOutput, SdkError<UpdateItemError, HttpResponse>> = update
        .return_values(ReturnValue::AllNew)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await;
    match answer {
        Ok(answer) => Ok(Updated::Done(answer.attributes.unwrap_or_default())),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failure)) => {
                Ok(Updated::Conflict(failure.item().filter(|item| !item.is_empty()).cloned()))
            }
            _ => Err(failed(UPDATE)(error)),
        },
    }
}

/// Returns the first items that a DynamoDB Query finds, all of them or up to `limit`. One answer of
/// DynamoDB holds 1 MB at most, so that it can end before the limit and before the last item.
pub async fn find(mut query: QueryFluentBuilder, limit: Option<u32>) -> PortResult<Vec<Item>> {
    let most = limit.map_or(usize::MAX, |limit| limit as usize);
    // A limit that is larger than DynamoDB takes is no limit.
    if let Some(limit) = limit.and_then(|limit| i32::try_from(limit).ok()) {
        query = query.limit(limit);
    }
    let mut items = query.into_paginator().items().send();
    let mut found = Vec::new();
    while found.len() < most
        && let Some(item) = items.next().await
    {
        found.push(item.map_err(failed("dynamodb.Query"))?);
    }
    Ok(found)
}

/// Returns the value that is stored as JSON in an item, with its version.
pub fn read_document<T: DeserializeOwned>(item: &Item) -> PortResult<Versioned<T>> {
    Ok(Versioned { value: from_json(item, "doc")?, version: required_number(item, "version")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canceled_transaction_is_read_again_retried_or_refused() {
        let cause = |codes: &[&str]| cancellation_by(codes.iter().copied());
        let throttled = |code: &str| Some(Cancellation::Throttled(code.to_owned()));
        for codes in [
            &["ConditionalCheckFailed", "None"][..],
            &["None", "TransactionConflict"],
            &["ConditionalCheckFailed", "TransactionConflict"],
        ] {
            assert_eq!(cause(codes), Some(Cancellation::Conflict), "{codes:?}");
        }
        for code in ["ThrottlingError", "ProvisionedThroughputExceeded"] {
            assert_eq!(cause(&["None", code]), throttled(code));
            assert_eq!(cause(&[code, "ConditionalCheckFailed"]), throttled(code));
            assert_eq!(cause(&["ConditionalCheckFailed", code]), throttled(code));
        }
        for codes in
            [&["ValidationError"][..], &["ThrottlingError", "ValidationError"], &["None"], &[]]
        {
            assert_eq!(cause(codes), None, "{codes:?}");
        }
    }
}
