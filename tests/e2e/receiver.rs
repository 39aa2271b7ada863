//! A webhook receiver that records its messages. A test can change how it answers while it runs.
//!
//! It writes HTTP by hand, because it has to misbehave in ways that no server library offers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// The first byte that a TLS client sends.
const TLS_HANDSHAKE: u8 = 0x16;

/// How the receiver answers each request.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Answers at once with this status.
    Answer(u16),
    /// Answers at once with this status and header.
    AnswerWith(u16, &'static str, String),
    /// Answers with success after a while.
    Slow(Duration),
    /// Answers with success, and a body that never ends.
    EndlessBody,
    /// Answers with headers that never end.
    EndlessHeaders,
    /// Answers with bytes that are not HTTP.
    Garbage,
    /// Closes the connection without an answer.
    HangUp,
}

/// A message as it arrived, with its headers.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub at: Instant,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Delivery {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Returns the status of the job, or `documents` of a message about documents.
    pub fn status(&self) -> String {
        let json = self.json();
        let documents =
            (json["meta"]["type"] == "medical.document-download").then_some("documents");
        let status = json["bulkPatientCreate"]["status"].as_str();
        status.or(documents).unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// Checks both signatures, each with an implementation that is not ours.
    pub fn assert_signed_with(&self, key: &str) {
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
        mac.update(&self.body);
        let hex: String =
            mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(self.header("x-metriport-signature"), hex);
        self.assert_verified_by_the_public_library(key);
    }

    /// Checks the signature of Standard Webhooks as the library's `verify` does, and its time at
    /// the message's arrival. `verify` accepts a message for five minutes, and a test under faults
    /// can take longer.
    pub fn assert_verified_by_the_public_library(&self, key: &str) {
        let timestamp: i64 = self.header("webhook-timestamp").parse().unwrap();
        let library = standardwebhooks::Webhook::new(key).unwrap();
        let signature = library.sign(self.header("webhook-id"), timestamp, &self.body).unwrap();
        assert!(self.header("webhook-signature").split(' ').any(|one| one == signature));
        let arrived = SystemTime::now() - self.at.elapsed();
        let arrived = arrived.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        assert!(arrived.abs_diff(timestamp.try_into().unwrap()) <= 300, "{timestamp}, {arrived}");
    }
}

#[derive(Debug)]
struct Recorded {
    deliveries: Mutex<Vec<Delivery>>,
    pings: Mutex<Vec<Delivery>>,
    behaviour: Mutex<Behaviour>,
    /// Whether pings are answered with their value.
    pongs: AtomicBool,
    arrived: Notify,
}

/// A receiver on a loopback port of its own.
pub struct Receiver {
    pub url: String,
    recorded: Arc<Recorded>,
}

impl Receiver {
    pub async fn start() -> Self {
        let recorded = Arc::new(Recorded {
            deliveries: Mutex::default(),
            pings: Mutex::default(),
            behaviour: Mutex::new(Behaviour::Answer(200)),
            pongs: AtomicBool::new(true),
            arrived: Notify::new(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?token=url-secret", listener.local_addr().unwrap());
        let shared = Arc::clone(&recorded);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let recorded = Arc::clone(&shared);
                // A connection that breaks is the sender's problem, so that the receiver goes on.
                tokio::spawn(async move { serve(stream, &recorded).await });
            }
        });
        Self { url, recorded }
    }

    /// Changes how messages and pings are answered from now on.
    pub fn set(&self, behaviour: Behaviour) {
        *self.recorded.behaviour.lock().unwrap() = behaviour;
    }

    /// Changes whether pings are answered with their value from now on.
    pub fn set_pongs(&self, pongs: bool) {
        self.recorded.pongs.store(pongs, Ordering::Relaxed);
    }

    pub fn deliveries(&self) -> Vec<Delivery> {
        self.recorded.deliveries.lock().unwrap().clone()
    }

    pub fn pings(&self) -> Vec<Delivery> {
        self.recorded.pings.lock().unwrap().clone()
    }

    /// Waits for a message with one of these statuses.
    pub async fn wait_for(&self, statuses: &[&str], patience: Duration) -> Delivery {
        let is_one = |message: &Delivery| statuses.contains(&message.status().as_str());
        let mut found = self.wait_until(1, is_one, patience).await;
        found.remove(0)
    }

    /// Waits for the last message about a job.
    pub async fn wait_for_end_of(&self, job: &str, patience: Duration) -> Delivery {
        let is_last = |message: &Delivery| {
            message.json()["meta"]["requestId"] == job
                && ["completed", "failed"].contains(&message.status().as_str())
        };
        let mut found = self.wait_until(1, is_last, patience).await;
        found.remove(0)
    }

