//! `POST /settings/webhook/rotate`: replaces the key that signs webhooks.

use std::time::Duration;

use axum::extract::State;
use bulk_domain::document::LinkKey;
use bulk_domain::ids::CustomerId;
use bulk_domain::webhook::WebhookKey;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{Ports, ReplacedKey, WebhookSettings};

use crate::audited::Audited;
use crate::backend::Backend;
use crate::caller::{Caller, ManageSettings};
use crate::error::ApiError;
use crate::operations::get_settings::Settings;
use crate::operations::update_settings::update;

/// How long a replaced key stays valid.
pub const REPLACED_KEY_VALID: Duration = Duration::from_hours(24);

/// Replaced keys that are valid at the same time. Each makes the signature header longer.
const REPLACED_KEYS: usize = 4;

/// Replace the key that signs webhooks
///
/// For 24 hours, webhooks are signed with both keys, so that your server can change the key without
/// losing one. Links to documents in webhooks about imports that were sent before end at once.
#[utoipa::path(
    post, path = "/settings/webhook/rotate", operation_id = "rotateWebhookKey", tag = "settings",
    responses(
        (status = 200, description = "The settings with the new key.", body = Settings),
        (status = 409, description = "No webhook URL is set, or the key was replaced more than 4 times within 24 hours."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ManageSettings>,
) -> Result<Audited<Settings>, ApiError> {
    let settings = rotate_webhook_key(backend.ports(), customer).await?;
    Ok(Audited(Settings::new(customer, settings)))
}

/// Replaces the key. The key before stays valid for [`REPLACED_KEY_VALID`]. All links to documents
/// in earlier webhooks end.
pub async fn rotate_webhook_key<P: Ports>(
    ports: &P,
    customer: CustomerId,
) -> Result<WebhookSettings, ApiError> {
    let (fresh, now) =
        (WebhookKey::from_random(&ports.environment().secret()), ports.environment().now());
    let fresh_link_key = LinkKey::new(ports.environment().secret());
    let changed = update(ports, customer, |before| {
        if before.key.as_ref() == Some(&fresh) {
            // A write of this call succeeded, but its answer was lost.
            return Ok(before);
        }
        let Some(key) = before.key else { return Err(ApiError::Conflict("No webhook URL is set")) };
        let mut replaced = vec![ReplacedKey { key, valid_until: now.plus(REPLACED_KEY_VALID) }];
        replaced.extend(before.replaced.into_iter().filter(|replaced| replaced.valid_until > now));
        if replaced.len() > REPLACED_KEYS {
            // Dropping the oldest key could drop the key that the customer's server uses.
            return Err(ApiError::Conflict(
                "The key was replaced too often within a day, try again later",
            ));
        }
        let (key, link_key) = (Some(fresh.clone()), Some(fresh_link_key.clone()));
        Ok(WebhookSettings { key, link_key, replaced, ..before })
    });
    Ok(changed.await?.after)
}
