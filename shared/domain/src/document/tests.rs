use serde_json::json;

use super::*;

fn patient(zips: &[&str]) -> Patient {
    let addresses: Vec<_> = zips
        .iter()
        .map(
            |zip| json!({"addressLine1": "1 Main St", "city": "Boston", "state": "MA", "zip": zip}),
        )
        .collect();
    serde_json::from_value(json!({
        "id": "0190f5a8-0000-7000-8000-000000000001",
        "firstName": "Mary, Ann",
        "lastName": "de, la, Cruz",
        "dob": "1980-02-03",
        "genderAtBirth": "F",
        "address": addresses,
        "dateCreated": "2024-01-01T00:00:00.000Z",
        "dateUpdated": "2024-01-01T00:00:00.000Z",
    }))
    .unwrap()
}

fn record() -> DocumentRecord {
    DocumentRecord {
        document: Document {
            id: DocumentId::new("1.2.543.1.34.1.34.134").unwrap(),
            file_name: "summary.xml".into(),
            description: Some("Summarization Of Episode Note".into()),
            status: Some(DocumentStatus::Current),
            indexed: Some(Timestamp::from_millis(1_664_981_100_000)),
            mime_type: Some("application/xml".into()),
            size: Some(1234),
            kind: Some(DocumentType {
                coding: vec![Coding {
                    system: Some("http://loinc.org".into()),
                    code: Some("34133-9".into()),
                    display: Some("SUMMARIZATION OF EPISODE NOTE".into()),
                }],
                text: Some("SUMMARIZATION OF EPISODE NOTE".into()),
            }),
        },
        url: Some("Binary/1".into()),
        date: Some("2022-10".into()),
    }
}

#[test]
fn a_patient_is_found_by_names_birth_date_gender_and_every_zip_once() {
    let demographics = Demographics::from(&patient(&["02139", "94110", "02139"]));
    assert_eq!(demographics.first_name.iter().collect::<Vec<_>>(), ["Mary", "Ann"]);
    assert_eq!(demographics.last_name.as_str(), "de, la, Cruz");
    assert_eq!(demographics.dob.to_iso(), "1980-02-03");
    assert_eq!(demographics.gender, Gender::Female);
    let zips: Vec<_> = demographics.zips.iter().map(Zip::as_str).collect();
    assert_eq!(zips, ["02139", "94110"]);
}

#[test]
fn the_api_shows_a_document_in_its_public_shape() {
    let expected = json!({
        "id": "1.2.543.1.34.1.34.134",
        "fileName": "summary.xml",
        "description": "Summarization Of Episode Note",
        "status": "current",
        "indexed": "2022-10-05T14:45:00.000Z",
        "mimeType": "application/xml",
        "size": 1234,
        "type": {
            "coding": [{
                "system": "http://loinc.org",
                "code": "34133-9",
                "display": "SUMMARIZATION OF EPISODE NOTE",
            }],
            "text": "SUMMARIZATION OF EPISODE NOTE",
        },
    });
    assert_eq!(serde_json::to_value(record().document).unwrap(), expected);
}

#[test]
fn what_is_not_known_of_a_document_is_left_out() {
    let document: Document = serde_json::from_str(r#"{"id":"1","fileName":"1"}"#).unwrap();
    assert_eq!(serde_json::to_string(&document).unwrap(), r#"{"id":"1","fileName":"1"}"#);
    let bare = DocumentRecord { document, url: None, date: None };
    assert_eq!(serde_json::to_string(&bare).unwrap(), r#"{"id":"1","fileName":"1"}"#);
}

#[test]
fn a_stored_document_is_read_back_as_itself_with_its_link() {
    let json = serde_json::to_value(record()).unwrap();
    assert_eq!(json["url"], "Binary/1");
    assert_eq!(json["date"], "2022-10");
    assert_eq!(serde_json::from_value::<DocumentRecord>(json).unwrap(), record());
}

#[test]
fn a_documents_id_fits_into_a_key() {
    for text in ["", "  ", "a\nb", &"x".repeat(256)] {
        assert_eq!(DocumentId::new(text), None, "{text:?}");
        assert!(serde_json::from_value::<DocumentId>(json!(text)).is_err());
    }
    for text in ["1", "urn:oid:1.2.3", &"x".repeat(255), " padded "] {
        assert_eq!(DocumentId::new(text).unwrap().as_str(), text.trim());
    }
}

#[test]
fn debug_shows_nothing_of_a_patient_or_a_document() {
    let text = format!("{:?} {:?}", Demographics::from(&patient(&["02139"])), record());
    for value in ["Mary", "Cruz", "1980", "02139", "summary", "Episode", "Binary"] {
        assert!(!text.contains(value), "{value} in {text}");
    }
}
