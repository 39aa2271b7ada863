//! `POST /settings`: where a customer wants webhooks, and the key that they are signed with.

use domain::ids::CustomerId;
use domain::webhook::WebhookKey;
use domain::webhook_url::{UrlPolicy, WebhookUrl};

use crate::api::ApiError;
use crate::api::directory::StoreSettings;
use crate::ports::{LoadSettings, Randomness, WebhookSettings};

/// Sets or clears the receiver. The first one comes with a new key; clearing drops the key, so that
/// setting a URL again makes another one.
pub async fn set_webhook(
    directory: &(impl LoadSettings + StoreSettings),
    world: &impl Randomness,
    policy: UrlPolicy,
    customer: CustomerId,
    url: Option<&str>,
) -> Result<WebhookSettings, ApiError> {
    let settings = match url.map(str::trim).filter(|url| !url.is_empty()) {
        None => WebhookSettings { url: None, key: None },
        Some(url) => {
            let url = WebhookUrl::parse(url, policy).map_err(|error| ApiError::BadRequest(error.text()))?;
            let before = directory.load_settings(customer).await?;
            let key = before.key.unwrap_or_else(|| WebhookKey::from_random(&world.secret()));
            WebhookSettings { url: Some(url.to_string()), key: Some(key) }
        }
    };
    directory.store_settings(customer, &settings).await?;
    Ok(settings)
}
