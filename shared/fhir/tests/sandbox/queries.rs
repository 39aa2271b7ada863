//! Queries that go well, and the limits to them.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use bulk_fhir::{
    Discovery, Exchange, Fault, Gateway, GatewayPatientId, GatewayUrl, Limits, PlainHttp,
    SearchMethod, Settings,
};

use crate::server::{NoSecret, Sandbox, matched, person};

#[tokio::test]
async fn a_patient_is_found_and_all_pages_of_documents_are_read() {
    let sandbox = Sandbox::of_known_people();
    let gateway = sandbox.gateway();
    let (mut found, mut most) = (0, 0);
    for number in 0..20 {
        let patient = matched(gateway.discover(&person(number)).await);
        let list = gateway.documents(&patient).await.unwrap();
        assert_eq!((list.unreadable, list.incomplete), (0, false));
        let ids: HashSet<_> =
            list.records.iter().map(|record| record.document.id.as_str()).collect();
        assert_eq!(ids.len(), list.records.len());
        found += list.records.len() as u64;
        most = most.max(list.records.len());
    }
    assert!(most > 10, "the sandbox's pages hold 10, so some had several pages");
    let seen = sandbox.admin("GET", "requests");
    let patients = seen["patients"].as_object().unwrap();
    let offered: u64 =
        patients.values().map(|it| it["DocumentReferenceFound"].as_u64().unwrap()).sum();
    assert_eq!(found, offered);
    assert_eq!(seen["requests"]["GET Patient"], 20, "one request a discovery");
}

#[tokio::test]
async fn a_document_has_all_that_the_gateway_says_of_it() {
    let sandbox = Sandbox::of_known_people();
    let gateway = sandbox.gateway();
    let list = gateway.documents(&matched(gateway.discover(&person(1)).await)).await.unwrap();
    let record = &list.records[0];
    let document = &record.document;
    let kind = document.kind.as_ref().unwrap();
    assert_eq!(kind.coding[0].system.as_deref(), Some("http://loinc.org"));
    assert_eq!(kind.text, kind.coding[0].display);
    assert_eq!(
        document.description.as_deref(),
        Some(&*format!("{} 1", kind.text.as_deref().unwrap()))
    );
    assert!(document.file_name.starts_with(document.description.as_deref().unwrap()));
    assert!(document.size.is_some() && document.indexed.is_some() && document.mime_type.is_some());
    assert!(
        record.url.as_deref().unwrap().ends_with(&format!("/fhir/Binary/{}", document.id.as_str()))
    );
    assert_eq!(record.date.as_deref().map(str::len), Some("2020-01-31".len()));
}

#[tokio::test]
async fn no_match_and_several_matches_are_outcomes() {
    let none =
        Sandbox::start(&["--with-documents", "0", "--without-documents", "0", "--ambiguous", "0"]);
    let several =
        Sandbox::start(&["--with-documents", "0", "--without-documents", "0", "--ambiguous", "1"]);
    let no_match = none.gateway().discover(&person(1)).await;
    assert_eq!(no_match, Ok(Discovery::NoMatch { incomplete: false }));
    assert_eq!(several.gateway().discover(&person(1)).await, Ok(Discovery::Ambiguous));
}

#[tokio::test]
async fn a_patient_without_documents_has_an_empty_list() {
    let sandbox =
        Sandbox::start(&["--with-documents", "0", "--without-documents", "1", "--ambiguous", "0"]);
    let gateway = sandbox.gateway();
    let patient = matched(gateway.discover(&person(1)).await);
    assert_eq!(gateway.documents(&patient).await, Ok(bulk_fhir::DocumentList::default()));
}

#[tokio::test]
async fn a_search_by_post_finds_the_same() {
    let sandbox = Sandbox::of_known_people();
    let by_get = sandbox.gateway();
    let by_post =
        Gateway::new(Settings { search: SearchMethod::Post, ..sandbox.settings() }, NoSecret)
            .unwrap();
    for number in 0..5 {
        let patient = matched(by_get.discover(&person(number)).await);
        assert_eq!(matched(by_post.discover(&person(number)).await), patient);
        assert_eq!(by_post.documents(&patient).await, by_get.documents(&patient).await);
    }
    assert_eq!(sandbox.requests("POST Patient"), 5);
    assert_eq!(sandbox.requests("POST DocumentReference"), 5);
}

#[tokio::test]
async fn one_client_makes_many_queries_at_once() {
    let sandbox = Sandbox::of_known_people();
    let gateway = std::sync::Arc::new(sandbox.gateway());
    let queries: Vec<_> = (0..40)
        .map(|number| {
            let gateway = gateway.clone();
            tokio::spawn(async move {
                let patient = matched(gateway.discover(&person(number)).await);
                gateway.documents(&patient).await.unwrap().records.len()
            })
        })
        .collect();
    for query in queries {
        assert!(query.await.unwrap() > 0);
    }
}

#[tokio::test]
async fn more_documents_than_the_limit_are_an_error_that_stays() {
    let sandbox = Sandbox::of_known_people();
    let limits = Limits { documents: 3, ..Limits::default() };
    let gateway = Gateway::new(Settings { limits, ..sandbox.settings() }, NoSecret).unwrap();
    let mut errors = 0;
    for number in 0..10 {
        let patient = matched(gateway.discover(&person(number)).await);
        match gateway.documents(&patient).await {
            Ok(list) => assert!(list.records.len() <= 3),
            Err(error) => {
                assert_eq!(
                    (error.exchange, error.fault),
                    (Exchange::Documents, Fault::TooManyDocuments)
                );
                assert!(!error.is_transient());
                errors += 1;
            }
        }
    }
    assert!(errors > 0);
}

#[tokio::test]
async fn all_pages_together_have_their_own_time() {
    let sandbox = Sandbox::of_known_people();
    let search_timeout = Duration::from_millis(500);
    let limits =
        Limits { search_timeout, pages: u32::MAX, documents: usize::MAX, ..Limits::default() };
    let gateway = Gateway::new(Settings { limits, ..sandbox.settings() }, NoSecret).unwrap();
    let patient = GatewayPatientId::new("sandbox-d-1").unwrap();
    sandbox.admin("PUT", "faults?endless=1");
    let began = Instant::now();
    let error = gateway.documents(&patient).await.unwrap_err();
    assert_eq!(error.fault, Fault::Timeout);
    assert!(error.is_transient());
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_gateway_that_is_not_there_is_tried_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let base = GatewayUrl::parse(&format!("http://{address}/fhir"), PlainHttp::OnLoopback).unwrap();
    let error = Gateway::new(Settings::new(base), NoSecret)
        .unwrap()
        .discover(&person(1))
        .await
        .unwrap_err();
    assert_eq!((error.exchange, error.fault), (Exchange::Discovery, Fault::Connect));
    assert!(error.is_transient());
}
