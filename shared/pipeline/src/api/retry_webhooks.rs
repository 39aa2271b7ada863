//! `POST /settings/webhook/retry`: sends again what was given up.
//!
//! The message is queued before its delivery is noted as being tried: dying in between costs nothing, because
//! a message of a new round is sent even where the record still says failed. Doing it twice, one after
//! the other or at the same time, queues the same round twice, which the delivery's record takes for the
//! repetition that it is.

use std::collections::BTreeMap;

use domain::delivery::{Carrier, WebhookDelivery};
use domain::ids::{CustomerId, JobId};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::api::ApiError;
use crate::messages::WebhookMessage;
use crate::ports::prelude::*;
use crate::ports::{PortResult, Ports, Undelivered, Versioned, Write};

/// Deliveries that one call sends again, the oldest ones: what a call has time for.
pub const RETRIED_PER_CALL: u32 = 500;

/// Jobs whose deliveries are sent at the same time.
const CONCURRENT_JOBS: usize = 16;

/// What a call did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retried {
    /// Deliveries that are being tried again.
    pub sent: u32,
    /// Failed deliveries that are left for the next call.
    pub left: u32,
}

/// Sends failed deliveries again, each job's in the order of its states.
pub async fn retry_webhooks<P: Ports>(ports: &P, customer: CustomerId) -> Result<Retried, ApiError> {
    let log = ports.deliveries();
    if ports.directory().load_settings(customer).await?.url.is_none() {
        return Err(ApiError::Conflict("No webhook URL is set"));
    }
    let failed = log.failed_deliveries(customer, RETRIED_PER_CALL).await?;
    let total = log.count_deliveries(customer, Undelivered::Failed).await?;
    let mut jobs: BTreeMap<JobId, Vec<Versioned<WebhookDelivery>>> = BTreeMap::new();
    for delivery in failed {
        jobs.entry(delivery.value.job).or_default().push(delivery);
    }
    let sent: Vec<u32> = stream::iter(jobs.into_values())
        .map(|deliveries| retry_job(ports, deliveries))
        .buffer_unordered(CONCURRENT_JOBS)
        .try_collect()
        .await?;
    let sent = sent.into_iter().sum();
    Ok(Retried { sent, left: total.saturating_sub(sent) })
}

async fn retry_job<P: Ports>(ports: &P, deliveries: Vec<Versioned<WebhookDelivery>>) -> PortResult<u32> {
    let mut sent = 0;
    for Versioned { value: mut delivery, version } in deliveries {
        let (customer, job, status) = (delivery.customer, delivery.job, delivery.status);
        let carrier = Carrier::of_round(delivery.round + 1);
        ports.queues().send_webhook(&WebhookMessage { customer, job, status, carrier }).await?;
        delivery.start_round(carrier.round);
        match ports.deliveries().store_delivery(&delivery, Some(version)).await? {
            // A conflict: somebody else sent it, or it is on its way already.
            Write::Done | Write::Conflict => sent += 1,
        }
    }
    Ok(sent)
}
