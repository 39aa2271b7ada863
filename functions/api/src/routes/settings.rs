//! `GET /settings`, `POST /settings` and `POST /settings/webhook/rotate`

use axum::Json;
use axum::extract::State;
use domain::ids::CustomerId;
use pipeline::api::ApiError;
use pipeline::api::settings::{rotate_key, set_webhook};
use pipeline::ports::prelude::*;
use pipeline::ports::{Ports as _, WebhookSettings};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, SchemaFormat, Type};

use crate::app::App;
use crate::auth::Caller;
use crate::error::Problem;
use crate::json::Body;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewSettings {
    #[schema(schema_with = webhook_url)]
    webhook_url: Option<String>,
}

fn webhook_url() -> utoipa::openapi::schema::Schema {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let url = text().format(Some(SchemaFormat::Custom("webhook-url".to_owned())));
    let clear = text().enum_values(Some([""]));
    AnyOfBuilder::new()
        .item(url)
        .item(clear)
        .item(ObjectBuilder::new().schema_type(Type::Null))
        .description(Some("`https` and a public address; `null` or empty to clear."))
        .into()
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    #[schema(value_type = String, format = "uuid")]
    id: CustomerId,
    #[schema(required)]
    webhook_url: Option<String>,
    #[schema(required)]
    webhook_key: Option<String>,
    webhook_enabled: bool,
    /// What was wrong with the answer to the ping, where one was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_status_detail: Option<String>,
}

impl Settings {
    fn new(id: CustomerId, settings: WebhookSettings) -> Self {
        Self {
            id,
            webhook_enabled: settings.url.is_some(),
            webhook_key: settings.key.map(|key| key.expose().to_owned()),
            webhook_url: settings.url,
            webhook_status_detail: None,
        }
    }
}

/// Read where webhooks go and the key that signs them.
#[utoipa::path(
    get, path = "/settings", operation_id = "getSettings", tag = "settings",
    responses(
        (status = 200, description = "The settings.", body = Settings),
    ),
)]
pub async fn read(State(app): State<App>, Caller(customer): Caller) -> Result<Json<Settings>, Problem> {
    let settings = app.ports.directory().load_settings(customer).await.map_err(ApiError::from)?;
    Ok(Json(Settings::new(customer, settings)))
}

/// Set or clear the webhook URL.
#[utoipa::path(
    post, path = "/settings", operation_id = "updateSettings", tag = "settings",
    request_body = NewSettings,
    responses(
        (status = 200, description = "The settings. A new URL has been pinged.", body = Settings),
        (status = 400, description = "What was sent cannot be understood; `detail` says what."),
        (status = 409, description = "It does not go with what is there."),
        (status = 413, description = "The body is larger than 64 KiB."),
    ),
)]
pub async fn write(
    State(app): State<App>,
    Caller(customer): Caller,
    Body(new): Body<NewSettings>,
) -> Result<Json<Settings>, Problem> {
    let url = new.webhook_url.as_deref();
    let App { ports, webhook_client, webhook_policy } = &app;
    let settings = set_webhook(ports, webhook_client, *webhook_policy, customer, url).await?;
    let failure = settings.ping.as_ref().and_then(|ping| ping.failure.as_ref());
    let webhook_status_detail = failure.map(|failure| format!("ping: {failure}"));
    Ok(Json(Settings { webhook_status_detail, ..Settings::new(customer, settings) }))
}

/// Replace the key that signs webhooks.
///
/// Messages are signed with the old one, too, for a while.
#[utoipa::path(
    post, path = "/settings/webhook/rotate", operation_id = "rotateWebhookKey", tag = "settings",
    responses(
        (status = 200, description = "The settings with the new key.", body = Settings),
        (status = 409, description = "No webhook URL is set."),
    ),
)]
pub async fn rotate(State(app): State<App>, Caller(customer): Caller) -> Result<Json<Settings>, Problem> {
    let settings = rotate_key(&app.ports, customer).await?;
    Ok(Json(Settings::new(customer, settings)))
}