    /// Waits for a message about this request.
    pub async fn wait_for_request(&self, request: &Value, patience: Duration) -> Delivery {
        let is_about = |message: &Delivery| message.json()["meta"]["requestId"] == *request;
        let mut found = self.wait_until(1, is_about, patience).await;
        found.remove(0)
    }

    /// Waits until there are as many messages as this.
    pub async fn wait_for_count(&self, count: usize, patience: Duration) -> Vec<Delivery> {
        self.wait_until(count, |_| true, patience).await
    }

    /// Waits until there are as many pings as this.
    pub async fn wait_for_pings(&self, count: usize, patience: Duration) {
        let wait = async {
            loop {
                let arrived = self.recorded.arrived.notified();
                if self.pings().len() >= count {
                    return;
                }
                arrived.await;
            }
        };
        tokio::time::timeout(patience, wait).await.unwrap();
    }

    async fn wait_until(
        &self,
        count: usize,
        wanted: impl Fn(&Delivery) -> bool,
        patience: Duration,
    ) -> Vec<Delivery> {
        let wait = async {
            loop {
                let arrived = self.recorded.arrived.notified();
                let found: Vec<_> = self.deliveries().into_iter().filter(&wanted).collect();
                if found.len() >= count {
                    return found;
                }
                arrived.await;
            }
        };
        tokio::time::timeout(patience, wait).await.unwrap_or_else(|_| {
            let seen: Vec<String> = self.deliveries().iter().map(Delivery::status).collect();
            panic!(
                "not the {count} webhooks that were waited for within {patience:?}, only {seen:?}"
            )
        })
    }
}

async fn serve(stream: TcpStream, recorded: &Recorded) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    if stream.fill_buf().await?.first() == Some(&TLS_HANDSHAKE) {
        // A server that speaks TLS answers so to plain HTTP.
        return stream.get_mut().write_all(b"HTTP/1.1 400 \r\ncontent-length: 0\r\n\r\n").await;
    }
    let mut headers = HeaderMap::new();
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        let Ok(name) = name.parse::<HeaderName>() else { return Ok(()) };
        headers.insert(name, HeaderValue::from_str(value).unwrap());
    }
    let Some(length) = headers.get("content-length") else { return Ok(()) };
    let mut body = vec![0; length.to_str().unwrap().parse().unwrap()];
    stream.read_exact(&mut body).await?;
    let message = Delivery { at: Instant::now(), headers, body: body.into() };
    let ping = message.json().get("ping").cloned();
    let list = if ping.is_some() { &recorded.pings } else { &recorded.deliveries };
    list.lock().unwrap().push(message);
    recorded.arrived.notify_waiters();
    let behaviour = recorded.behaviour.lock().unwrap().clone();
    let ping = ping.filter(|_| recorded.pongs.load(Ordering::Relaxed));
    let answer = ping.map(|ping| serde_json::json!({"pong": ping}).to_string()).unwrap_or_default();
    behave(stream.get_mut(), behaviour, &answer).await
}

async fn behave(stream: &mut TcpStream, behaviour: Behaviour, body: &str) -> std::io::Result<()> {
    let answer = |status: u16, header: &str| {
        format!("HTTP/1.1 {status} \r\ncontent-length: {}\r\n{header}\r\n{body}", body.len())
    };
    match behaviour {
        Behaviour::Answer(status) => stream.write_all(answer(status, "").as_bytes()).await,
        Behaviour::AnswerWith(status, name, value) => {
            stream.write_all(answer(status, &format!("{name}: {value}\r\n")).as_bytes()).await
        }
        Behaviour::Slow(time) => {
            tokio::time::sleep(time).await;
            stream.write_all(answer(200, "").as_bytes()).await
        }
        Behaviour::EndlessBody => {
            stream.write_all(b"HTTP/1.1 200 \r\ncontent-type: text/plain\r\n\r\n").await?;
            loop {
                stream.write_all(&[b'a'; 4096]).await?;
            }
        }
        Behaviour::EndlessHeaders => {
            stream.write_all(b"HTTP/1.1 200 \r\n").await?;
            loop {
                stream.write_all(b"x-more: more\r\n").await?;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        Behaviour::Garbage => stream.write_all(b"\x00\x01 220 smtp.example ready\r\n\r\n").await,
        Behaviour::HangUp => Ok(()),
    }
}
