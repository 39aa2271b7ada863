//! `GET /settings/webhook`: how the deliveries to a customer's receiver are going.

use domain::delivery::{AttemptOutcome, WebhookDelivery};
use domain::ids::CustomerId;
use domain::time::Timestamp;

use crate::api::ApiError;
use crate::ports::prelude::*;
use crate::ports::{Ports, Undelivered};

/// How the deliveries are going.
#[derive(Clone, Debug)]
pub struct WebhookStatus {
    /// Whether a receiver is set.
    pub enabled: bool,
    /// What was wrong with the last answer, of a ping or of a delivery; none if it was right.
    pub detail: Option<String>,
    /// Deliveries that were tried and are tried again.
    pub processing: u32,
    /// Deliveries that were given up.
    pub failed: u32,
    /// The newest deliveries first.
    pub deliveries: Vec<WebhookDelivery>,
}

/// Reads it, with at most `limit` deliveries, of one state or of any.
pub async fn webhook_status<P: Ports>(
    ports: &P,
    customer: CustomerId,
    state: Option<Undelivered>,
    limit: u32,
) -> Result<WebhookStatus, ApiError> {
    let log = ports.deliveries();
    let (settings, processing, failed, deliveries) = futures::try_join!(
        ports.directory().load_settings(customer),
        log.count_deliveries(customer, Undelivered::Processing),
        log.count_deliveries(customer, Undelivered::Failed),
        log.list_deliveries(customer, state, limit),
    )?;
    let ping = settings.ping.map(|ping| (ping.when, ping.failure.map(|failure| format!("ping: {failure}"))));
    let attempt =
        deliveries.iter().filter_map(|delivery| delivery.attempts.last()).max_by_key(|last| last.when);
    let attempt = attempt.map(|last| (last.when, failure(last.outcome)));
    let newest: Option<(Timestamp, Option<String>)> = ping.into_iter().chain(attempt).max();
    Ok(WebhookStatus {
        enabled: settings.url.is_some(),
        detail: newest.and_then(|(_, failure)| failure),
        processing,
        failed,
        deliveries,
    })
}

fn failure(outcome: AttemptOutcome) -> Option<String> {
    (!outcome.is_success()).then(|| outcome.to_string())
}
