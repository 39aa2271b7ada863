//! The binary of the function, called as Lambda calls it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../tests/runtime_api.rs"]
mod runtime_api;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use bulk_aws::{ANSWER_WITHIN, RECORD_WITHIN};
use runtime_api::{Answer, Invocation};
use serde_json::{Value, json};

/// Time that a busy machine takes to start the function.
const START: Duration = Duration::from_secs(5);

fn invoke(event: &str, endpoint: &str) -> Invocation {
    let variables = [
        ("AWS_ENDPOINT_URL", endpoint),
        ("RETENTION_DAYS", "30"),
        ("AUDIT_LOG_GROUP", "AuditTrail"),
        ("DIRECTORY_TABLE", "Directory"),
        ("JOBS_TABLE", "Jobs"),
        ("PATIENTS_TABLE", "Patients"),
        ("EXTERNAL_IDS_TABLE", "ExternalIds"),
        ("FILES_BUCKET", "files"),
        ("FINISHED_QUEUE", "https://sqs.example.com/finished"),
        ("UNDONE_CHUNKS_QUEUE", "https://sqs.example.com/undone-chunks"),
        ("WEBHOOKS_QUEUE", "https://sqs.example.com/webhooks"),
    ];
    runtime_api::invoke(env!("CARGO_BIN_EXE_bulk-api"), &variables, event)
}

fn response(invocation: &Invocation) -> &Value {
    let Answer::Response(response) = &invocation.answer else { panic!("{invocation:?}") };
    response
}

const KEY: &str = "bpi_0000000000000000000000000000000000000000000000000000000000000000";

#[test]
fn every_domain_is_answered() {
    for event in [
        include_str!("../../../tests/events/api.json"),
        include_str!("../../../tests/events/api-custom-domain.json"),
        include_str!("../../../tests/events/api-base-path.json"),
    ] {
        let invocation = invoke(event, "http://127.0.0.1:9");
        assert_eq!(response(&invocation)["statusCode"], 200, "{invocation:?}");
    }
}

#[test]
fn a_call_that_aws_does_not_answer_is_answered_503_in_time() {
    // The kernel accepts connections for this listener, which never reads from them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut event: Value =
        serde_json::from_str(include_str!("../../../tests/events/api-base-path.json")).unwrap();
    event["path"] = json!("/import/settings");
    event["pathParameters"]["proxy"] = json!("settings");
    event["headers"]["x-api-key"] = json!(KEY);
    event["multiValueHeaders"]["x-api-key"] = json!([KEY]);
    let start = Instant::now();
    let invocation =
        invoke(&event.to_string(), &format!("http://{}", silent.local_addr().unwrap()));
    let longest = ANSWER_WITHIN + RECORD_WITHIN + START;
    assert!(start.elapsed() < longest, "{:?}", start.elapsed());
    // The call has no event in the audit trail, so that the log has to have it.
    assert!(invocation.log.contains("Audit event not stored"), "{}", invocation.log);
    assert!(invocation.log.contains("GET /settings"), "{}", invocation.log);
    let response = response(&invocation);
    assert_eq!(response["statusCode"], 503, "{invocation:?}");
    assert_eq!(response["multiValueHeaders"]["retry-after"], json!(["5"]));
    assert_eq!(response["multiValueHeaders"]["cache-control"], json!(["no-store"]));
    let body: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
    let expected = json!({
        "status": 503,
        "title": "Service Unavailable",
        "detail": "The service is busy, please try again",
        "name": "SERVICE_UNAVAILABLE",
    });
    assert_eq!(body, expected);
}

#[test]
fn an_event_of_another_form_is_not_repeated_in_the_error_or_the_log() {
    let event = json!({"httpMethod": {"Ada Lovelace": 1}, "body": "Ada Lovelace", "headers": "Ada Lovelace"});
    let invocation = invoke(&event.to_string(), "http://127.0.0.1:9");
    assert!(matches!(invocation.answer, Answer::Error(_)), "{invocation:?}");
    assert!(!format!("{:?}", invocation.answer).contains("Ada"), "{invocation:?}");
    assert!(!invocation.log.contains("Ada"), "{invocation:?}");
}
