//! The clients of a [`Connection`], against servers that stop answering. To a function, AWS looks
//! like that after the function's connections died while Lambda had frozen it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_config::BehaviorVersion;
use bulk_aws::{Connection, Directory, Objects, Program};
use bulk_domain::job::Upload;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{JobRef, PortError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;

/// The longest time for a call that is answered at once, with room for a busy machine.
const NO_TIME: Duration = Duration::from_secs(2);

async fn connection(program: Program, url: String) -> Connection {
    let defaults = aws_config::defaults(BehaviorVersion::latest());
    Connection::open_with(
        program,
        defaults.region("us-east-1").endpoint_url(url).test_credentials(),
    )
    .await
}

async fn directory(program: Program, url: String) -> Directory {
    Directory::new(connection(program, url).await.dynamodb(), "Directory".to_owned())
}

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// Reads a request with its body. Returns false if the connection was closed instead.
async fn read_request(socket: &mut TcpStream) -> bool {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return true;
            }
        }
        if !matches!(socket.read_buf(&mut request).await, Ok(1..)) {
            return false;
        }
    }
}

/// The answer to any DynamoDB Query that finds nothing.
const EMPTY_PAGE: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: 24\r\n\r\n\
    {\"Items\":[],\"Count\":  0}";

/// A server that can be told to let its connections die. The connections that are open then take
/// requests and never answer.
#[derive(Clone)]
struct Server {
    frozen: Arc<AtomicBool>,
    unanswered: Arc<AtomicUsize>,
    /// Lets the server answer only when this many requests have arrived, so that as many
    /// connections are open.
    together: Arc<Barrier>,
}

impl Server {
    async fn start(together: usize) -> (Self, String) {
        let (listener, url) = listener().await;
        let server = Self {
            frozen: Arc::default(),
            unanswered: Arc::default(),
            together: Arc::new(Barrier::new(together)),
        };
        let accepting = server.clone();
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::spawn(accepting.clone().serve(socket));
            }
        });
        (server, url)
    }

    async fn serve(self, mut socket: TcpStream) {
        let is_new = self.frozen.load(Ordering::Relaxed);
        while read_request(&mut socket).await {
            if self.frozen.load(Ordering::Relaxed) && !is_new {
                self.unanswered.fetch_add(1, Ordering::Relaxed);
                std::future::pending::<()>().await;
            }
            if !is_new {
                self.together.wait().await;
            }
            socket.write_all(EMPTY_PAGE.as_bytes()).await.unwrap();
        }
    }
}

async fn call(directory: &Directory) -> Result<(), PortError> {
    directory.list_customers().await.map(|_| ())
}

#[tokio::test]
async fn connections_that_died_in_a_freeze_cost_one_read_timeout_together() {
    let (server, url) = Server::start(4).await;
    let directory = directory(Program::Api, url).await;
    let calls = [call(&directory), call(&directory), call(&directory), call(&directory)];
    futures::future::try_join_all(calls).await.unwrap();

    server.frozen.store(true, Ordering::Relaxed);
    let start = Instant::now();
    call(&directory).await.unwrap();
    let (took, read) = (start.elapsed(), Program::Api.timeouts().read);
    assert!(took >= read && took < read + NO_TIME, "{took:?}");
    assert_eq!(server.unanswered.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_call_that_nothing_answers_fails_as_transient_in_its_longest_time() {
    let (listener, url) = listener().await;
    let directory = directory(Program::DeliverWebhook, url).await;
    let start = Instant::now();
    let error = call(&directory).await.unwrap_err();
    let (took, timeouts) = (start.elapsed(), Program::DeliverWebhook.timeouts());
    assert!(error.transient, "{error}");
    assert_eq!(error.code, "timeout");
    assert!(took >= timeouts.read * timeouts.attempts, "{took:?}");
    assert!(took <= timeouts.longest_call() + NO_TIME, "{took:?}");
    drop(listener);
}

#[tokio::test]
async fn a_body_that_stalls_fails_as_transient() {
    let (listener, url) = listener().await;
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_request(&mut socket).await;
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await.unwrap();
        std::future::pending::<()>().await;
    });
    let connection = connection(Program::DeliverWebhook, url).await;
    let config = aws_sdk_s3::config::Builder::from(connection.sdk()).force_path_style(true).build();
    let objects = Objects::new(aws_sdk_s3::Client::from_conf(config), "bucket".to_owned());
    let id = "018f3f5e-0000-7000-8000-000000000001";
    let job = JobRef { customer: id.parse().unwrap(), job: id.parse().unwrap() };
    let upload = Upload { version: "1".to_owned(), etag: "\"1\"".to_owned(), bytes: 1 };
    let start = Instant::now();
    let error = objects.read_plan(job, &upload, None).await.unwrap_err();
    let (took, timeouts) = (start.elapsed(), Program::DeliverWebhook.timeouts());
    assert!(error.transient, "{error}");
    assert_eq!(error.code, "interrupted");
    assert!(took >= timeouts.read && took < timeouts.read * 2 + NO_TIME, "{took:?}");
}
