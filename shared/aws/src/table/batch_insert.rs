//! Many new items in few calls.
//!
//! `BatchExecuteStatement` executes up to 25 statements, each on its own. An `INSERT` fails if an
//! item with its key is stored (Amazon DynamoDB Developer Guide, `ql-reference.insert.html`), which
//! no `BatchWriteItem` does, and takes the write units of a `PutItem`. All values are parameters:
//! AWS can log the text of a statement.

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
        let fitting = items.into_iter().enumerate().filter(|(_, item)| fits(item));
        let (places, statements): (Vec<usize>, Vec<BatchStatementRequest>) = fitting
            .map(|(place, item)| Ok((place, insert(&self.name, item)?)))
            .collect::<PortResult<Vec<_>>>()?
            .into_iter()
            .unzip();
        let batches = places.chunks(STATEMENTS).zip(statements.chunks(STATEMENTS));
        let batches: Vec<_> = batches.map(|(at, batch)| (at.to_vec(), batch.to_vec())).collect();
        let stored: Vec<Vec<usize>> = stream::iter(batches)
            .map(|(places, batch)| self.insert_batch(places, batch))
            .buffer_unordered(CONCURRENT_BATCHES)
            .try_collect()
            .await?;
        for place in stored.into_iter().flatten() {
            is_stored[place] = true;
        }
        Ok(is_stored)
    }

    /// Executes a batch of statements. Returns those of their places whose statement succeeded.
    async fn insert_batch(
        &self,
        mut places: Vec<usize>,
        statements: Vec<BatchStatementRequest>,
    ) -> PortResult<Vec<usize>> {
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

fn fits(item: &Item) -> bool {
    item.values().all(|value| value.as_s().map_or(true, |text| text.len() <= LARGEST_TEXT))
}

fn insert(table: &str, item: Item) -> PortResult<BatchStatementRequest> {
    let (names, values): (Vec<String>, Vec<AttributeValue>) = item.into_iter().unzip();
    let tuple: Vec<String> = names.iter().map(|name| format!("'{name}': ?")).collect();
    let statement = format!("INSERT INTO \"{table}\" VALUE {{{}}}", tuple.join(", "));
    let request = BatchStatementRequest::builder().statement(statement);
    request.set_parameters(Some(values)).build().map_err(|_| malformed(BATCH, "statement"))
}
