//! A gateway that knows every patient, never fails and answers at once.

use bulk_domain::document::{Demographics, DocumentRecord};
use bulk_pipeline::ports::{self, GatewayAnswer, GatewayFailure};
use serde_json::json;
use uuid::Uuid;

/// A gateway that has documents about every other patient, those born on a day with an even number.
#[derive(Clone, Copy, Debug)]
pub struct Gateway {
    /// How many documents it has about each of these patients.
    pub documents: u32,
}

impl ports::Gateway for Gateway {
    async fn ask(&self, demographics: &Demographics) -> Result<GatewayAnswer, GatewayFailure> {
        let born = serde_json::to_value(demographics.dob).expect("a date");
        let has_documents =
            born.as_str().is_some_and(|date| date.ends_with(['0', '2', '4', '6', '8']));
        let documents = if has_documents { self.documents } else { 0 };
        let document = |number| document(demographics, number);
        Ok(GatewayAnswer::Documents((0..documents).map(document).collect()))
    }
}

/// The kinds of documents: the LOINC code, and its name.
const KINDS: [(&str, &str); 4] = [
    ("34133-9", "Summarization of Episode Note"),
    ("18842-5", "Discharge Summary"),
    ("11506-3", "Progress Note"),
    ("34133-9", "Summarization of Episode Note"),
];

/// Returns a document with every field that exchanges are known to fill. Ids, times and sizes are
/// random in every document, because they decide how well a list of documents is compressed.
pub fn document(of: &Demographics, number: u32) -> DocumentRecord {
    let name =
        format!("{} {} {:?} {number}", of.first_name.as_str(), of.last_name.as_str(), of.dob);
    let random = |what: &str| Uuid::new_v5(&Uuid::NAMESPACE_OID, (name.clone() + what).as_bytes());
    let (id, url) = (random("id"), random("url"));
    let bytes = random("numbers").into_bytes();
    let digits = |byte: usize, from: u8, below: u8| from + bytes[byte] % (below - from);
    let day = format!(
        "{}-{:02}-{:02}",
        2015 + u32::from(bytes[0] % 11),
        digits(1, 1, 13),
        digits(2, 1, 29)
    );
    let time = |byte: usize| {
        format!(
            "{:02}:{:02}:{:02}",
            digits(byte, 0, 24),
            digits(byte + 1, 0, 60),
            digits(byte + 2, 0, 60)
        )
    };
    let (code, kind) = KINDS[number as usize % KINDS.len()];
    let document = json!({
        "id": format!("2.16.840.1.113883.3.9621|{id}"),
        "fileName": format!("{kind}.xml"),
        "description": "Continuity of care document of an encounter, created by the exchange on demand",
        "status": "current",
        "indexed": format!("{day}T{}.{:03}Z", time(3), u16::from(bytes[6]) * 3),
        "mimeType": "application/xml",
        "size": 20_000 + u32::from(bytes[7]) * 2_000 + u32::from(bytes[8]),
        "type": {
            "coding": [{"system": "http://loinc.org", "code": code, "display": kind}],
            "text": kind,
        },
        "url": format!("https://exchange.example/fhir/R4/Binary/{url}"),
        "date": format!("{day}T{}-05:00", time(9)),
    });
    serde_json::from_value(document).expect("a document")
}
