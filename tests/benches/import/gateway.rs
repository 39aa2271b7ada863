//! A gateway that knows every patient, never fails and answers at once.

use bulk_domain::document::{Demographics, DocumentRecord};
use bulk_pipeline::ports::{self, GatewayAnswer, GatewayFailure};
use serde_json::json;

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
        Ok(GatewayAnswer::Documents((0..documents).map(document).collect()))
    }
}

/// Returns a document with every field that exchanges are known to fill.
fn document(number: u32) -> DocumentRecord {
    let document = json!({
        "id": format!("2.16.840.1.113883.3.9621|f47ac10b-58cc-4372-a567-0e02b2c3d4{number:02}"),
        "fileName": "Summarization of Episode Note.xml",
        "description": "Continuity of care document of an encounter, created by the exchange on demand",
        "status": "current",
        "indexed": "2026-11-20T10:11:12.345Z",
        "mimeType": "application/xml",
        "size": 123_456,
        "type": {
            "coding": [{"system": "http://loinc.org", "code": "34133-9", "display": "Summary of episode note"}],
            "text": "Summarization of Episode Note",
        },
        "url": "https://exchange.example/fhir/R4/Binary/f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "date": "2026-11-19T08:00:00-05:00",
    });
    serde_json::from_value(document).expect("a document")
}
