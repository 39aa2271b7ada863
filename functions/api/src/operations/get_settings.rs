//! `GET /settings`: the webhook URL and the key that signs webhooks.

use axum::extract::State;
use bulk_domain::audit::Objects;
use bulk_domain::ids::CustomerId;
use bulk_pipeline::ports::WebhookSettings;
use bulk_pipeline::ports::prelude::*;
use serde::Serialize;
use utoipa::ToSchema;

use crate::audited::{Audited, NamesObjects};
use crate::backend::Backend;
use crate::caller::{Caller, ManageSettings};
use crate::error::ApiError;

/// Settings of a customer: the URL that webhooks are sent to, and the key that signs them.
// No `Debug`, because it holds the webhook key.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Id of the customer.
    id: CustomerId,
    /// URL that webhooks are sent to. `null` if none is set.
    #[schema(required)]
    webhook_url: Option<String>,
    /// Key that signs webhooks. `null` if no URL is set.
    #[schema(required)]
    webhook_key: Option<String>,
    /// Whether webhooks are sent.
    webhook_enabled: bool,
    /// Whether webhooks of the type `medical.document-download` are sent, which tell of the
    /// documents of an import's patients.
    patient_webhooks: bool,
    /// What was wrong with the answer to the ping. Present only after a ping that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_status_detail: Option<String>,
}

impl NamesObjects for Settings {
    fn objects(&self) -> Objects {
        // A customer has one set of settings.
        Objects::default()
    }
}

/// Read the settings
///
/// They contain the webhook URL and the key that signs webhooks.
#[utoipa::path(
    get, path = "/settings", operation_id = "getSettings", tag = "settings",
    responses((status = 200, description = "The settings.", body = Settings)),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ManageSettings>,
) -> Result<Audited<Settings>, ApiError> {
    let settings = backend.ports().directory().load_settings(customer).await?;
    Ok(Audited(Settings::new(customer, settings)))
}

impl Settings {
    pub(super) fn new(id: CustomerId, settings: WebhookSettings) -> Self {
        Self {
            id,
            webhook_enabled: settings.url.is_some(),
            patient_webhooks: settings.patient_webhooks,
            webhook_key: settings.key.map(|key| key.expose().to_owned()),
            webhook_url: settings.url,
            webhook_status_detail: None,
        }
    }

    pub(super) fn with_status_detail(self, webhook_status_detail: Option<String>) -> Self {
        Self { webhook_status_detail, ..self }
    }
}
