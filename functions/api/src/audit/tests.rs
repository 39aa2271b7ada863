//! Every operation is called, and its events are compared with its call.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use axum::body::Body;
use axum::http::StatusCode;
use bulk_domain::api_key::ApiKey;
use bulk_domain::cohort::Cohort;
use bulk_domain::document::LINK_PATH;
use bulk_domain::key_id::KeyId;
use bulk_domain::key_rights::{KeyRights, Scope};
use bulk_memory::{Call, Cloud, Fault, Faults, NoFaults, Operation, Resource};
use serde_json::Value;
use tower::ServiceExt as _;

use super::*;
use crate::openapi::description::description;
use crate::openapi::examples::{
    CUSTOMER, FACILITY, JOB, KEY, PATIENT, backend_of, cloud, examples,
};
use crate::{AllowedOrigin, RequestUrl, Settings, router};

/// A call, its answer and its events.
struct Called {
    status: StatusCode,
    events: Vec<AuditEvent>,
}

fn request(method: &str, uri: &str) -> axum::http::request::Builder {
    let origin = Origin {
        source_address: Some("203.0.113.7".parse().unwrap()),
        call_id: Some("call-1".to_owned()),
    };
    Request::builder()
        .method(method.to_uppercase().as_str())
        .uri(uri)
        .extension(RequestUrl(None))
        .extension(origin)
}

async fn call(cloud: &Cloud, method: &str, uri: &str, key: &str, body: Option<&Value>) -> Called {
    let settings = Settings {
        allowed_origin: AllowedOrigin::default(),
        answer_within: Duration::from_secs(10),
        record_within: Duration::from_secs(5),
    };
    let text = body.map_or_else(Body::empty, |body| body.to_string().into());
    let request = request(method, uri).header("x-api-key", key).body(text).unwrap();
    let before = cloud.audit_events().len();
    let answer = router(backend_of(cloud.clone()), settings).oneshot(request).await.unwrap();
    Called { status: answer.status(), events: cloud.audit_events().split_off(before) }
}

/// Returns method, path template, example and whether a key is needed, of each operation.
fn operations() -> Vec<(String, String, String, Option<Value>, bool)> {
    let (document, examples) = (description(), examples());
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            let example = examples.iter().find(|example| example.operation == id).unwrap();
            let needs_key = operation.get("security").is_none();
            let (uri, body) = (example.uri.clone(), example.body.clone());
            operations.push((method.clone(), path.clone(), uri, body, needs_key));
        }
    }
    operations
}

#[tokio::test]
async fn every_operation_stores_who_did_what_and_how_it_ended() {
    for (method, path, uri, body, needs_key) in operations() {
        let cloud = cloud().await;
        let mut called = call(&cloud, &method, &uri, KEY, body.as_ref()).await;
        // A call that cancels a waiting job ends it, which has an event of its own.
        called.events.retain(|event| event.actor != Actor::Service);
        let what = format!("{} {path}", method.to_uppercase());
        if !needs_key {
            // A link takes the place of the key, and is tested in `open_document_link`.
            let expected = usize::from(path == LINK_PATH);
            assert_eq!(called.events.len(), expected, "{what}");
            continue;
        }
        let phases: Vec<Phase> = called.events.iter().map(|event| event.phase).collect();
        // One more event names the patients of a body.
        let names_patients = body.as_ref().is_some_and(|body| body.get("patientIds").is_some());
        let expected = match &*method {
            "get" => &[Phase::Ended][..],
            _ if names_patients => &[Phase::Begun, Phase::Begun, Phase::Ended],
            _ => &[Phase::Begun, Phase::Ended],
        };
        assert_eq!(phases, expected, "{what}");
        if names_patients {
            assert_eq!(called.events[1].objects.patients, [PATIENT].into(), "{what}");
        }
        for event in &called.events {
            assert_eq!(event.action, Action::Call(what.clone().into()));
            assert_eq!(event.customer, Some(CUSTOMER), "{what}");
            let actor = Actor::Caller {
                key: Some(KeyId::of(KEY)),
                source_address: Some("203.0.113.7".parse().unwrap()),
                call_id: Some("call-1".to_owned()),
            };
            assert_eq!(event.actor, actor, "{what}");
        }
        let ended = called.events.last().unwrap();
        assert_eq!(ended.outcome, Some(Outcome::Status(called.status.as_u16())), "{what}");
        // Settings belong to the customer, and lists of facilities and cohorts can be empty.
        let has_object = ended.objects != Objects::default();
        assert!(has_object || path.starts_with("/settings"), "{what} names no object");
    }
}

