//! `POST /settings` and `POST /settings/webhook/rotate`: where a customer wants webhooks, and the key that
//! they are signed with.
//!
//! A URL is stored before it is pinged, and stays when the ping fails: a receiver that checks signatures
//! can only know the key after this very call has told it. What came of the ping is part of the answer
//! and of `GET /settings/webhook`; setting the same URL again pings it again.

use std::time::Duration;

use domain::ids::{CustomerId, MessageId};
use domain::webhook::{PingMessage, WebhookKey, signed_headers};
use domain::webhook_url::{UrlPolicy, WebhookUrl};

use crate::api::ApiError;
use crate::ports::prelude::*;
use crate::ports::{
    PingOutcome, PingReport, Ports, ReplacedKey, WebhookRequest, WebhookServer, WebhookSettings, Write,
};

/// How long a key that was replaced stays valid.
pub const REPLACED_KEY_VALID: Duration = Duration::from_hours(24);

/// Keys that are valid at the same time beside the newest one. Each makes the signature header longer.
pub const REPLACED_KEYS: usize = 4;

/// Tries to write settings that somebody else is writing, too.
const WRITE_ATTEMPTS: u32 = 5;

/// Sets or clears the receiver, and pings it if it is set. The first URL comes with a new key; clearing drops
/// all keys, so that setting a URL again makes another one.
pub async fn set_webhook<P: Ports, S: WebhookServer>(
    ports: &P,
    server: &S,
    policy: UrlPolicy,
    customer: CustomerId,
    url: Option<&str>,
) -> Result<WebhookSettings, ApiError> {
    let url = url.filter(|url| !url.is_empty());
    let url = url.map(|url| WebhookUrl::parse(url.trim(), policy)).transpose();
    let url = url.map_err(|error| ApiError::BadRequest(error.text()))?.map(|url| url.to_string());
    let fresh = WebhookKey::from_random(&ports.environment().secret());
    let settings = update(ports, customer, |before| {
        Ok(match url.clone() {
            None => WebhookSettings { version: before.version, ..WebhookSettings::default() },
            Some(url) => WebhookSettings {
                url: Some(url),
                key: Some(before.key.unwrap_or_else(|| fresh.clone())),
                ..before
            },
        })
    });
    let settings = settings.await?;
    match &settings.url {
        None => Ok(settings),
        Some(url) => {
            let report = ping(ports, server, url.clone(), &settings).await;
            let pinged = update(ports, customer, |now| {
                // Where somebody has set another URL meanwhile, this ping says nothing.
                let ping = if now.url == settings.url { Some(report.clone()) } else { now.ping.clone() };
                Ok(WebhookSettings { ping, ..now })
            });
            pinged.await
        }
    }
}

/// Replaces the key. The one before stays valid for a day: until then messages are signed with both.
pub async fn rotate_key<P: Ports>(ports: &P, customer: CustomerId) -> Result<WebhookSettings, ApiError> {
    let (fresh, now) = (WebhookKey::from_random(&ports.environment().secret()), ports.environment().now());
    update(ports, customer, |before| {
        if before.key.as_ref() == Some(&fresh) {
            // A write whose answer got lost has done it already.
            return Ok(before);
        }
        let Some(key) = before.key else { return Err(ApiError::Conflict("No webhook URL is set")) };
        let mut replaced = vec![ReplacedKey { key, valid_until: now.plus(REPLACED_KEY_VALID) }];
        replaced.extend(before.replaced.into_iter().filter(|replaced| replaced.valid_until > now));
        if replaced.len() > REPLACED_KEYS {
            // Dropping the oldest key could drop the one that is in use.
            return Err(ApiError::Conflict("The key was replaced too often within a day, try again later"));
        }
        Ok(WebhookSettings { key: Some(fresh.clone()), replaced, ..before })
    })
    .await
}

async fn update<P: Ports>(
    ports: &P,
    customer: CustomerId,
    change: impl Fn(WebhookSettings) -> Result<WebhookSettings, ApiError>,
) -> Result<WebhookSettings, ApiError> {
    for _ in 0..WRITE_ATTEMPTS {
        let changed = change(ports.directory().load_settings(customer).await?)?;
        if ports.directory().store_settings(customer, &changed).await? == Write::Done {
            return Ok(changed);
        }
    }
    Err(ApiError::Conflict("The settings are being changed by somebody else, try again"))
}

async fn ping<P: Ports, S: WebhookServer>(
    ports: &P,
    server: &S,
    url: String,
    settings: &WebhookSettings,
) -> PingReport {
    let world = ports.environment();
    let (when, id) = (world.now(), MessageId::new(world.new_id()));
    let secret = world.secret();
    // The value is told to the receiver alone, so that nobody else can answer for it.
    let value = u128::from_le_bytes(std::array::from_fn(|index| secret[index]));
    let value = format!("{value:032x}");
    let message = PingMessage::new(id, value, when);
    // A struct of strings and ids always serializes.
    let body = serde_json::to_vec(&message).unwrap_or_default();
    let headers = signed_headers(&settings.signing_keys(when), id, when, &body);
    let failure = match server.ping(WebhookRequest { url, headers, body }).await {
        PingOutcome::Answered { status: 200..=299, body } if message.is_answered_by(&body) => None,
        PingOutcome::Answered { status: 200..=299, .. } => {
            Some("the answer was not {\"pong\": …} with the value of the ping".to_owned())
        }
        PingOutcome::Answered { status, .. } => Some(format!("answered {status}")),
        PingOutcome::Unreachable(error) => Some(error.text().to_owned()),
    };
    PingReport { when, failure }
}
