//! `POST /settings`: sets or clears the webhook URL, and sends a ping to it.
//!
//! The URL is stored before the ping, and stays if the ping fails, because a webhook server that
//! checks signatures gets the key from this call's answer. The outcome of the ping is in this
//! answer and in `GET /settings/webhook`. Setting the same URL again sends another ping. Patient
//! data and links to it are not sent to a URL before it answers one (`bulk_pipeline::ping`).

use std::time::Duration;

use axum::extract::State;
use bulk_domain::document::LinkKey;
use bulk_domain::ids::{CustomerId, MessageId};
use bulk_domain::mutants::{Bug, has};
use bulk_domain::webhook::{ReplacedMessage, WebhookKey, signed_headers};
use bulk_domain::webhook_url::{UrlPolicy, WebhookUrl};
use bulk_pipeline::conflicts::WriteAttempts;
use bulk_pipeline::ping::{ping, store_report};
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{Ports, WebhookRequest, WebhookServer, WebhookSettings, Write};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Schema, SchemaFormat, Type};

use crate::audited::Audited;
use crate::backend::Backend;
use crate::caller::{Caller, ManageSettings};
use crate::error::ApiError;
use crate::operations::get_settings::Settings;
use crate::request::Body;

/// How long this call waits for the answers of customers' servers, so that a server that does not
/// answer holds no function for long. Later pings wait for as long as webhooks do.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// Settings that a call can change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewSettings {
    #[serde(default, deserialize_with = "url_or_empty")]
    #[schema(schema_with = webhook_url)]
    webhook_url: Option<String>,
    /// Whether to send webhooks of the type `medical.document-download`, which tell of the
    /// documents of an import's patients. Default: as before, and `false` at first.
    #[serde(default)]
    patient_webhooks: Option<bool>,
}

/// Reads `null` as an empty text, which tells it from an absent field.
fn url_or_empty<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(value).map(|url: Option<String>| Some(url.unwrap_or_default()))
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
            "An `https` URL with a public address. `null` or empty to send no webhooks. Optional if \
             `patientWebhooks` is there: the URL then stays as it is.",
        ))
        .into()
}

/// Set or clear the webhook URL, and choose the webhooks
///
/// The first URL comes with a new key. A ping is sent to each URL that is set, and webhooks with
/// patient data, or a link to it, are sent to it only after it answered one. The URL that was
/// replaced gets a message of the type `settings.webhook-replaced`.
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
    let settings = match (new.webhook_url, new.patient_webhooks) {
        (None, patient_webhooks) => {
            let changed = update(ports, customer, |before| {
                let patient_webhooks = patient_webhooks.unwrap_or(before.patient_webhooks);
                Ok(WebhookSettings { patient_webhooks, ..before })
            });
            changed.await?.after
        }
        (url, patient_webhooks) => {
            let policy = backend.webhook_policy();
            set_webhook(ports, server, policy, customer, url.as_deref(), patient_webhooks).await?
        }
    };
    let failure = settings.ping.and_then(|ping| ping.failure);
    let detail = failure.map(|failure| format!("ping: {failure}"));
    Ok(Audited(Settings::new(customer, settings).with_status_detail(detail)))
}

/// Sets the URL and sends a ping to it, or clears it. Clearing drops all keys, so that the next URL
/// gets a new key. The URL that was replaced is told so, if its server answers in time.
pub async fn set_webhook<P: Ports, S: WebhookServer>(
    ports: &P,
    server: &S,
    policy: UrlPolicy,
    customer: CustomerId,
    url: Option<&str>,
    patient_webhooks: Option<bool>,
) -> Result<WebhookSettings, ApiError> {
    let url = url.filter(|url| !url.is_empty());
    let url = url.map(|url| WebhookUrl::parse(url.trim(), policy)).transpose();
    let url = url.map_err(|error| ApiError::BadRequest(error.text()))?.map(|url| url.to_string());
    let fresh = WebhookKey::from_random(&ports.environment().secret());
    let fresh_link_key = LinkKey::new(ports.environment().secret());
    let changed = update(ports, customer, |before| {
        let patient_webhooks = patient_webhooks.unwrap_or(before.patient_webhooks);
        Ok(match url.clone() {
            None => WebhookSettings {
                patient_webhooks,
                version: before.version,
                ..WebhookSettings::default()
            },
            Some(url) => WebhookSettings {
                is_verified: before.is_verified
                    && (before.url.as_ref() == Some(&url) || has(Bug::VerificationKept)),
                url: Some(url),
                key: Some(before.key.unwrap_or_else(|| fresh.clone())),
                link_key: Some(before.link_key.unwrap_or_else(|| fresh_link_key.clone())),
                patient_webhooks,
                ..before
            },
        })
    });
    let Changed { before, after } = changed.await?;
    let told = tell_replaced(ports, server, &before, after.url.as_deref());
    let Some(url) = &after.url else {
        told.await;
        return Ok(after);
    };
    let (report, ()) = futures::join!(ping(ports, server, url, &after, ANSWER_TIME), told);
    Ok(store_report(ports, customer, &after, report).await?)
}

/// Tells the server at the URL of `before` that another URL was set, in one attempt.
async fn tell_replaced<P: Ports, S: WebhookServer>(
    ports: &P,
    server: &S,
    before: &WebhookSettings,
    now: Option<&str>,
) {
    let Some(url) = before.url.clone().filter(|url| Some(url.as_str()) != now) else { return };
    let environment = ports.environment();
    let (when, id) = (environment.now(), MessageId::new(environment.new_id()));
    let body = ReplacedMessage::new(id, when).to_body();
    let headers = signed_headers(&before.signing_keys(when), id, when, &body);
    // The URL is replaced, also if its server does not answer.
    let _ = server.post(WebhookRequest { url, headers, body, within: ANSWER_TIME }).await;
}

/// The settings before and after a change.
pub(super) struct Changed {
    before: WebhookSettings,
    pub(super) after: WebhookSettings,
}

/// Changes the customer's settings: reads them, applies `change`, and writes them unless another
/// call did so in the meantime. `change` is applied again after a conflict, also after one that
/// this call caused itself, because the answer to its write was lost.
pub(super) async fn update<P: Ports>(
    ports: &P,
    customer: CustomerId,
    change: impl Fn(WebhookSettings) -> Result<WebhookSettings, ApiError>,
) -> Result<Changed, ApiError> {
    let directory = ports.directory();
    let mut attempts = WriteAttempts::default();
    let mut first = None;
    loop {
        attempts.begin()?;
        let before = directory.load_settings(customer).await?;
        let after = change(before.clone())?;
        if directory.store_settings(customer, &after).await? == Write::Done {
            // If the answer to an earlier write was lost, only the first settings that were read
            // tell what the call has replaced.
            let is_repetition = before.url == after.url;
            let before = first.filter(|_| is_repetition).unwrap_or(before);
            let version = after.version + 1;
            return Ok(Changed { before, after: WebhookSettings { version, ..after } });
        }
        first.get_or_insert(before);
    }
}
