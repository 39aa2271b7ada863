//! `GET /settings` and `POST /settings`

use axum::Json;
use axum::extract::State;
use domain::ids::CustomerId;
use pipeline::api::ApiError;
use pipeline::api::settings::set_webhook;
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
}

impl Settings {
    fn new(id: CustomerId, settings: WebhookSettings) -> Self {
        Self {
            id,
            webhook_enabled: settings.url.is_some(),
            webhook_key: settings.key.map(|key| key.expose().to_owned()),
            webhook_url: settings.url,
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
    let settings = set_webhook(&app.directory, &app.world, app.webhook_policy, customer, url).await?;
    Ok(Json(Settings::new(customer, settings)))
}
