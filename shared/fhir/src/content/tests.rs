use super::*;

fn taken(content: Result<Content, FetchError>) -> Result<(String, Vec<u8>), CopyFailure> {
    let content = content.map_err(|error| error.failure)?;
    match content.body {
        Body::Whole(bytes) => {
            Ok((content.media_type.to_string(), bytes.unwrap_or_default().to_vec()))
        }
        Body::Answer { .. } => panic!("a stream"),
    }
}

#[test]
fn a_binary_is_unwrapped_and_other_fhir_is_the_document_itself() {
    let kind = || MediaType::new("application/fhir+json").unwrap();
    let binary = br#"{"resourceType":"Binary","contentType":"text/plain","data":"SGVs\nbG8"}"#;
    let binary = String::from_utf8_lossy(binary).replace("\\n", "\\r\\n");
    assert_eq!(
        taken(unwrapped(binary.into_bytes(), Some("text/plain"), kind())),
        Ok(("text/plain".to_owned(), b"Hello".to_vec()))
    );
    let bundle = br#"{"resourceType":"Bundle"}"#.to_vec();
    assert_eq!(
        taken(unwrapped(bundle.clone(), Some("application/fhir+json"), kind())),
        Ok(("application/fhir+json".to_owned(), bundle))
    );
    let outcome = br#"{"resourceType":"OperationOutcome"}"#.to_vec();
    assert_eq!(taken(unwrapped(outcome, None, kind())), Err(CopyFailure::NotTheDocument));
    let other = br#"{"resourceType":"Bundle"}"#.to_vec();
    assert_eq!(taken(unwrapped(other, Some("text/xml"), kind())), Err(CopyFailure::NotTheDocument));
    assert_eq!(taken(unwrapped(b"{".to_vec(), None, kind())), Err(CopyFailure::NotTheDocument));
    let broken = br#"{"resourceType":"Binary","data":"?"}"#.to_vec();
    assert_eq!(taken(unwrapped(broken, None, kind())), Err(CopyFailure::NotTheDocument));
}

#[test]
fn only_json_in_the_place_of_something_else_may_be_a_binary() {
    let pdf = Some("application/pdf");
    assert!(may_be_binary(pdf, Some("application/fhir+json; charset=utf-8")));
    assert!(may_be_binary(pdf, Some("application/json")));
    assert!(may_be_binary(Some("application/json"), Some("application/fhir+json")));
    assert!(!may_be_binary(Some("application/json"), Some("application/json")));
    assert!(!may_be_binary(pdf, pdf));
    assert!(!may_be_binary(pdf, None));
}

#[test]
fn a_data_url_has_its_content_in_base64_or_in_percent_encoding() {
    let read = |url| data_url(url).map(|(kind, bytes)| (kind, bytes.ok()));
    let text = |bytes: &[u8]| Some(bytes.to_vec());
    assert_eq!(
        read("data:text/plain;charset=utf-8;base64,SGVs%0AbG8%3D"),
        Some((Some("text/plain;charset=utf-8".into()), text(b"Hello")))
    );
    assert_eq!(read("DATA:,a%20b%2"), Some((None, text(b"a b%2"))));
    assert_eq!(read("data:application/pdf;base64,!"), Some((Some("application/pdf".into()), None)));
    assert_eq!(read("https://h.example/data:x"), None);
    assert_eq!(read("Binary/1"), None);
}

#[test]
fn a_failure_says_what_the_caller_can_expect() {
    let of_status = |status| failed(Fault::Status { status, retry_after: None }).failure;
    assert_eq!(of_status(404), CopyFailure::Gone);
    assert_eq!(of_status(410), CopyFailure::Gone);
    assert_eq!(of_status(503), CopyFailure::Unavailable);
    assert_eq!(of_status(403), CopyFailure::Refused);
    assert_eq!(failed(Fault::TooLarge).failure, CopyFailure::TooLarge);
    assert_eq!(failed(Fault::Timeout).failure, CopyFailure::Unavailable);
}
