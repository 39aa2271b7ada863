//! A received webhook message, and whether its signatures are valid.

use axum::http::HeaderMap;
use bulk_domain::ids::MessageId;
use bulk_domain::time::Timestamp;
use bulk_domain::webhook::{DOCUMENTS_TYPE, LINKS_TYPE, REPLACED_TYPE, WebhookKey};
use bulk_terminal::one_line;
use serde::Serialize;
use serde_json::Value;

/// Seconds that a message may be old or ahead of this clock. Libraries of Standard Webhooks allow
/// the same.
const TOLERANCE: i64 = 5 * 60;

/// Whether a signature is valid.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Check {
    Holds,
    /// The signature is of another key, or of another body.
    Wrong,
    /// The signature is valid, but its time is too far from now. The message may be recorded and
    /// replayed.
    Stale,
    /// The message has no such signature.
    Missing,
    /// The key is not known, so the signature was not checked.
    Unchecked,
}

/// A message in the form that `--json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_field_names, reason = "named as the message names them")]
pub struct Message {
    pub received_at: Timestamp,
    /// Of a ping: the value to send back.
    pub ping: Option<String>,
    pub r#type: Option<String>,
    pub message_id: Option<String>,
    pub request_id: Option<String>,
    pub status: Option<String>,
    pub reason: Option<String>,
    pub result: Option<String>,
    /// Of a message about documents: the number of patients.
    pub patients: Option<usize>,
    /// The number of documents of all these patients.
    pub documents: Option<usize>,
    /// Of a bulk download: the links to documents.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// The header `x-metriport-signature`, HMAC-SHA256 of the body.
    pub metriport_signature: Check,
    /// The header `webhook-signature` of Standard Webhooks.
    pub standard_signature: Check,
    /// How often this message was received, including this time.
    pub delivery: u32,
    pub answered: u16,
}

impl Message {
    /// Reads a request. Missing fields are left out, because a receiver has to handle any request.
    pub fn read(
        headers: &HeaderMap,
        body: &[u8],
        key: Option<&WebhookKey>,
        now: Timestamp,
    ) -> Self {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let (meta, about) = (&json["meta"], &json["bulkPatientCreate"]);
        let has_patients = meta["type"] == DOCUMENTS_TYPE || meta["type"] == LINKS_TYPE;
        let patients = json["patients"].as_array().filter(|_| has_patients);
        let documents = |patient: &Value| patient["documents"].as_array().map_or(0, Vec::len);
        let all = patients.into_iter().flatten();
        let all = all.filter_map(|patient| patient["documents"].as_array()).flatten();
        Self {
            received_at: now,
            ping: text(&json["ping"]),
            r#type: text(&meta["type"]),
            message_id: text(&meta["messageId"]),
            request_id: text(&meta["requestId"]),
            status: text(&about["status"]),
            reason: text(&about["reason"]),
            result: text(&about["result"]),
            patients: patients.map(Vec::len),
            documents: patients.map(|patients| patients.iter().map(documents).sum()),
            links: all.filter_map(|document| text(&document["url"])).collect(),
            metriport_signature: check_metriport(headers, body, key),
            standard_signature: check_standard(headers, body, key, now),
            delivery: 1,
            answered: 200,
        }
    }

    /// Returns whether a signature was checked and is wrong or missing.
    pub fn is_forged(&self) -> bool {
        let is_bad = |check| matches!(check, Check::Wrong | Check::Stale | Check::Missing);
        is_bad(self.metriport_signature) || is_bad(self.standard_signature)
    }

    /// Describes the message. Its texts cannot add lines, because any program can send one.
    pub fn describe(&self, with_links: bool) -> String {
        let what = match (&self.ping, &self.status, self.patients, self.documents) {
            (Some(_), ..) => "ping".to_owned(),
            (None, Some(status), ..) => one_line(status),
            (None, None, Some(patients), Some(documents)) => {
                format!("documents: {documents}, of patients: {patients}")
            }
            (None, None, ..) if self.r#type.as_deref() == Some(REPLACED_TYPE) => {
                "another URL was set in place of this one".to_owned()
            }
            (None, None, ..) => "not a message of ours".to_owned(),
        };
        let named = |(name, value): (&str, &Option<String>)| {
            value.as_ref().map(|value| format!("  {name} {}", one_line(value))).unwrap_or_default()
        };
        let ids: String = [("request", &self.request_id), ("message", &self.message_id)]
            .into_iter()
            .map(named)
            .collect();
        let again =
            if self.delivery > 1 { format!("  delivery {}", self.delivery) } else { String::new() };
        let mut lines = vec![
            format!("{}  {what}{ids}{again}", self.received_at),
            format!("signatures: {}; answered {}", self.signatures(), self.answered),
        ];
        lines.extend(self.reason.as_ref().map(|reason| format!("reason: {}", one_line(reason))));
        let result = self.result.iter().map(|link| ("result", link));
        // A message about an import's patients can have hundreds of links.
        let are_many = self.r#type.as_deref() == Some(DOCUMENTS_TYPE);
        let documents = self.links.iter().filter(|_| with_links || !are_many);
        let with_documents = result.chain(documents.map(|link| ("document", link)));
        lines.extend(with_documents.map(|(what, link)| match one_line(link).split_once('?') {
            Some((place, _)) if !with_links => {
                format!("{what}: {place}?… (--links shows all of it)")
            }
            _ => format!("{what}: {}", one_line(link)),
        }));
        lines.join("\n    ")
    }

    fn signatures(&self) -> String {
        match (self.metriport_signature, self.standard_signature) {
            (Check::Holds, Check::Holds) => "both hold".to_owned(),
            (Check::Unchecked, Check::Unchecked) => "not checked, the key is not known".to_owned(),
            (metriport, standard) => {
                format!(
                    "x-metriport-signature {}, webhook-signature {}",
                    metriport.text(),
                    standard.text()
                )
            }
        }
    }
}

