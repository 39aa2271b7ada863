use proptest::prelude::*;

use super::*;

fn base() -> Url {
    Url::parse("https://h/fhir/Patient").unwrap()
}

fn searchset(rest: &str) -> String {
    format!(r#"{{"resourceType":"Bundle","type":"searchset"{rest}}}"#)
}

fn outcome(severity: &str, code: &str) -> String {
    format!(
        r#"{{"resourceType":"OperationOutcome","issue":[{{"severity":"{severity}","code":"{code}"}}]}}"#
    )
}

fn fault(body: &str) -> Option<Fault> {
    SearchSet::read(body.as_bytes()).err()
}

#[test]
fn only_a_searchset_is_an_answer_to_a_search() {
    for body in [
        searchset(""),
        searchset(r#","total":0,"entry":[]"#),
        searchset(r#","link":null,"entry":null"#),
        searchset(r#","total":"many","id":7,"meta":[]"#),
    ] {
        assert_eq!(fault(&body), None, "{body}");
    }
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "<Bundle/>",
        r#"{"resourceType":"Bundle"}"#,
        r#"{"resourceType":"Bundle","type":"collection"}"#,
        r#"{"resourceType":"Patient","type":"searchset"}"#,
        r#"{"resourceType":"Bundle","type":"searchset""#,
        r#"{"resourceType":"Bundle","type":"searchset"} {}"#,
        &searchset(r#","entry":{}"#),
        &searchset(r#","link":[{"relation":"next"}]"#),
        &searchset(r#","link":[{"relation":"next","url":7}]"#),
        &outcome("warning", "incomplete"),
        "{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"entry\":[\u{1}]}",
    ] {
        assert_eq!(fault(body), Some(Fault::Malformed), "{body}");
    }
}

#[test]
fn an_outcome_that_is_an_error_is_a_fault_wherever_it_is() {
    for (severity, code, expected) in [
        ("error", "transient", Some(Fault::Transient)),
        ("error", "timeout", Some(Fault::Transient)),
        ("fatal", "throttled", Some(Fault::Transient)),
        ("error", "not-supported", Some(Fault::Reported)),
        ("fatal", "security", Some(Fault::Reported)),
        ("error", "", Some(Fault::Reported)),
        ("warning", "not-supported", None),
        ("information", "informational", None),
    ] {
        let alone = outcome(severity, code);
        assert_eq!(fault(&alone), Some(expected.unwrap_or(Fault::Malformed)), "{alone}");
        let within = searchset(&format!(
            r#","entry":[{{"search":{{"mode":"outcome"}},"resource":{alone}}}]"#
        ));
        let result = SearchSet::read(within.as_bytes()).unwrap().is_incomplete();
        assert_eq!(result.err(), expected, "{within}");
    }
}

#[test]
fn a_warning_that_sources_did_not_answer_is_noticed() {
    for (severity, code, incomplete) in [
        ("warning", "incomplete", true),
        ("information", "timeout", true),
        ("warning", "not-supported", false),
        ("information", "informational", false),
    ] {
        let body = searchset(&format!(r#","entry":[{{"resource":{}}}]"#, outcome(severity, code)));
        let page = SearchSet::read(body.as_bytes()).unwrap();
        assert_eq!(page.is_incomplete(), Ok(incomplete), "{body}");
    }
}

#[test]
fn an_entry_that_cannot_be_read_spoils_no_other() {
    let body = searchset(
        r#","entry":[7,{"resource":{"resourceType":"A"}},{"fullUrl":"x"},{"resource":{"resourceType":"B"},"search":{"mode":"include"}},
        {"resource":{"resourceType":"C"},"search":{"mode":"sideways"}},{"resource":[],"search":{"mode":"outcome"}}]"#,
    );
    let page = SearchSet::read(body.as_bytes()).unwrap();
    let entries: Vec<_> = page
        .entries()
        .map(|entry| entry.map(|entry| (entry.resource_type(), entry.mode())))
        .collect();
    let some = |kind: &str, mode| Some((kind.to_owned(), mode));
    assert_eq!(
        entries,
        [
            None,
            some("A", Mode::Match),
            None,
            some("B", Mode::Include),
            some("C", Mode::Match),
            some("", Mode::Outcome)
        ]
    );
}

#[test]
fn the_self_link_says_what_was_respected() {
    let respected = |url: &str| {
        let body = searchset(&format!(r#","link":[{{"relation":"self","url":"{url}"}}]"#));
        SearchSet::read(body.as_bytes()).unwrap().respected(&base())
    };
    let all = respected("https://other/Patient?family:exact=a&given=b,c&birthdate=");
    assert!(all.has("family") && all.has("given"));
    assert!(!all.has("birthdate") && !all.has("gender"));
    assert!(respected("Patient?family=a").has("family"));
    assert!(!respected("https://h/fhir/Patient").has("family"));
    assert!(!respected("http://").has("family"));
    let silent = searchset("");
    assert!(!SearchSet::read(silent.as_bytes()).unwrap().respected(&base()).has("family"));
}

#[test]
fn the_next_page_is_the_one_that_is_linked_so() {
    let body = searchset(
        r#","link":[{"relation":"self","url":"a"},{"relation":"next","url":"b"},{"relation":"last","url":"c"}]"#,
    );
    assert_eq!(SearchSet::read(body.as_bytes()).unwrap().next(), Some("b"));
    assert_eq!(SearchSet::read(searchset("").as_bytes()).unwrap().next(), None);
}

#[test]
fn json_nested_too_deep_is_malformed_and_no_crash() {
    let deep = |inner: &str| inner.repeat(200_000);
    for body in [deep("["), deep(r#"{"a":"#), searchset(&format!(r#","entry":[{}"#, deep("[")))] {
        assert_eq!(fault(&body), Some(Fault::Malformed));
    }
    // As a field's value it is read by itself, and left out.
    let nested = format!("{}{}", deep("["), deep("]"));
    let body = searchset(&format!(r#","entry":[{{"resource":{nested}}}]"#));
    if let Ok(page) = SearchSet::read(body.as_bytes()) {
        assert!(
            page.entries().all(|entry| entry.is_none_or(|entry| entry.resource_type().is_empty()))
        );
    }
}

proptest! {
    #[test]
    fn bytes_of_any_kind_are_read_or_refused(body in any::<Vec<u8>>()) {
        let _ = SearchSet::read(&body).map(|page| page.is_incomplete());
    }
}
