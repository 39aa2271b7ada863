//! `GET /settings`, `POST /settings` and `POST /settings/webhook/rotate`

use axum::Json;
use axum::extract::State;
use domain::ids::CustomerId;
use pipeline::api::ApiError;
use pipeline::api::settings::{rotate_key, set_webhook};
use pipeline::ports::{LoadSettings as _, WebhookSettings};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::auth::Caller;
use crate::error::Problem;
use crate::json::Body;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewSettings {
    webhook_url: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    id: CustomerId,
    webhook_url: Option<String>,
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

pub async fn read(State(app): State<App>, Caller(customer): Caller) -> Result<Json<Settings>, Problem> {
    let settings = app.directory.load_settings(customer).await.map_err(ApiError::from)?;
    Ok(Json(Settings::new(customer, settings)))
}

pub async fn write(
    State(app): State<App>,
    Caller(customer): Caller,
    Body(new): Body<NewSettings>,
) -> Result<Json<Settings>, Problem> {
    let url = new.webhook_url.as_deref();
    let App { directory, http, world, webhook_policy, .. } = &app;
    let settings = set_webhook(directory, http, world, *webhook_policy, customer, url).await?;
    let failure = settings.ping.as_ref().and_then(|ping| ping.failure.as_ref());
    let webhook_status_detail = failure.map(|failure| format!("ping: {failure}"));
    Ok(Json(Settings { webhook_status_detail, ..Settings::new(customer, settings) }))
}

pub async fn rotate(State(app): State<App>, Caller(customer): Caller) -> Result<Json<Settings>, Problem> {
    let settings = rotate_key(&app.directory, &app.world, customer).await?;
    Ok(Json(Settings::new(customer, settings)))
}
