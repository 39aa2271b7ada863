use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const ALL: &str =
    "Patient?family=Mohr&given=Alice&birthdate=1980-02-03&gender=female&address-postalcode=02139";

fn wanted() -> Vec<Parameter> {
    vec![
        Parameter { name: "family", values: vec!["Mohr".into()] },
        Parameter {
            name: "given",
            values: vec!["Alice Marie".into(), "Alice".into(), "Marie".into()],
        },
        Parameter::one("birthdate", "1980-02-03"),
        Parameter::one("gender", "female"),
        Parameter::one("address-postalcode", "02139"),
    ]
}

fn alice(id: &str) -> Value {
    json!({
        "resourceType": "Patient",
        "id": id,
        "name": [{"family": "MOHR", "given": ["Alice", "M."]}],
        "gender": "female",
        "birthDate": "1980-02-03",
        "address": [{"postalCode": "02139-1234"}],
    })
}

fn with(mut patient: Value, field: &str, value: Value) -> Value {
    patient[field] = value;
    patient
}

fn page(self_link: Option<&str>, entries: &[Value]) -> Value {
    let links = self_link.map(|url| json!({"relation": "self", "url": url}));
    json!({
        "resourceType": "Bundle",
        "type": "searchset",
        "link": links.into_iter().collect::<Vec<_>>(),
        "entry": entries,
    })
}

fn found(mode: &str, resource: impl Into<Value>) -> Value {
    let resource = resource.into();
    json!({"resource": resource, "search": {"mode": mode}})
}

fn discover(pages: &[Value]) -> Result<Discovery, Fault> {
    let base = Url::parse("https://h/fhir/Patient").unwrap();
    let mut candidates = Candidates::new(wanted());
    for page in pages {
        let body = page.to_string();
        if candidates.add(&SearchSet::read(body.as_bytes())?, &base)?.is_break() {
            break;
        }
    }
    Ok(candidates.into())
}

fn discover_entries(self_link: Option<&str>, entries: &[Value]) -> Result<Discovery, Fault> {
    discover(&[page(self_link, entries)])
}

fn is(id: &str) -> Result<Discovery, Fault> {
    GatewayPatientId::new(id).map(Discovery::Match).ok_or(Fault::Malformed)
}

const NONE: Result<Discovery, Fault> = Ok(Discovery::NoMatch { incomplete: false });

#[test]
fn exactly_one_match_is_found() {
    assert_eq!(discover_entries(Some(ALL), &[]), NONE);
    assert_eq!(discover_entries(Some(ALL), &[found("match", alice("1"))]), is("1"));
    assert_eq!(discover_entries(Some(ALL), &[json!({"resource": alice("1")})]), is("1"));
    let two = [found("match", alice("1")), found("match", alice("2"))];
    assert_eq!(discover_entries(Some(ALL), &two), Ok(Discovery::Ambiguous));
}

#[test]
fn matches_are_counted_over_all_pages_and_each_patient_once() {
    let first = page(Some(ALL), &[found("match", alice("1"))]);
    let again = page(None, &[found("match", alice("1"))]);
    let other = page(None, &[found("match", alice("2"))]);
    assert_eq!(discover(&[first.clone(), again]), is("1"));
    assert_eq!(discover(&[first, other]), Ok(Discovery::Ambiguous));
}

