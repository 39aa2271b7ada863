//! Pings the server of a customer, which shows that the URL is one of the customer's: the server
//! has to answer with the value of the ping.
//!
//! Patient data and links to it are sent only to a URL that has answered a ping since it was set,
//! so that a mistyped URL, or one that a stolen key has set, gets none before its server answers. A
//! ping that is not answered is repeated before each attempt at a webhook with patient data
//! ([`deliver_webhook`](crate::deliver_webhook)).

use std::time::Duration;

use bulk_domain::delivery::{AttemptOutcome, NoAnswer};
use bulk_domain::ids::{CustomerId, MessageId};
use bulk_domain::webhook::{PingMessage, signed_headers};

use crate::Error;
use crate::conflicts::WriteAttempts;
use crate::ports::prelude::*;
use crate::ports::{
    PingOutcome, PingReport, Ports, WebhookRequest, WebhookServer, WebhookSettings, Write,
};

/// Sends a ping to the URL of the settings, and waits for its answer for so long.
pub async fn ping<P: Ports, S: WebhookServer>(
    ports: &P,
    server: &S,
    url: &str,
    settings: &WebhookSettings,
    within: Duration,
) -> PingReport {
    let environment = ports.environment();
    let (when, id) = (environment.now(), MessageId::new(environment.new_id()));
    let secret = environment.secret();
    // Only the server learns the value, so that no other server can answer in its place.
    let value = u128::from_le_bytes(std::array::from_fn(|index| secret[index]));
    let message = PingMessage::new(id, format!("{value:032x}"), when);
    let body = message.to_body();
    let headers = signed_headers(&settings.signing_keys(when), id, when, &body);
    let request = WebhookRequest { url: url.to_owned(), headers, body, within };
    let failure = match server.ping(request).await {
        PingOutcome::Answered { status: 200..=299, body } if message.is_answered_by(&body) => None,
        PingOutcome::Answered { status: 200..=299, .. } => {
            Some(AttemptOutcome::Error(NoAnswer::NoPong))
        }
        PingOutcome::Answered { status, .. } => Some(AttemptOutcome::StatusCode(status)),
        PingOutcome::Unreachable(error) => Some(AttemptOutcome::Error(error)),
    };
    PingReport { when, failure }
}

/// Stores the outcome of a ping that was sent with these settings, and returns the settings. If
/// they were changed in the meantime, the ping says nothing about the URL that is set now, and
/// nothing is stored.
pub async fn store_report<P: Ports>(
    ports: &P,
    customer: CustomerId,
    pinged: &WebhookSettings,
    report: PingReport,
) -> Result<WebhookSettings, Error> {
    let directory = ports.directory();
    let mut attempts = WriteAttempts::default();
    loop {
        attempts.begin()?;
        let settings = directory.load_settings(customer).await?;
        if settings.version != pinged.version {
            return Ok(settings);
        }
        let is_verified = settings.is_verified || report.failure.is_none();
        let changed = WebhookSettings { ping: Some(report), is_verified, ..settings };
        if directory.store_settings(customer, &changed).await? == Write::Done {
            return Ok(changed);
        }
    }
}
