//! The function's binary, called as Lambda calls it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../tests/runtime_api.rs"]
mod runtime_api;

use runtime_api::{Answer, Invocation};
use serde_json::json;

fn invoke(event: &str) -> Invocation {
    let variables = [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("RETENTION_DAYS", "30"),
        ("AUDIT_LOG_GROUP", "AuditTrail"),
        ("DIRECTORY_TABLE", "Directory"),
        ("JOBS_TABLE", "Jobs"),
        ("PATIENTS_TABLE", "Patients"),
        ("EXTERNAL_IDS_TABLE", "ExternalIds"),
        ("FILES_BUCKET", "files"),
        ("SMALL_JOB_CHUNKS_QUEUE", "https://sqs.example.com/small"),
        ("MEDIUM_JOB_CHUNKS_QUEUE", "https://sqs.example.com/medium"),
        ("LARGE_JOB_CHUNKS_QUEUE", "https://sqs.example.com/large"),
        ("FINISHED_QUEUE", "https://sqs.example.com/finished"),
        ("UNDONE_CHUNKS_QUEUE", "https://sqs.example.com/undone-chunks"),
    ];
    runtime_api::invoke(env!("CARGO_BIN_EXE_bulk-import-rows"), &variables, event)
}

#[test]
fn an_event_of_another_form_is_not_repeated_in_the_error_or_the_log() {
    for event in [
        json!({"Records": "Ada Lovelace"}),
        json!({"Records": [{"body": {"Ada Lovelace": "Ada Lovelace"}}]}),
        json!({"Records": [{"body": "{}", "attributes": "Ada Lovelace"}]}),
    ] {
        let invocation = invoke(&event.to_string());
        let Answer::Error(error) = &invocation.answer else { panic!("{invocation:?}") };
        assert!(!error.to_string().contains("Ada"), "{error}");
        assert!(!invocation.log.contains("Ada"), "{invocation:?}");
    }
}