impl Check {
    const fn text(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Wrong => "DOES NOT HOLD",
            Self::Stale => "holds, BUT ITS TIME IS NOT NOW",
            Self::Missing => "IS MISSING",
            Self::Unchecked => "not checked",
        }
    }
}

fn check_metriport(headers: &HeaderMap, body: &[u8], key: Option<&WebhookKey>) -> Check {
    let Some(signature) = header(headers, "x-metriport-signature") else { return Check::Missing };
    match key {
        None => Check::Unchecked,
        Some(key) if is_same(signature, &key.sign_body(body)) => Check::Holds,
        Some(_) => Check::Wrong,
    }
}

fn check_standard(
    headers: &HeaderMap,
    body: &[u8],
    key: Option<&WebhookKey>,
    now: Timestamp,
) -> Check {
    let (Some(signatures), Some(id), Some(time)) = (
        header(headers, "webhook-signature"),
        header(headers, "webhook-id"),
        header(headers, "webhook-timestamp"),
    ) else {
        return Check::Missing;
    };
    let Some(key) = key else { return Check::Unchecked };
    let (Ok(id), Ok(time)) = (id.parse::<MessageId>(), time.parse::<i64>()) else {
        return Check::Wrong;
    };
    let ours = key.sign_standard(id, time, body);
    // The header has one signature for each valid key.
    if !signatures.split(' ').any(|signature| is_same(signature, &ours)) {
        return Check::Wrong;
    }
    if now.as_seconds().abs_diff(time) > TOLERANCE.unsigned_abs() {
        Check::Stale
    } else {
        Check::Holds
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Compares in constant time, so that the time does not tell where the first difference is.
fn is_same(theirs: &str, ours: &str) -> bool {
    let differs = theirs.bytes().zip(ours.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b));
    differs == 0 && theirs.len() == ours.len()
}

#[cfg(test)]
mod tests {
    use bulk_domain::ids::PatientId;
    use bulk_domain::webhook::{
        DocumentsMessage, DocumentsPlace, DocumentsStatus, JobMessage, LinkedDocument,
        PatientDocuments, ReplacedMessage, WebhookEvent, message_id, signed_headers,
    };

    use super::*;

    const NOW: i64 = 1_800_000_000_000;

    fn key(byte: u8) -> WebhookKey {
        WebhookKey::from_random(&[byte; 32])
    }

    /// A message as it is posted, signed with these keys.
    fn posted(keys: &[WebhookKey]) -> (HeaderMap, Vec<u8>) {
        let (job, now) =
            ("0199a1b2-0000-7000-8000-00000000a001".parse().unwrap(), Timestamp::from_millis(NOW));
        let link = Some("https://files.example.com/result.csv?X-Amz-Signature=secret");
        let (completed, place) = (WebhookEvent::Completed, DocumentsPlace::default());
        let body = JobMessage::new(job, completed, link, None, now).to_body();
        let signed = signed_headers(keys, message_id(job, completed, place), now, &body);
        let headers =
            signed.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        (headers.collect::<HeaderMap>(), body)
    }

    fn checks(message: &Message) -> (Check, Check) {
        (message.metriport_signature, message.standard_signature)
    }

    #[test]
    fn signatures_with_the_key_hold_and_with_another_one_do_not() {
        let (headers, body) = posted(&[key(1)]);
        let now = Timestamp::from_millis(NOW);
        let read = |key: Option<&WebhookKey>, body: &[u8]| Message::read(&headers, body, key, now);
        let good = read(Some(&key(1)), &body);
        assert_eq!(checks(&good), (Check::Holds, Check::Holds));
        assert!(!good.is_forged());
        assert_eq!(checks(&read(Some(&key(2)), &body)), (Check::Wrong, Check::Wrong));
        let mut changed = body.clone();
        changed.push(b' ');
        assert_eq!(checks(&read(Some(&key(1)), &changed)), (Check::Wrong, Check::Wrong));
        let unchecked = read(None, &body);
        assert_eq!(checks(&unchecked), (Check::Unchecked, Check::Unchecked));
        assert!(!unchecked.is_forged());
    }

    #[test]
    fn the_key_before_the_last_one_is_found_among_the_standard_signatures() {
        let (headers, body) = posted(&[key(2), key(1)]);
        let message = Message::read(&headers, &body, Some(&key(1)), Timestamp::from_millis(NOW));
        assert_eq!(checks(&message), (Check::Wrong, Check::Holds));
    }

    #[test]
    fn an_old_message_is_stale_and_one_without_signatures_is_forged() {
        let (headers, body) = posted(&[key(1)]);
        for (later, expected) in [(300, Check::Holds), (301, Check::Stale), (-301, Check::Stale)] {
            let now = Timestamp::from_millis(NOW + later * 1000);
            assert_eq!(
                checks(&Message::read(&headers, &body, Some(&key(1)), now)).1,
                expected,
                "{later}"
            );
        }
        let bare = Message::read(&HeaderMap::new(), b"not json", None, Timestamp::from_millis(NOW));
        assert_eq!(checks(&bare), (Check::Missing, Check::Missing));
        assert!(bare.is_forged() && bare.describe(false).contains("not a message of ours"));
    }

    #[test]
    fn a_replaced_url_is_told_in_words() {
        let now = Timestamp::from_millis(NOW);
        let id = MessageId::new(uuid::Uuid::nil());
        let body = ReplacedMessage::new(id, now).to_body();
        let shown = Message::read(&HeaderMap::new(), &body, None, now).describe(false);
        assert!(shown.contains("another URL was set in place of this one"), "{shown}");
    }

    #[test]
    fn patients_and_documents_are_counted_and_not_shown() {
        let (job, now) = (uuid::Uuid::from_u128(1), Timestamp::from_millis(NOW));
        let document = |json: &str| LinkedDocument {
            document: serde_json::from_str(json).unwrap(),
            url: "https://api.example.com/document?signature=abc".to_owned(),
        };
        let documents = vec![
            document(r#"{"id": "1", "fileName": "secret.pdf"}"#),
            document(r#"{"id": "2", "fileName": "x"}"#),
        ];
        let patient = |id, documents| PatientDocuments {
            patient_id: PatientId::new(uuid::Uuid::from_u128(id)),
            external_id: None,
            status: DocumentsStatus::Completed,
            documents,
            more_documents: false,
        };
        let patients = [patient(7, documents), patient(8, Vec::new())];
        let place = DocumentsPlace::default();
        let body = DocumentsMessage::new(bulk_domain::ids::JobId::new(job), place, &patients, now)
            .to_body();
        let message = Message::read(&HeaderMap::new(), &body, None, now);
        let (short, full) = (message.describe(false), message.describe(true));
        assert!(short.contains("documents: 2, of patients: 2  request"), "{short}");
        assert!(!short.contains("document:") && !full.contains("secret"), "{full}");
        assert_eq!(full.matches("signature=abc").count(), 2, "{full}");
    }

    #[test]
    fn links_to_documents_are_shown_in_full_only_where_they_are_asked_for() {
        let body = format!(
            r#"{{"meta":{{"messageId":"m","requestId":"r","type":"{LINKS_TYPE}"}},"patients":[{{"documents":[
                {{"id":"1","url":"https://files.example.com/1?X-Amz-Signature=secret"}},
                {{"id":"2","url":"https://files.example.com/2?X-Amz-Signature=secret"}}]}}]}}"#
        );
        let now = Timestamp::from_millis(NOW);
        let message = Message::read(&HeaderMap::new(), body.as_bytes(), None, now);
        let (short, full) = (message.describe(false), message.describe(true));
        assert!(short.contains("documents: 2, of patients: 1  request r"), "{short}");
        assert!(short.contains("document: https://files.example.com/2?…"), "{short}");
        assert!(!short.contains("secret") && full.matches("secret").count() == 2, "{full}");
    }

    #[test]
    fn a_forged_message_cannot_look_like_two() {
        let forged = r#"{"meta":{"messageId":"m\nsignatures: both hold"},
            "bulkPatientCreate":{"status":"completed","reason":"a\u001b[1A\n    signatures: both hold"}}"#;
        let message =
            Message::read(&HeaderMap::new(), forged.as_bytes(), None, Timestamp::from_millis(NOW));
        let shown = message.describe(false);
        assert_eq!(shown.lines().filter(|line| line.contains("signatures:")).count(), 3);
        assert_eq!(shown.lines().count(), 3, "{shown}");
    }

    #[test]
    fn a_link_is_shown_in_full_only_where_it_is_asked_for() {
        let (headers, body) = posted(&[key(1)]);
        let message = Message::read(&headers, &body, Some(&key(1)), Timestamp::from_millis(NOW));
        let (short, full) = (message.describe(false), message.describe(true));
        assert!(short.contains("completed") && short.contains("both hold"), "{short}");
        assert!(!short.contains("secret") && full.contains("secret"));
    }
}
