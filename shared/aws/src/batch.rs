//! Many items of a table at once.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use pipeline::ports::{PortError, PortResult};

use crate::error::{failed, malformed};
use crate::item::Item;

const OPERATION: &str = "dynamodb.BatchGetItem";

/// Keys that one `BatchGetItem` takes (AWS limit).
const KEYS_PER_BATCH: usize = 100;

/// Batches in flight at the same time.
const CONCURRENT_BATCHES: usize = 8;

/// Rounds for keys that DynamoDB leaves unprocessed, with growing pauses (25 ms doubling, 6 s in all).
const UNPROCESSED_ROUNDS: u32 = 8;

/// Reads the items of all keys that have one, as they are now, in no particular order. No key may come twice.
pub async fn read_many(client: &Client, table: &str, keys: Vec<Item>) -> PortResult<Vec<Item>> {
    let batches: Vec<Vec<Item>> = keys.chunks(KEYS_PER_BATCH).map(<[Item]>::to_vec).collect();
    let read: Vec<Vec<Item>> = stream::iter(batches)
        .map(|keys| read_batch(client, table, keys))
        .buffer_unordered(CONCURRENT_BATCHES)
        .try_collect()
        .await?;
    Ok(read.into_iter().flatten().collect())
}

async fn read_batch(client: &Client, table: &str, mut keys: Vec<Item>) -> PortResult<Vec<Item>> {
    let mut items = Vec::with_capacity(keys.len());
    for round in 0..UNPROCESSED_ROUNDS {
        let request = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(true)
            .build()
            .map_err(|_| malformed(OPERATION, "keys"))?;
        let answer =
            client.batch_get_item().request_items(table, request).send().await.map_err(failed(OPERATION))?;
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
        tokio::time::sleep(Duration::from_millis(25 << round)).await;
    }
    Err(PortError { operation: OPERATION, code: "unprocessed keys".to_owned(), transient: true })
}