#[tokio::test]
async fn every_operation_stores_a_call_that_is_refused() {
    for (method, path, uri, body, needs_key) in operations() {
        if !needs_key {
            continue;
        }
        for key in ["", "unknown"] {
            let cloud = cloud().await;
            let called = call(&cloud, &method, &uri, key, body.as_ref()).await;
            assert_eq!(called.status, StatusCode::FORBIDDEN, "{path}");
            let [event] = &called.events[..] else { panic!("{path}: {:?}", called.events) };
            assert_eq!((event.customer, event.key()), (None, None), "{path}");
            assert_eq!(event.outcome, Some(Outcome::Status(403)), "{path}");
        }
    }
}

#[tokio::test]
async fn an_event_names_the_objects_of_path_query_and_answer() {
    let cloud = cloud().await;
    let get = async |uri: String| {
        let called = call(&cloud, "GET", &uri, KEY, None).await;
        called.events.last().unwrap().objects.clone()
    };
    let patients = get(format!("/medical/v1/patient?facilityId={FACILITY}")).await;
    assert_eq!(patients.patients, [PATIENT].into());
    assert_eq!(patients.facilities, [FACILITY].into());
    let job = get(format!("/medical/v1/patient/bulk/{JOB}")).await;
    assert_eq!(job.jobs, [JOB].into());
    assert_eq!(job.links.len(), 2);
    let documents = get(format!("/medical/v1/document?patientId={PATIENT}&output=dto")).await;
    assert_eq!((documents.patients, documents.documents), ([PATIENT].into(), 1));
    // An object that is not there, or of another customer.
    let missing = "6496bec1-d4cd-879b-9f0b-e62698adc475";
    let called = get(format!("/medical/v1/patient/{missing}")).await;
    assert_eq!(called.patients, [missing.parse().unwrap()].into());
}

#[tokio::test]
async fn no_event_has_an_external_id_or_anything_else_that_a_caller_wrote() {
    let cloud = cloud().await;
    for uri in [
        "/medical/v1/patient/external-id?externalId=MRN-1001&Lovelace=Lovelace",
        "/medical/v1/patient/external-id?externalId=MRN-1001",
        "/medical/v1/patient/Lovelace",
        "/medical/v1/document?patientId=Lovelace",
    ] {
        let called = call(&cloud, "GET", uri, KEY, None).await;
        let text = serde_json::to_string(&called.events).unwrap();
        assert!(!called.events.is_empty() && !text.contains("MRN") && !text.contains("Lovelace"));
    }
}

/// Lets this number of events be stored, and refuses all later ones.
#[derive(Debug)]
struct EventsLeft(AtomicUsize);

impl Faults for EventsLeft {
    fn fault(&self, operation: Operation) -> Option<Fault> {
        let take = || self.0.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
        (operation == Operation::PutLogEvents && take().is_err()).then_some(Fault::Refused)
    }

    fn delay(&self) -> u32 {
        0
    }

    fn piece(&self) -> usize {
        NoFaults.piece()
    }
}

