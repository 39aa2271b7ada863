//! Queries that go wrong in every way that the sandbox knows.

use std::time::{Duration, Instant};

use bulk_fhir::{
    Exchange, Fault, Gateway, GatewayPatientId, GatewayUrl, Limits, PlainHttp, QueryError, Settings,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::server::{NoSecret, Sandbox, help, matched, person};

/// What each fault of the sandbox looks like from here, and whether it may pass. The sandbox's
/// `Retry-After` is 7 s.
fn expected() -> Vec<(&'static str, Fault, bool)> {
    let status = |status, seconds: Option<u64>| Fault::Status {
        status,
        retry_after: seconds.map(Duration::from_secs),
    };
    vec![
        ("timeout", Fault::Timeout, true),
        ("429", status(429, Some(7)), true),
        ("500", status(500, None), true),
        ("503", status(503, Some(7)), true),
        ("401", status(401, None), false),
        ("reset", Fault::Interrupted, true),
        ("malformed", Fault::Malformed, false),
        ("html", Fault::ContentType, false),
        ("gone", status(404, None), false),
        ("mislabeled", Fault::ContentType, false),
        ("huge", Fault::TooLarge, false),
        ("endless", Fault::TooManyPages, false),
        ("loop", Fault::PageLoop, false),
        ("foreign", Fault::ForeignLink, false),
    ]
}

/// Faults that cost nothing but time or completeness.
const HARMLESS: [&str; 2] = ["slow", "incomplete"];

fn patient() -> GatewayPatientId {
    GatewayPatientId::new("sandbox-d-canary").unwrap()
}

/// A client that waits for an answer so long.
fn waiting(sandbox: &Sandbox, request_timeout: Duration) -> Gateway<NoSecret> {
    let limits = Limits { request_timeout, pages: 20, ..Limits::default() };
    Gateway::new(Settings { limits, ..sandbox.settings() }, NoSecret).unwrap()
}

/// A time in `Retry-After` has whole seconds, and so has the clock that it is compared with.
fn nearly(fault: Fault) -> Fault {
    match fault {
        Fault::Status { status: 503, retry_after: Some(wait) }
            if (6..=8).contains(&wait.as_secs()) =>
        {
            Fault::Status { status: 503, retry_after: Some(Duration::from_secs(7)) }
        }
        other => other,
    }
}

#[tokio::test]
async fn every_fault_is_told_apart_and_names_no_patient() {
    let sandbox = Sandbox::of_known_people();
    let patient_client = waiting(&sandbox, Duration::from_secs(10));
    let hasty_client = waiting(&sandbox, Duration::from_millis(500));
    for (kind, fault, transient) in expected() {
        sandbox.admin("PUT", &format!("faults?{kind}=1&retry-after=7&timeout-seconds=5"));
        let gateway = if kind == "timeout" { &hasty_client } else { &patient_client };
        let errors: [QueryError; 2] = [
            gateway.discover(&person(1)).await.expect_err(kind),
            gateway.documents(&patient()).await.expect_err(kind),
        ];
        for (error, exchange) in errors.into_iter().zip([Exchange::Discovery, Exchange::Documents])
        {
            assert_eq!((error.exchange, nearly(error.fault)), (exchange, fault), "{kind}");
            assert_eq!(error.is_transient(), transient, "{kind}");
            let text = format!("{error} {error:?}").to_lowercase();
            for secret in ["canary", "1980", "127.0.0.1", "http:", "foreign.invalid"] {
                assert!(!text.contains(secret), "{secret} in {text}");
            }
        }
    }
}

#[test]
fn every_fault_of_the_sandbox_is_met_here() {
    let help = help();
    let (_, faults) = help.split_once("faults (--fault").unwrap();
    let (faults, _) = faults.split_once("The same requests").unwrap();
    let known: Vec<_> =
        faults.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    let mut met: Vec<_> = expected().into_iter().map(|(kind, ..)| kind).chain(HARMLESS).collect();
    met.sort_unstable();
    let mut sorted = known.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, met);
}

