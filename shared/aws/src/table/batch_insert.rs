//! Many new items in few calls.
//!
//! `BatchExecuteStatement` executes up to 25 statements, each on its own. An `INSERT` fails if an
//! item with its key is stored (Amazon DynamoDB Developer Guide, `ql-reference.insert.html`), which
//! no `BatchWriteItem` does, and takes the write units of a `PutItem`. All values are parameters:
//! AWS can log the text of a statement.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, BatchStatementRequest};
use bulk_pipeline::ports::PortResult;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tracing::warn;

use super::{CONCURRENT_BATCHES, Table};
use crate::error::{failed, malformed};
use crate::item::Item;

const BATCH: &str = "dynamodb.BatchExecuteStatement";

/// Statements of a batch (AWS limit).
const STATEMENTS: usize = 25;

/// Bytes of the largest text of an item that is stored in a batch. Usual items have some hundred.
/// DynamoDB documents no limit for the size of a batch, so that it stays far below those of its
/// other requests.
const LARGEST_TEXT: usize = 16 * 1024;

impl Table {
    /// Stores those items that have no item with their key, with few calls. No key may be in the
    /// list twice. Returns for each item whether it was stored by this call.
    ///
    /// An item that was not stored may have been refused for any reason, also because DynamoDB
    /// throttled its key or because it is too large for a batch. The caller has to store it with a
    /// call of its own, whose answer tells why.
    pub async fn insert_all(&self, items: Vec<Item>) -> PortResult<Vec<bool>> {
        let mut is_stored = vec![false; items.len()];
        let mut left = items.into_iter().enumerate().filter(|(_, item)| fits(item)).peekable();
        let mut batches: Vec<Vec<(usize, Item)>> = Vec::new();
        while left.peek().is_some() {
            batches.push(left.by_ref().take(STATEMENTS).collect());
        }
        let stored: Vec<Vec<usize>> = stream::iter(batches)
            .map(|batch| self.insert_batch(batch))
            .buffer_unordered(CONCURRENT_BATCHES)
            .try_collect()
            .await?;
        for place in stored.into_iter().flatten() {
            is_stored[place] = true;
        }
        Ok(is_stored)
    }

    /// Inserts the items of a batch, each of which has its place in the list. Returns the places of
    /// those that were stored.
    async fn insert_batch(&self, batch: Vec<(usize, Item)>) -> PortResult<Vec<usize>> {
        let (mut places, items): (Vec<usize>, Vec<Item>) = batch.into_iter().unzip();
        let statements = items.into_iter().map(|item| insert(&self.name, item));
        let statements = statements.collect::<PortResult<_>>()?;
        let batch = self.client.batch_execute_statement().set_statements(Some(statements));
        let answer = match batch.send().await.map_err(failed(BATCH)) {
            Ok(answer) => answer,
            Err(error) if error.transient => return Err(error),
            Err(error) => {
                warn!("Items are stored one by one, DynamoDB refused a batch: {error}");
                return Ok(Vec::new());
            }
        };
        let mut answers = answer.responses().iter();
        places.retain(|_| answers.next().is_some_and(|answer| answer.error().is_none()));
        Ok(places)
    }
}

/// Returns whether an item is short enough for a batch.
fn fits(item: &Item) -> bool {
    item.values().all(|value| value.as_s().map_or(true, |text| text.len() <= LARGEST_TEXT))
}

/// Returns the statement that inserts an item.
fn insert(table: &str, item: Item) -> PortResult<BatchStatementRequest> {
    // In their order, so that items with the same attributes have the same statement.
    let attributes: BTreeMap<String, AttributeValue> = item.into_iter().collect();
    let (names, values): (Vec<String>, Vec<AttributeValue>) = attributes.into_iter().unzip();
    let tuple: Vec<String> = names.iter().map(|name| format!("'{name}': ?")).collect();
    let statement = format!("INSERT INTO \"{table}\" VALUE {{{}}}", tuple.join(", "));
    let request = BatchStatementRequest::builder().statement(statement);
    request.set_parameters(Some(values)).build().map_err(|_| malformed(BATCH, "statement"))
}