#[tokio::test]
async fn nothing_is_answered_or_changed_without_an_event() {
    let cloud = cloud().await;
    let failing = |stored: usize| cloud.with_faults(Arc::new(EventsLeft(stored.into())));
    let read = call(&failing(0), "GET", &format!("/medical/v1/patient/{PATIENT}"), KEY, None).await;
    assert_eq!((read.status, read.events), (StatusCode::SERVICE_UNAVAILABLE, vec![]));
    let cohort = serde_json::json!({"name": "Asthma"});
    let before = cloud.list_entries::<Cohort>(CUSTOMER).await.unwrap().len();
    let refused = call(&failing(0), "POST", "/medical/v1/cohort", KEY, Some(&cohort)).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(cloud.list_entries::<Cohort>(CUSTOMER).await.unwrap().len(), before);
    // The change is done, and the event that it began says so.
    let changed = call(&failing(1), "POST", "/medical/v1/cohort", KEY, Some(&cohort)).await;
    assert_eq!(changed.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(changed.events.len(), 1);
    assert_eq!(cloud.list_entries::<Cohort>(CUSTOMER).await.unwrap().len(), before + 1);
    let calm = cloud.with_faults(Arc::new(NoFaults));
    assert_eq!(call(&calm, "GET", "/settings", KEY, None).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_call_that_opts_a_patient_out_or_in_says_so_before_it_begins() {
    let begun =
        async |uri: String, body: Option<&Value>| -> Vec<(BTreeSet<PatientId>, Option<bool>)> {
            let called = call(&cloud().await, "PUT", &uri, KEY, body).await;
            assert_eq!(called.status, StatusCode::OK, "{uri}");
            let begun = called.events.into_iter().filter(|event| event.phase == Phase::Begun);
            begun.map(|event| (event.objects.patients, event.objects.opt_out)).collect()
        };
    let path = format!("/medical/v1/patient/{PATIENT}");
    for (value, is_out) in [("true", true), ("False", false)] {
        let uri = format!("{path}/hie-opt-out?hieOptOut={value}");
        assert_eq!(begun(uri, None).await, [([PATIENT].into(), Some(is_out))]);
    }
    let mut body = operations()
        .into_iter()
        .find(|(method, of, ..)| method == "put" && of == "/medical/v1/patient/{id}")
        .and_then(|(.., body, _)| body)
        .unwrap();
    assert_eq!(begun(path.clone(), Some(&body)).await, [([PATIENT].into(), None)]);
    body["hieOptOut"] = true.into();
    let patients = BTreeSet::from([PATIENT]);
    let expected = [(patients.clone(), None), (patients, Some(true))];
    assert_eq!(begun(path, Some(&body)).await, expected);
}

#[test]
fn the_segment_before_an_id_says_what_it_is() {
    for (route, kind) in [
        ("/medical/v1/patient/{id}", "patient"),
        ("/medical/v1/patient/bulk/{id}/cancel", "bulk"),
        ("/medical/v1/cohort/{id}/patient", "cohort"),
        ("/docs", ""),
    ] {
        assert_eq!(kind_of(route, "id"), kind);
    }
}

/// Returns the scopes that allow each operation, as the guide's table says.
fn documented_scopes() -> BTreeMap<String, BTreeSet<String>> {
    const GUIDE: &str = include_str!("../../../../infra/docs/integrator.md");
    let table = GUIDE.split("| scope | operations |").nth(1).unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut scopes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        let mut names = row.split('`').skip(1).step_by(2);
        let scope = names.next().unwrap().to_owned();
        for operation in names {
            scopes.entry(operation.to_owned()).or_default().insert(scope.clone());
        }
    }
    scopes
}

#[tokio::test]
async fn an_operation_is_allowed_by_the_scopes_of_the_guide_and_by_no_other() {
    let documented = documented_scopes();
    let limited = ApiKey::from_random([1; 32]);
    let mut known = BTreeSet::new();
    for (method, path, uri, body, needs_key) in operations() {
        if !needs_key {
            continue;
        }
        let what = format!("{} {path}", method.to_uppercase());
        let mut allowed = BTreeSet::new();
        for scope in Scope::ALL {
            let cloud = cloud().await;
            let rights = KeyRights { scopes: [scope].into(), ..KeyRights::default() };
            cloud.add_key_with(CUSTOMER, limited.expose(), rights);
            let called = call(&cloud, &method, &uri, limited.expose(), body.as_ref()).await;
            let last = called.events.last().unwrap();
            assert_eq!(last.key(), Some(limited.id()), "{what}");
            if called.status == StatusCode::FORBIDDEN {
                // Nothing began.
                assert_eq!(called.events.len(), 1, "{what}");
            } else {
                allowed.insert(scope.to_string());
            }
        }
        let all: BTreeSet<String> = Scope::ALL.iter().map(ToString::to_string).collect();
        let expected = documented.get(&what).cloned().unwrap_or(all);
        assert_eq!(allowed, expected, "{what}");
        known.insert(what);
    }
    let unknown: Vec<&String> = documented.keys().filter(|name| !known.contains(*name)).collect();
    assert!(unknown.is_empty(), "the guide names {unknown:?}");
}

#[tokio::test]
async fn a_key_is_refused_after_its_end_and_from_other_addresses() {
    let cloud = cloud().await;
    let now = cloud.now();
    let addresses = |range: &str| [range.parse().unwrap()].into();
    for (number, rights, status) in [
        (1, KeyRights { addresses: addresses("203.0.113.0/24"), ..KeyRights::default() }, 200),
        (2, KeyRights { addresses: addresses("198.51.100.7"), ..KeyRights::default() }, 403),
        (3, KeyRights { valid_until: Some(now), ..KeyRights::default() }, 403),
    ] {
        let key = ApiKey::from_random([number; 32]);
        cloud.add_key_with(CUSTOMER, key.expose(), rights);
        let called = call(&cloud, "GET", "/settings", key.expose(), None).await;
        assert_eq!(called.status.as_u16(), status, "{number}");
        assert_eq!(called.events[0].customer, Some(CUSTOMER), "{number}");
    }
}

#[tokio::test]
async fn a_text_that_can_be_no_key_is_refused_without_a_read() {
    let cloud = cloud().await.called_by("Api");
    let unknown = ApiKey::from_random([9; 32]);
    let text = unknown.expose();
    let reads_key = |call: &Call| call.resource == Resource::API_KEYS;
    for other in ["", "key", &text[1..], &text.to_uppercase(), &format!("{text}0")] {
        assert_eq!(call(&cloud, "GET", "/settings", other, None).await.status, 403, "{other}");
        assert!(!cloud.calls().iter().any(reads_key), "{other}");
    }
    assert_eq!(call(&cloud, "GET", "/settings", text, None).await.status, 403);
    assert!(cloud.calls().iter().any(reads_key));
}
