//! The function's binary, called as Lambda calls it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../tests/runtime_api.rs"]
mod runtime_api;

use std::io::{BufReader, Write as _};
use std::net::TcpListener;
use std::thread;

use runtime_api::{Answer, Invocation};
use serde_json::{Value, json};

fn invoke(event: &str) -> Invocation {
    let endpoint = aws_without_data();
    let variables = [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("RETENTION_DAYS", "30"),
        ("AUDIT_LOG_GROUP", "AuditTrail"),
        ("JOBS_TABLE", "Jobs"),
        ("FILES_BUCKET", "files"),
        ("ROW_LIMIT", "100000"),
        ("UPLOADS_QUEUE", "https://sqs.example.com/uploads"),
        ("SMALL_JOB_CHUNKS_QUEUE", "https://sqs.example.com/small"),
        ("MEDIUM_JOB_CHUNKS_QUEUE", "https://sqs.example.com/medium"),
        ("LARGE_JOB_CHUNKS_QUEUE", "https://sqs.example.com/large"),
        ("FINISHED_QUEUE", "https://sqs.example.com/finished"),
        ("WEBHOOKS_QUEUE", "https://sqs.example.com/webhooks"),
    ];
    runtime_api::invoke(env!("CARGO_BIN_EXE_bulk-fan-out"), &variables, event)
}

/// A DynamoDB that has no item, and an S3 that deletes every object.
fn aws_without_data() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut reader = BufReader::new(connection.try_clone().unwrap());
            while let Some((path, _)) = runtime_api::read_request(&mut reader) {
                let body = if path.contains("?delete") { "<DeleteResult/>" } else { "{}" };
                let length = body.len();
                write!(connection, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}")
                    .unwrap();
            }
        }
    });
    url
}

#[test]
fn an_upload_to_a_bucket_without_versions_is_handled_and_complained_about() {
    let complaint = "The bucket keeps no versions";
    let versioned = invoke(include_str!("../../../tests/events/fan-out.json"));
    assert_eq!(versioned.answer, Answer::Response(Value::Null), "{versioned:?}");
    assert!(!versioned.log.contains(complaint), "{versioned:?}");

    let unversioned = invoke(include_str!("../../../tests/events/fan-out-unversioned.json"));
    assert_eq!(unversioned.answer, Answer::Response(Value::Null), "{unversioned:?}");
    let line = unversioned.log.lines().find(|line| line.contains(complaint)).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["job.id"], "0199a1b2-0000-7000-8000-00000000a001");
    assert!(unversioned.log.contains("Upload handled"), "{unversioned:?}");
}

#[test]
fn an_event_of_another_form_is_not_repeated_in_the_error_or_the_log() {
    for event in [
        json!({"Records": "Ada Lovelace"}),
        json!({"Records": [{"eventSource": "aws:sqs", "body": {"Ada Lovelace": "Ada Lovelace"}}]}),
        json!({"Records": [{"eventSource": "aws:s3", "s3": "Ada Lovelace"}]}),
        json!("Ada Lovelace"),
    ] {
        let invocation = invoke(&event.to_string());
        let Answer::Error(error) = &invocation.answer else { panic!("{invocation:?}") };
        assert!(!error.to_string().contains("Ada"), "{error}");
        assert!(!invocation.log.contains("Ada"), "{invocation:?}");
    }
}
