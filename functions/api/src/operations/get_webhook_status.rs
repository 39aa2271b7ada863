//! `GET /settings/webhook?count=&state=`: how webhook deliveries to a customer's server are going.

use axum::extract::State;
use bulk_domain::audit::Objects;
use bulk_domain::delivery::{Attempt, AttemptOutcome, DeliveryState, WebhookDelivery};
use bulk_domain::ids::{CustomerId, JobId, MessageId, RequestId};
use bulk_domain::time::Timestamp;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{Ports, Undelivered};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::audited::{Audited, NamesObjects};
use crate::backend::Backend;
use crate::caller::{Caller, ManageSettings};
use crate::error::ApiError;
use crate::request::Parameters;

/// Deliveries in an answer, unless the caller asks for another number.
const DEFAULT_COUNT: u32 = 20;

/// The largest number of deliveries in an answer.
const MAX_COUNT: u32 = 100;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct DeliveryFilter {
    /// Number of deliveries to list. Default 20, limit 100.
    #[param(value_type = Option<u32>, required = false, default = 20, minimum = 1, maximum = 100)]
    count: String,
    /// Only deliveries in this state: `processing` or `failed`. Default: all states.
    #[param(value_type = Option<String>, required = false, pattern = "^(|processing|failed)$")]
    state: String,
}

/// How webhook deliveries are going.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryReport {
    /// Whether a webhook URL is set.
    webhook_enabled: bool,
    /// What was wrong with the last answer to a ping or a webhook. Absent if it was right.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_status_detail: Option<String>,
    /// Deliveries that go on: an attempt failed and is retried, an earlier message or document
    /// queries are waited for, or more documents follow.
    webhook_requests_processing: u32,
    /// Deliveries that failed for good.
    webhook_requests_failed: u32,
    /// Deliveries of the filter, newest first.
    deliveries: Vec<DeliverySummary>,
}

/// A webhook delivery: the message that an import reached a status, the messages about the
/// documents of its patients, of which the present one is shown, or a message of a bulk download.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DeliverySummary {
    /// Id of the message, the same in each attempt.
    message_id: MessageId,
    /// Id of the import, or of the bulk download.
    request_id: RequestId,
    /// What the message tells: a status of the import, `documents` for those of its patients, or
    /// `links` for those of a bulk download.
    #[schema(value_type = String, pattern = "^(processing|documents|completed|failed|links)$")]
    status: &'static str,
    /// The import, for the audit trail.
    #[serde(skip)]
    job: Option<JobId>,
    state: DeliveryState,
    /// The newest attempts, oldest first.
    attempts: Vec<Attempt>,
    /// Time of the next attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt: Option<Timestamp>,
}

impl NamesObjects for DeliveryReport {
    fn objects(&self) -> Objects {
        let jobs = self.deliveries.iter().filter_map(|delivery| delivery.job);
        let deliveries = self.deliveries.len();
        Objects { jobs: jobs.collect(), deliveries, ..Objects::default() }
    }
}

/// Read the state of webhook deliveries
#[utoipa::path(
    get, path = "/settings/webhook", operation_id = "getWebhookStatus", tag = "settings",
    params(DeliveryFilter),
    responses(
        (status = 200, description = "Counts, and the newest deliveries.", body = DeliveryReport),
        (status = 400, description = "Invalid parameter. `detail` names it."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ManageSettings>,
    Parameters(filter): Parameters<DeliveryFilter>,
) -> Result<Audited<DeliveryReport>, ApiError> {
    let (count, state) = (count(&filter.count)?, state(&filter.state)?);
    Ok(Audited(get_webhook_status(backend.ports(), customer, state, count).await?))
}

fn count(text: &str) -> Result<u32, ApiError> {
    match text.trim() {
        "" => Some(DEFAULT_COUNT),
        text => text.parse().ok().filter(|count| (1..=MAX_COUNT).contains(count)),
    }
    .ok_or(ApiError::BadRequest("count: must be a number from 1 to 100"))
}

fn state(text: &str) -> Result<Option<Undelivered>, ApiError> {
    match text.trim() {
        "" => Ok(None),
        "processing" => Ok(Some(Undelivered::Processing)),
        "failed" => Ok(Some(Undelivered::Failed)),
        _ => Err(ApiError::BadRequest("state: must be processing or failed")),
    }
}

/// Returns the counts, and up to `limit` deliveries of a state or of all.
async fn get_webhook_status<P: Ports>(
    ports: &P,
    customer: CustomerId,
    state: Option<Undelivered>,
    limit: u32,
) -> Result<DeliveryReport, ApiError> {
    let log = ports.deliveries();
    let (settings, processing, failed, deliveries) = futures::try_join!(
        ports.directory().load_settings(customer),
        log.count_deliveries(customer, Undelivered::Processing),
        log.count_deliveries(customer, Undelivered::Failed),
        log.list_deliveries(customer, state, limit),
    )?;
    let ping = settings
        .ping
        .map(|ping| (ping.when, ping.failure.map(|failure| format!("ping: {failure}"))));
    let attempt = deliveries
        .iter()
        .filter_map(|delivery| delivery.attempts.last())
        .max_by_key(|last| last.when);
    let attempt = attempt.map(|last| (last.when, failure(last.outcome)));
    let newest: Option<(Timestamp, Option<String>)> = ping.into_iter().chain(attempt).max();
    Ok(DeliveryReport {
        webhook_enabled: settings.url.is_some(),
        webhook_status_detail: newest.and_then(|(_, failure)| failure),
        webhook_requests_processing: processing,
        webhook_requests_failed: failed,
        deliveries: deliveries.into_iter().map(DeliverySummary::from).collect(),
    })
}

fn failure(outcome: AttemptOutcome) -> Option<String> {
    (!outcome.is_success()).then(|| outcome.to_string())
}

impl From<WebhookDelivery> for DeliverySummary {
    fn from(delivery: WebhookDelivery) -> Self {
        Self {
            message_id: delivery.message_id(),
            request_id: delivery.subject.request(),
            status: delivery.subject.as_str(),
            job: delivery.subject.job_id(),
            state: delivery.state,
            next_attempt: delivery.next_attempt,
            attempts: delivery.attempts,
        }
    }
}
