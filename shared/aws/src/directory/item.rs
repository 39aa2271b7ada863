//! The items of webhook settings and of idempotency keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulk_domain::csv::ColumnMappings;
use bulk_domain::delivery::AttemptOutcome;
use bulk_domain::document::LinkKey;
use bulk_domain::ids::{FacilityId, JobId};
use bulk_domain::time::Timestamp;
use bulk_domain::upload_terms::UploadTerms;
use bulk_domain::webhook::WebhookKey;
use bulk_pipeline::idempotency::{Parameters, Promise};
use bulk_pipeline::ports::{PingReport, PortError, PortResult, ReplacedKey, WebhookSettings};
use serde::{Deserialize, Serialize};

use crate::error::malformed;

/// The attributes of webhook settings. A write stores the next version in place of this one, on the
/// condition that this one is stored.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettingsItem {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    webhook_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    webhook_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link_key: Option<LinkKey>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    replaced_keys: Vec<ReplacedKeyItem>,
    #[serde(default)]
    patient_webhooks: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pinged_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ping_failure: Option<AttemptOutcome>,
    #[serde(default)]
    is_verified: bool,
    version: u64,
}

/// A replaced key within the settings.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReplacedKeyItem {
    key: String,
    valid_until: Timestamp,
}

impl From<&WebhookSettings> for SettingsItem {
    fn from(settings: &WebhookSettings) -> Self {
        let replaced = settings.replaced.iter().map(|replaced| ReplacedKeyItem {
            key: replaced.key.expose().to_owned(),
            valid_until: replaced.valid_until,
        });
        Self {
            webhook_url: settings.url.clone(),
            webhook_key: settings.key.as_ref().map(|key| key.expose().to_owned()),
            link_key: settings.link_key.clone(),
            replaced_keys: replaced.collect(),
            patient_webhooks: settings.patient_webhooks,
            pinged_at: settings.ping.map(|ping| ping.when),
            ping_failure: settings.ping.and_then(|ping| ping.failure),
            is_verified: settings.is_verified,
            version: settings.version,
        }
    }
}

impl From<SettingsItem> for WebhookSettings {
    fn from(item: SettingsItem) -> Self {
        let replaced = item.replaced_keys.into_iter().map(|replaced| ReplacedKey {
            key: WebhookKey::from_stored(replaced.key),
            valid_until: replaced.valid_until,
        });
        Self {
            url: item.webhook_url,
            key: item.webhook_key.map(WebhookKey::from_stored),
            link_key: item.link_key,
            replaced: replaced.collect(),
            patient_webhooks: item.patient_webhooks,
            ping: item.pinged_at.map(|when| PingReport { when, failure: item.ping_failure }),
            is_verified: item.is_verified,
            version: item.version,
        }
    }
}

/// The attributes of the promise of an idempotency key.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PromiseItem {
    job: JobId,
    facility: FacilityId,
    dry_run: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked_facility: Option<FacilityId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upload_bytes: Option<u32>,
    /// The SHA-256 of the upload in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upload_sha256: Option<String>,
    #[serde(default, skip_serializing_if = "ColumnMappings::is_empty")]
    columns: ColumnMappings,
    /// The end of the promise in seconds since 1970, as DynamoDB's time to live needs it.
    expires_at: i64,
}

impl From<&Promise> for PromiseItem {
    fn from(promise: &Promise) -> Self {
        let Parameters { facility, dry_run, columns, terms } = &promise.parameters;
        Self {
            job: promise.job,
            facility: promise.facility,
            dry_run: *dry_run,
            asked_facility: *facility,
            upload_bytes: terms.bytes,
            upload_sha256: terms.sha256_base64(),
            columns: columns.clone(),
            expires_at: promise.expires_at.as_seconds(),
        }
    }
}

impl TryFrom<PromiseItem> for Promise {
    type Error = PortError;

    fn try_from(item: PromiseItem) -> PortResult<Self> {
        let sha256 = item.upload_sha256.map(|text| {
            let hash = STANDARD.decode(text).ok().and_then(|hash| hash.try_into().ok());
            hash.ok_or_else(|| malformed("dynamodb.read", "uploadSha256"))
        });
        Ok(Self {
            job: item.job,
            facility: item.facility,
            parameters: Parameters {
                facility: item.asked_facility,
                dry_run: item.dry_run,
                columns: item.columns,
                terms: UploadTerms { bytes: item.upload_bytes, sha256: sha256.transpose()? },
            },
            expires_at: Timestamp::from_millis(item.expires_at * 1000),
        })
    }
}
