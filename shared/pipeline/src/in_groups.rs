//! Handles a batch of messages of a FIFO queue: groups beside each other, a group's messages one by one.
//!
//! So a receiver that takes its whole time holds up its own job and nobody else's.

use std::collections::HashMap;
use std::hash::Hash;

use futures::future::join_all;

/// Handles every message. `handle` says whether the message waits, to come again, and with what; the later
/// messages of its group are then told so, and may not be handled before it.
pub async fn in_groups<M, K: Hash + Eq, W>(
    messages: impl IntoIterator<Item = M>,
    group: impl Fn(&M) -> K,
    handle: impl AsyncFn(M, Option<&W>) -> Option<W>,
) {
    let mut groups: HashMap<K, Vec<M>> = HashMap::new();
    for message in messages {
        groups.entry(group(&message)).or_default().push(message);
    }
    let handle = &handle;
    let one_by_one = |messages: Vec<M>| async move {
        let mut waiting = None;
        for message in messages {
            let waits = handle(message, waiting.as_ref()).await;
            waiting = waiting.or(waits);
        }
    };
    join_all(groups.into_values().map(one_by_one)).await;
}
