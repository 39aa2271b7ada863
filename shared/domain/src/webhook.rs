//! Webhook messages: their bodies and their signatures.

mod documents;
mod event;
mod linked_document;
mod links;
mod subject;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::hmac::hmac_sha256;
use crate::ids::{JobId, MessageId};
use crate::time::Timestamp;

pub use self::documents::{DOCUMENTS_TYPE, DocumentsMessage, DocumentsStatus, PatientDocuments};
pub use self::event::{DocumentsPlace, WebhookEvent, message_id};
pub use self::linked_document::LinkedDocument;
pub use self::links::{LINKS_TYPE, LinksMessage};
pub use self::subject::{LinksPage, WebhookSubject};

/// The `type` of every message about a job.
const MESSAGE_TYPE: &str = "medical.bulk-patient-create";

/// The `type` of a ping.
const PING_TYPE: &str = "ping";

/// The `type` of the message that another URL was set.
pub const REPLACED_TYPE: &str = "settings.webhook-replaced";

/// How many random bytes a new key has.
pub const KEY_BYTES: usize = 32;

const KEY_PREFIX: &str = "whsec_";

/// The body of a webhook about a job.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobMessage<'a> {
    meta: Meta,
    bulk_patient_create: JobReport<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    message_id: MessageId,
    request_id: JobId,
    when: Timestamp,
    r#type: &'static str,
}

/// The body of a ping, which is sent when a customer sets a URL. The receiver has to answer with
/// `{"pong": …}` and the same value.
#[derive(Debug, Serialize)]
pub struct PingMessage {
    ping: String,
    meta: ServerMeta,
}

/// The body of the message to a URL that it was replaced or cleared, so that a customer notices a
/// change that it did not make. It does not name the new URL, which can hold a secret.
#[derive(Debug, Serialize)]
pub struct ReplacedMessage {
    meta: ServerMeta,
}

/// The `meta` of a message about a server and not about a job.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ServerMeta {
    message_id: MessageId,
    when: Timestamp,
    r#type: &'static str,
}

