//! The network: no answer, or the first half of one, is a transient error.

use std::time::Duration;

use bulk_aws::{Jobs, Objects};
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{JobRef, PortError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::assert_error;
use crate::given::{self, RETENTION};
use crate::services::Endpoint;

/// Starts a server that reads a little of each request and writes this answer. It then closes the
/// connection, unless it is to `stay`.
async fn writing(answer: &'static [u8], stay: bool) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let _ = socket.read(&mut [0; 4096]).await;
            let _ = socket.write_all(answer).await;
            if stay {
                open.push(socket);
            }
        }
    });
    Endpoint { url, attempts: 1, patience: Duration::from_millis(300) }
}

async fn load_job(endpoint: &Endpoint) -> PortError {
    let jobs = Jobs::new(endpoint.dynamodb(), "Jobs".to_owned(), RETENTION);
    jobs.load_job(given::job_id()).await.unwrap_err()
}

#[tokio::test]
async fn a_server_that_is_not_there_is_transient() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let endpoint = Endpoint { url, attempts: 1, patience: Duration::from_secs(5) };
    assert_error(&load_job(&endpoint).await, true, "no connection");
}

#[tokio::test]
async fn a_server_that_hangs_up_is_transient() {
    for answer in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\n",
        b"garbage\r\n\r\n",
    ] {
        assert_error(&load_job(&writing(answer, false).await).await, true, "");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_transient() {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"Item\":";
    assert_error(&load_job(&writing(answer, false).await).await, true, "");
    let files = Objects::new(writing(answer, false).await.s3(), "bucket".to_owned());
    let read = files.read_plan(JobRef::from(&given::job()), &given::upload(), None).await;
    assert_error(&read.unwrap_err(), true, "interrupted");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_transient() {
    assert_error(&load_job(&writing(b"", true).await).await, true, "");
}
