//! Waiting in virtual time.

use std::future::poll_fn;
use std::task::Poll;

use bulk_domain::time::Timestamp;
use bulk_memory::Cloud;
use bulk_pipeline::ports::Environment as _;

use super::Exchange;

/// Lets the task wait until this time.
pub(super) async fn until(cloud: &Cloud, exchange: &Exchange, at: Timestamp) {
    poll_fn(|context| {
        if cloud.now() >= at {
            return Poll::Ready(());
        }
        let mut log = exchange.log();
        log.wakes = Some(log.wakes.map_or(at, |wakes| wakes.min(at)));
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