#[tokio::test]
async fn a_slow_answer_is_waited_for() {
    let sandbox = Sandbox::of_known_people();
    sandbox.admin("PUT", "faults?slow=1&slow-seconds=0.3");
    let began = Instant::now();
    matched(sandbox.gateway().discover(&person(1)).await);
    assert!(began.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn an_incomplete_answer_is_taken_and_said_to_be_so() {
    let sandbox = Sandbox::of_known_people();
    let gateway = sandbox.gateway();
    sandbox.admin("PUT", "faults?incomplete=1");
    let patient = matched(gateway.discover(&person(1)).await);
    let list = gateway.documents(&patient).await.unwrap();
    assert!(list.incomplete && !list.records.is_empty());
}

#[tokio::test]
async fn queries_that_are_tried_again_come_to_what_they_would_have_come_to_at_once() {
    let sandbox = Sandbox::start(&[]);
    let gateway = waiting(&sandbox, Duration::from_secs(10));
    let mut calm = Vec::new();
    for number in 0..60 {
        calm.push(query(&gateway, number).await.unwrap());
    }
    let needed = sandbox.requests("GET Patient");
    sandbox.admin("DELETE", "requests");
    sandbox.admin("PUT", "faults?429=0.1&500=0.1&reset=0.1&seed=3");
    let mut failed = 0;
    for (number, calm) in (0..).zip(&calm) {
        let outcome = loop {
            match query(&gateway, number).await {
                Ok(outcome) => break outcome,
                Err(error) => assert!(error.is_transient(), "{error}"),
            }
            failed += 1;
        };
        assert_eq!(outcome, *calm);
    }
    let seen = sandbox.admin("GET", "requests");
    let faults: u64 =
        seen["faults"].as_object().unwrap().values().filter_map(serde_json::Value::as_u64).sum();
    assert!(failed > 5);
    assert_eq!(failed, faults, "every failure was one of the sandbox's, and none was hidden");
    assert_eq!(sandbox.requests("GET Patient"), needed + failed, "one discovery for each attempt");
}

/// Whether the person was found, and how many documents there are.
async fn query(gateway: &Gateway<NoSecret>, number: u32) -> Result<Option<usize>, QueryError> {
    Ok(match gateway.discover(&person(number)).await? {
        bulk_fhir::Discovery::Match(patient) => {
            Some(gateway.documents(&patient).await?.records.len())
        }
        _ => None,
    })
}

/// A gateway that answers one request with these bytes: the sandbox's own answers are well-formed
/// HTTP.
async fn answering(answer: impl Into<Vec<u8>>) -> Gateway<NoSecret> {
    let answer = answer.into();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/fhir", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await.unwrap();
        // The client may close the connection once it has read enough.
        let _ = stream.write_all(&answer).await;
    });
    let base = GatewayUrl::parse(&base, PlainHttp::OnLoopback).unwrap();
    Gateway::new(Settings::new(base), NoSecret).unwrap()
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    // To an address where no server answers.
    let answer = "HTTP/1.1 307 Moved\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n";
    let error = answering(answer).await.discover(&person(1)).await.unwrap_err();
    assert_eq!(error.fault, Fault::Status { status: 307, retry_after: None });
    assert!(!error.is_transient());
}

#[tokio::test]
async fn an_answer_that_does_not_say_its_length_is_read_up_to_the_limit() {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: application/fhir+json\r\nconnection: close\r\n\r\n";
    let bundle = r#"{"resourceType":"Bundle","type":"searchset"}"#;
    let padding = |bytes: usize| " ".repeat(bytes - bundle.len());
    let limit = Limits::default().answer_bytes;
    let fits = answering(format!("{head}{bundle}{}", padding(limit))).await;
    assert_eq!(
        fits.discover(&person(1)).await,
        Ok(bulk_fhir::Discovery::NoMatch { incomplete: false })
    );
    let larger = answering(format!("{head}{bundle}{}", padding(limit + 1))).await;
    assert_eq!(larger.discover(&person(1)).await.unwrap_err().fault, Fault::TooLarge);
}
