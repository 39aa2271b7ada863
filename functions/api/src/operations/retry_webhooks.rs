//! `POST /settings/webhook/retry`: sends failed webhooks again.
//!
//! The message is queued before its delivery is marked as processing. A call that dies between the
//! two steps has no bad effect, because the message of a new round is sent although the record
//! still says failed. Two calls queue the same round twice, and the delivery's record drops the
//! repetition.

use std::collections::BTreeMap;

use axum::extract::State;
use bulk_domain::audit::Objects;
use bulk_domain::delivery::{Carrier, WebhookDelivery};
use bulk_domain::ids::{CustomerId, RequestId};
use bulk_pipeline::messages::WebhookMessage;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{PortResult, Ports, Undelivered, Versioned, Write};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use utoipa::ToSchema;

use crate::audited::{Audited, NamesObjects};
use crate::backend::Backend;
use crate::caller::{Caller, ManageSettings};
use crate::error::ApiError;

/// Deliveries that one call sends again, oldest first, so that it ends within its time limit.
const RETRIED_PER_CALL: u32 = 500;

/// Number of jobs and bulk downloads that have their deliveries sent at the same time.
const CONCURRENT_REQUESTS: usize = 16;

/// Webhooks that were sent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhooksRetried {
    /// Deliveries that will be retried.
    pub webhook_requests_retried: u32,
    /// Failed deliveries that are left for the next call.
    pub webhook_requests_failed: u32,
}

impl NamesObjects for WebhooksRetried {
    fn objects(&self) -> Objects {
        Objects { deliveries: self.webhook_requests_retried as usize, ..Objects::default() }
    }
}

/// Send failed webhooks again
///
/// A call sends up to 500 webhooks, oldest first. Call again while `webhookRequestsFailed` is not
/// 0.
#[utoipa::path(
    post, path = "/settings/webhook/retry", operation_id = "retryWebhooks", tag = "settings",
    responses(
        (status = 200, description = "Number of webhooks that were sent again.", body = WebhooksRetried),
        (status = 409, description = "No webhook URL is set."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ManageSettings>,
) -> Result<Audited<WebhooksRetried>, ApiError> {
    Ok(Audited(retry_webhooks(backend.ports(), customer).await?))
}

/// Sends failed deliveries again, those of a job in the order of its states.
pub async fn retry_webhooks<P: Ports>(
    ports: &P,
    customer: CustomerId,
) -> Result<WebhooksRetried, ApiError> {
    let log = ports.deliveries();
    if ports.directory().load_settings(customer).await?.url.is_none() {
        return Err(ApiError::Conflict("No webhook URL is set"));
    }
    let failed = log.failed_deliveries(customer, RETRIED_PER_CALL).await?;
    let total = log.count_deliveries(customer, Undelivered::Failed).await?;
    let mut requests: BTreeMap<RequestId, Vec<Versioned<WebhookDelivery>>> = BTreeMap::new();
    for delivery in failed {
        requests.entry(delivery.value.subject.request()).or_default().push(delivery);
    }
    let retried: Vec<u32> = stream::iter(requests.into_values())
        .map(|deliveries| retry_request(ports, deliveries))
        .buffer_unordered(CONCURRENT_REQUESTS)
        .try_collect()
        .await?;
    let retried = retried.into_iter().sum();
    Ok(WebhooksRetried {
        webhook_requests_retried: retried,
        webhook_requests_failed: total.saturating_sub(retried),
    })
}

async fn retry_request<P: Ports>(
    ports: &P,
    deliveries: Vec<Versioned<WebhookDelivery>>,
) -> PortResult<u32> {
    let mut retried = 0;
    for Versioned { value: mut delivery, version } in deliveries {
        let (customer, subject) = (delivery.customer, delivery.subject);
        let carrier = Carrier::of_round(delivery.round + 1);
        ports.queues().send_webhook(&WebhookMessage { customer, subject, carrier }).await?;
        delivery.start_round(carrier.round);
        match ports.deliveries().store_delivery(&delivery, Some(version)).await? {
            // A conflict: another call has sent it, or an attempt is under way already.
            Write::Done | Write::Conflict => retried += 1,
        }
    }
    Ok(retried)
}