#[test]
fn what_is_no_match_does_not_count() {
    let outcome = json!({"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "informational"}]});
    let entries = [
        found("outcome", outcome),
        found("match", alice("1")),
        found("include", alice("2")),
        found("include", json!({"resourceType": "Organization", "id": "3"})),
        found("match", json!({"resourceType": "Practitioner", "id": "4"})),
    ];
    assert_eq!(discover_entries(Some(ALL), &entries), is("1"));
}

#[test]
fn a_parameter_that_the_gateway_respected_is_the_gateways_to_judge() {
    // It knows Alice under another name, say.
    let ali = with(alice("1"), "name", json!([{"family": "Mohr", "given": ["Ali"]}]));
    assert_eq!(discover_entries(Some(ALL), &[found("match", ali)]), is("1"));
}

#[test]
fn a_parameter_that_the_gateway_ignored_is_applied_here() {
    let others = [
        with(alice("2"), "name", json!([{"family": "Mohring"}])),
        with(alice("3"), "name", json!([{"family": "Mohr", "given": ["Bob"]}])),
        with(alice("4"), "birthDate", json!("1980-02-04")),
        with(alice("5"), "birthDate", json!("1980-02")),
        with(alice("6"), "birthDate", Value::Null),
        with(alice("7"), "gender", json!("male")),
        with(alice("8"), "address", json!([{"postalCode": "94110"}, {}, 7])),
        with(alice("9"), "name", json!([])),
    ];
    let mut entries: Vec<_> = others.iter().map(|other| found("match", other.clone())).collect();
    for self_link in [None, Some("Patient"), Some("Patient?_count=10")] {
        assert_eq!(discover_entries(self_link, &entries), NONE, "{self_link:?}");
    }
    entries.push(found("match", alice("1")));
    assert_eq!(discover_entries(None, &entries), is("1"));
    // ITI-78 obliges a gateway to this combination only: the rest is ours to apply.
    assert_eq!(
        discover_entries(Some("Patient?birthdate=1980-02-03&family=Mohr"), &entries[6..]),
        is("1")
    );
}

#[test]
fn a_record_out_of_use_counts_as_the_one_that_took_its_place() {
    let merged = |into: &str| {
        let link = json!([{"type": "replaced-by", "other": {"reference": into}}]);
        found("match", with(with(alice("1"), "active", json!(false)), "link", link))
    };
    let retired = found("match", with(alice("1"), "active", json!(false)));
    let successor = json!({"resourceType": "Patient", "id": "2", "active": true});
    assert_eq!(discover_entries(Some(ALL), std::slice::from_ref(&retired)), NONE);
    for into in ["Patient/2", "https://h/fhir/Patient/2"] {
        let entries = [merged(into), found("include", successor.clone())];
        assert_eq!(discover_entries(Some(ALL), &entries), is("2"), "{into}");
    }
    assert_eq!(
        discover_entries(Some(ALL), &[merged("Patient/3"), found("include", successor.clone())]),
        NONE
    );
    assert_eq!(
        discover_entries(Some(ALL), &[merged("Patient/2"), found("match", alice("2"))]),
        is("2")
    );
    assert_eq!(discover_entries(Some(ALL), &[retired, found("match", alice("3"))]), is("3"));
}

#[test]
fn a_patient_that_cannot_be_read_is_not_passed_over() {
    for broken in [
        json!({}),
        json!(7),
        found("match", with(alice("x"), "id", Value::Null)),
        found("match", alice("a b")),
    ] {
        let entries = [found("match", alice("1")), broken];
        assert_eq!(discover_entries(Some(ALL), &entries), Err(Fault::Malformed), "{entries:?}");
    }
}

#[test]
fn no_match_while_sources_did_not_answer_is_marked_incomplete() {
    let outcome = json!({"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "incomplete"}]});
    let entries = [found("outcome", outcome)];
    assert_eq!(discover_entries(Some(ALL), &entries), Ok(Discovery::NoMatch { incomplete: true }));
}

#[test]
fn debug_does_not_show_whom() {
    assert!(!format!("{:?}", is("canary")).contains("canary"));
}

proptest! {
    /// Bits of patients in any arrangement are judged or refused, and never make a match of what
    /// lacks the birth date that was searched for.
    #[test]
    fn odd_patients_are_judged_or_refused(patient in odd_json(), mode in "match|include|outcome|") {
        let bundle = page(None, &[found(&mode, with_type(patient.clone()))]);
        if let Ok(Discovery::Match(_)) = discover(&[bundle]) {
            prop_assert_eq!(&patient["birthDate"], "1980-02-03");
        }
    }
}

fn with_type(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.insert("resourceType".into(), "Patient".into());
    }
    value
}

#[test]
fn several_given_names_match_a_search_for_them_as_one() {
    let joined = with(alice("1"), "name", json!([{"family": "Mohr", "given": ["Alice", "Marie"]}]));
    assert_eq!(discover_entries(None, &[found("match", joined)]), is("1"));
}

/// JSON with keys and values that the client often reads.
fn odd_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "Mohr|Alice|1980-02-03|female|02139|1|\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(
                "id|name|family|given|birthDate|gender|address|postalCode|active|link|other|type|[a-z]{0,4}",
                inner,
                0..8
            )
            .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}
