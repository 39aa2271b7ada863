//! `POST /settings`: sets or clears the webhook URL, and sends a ping to it.
//!
//! The URL is stored before the ping, and stays if the ping fails, because a webhook server that
//! checks signatures gets the key from this call's answer. The outcome of the ping is in this
//! answer and in `GET /settings/webhook`. Setting the same URL again sends another ping.

use axum::extract::State;
use bulk_domain::ids::{CustomerId, MessageId};
use bulk_domain::webhook::{PingMessage, WebhookKey, signed_headers};
use bulk_domain::webhook_url::{UrlPolicy, WebhookUrl};
use bulk_pipeline::conflicts::WriteAttempts;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{
    PingOutcome, PingReport, Ports, WebhookRequest, WebhookServer, WebhookSettings, Write,
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Schema, SchemaFormat, Type};

use crate::audited::Audited;
use crate::backend::Backend;
use crate::caller::{Caller, ManageSettings};
use crate::error::ApiError;
use crate::operations::get_settings::Settings;
use crate::request::Body;

/// Settings that a call can change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewSettings {
    #[schema(schema_with = webhook_url)]
    webhook_url: Option<String>,
}

fn webhook_url() -> Schema {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let url = text().format(Some(SchemaFormat::Custom("webhook-url".to_owned())));
    let clear = text().enum_values(Some([""]));
    AnyOfBuilder::new()
        .item(url)
        .item(clear)
        .item(ObjectBuilder::new().schema_type(Type::Null))
        .description(Some(
            "An `https` URL with a public address. `null` or empty to send no webhooks.",
        ))
        .into()
}

/// Set or clear the webhook URL
///
/// The first URL comes with a new key. A ping is sent to each URL that is set.
#[utoipa::path(
    post, path = "/settings", operation_id = "updateSettings", tag = "settings",
    request_body = NewSettings,
    responses(
        (status = 200, description = "The settings.", body = Settings),
        (status = 400, description = "Invalid body or URL. `detail` names the problem."),
        (status = 413, description = "The body is larger than 64 KiB."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ManageSettings>,
    Body(new): Body<NewSettings>,
) -> Result<Audited<Settings>, ApiError> {
    let (ports, server) = (backend.ports(), backend.webhook_server());
    let settings =
        set_webhook(ports, server, backend.webhook_policy(), customer, new.webhook_url.as_deref())
            .await?;
    let failure = settings.ping.as_ref().and_then(|ping| ping.failure.as_ref());
    let detail = failure.map(|failure| format!("ping: {failure}"));
    Ok(Audited(Settings::new(customer, settings).with_status_detail(detail)))
}

/// Sets the URL and sends a ping to it, or clears it. Clearing drops all keys, so that the next URL
/// gets a new key.
async fn set_webhook<P: Ports, S: WebhookServer>(
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
    let Some(url) = &settings.url else { return Ok(settings) };
    let report = ping(ports, server, url.clone(), &settings).await;
    update(ports, customer, |now| {
        // If another call has set another URL in the meantime, this ping says nothing about it.
        let ping = if now.url == settings.url { Some(report.clone()) } else { now.ping.clone() };
        Ok(WebhookSettings { ping, ..now })
    })
    .await
}

/// Changes the customer's settings: reads them, applies `change`, and writes them unless another
/// call did so in the meantime. `change` is applied again after a conflict, also after one that
/// this call caused itself, because the answer to its write was lost.
pub(super) async fn update<P: Ports>(
    ports: &P,
    customer: CustomerId,
    change: impl Fn(WebhookSettings) -> Result<WebhookSettings, ApiError>,
) -> Result<WebhookSettings, ApiError> {
    let directory = ports.directory();
    let mut attempts = WriteAttempts::default();
    loop {
        attempts.begin()?;
        let changed = change(directory.load_settings(customer).await?)?;
        if directory.store_settings(customer, &changed).await? == Write::Done {
            return Ok(changed);
        }
    }
}

async fn ping<P: Ports, S: WebhookServer>(
    ports: &P,
    server: &S,
    url: String,
    settings: &WebhookSettings,
) -> PingReport {
    let environment = ports.environment();
    let (when, id) = (environment.now(), MessageId::new(environment.new_id()));
    let secret = environment.secret();
    // Only the server learns the value, so that no other server can answer in its place.
    let value = u128::from_le_bytes(std::array::from_fn(|index| secret[index]));
    let message = PingMessage::new(id, format!("{value:032x}"), when);
    let body = message.to_body();
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