impl PingMessage {
    /// Returns a ping. `value` must come back; a caller that did not read the ping must not be able
    /// to guess it.
    pub fn new(id: MessageId, value: String, when: Timestamp) -> Self {
        Self { ping: value, meta: ServerMeta { message_id: id, when, r#type: PING_TYPE } }
    }

    /// Returns the body in JSON.
    pub fn to_body(&self) -> Vec<u8> {
        to_json(self)
    }

    /// Returns whether the body of an answer has the value.
    pub fn is_answered_by(&self, body: &[u8]) -> bool {
        #[derive(Deserialize)]
        struct Pong {
            pong: String,
        }
        serde_json::from_slice::<Pong>(body).is_ok_and(|answer| answer.pong == self.ping)
    }
}

impl ReplacedMessage {
    /// Returns the message that the URL was replaced or cleared at this time.
    pub fn new(id: MessageId, when: Timestamp) -> Self {
        Self { meta: ServerMeta { message_id: id, when, r#type: REPLACED_TYPE } }
    }

    /// Returns the body in JSON.
    pub fn to_body(&self) -> Vec<u8> {
        to_json(self)
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JobReport<'a> {
    request_id: JobId,
    status: WebhookEvent,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl<'a> JobMessage<'a> {
    /// Returns the message that `job` reached `status`. `result` is the link of a completed job,
    /// `reason` the cause of a failed one, and `when` the time of the attempt.
    pub fn new(
        job: JobId,
        status: WebhookEvent,
        result: Option<&'a str>,
        reason: Option<&'a str>,
        when: Timestamp,
    ) -> Self {
        Self {
            meta: Meta {
                message_id: message_id(job, status, DocumentsPlace::default()),
                request_id: job,
                when,
                r#type: MESSAGE_TYPE,
            },
            bulk_patient_create: JobReport { request_id: job, status, result, reason },
        }
    }

    /// Returns the body in JSON.
    pub fn to_body(&self) -> Vec<u8> {
        to_json(self)
    }
}

fn to_json(message: &impl Serialize) -> Vec<u8> {
    let Ok(json) = serde_json::to_vec(message) else {
        unreachable!("structs of strings, ids and times always serialize")
    };
    json
}

/// The secret with which a customer checks signatures, in the form that the Standard Webhooks
/// libraries take: `whsec_` and base64.
#[derive(Clone, Debug)]
pub struct WebhookKey(SecretString);

impl PartialEq for WebhookKey {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for WebhookKey {}

impl WebhookKey {
    /// Returns a key made of fresh random bytes.
    pub fn from_random(bytes: &[u8; KEY_BYTES]) -> Self {
        Self(format!("{KEY_PREFIX}{}", BASE64_STANDARD.encode(bytes)).into())
    }

    /// Returns a key as it was stored.
    pub fn from_stored(text: String) -> Self {
        Self(text.into())
    }

    /// Returns the text that the customer sees.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Returns `x-metriport-signature`: lower-case hex HMAC-SHA256 of the raw body, with the key's
    /// text as the key.
    pub fn sign_body(&self, body: &[u8]) -> String {
        const_hex::encode(hmac_sha256(self.expose().as_bytes(), &[body]))
    }

    /// Returns `webhook-signature` of Standard Webhooks: `v1,` and the base64 HMAC-SHA256 of id,
    /// time in seconds and body, joined by dots. The key is the decoded text after `whsec_`.
    pub fn sign_standard(&self, id: MessageId, seconds: i64, body: &[u8]) -> String {
        let text = self.expose();
        let encoded = text.strip_prefix(KEY_PREFIX).unwrap_or(text);
        let key = BASE64_STANDARD.decode(encoded).unwrap_or_else(|_| text.as_bytes().to_owned());
        let mac = hmac_sha256(&key, &[format!("{id}.{seconds}.").as_bytes(), body]);
        format!("v1,{}", BASE64_STANDARD.encode(mac))
    }
}

/// Returns the headers of a message, signed with every valid key. `x-metriport-signature` has room
/// for one signature, which the first key makes. `webhook-signature` has one of each key, as
/// Standard Webhooks specifies for the time in which a key is replaced.
pub fn signed_headers(
    keys: &[WebhookKey],
    id: MessageId,
    now: Timestamp,
    body: &[u8],
) -> Vec<(&'static str, String)> {
    let seconds = now.as_seconds();
    let standard: Vec<String> =
        keys.iter().map(|key| key.sign_standard(id, seconds, body)).collect();
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("webhook-id", id.to_string()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", standard.join(" ")),
    ];
    headers.extend(keys.first().map(|key| ("x-metriport-signature", key.sign_body(body))));
    headers
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn job() -> JobId {
        "018f3f5e-0000-7000-8000-000000000001".parse().unwrap()
    }

    #[test]
    fn the_signature_of_the_body_is_the_hex_hmac_that_openssl_gives() {
        // printf '{"a":1}' | openssl dgst -sha256 -hmac 'whsec_AAAA'
        let key = WebhookKey::from_stored("whsec_AAAA".into());
        assert_eq!(
            key.sign_body(br#"{"a":1}"#),
            "ef82e76eb8c0d1829a4d6f057bfad4f928ceb78989ad2cb6f02928fbf37ef9f5"
        );
    }

    #[test]
    fn the_standard_signature_is_that_of_the_public_library() {
        let key = WebhookKey::from_random(&[7; KEY_BYTES]);
        let id = message_id(job(), WebhookEvent::Completed, DocumentsPlace::default());
        let library = standardwebhooks::Webhook::new(key.expose()).unwrap();
        let body = br#"{"test": 2432232314}"#;
        assert_eq!(
            key.sign_standard(id, 1_614_265_330, body),
            library.sign(&id.to_string(), 1_614_265_330, body).unwrap()
        );
    }

    #[test]
    fn a_message_keeps_its_id_and_each_status_has_its_own() {
        let id = |event, chunk| message_id(job(), event, DocumentsPlace { chunk, patient: 0 });
        assert_eq!(id(WebhookEvent::Completed, 0), id(WebhookEvent::Completed, 1));
        assert_ne!(id(WebhookEvent::Completed, 0), id(WebhookEvent::Processing, 0));
        assert_ne!(id(WebhookEvent::Documents, 0), id(WebhookEvent::Documents, 1));
    }

    #[test]
    fn while_a_key_is_replaced_the_public_library_takes_either_key() {
        let keys = [[7; KEY_BYTES], [9; KEY_BYTES]].map(|bytes| WebhookKey::from_random(&bytes));
        let now = Timestamp::from_millis(i64::try_from(unix_millis()).unwrap());
        let signed = signed_headers(
            &keys,
            message_id(job(), WebhookEvent::Failed, DocumentsPlace::default()),
            now,
            b"{}",
        );
        let value = |name: &str| signed.iter().find(|(found, _)| *found == name).unwrap().1.clone();
        assert_eq!(value("webhook-signature").split(' ').count(), 2);
        assert_eq!(value("x-metriport-signature"), keys[0].sign_body(b"{}"));
        let mut headers = http::HeaderMap::new();
        for (name, value) in &signed {
            headers.insert(*name, value.parse().unwrap());
        }
        for key in &keys {
            standardwebhooks::Webhook::new(key.expose()).unwrap().verify(b"{}", &headers).unwrap();
        }
        let stranger = WebhookKey::from_random(&[1; KEY_BYTES]);
        assert!(
            standardwebhooks::Webhook::new(stranger.expose())
                .unwrap()
                .verify(b"{}", &headers)
                .is_err()
        );
    }

    fn unix_millis() -> u128 {
        std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis()
    }

    #[test]
    fn only_the_value_of_the_ping_answers_it() {
        let when = Timestamp::from_millis(1_700_000_000_000);
        let ping = PingMessage::new(MessageId::new(Uuid::from_u128(5)), "a1b2".into(), when);
        assert!(ping.is_answered_by(br#"{"pong":"a1b2","more":1}"#));
        for body in [
            &b"{\"pong\":\"a1b3\"}"[..],
            b"{\"ping\":\"a1b2\"}",
            b"{\"pong\":1}",
            b"a1b2",
            b"",
            b"\xff",
        ] {
            assert!(!ping.is_answered_by(body), "{body:?}");
        }
        insta::assert_json_snapshot!(ping);
    }

    #[test]
    fn the_message_to_a_replaced_url_names_no_other_url() {
        let when = Timestamp::from_millis(1_700_000_000_000);
        let replaced = ReplacedMessage::new(MessageId::new(Uuid::from_u128(5)), when);
        let body = String::from_utf8(replaced.to_body()).unwrap();
        insta::assert_snapshot!(body, @r#"{"meta":{"messageId":"00000000-0000-0000-0000-000000000005","when":"2023-11-14T22:13:20.000Z","type":"settings.webhook-replaced"}}"#);
    }

    #[test]
    fn a_key_never_shows_itself_in_debug_output() {
        let key = WebhookKey::from_random(&[7; KEY_BYTES]);
        assert!(!format!("{key:?}").contains(&key.expose()[6..]));
    }

    #[test]
    fn a_message_about_documents_has_the_shape_that_clients_read() {
        let document = serde_json::from_value(serde_json::json!({
            "id": "urn:oid:2.999.1", "fileName": "a.pdf", "description": "A letter",
            "mimeType": "application/pdf", "size": 9,
        }));
        let document = LinkedDocument {
            document: document.unwrap(),
            url: "https://api.example/document".into(),
        };
        let patient = |number, external_id: Option<&str>, status, documents| PatientDocuments {
            patient_id: crate::ids::PatientId::new(Uuid::from_u128(number)),
            external_id: external_id.map(|id| id.parse().unwrap()),
            status,
            documents,
            more_documents: false,
        };
        let patients = [
            patient(1, Some("A-1"), DocumentsStatus::Completed, vec![document]),
            patient(2, None, DocumentsStatus::Failed, Vec::new()),
        ];
        let place = DocumentsPlace { chunk: 3, patient: 25 };
        let when = Timestamp::from_millis(1_700_000_000_000);
        insta::assert_json_snapshot!(DocumentsMessage::new(job(), place, &patients, when));
    }

    #[test]
    fn a_message_has_the_shape_that_clients_read() {
        let message = JobMessage::new(
            job(),
            WebhookEvent::Completed,
            Some("https://files.example/result"),
            None,
            Timestamp::from_millis(1_700_000_000_000),
        );
        insta::assert_json_snapshot!(message);
    }
}
