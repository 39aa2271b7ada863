//! `GET /settings/webhook` and `POST /settings/webhook/retry`

use axum::Json;
use axum::extract::State;
use domain::delivery::{Attempt, DeliveryState, WebhookDelivery};
use domain::ids::{JobId, MessageId};
use domain::job::JobStatus;
use domain::time::Timestamp;
use pipeline::api::ApiError;
use pipeline::api::retry_webhooks::retry_webhooks;
use pipeline::api::webhook_status::webhook_status;
use pipeline::ports::Undelivered;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Problem;
use crate::query::Parameters;

/// Deliveries that are listed where nothing is said, and at most.
const COUNT: u32 = 20;
const MAX_COUNT: u32 = 100;

#[derive(Debug, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    count: String,
    #[serde(default)]
    state: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookStatus)]
pub struct Status {
    webhook_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_status_detail: Option<String>,
    webhook_requests_processing: u32,
    webhook_requests_failed: u32,
    deliveries: Vec<DeliveryBody>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookDelivery)]
struct DeliveryBody {
    #[schema(value_type = String, format = "uuid")]
    message_id: MessageId,
    #[schema(value_type = String, format = "uuid")]
    request_id: JobId,
    #[schema(value_type = crate::shapes::JobStatusShape)]
    status: JobStatus,
    #[schema(value_type = crate::shapes::DeliveryStateShape)]
    state: DeliveryState,
    #[schema(value_type = Vec<crate::shapes::AttemptShape>)]
    attempts: Vec<Attempt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhooksRetried)]
pub struct Retried {
    webhook_requests_retried: u32,
    webhook_requests_failed: u32,
}

/// See how webhooks are delivered.
#[utoipa::path(
    get, path = "/settings/webhook", operation_id = "getWebhookStatus", tag = "settings",
    params(
        ("count" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Deliveries to list; 20 where nothing is said."),
        ("state" = Option<String>, Query, pattern = "^(|processing|failed)$", description = "Only those in this state."),
    ),
    responses(
        (status = 200, description = "Counts, and the newest deliveries.", body = Status),
        (status = 400, description = "What was sent cannot be understood; `detail` says what."),
    ),
)]
pub async fn read(
    State(app): State<App>,
    Caller(customer): Caller,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Status>, Problem> {
    let (count, state) = (count(&wanted.count)?, state(&wanted.state)?);
    let status = webhook_status(&app.ports, customer, state, count).await?;
    Ok(Json(Status {
        webhook_enabled: status.enabled,
        webhook_status_detail: status.detail,
        webhook_requests_processing: status.processing,
        webhook_requests_failed: status.failed,
        deliveries: status.deliveries.into_iter().map(DeliveryBody::from).collect(),
    }))
}

/// Send failed webhooks again.
#[utoipa::path(
    post, path = "/settings/webhook/retry", operation_id = "retryWebhooks", tag = "settings",
    responses(
        (status = 200, description = "How many were sent again.", body = Retried),
        (status = 409, description = "No webhook URL is set."),
    ),
)]
pub async fn retry(State(app): State<App>, Caller(customer): Caller) -> Result<Json<Retried>, Problem> {
    let retried = retry_webhooks(&app.ports, customer).await?;
    Ok(Json(Retried { webhook_requests_retried: retried.sent, webhook_requests_failed: retried.left }))
}

fn count(text: &str) -> Result<u32, ApiError> {
    match text.trim() {
        "" => Some(COUNT),
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

impl From<WebhookDelivery> for DeliveryBody {
    fn from(delivery: WebhookDelivery) -> Self {
        Self {
            message_id: delivery.message_id(),
            request_id: delivery.job,
            status: delivery.status,
            state: delivery.state,
            next_attempt: delivery.next_attempt,
            attempts: delivery.attempts,
        }
    }
}
