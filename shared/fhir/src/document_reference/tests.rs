use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn record(json: Value) -> Option<DocumentRecord> {
    serde_json::from_value::<DocumentReference>(json).unwrap().into_record()
}

fn name(title: &str, id: &str, mime_type: &str) -> String {
    file_name(title, id, Some(mime_type))
}

#[test]
fn a_document_reference_becomes_a_document() {
    let record = record(json!({
        "resourceType": "DocumentReference",
        "id": "d1",
        "masterIdentifier": {"system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2.3"},
        "status": "current",
        "docStatus": "final",
        "type": {
            "coding": [{"system": "http://loinc.org", "code": "34133-9", "display": "Summary of episode note"}],
            "text": "Continuity of care",
        },
        "subject": {"reference": "Patient/p1"},
        "date": "2022-10-05T09:45:00-05:00",
        "description": "  A\n summary ",
        "content": [{
            "attachment": {
                "contentType": "application/hl7-v3+xml",
                "url": "https://h/fhir/Binary/d1",
                "size": 1234,
                "title": "ccd.xml",
                "creation": "2022-10",
            },
            "format": {"code": "urn:ihe:pcc:xphr:2007"},
        }],
    }))
    .unwrap();
    assert_eq!(
        serde_json::to_value(&record).unwrap(),
        json!({
            "id": "d1",
            "fileName": "ccd.xml",
            "description": "A summary",
            "status": "current",
            "indexed": "2022-10-05T14:45:00.000Z",
            "mimeType": "application/hl7-v3+xml",
            "size": 1234,
            "type": {
                "coding": [{"system": "http://loinc.org", "code": "34133-9", "display": "Summary of episode note"}],
                "text": "Continuity of care",
            },
            "url": "https://h/fhir/Binary/d1",
            "date": "2022-10",
        })
    );
}

#[test]
fn an_id_is_all_that_a_document_needs() {
    let bare = record(json!({"id": "d1"})).unwrap();
    assert_eq!(serde_json::to_value(&bare).unwrap(), json!({"id": "d1", "fileName": "d1"}));
    let by_identifier = record(json!({"masterIdentifier": {"value": "urn:oid:1.2.3"}})).unwrap();
    assert_eq!(by_identifier.document.id.as_str(), "urn:oid:1.2.3");
    assert_eq!(by_identifier.document.file_name, "urn_oid_1.2.3");
    for json in [json!({}), json!({"id": 7}), json!({"id": " "}), json!({"id": "x".repeat(300)})] {
        assert_eq!(record(json.clone()), None, "{json}");
    }
}

#[test]
fn a_field_that_cannot_be_read_is_left_out() {
    let odd = record(json!({
        "id": "d1",
        "status": "unheard-of",
        "type": "summary",
        "subject": [],
        "date": "2022-10",
        "description": {"div": "x"},
        "content": [{"attachment": {"size": -1, "contentType": 7, "url": null, "creation": "last year"}}],
    }))
    .unwrap();
    assert_eq!(serde_json::to_value(&odd).unwrap(), json!({"id": "d1", "fileName": "d1"}));
}

#[test]
fn of_several_formats_the_first_that_can_be_fetched_is_the_document() {
    let content =
        |mime_type: &str, url: &str| json!({"attachment": {"contentType": mime_type, "url": url}});
    let several = json!([
        content("text/html", ""),
        content("text/xml", "Binary/2"),
        content("text/plain", "Binary/3")
    ]);
    let record_of = |content: Value| record(json!({"id": "d1", "content": content})).unwrap();
    let chosen = record_of(several);
    assert_eq!(chosen.url.as_deref(), Some("Binary/2"));
    assert_eq!(chosen.document.mime_type.as_deref(), Some("text/xml"));
    let unfetchable = record_of(json!([content("text/html", ""), content("text/xml", "")]));
    assert_eq!(unfetchable.document.mime_type.as_deref(), Some("text/html"));
}

#[test]
fn a_size_is_read_as_number_or_text_and_zero_stays() {
    for (size, read) in
        [(json!(5), Some(5)), (json!("5"), Some(5)), (json!(0), Some(0)), (json!("5 KB"), None)]
    {
        let record =
            record(json!({"id": "d1", "content": [{"attachment": {"size": size}}]})).unwrap();
        assert_eq!(record.document.size, read, "{size}");
    }
}

#[test]
fn a_file_name_is_one_that_every_file_system_takes() {
    for (title, expected) in [
        ("ccd.xml", "ccd.xml"),
        ("Discharge  Summary", "Discharge Summary.pdf"),
        ("../../etc/passwd", "_.._etc_passwd.pdf"),
        (r#"a\b:c*d?e"f<g>h|i"#, "a_b_c_d_e_f_g_h_i.pdf"),
        ("1.2.840.114350", "1.2.840.114350.pdf"),
        ("note v1.2", "note v1.2.pdf"),
        ("...", "document.pdf"),
        ("", "d1.pdf"),
        ("a\u{0}b\n", "a b.pdf"),
    ] {
        assert_eq!(name(title, "d1", "application/pdf"), expected, "{title:?}");
    }
    assert_eq!(name("", "d1", "application/x-unheard-of"), "d1");
    assert_eq!(name("", "d1", "text/xml; charset=utf-8"), "d1.xml");
    assert!(name(&"é".repeat(500), "d1", "text/plain").len() < 400);
}

#[test]
fn long_texts_are_cut_and_long_links_left_out() {
    let record = record(json!({
        "id": "d1",
        "description": "é".repeat(5000),
        "type": {"coding": vec![json!({"code": "x"}); 500]},
        "content": [{"attachment": {"url": format!("https://h/{}", "x".repeat(5000))}}],
    }))
    .unwrap();
    assert_eq!(record.document.description.unwrap().chars().count(), TEXT_CHARS);
    assert_eq!(record.document.kind.unwrap().coding.len(), CODINGS);
    assert_eq!(record.url, None);
}

proptest! {
    /// A document of any gateway is small enough to be stored as one item.
    #[test]
    fn a_document_of_any_texts_is_kept_short(texts in prop::collection::vec("(\\PC|[\u{0}-\u{20}]){0,40}", 8)) {
        let long = |n: usize| texts[n].repeat(400);
        let record = record(json!({
            "id": "d1",
            "description": long(0),
            "type": {"text": long(1), "coding": [{"system": long(2), "code": long(3), "display": long(4)}]},
            "content": [{"attachment": {"title": long(5), "url": long(6), "contentType": long(7)}}],
        })).unwrap();
        let unsafe_chars = ['/', '\\', '\u{0}', '\n'];
        prop_assert!(!record.document.file_name.contains(unsafe_chars));
        prop_assert!(serde_json::to_vec(&record).unwrap().len() < 50_000);
    }
}
