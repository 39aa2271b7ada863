//! A webhook receiver that records what it gets and checks every signature.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::sync::Notify;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Delivery {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn status(&self) -> String {
        self.json()["bulkPatientCreate"]["status"].as_str().unwrap().to_owned()
    }

    /// Checks both signatures, each with an implementation that is not ours.
    pub fn assert_signed_with(&self, key: &str) {
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
        mac.update(&self.body);
        let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(self.headers["x-metriport-signature"], hex);
        let library = standardwebhooks::Webhook::new(key).unwrap();
        let header = |name: &str| self.headers[name].to_str().unwrap().to_owned();
        let time: i64 = header("webhook-timestamp").parse().unwrap();
        let expected = library.sign(&header("webhook-id"), time, &self.body).unwrap();
        assert_eq!(header("webhook-signature"), expected);
    }
}

#[derive(Clone, Default)]
struct Recorded {
    deliveries: Arc<Mutex<Vec<Delivery>>>,
    arrived: Arc<Notify>,
}

/// A receiver on a loopback port of its own.
pub struct Receiver {
    pub url: String,
    recorded: Recorded,
}

impl Receiver {
    pub async fn start() -> Self {
        let recorded = Recorded::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new().route("/hook", post(record)).with_state(recorded.clone());
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { url, recorded }
    }

    pub fn deliveries(&self) -> Vec<Delivery> {
        self.recorded.deliveries.lock().unwrap().clone()
    }

    /// Waits for a message with one of these statuses.
    pub async fn wait_for(&self, statuses: &[&str], patience: Duration) -> Delivery {
        let wait = async {
            loop {
                let arrived = self.recorded.arrived.notified();
                let found = self.deliveries();
                let found = found.into_iter().find(|message| statuses.contains(&message.status().as_str()));
                if let Some(found) = found {
                    return found;
                }
                arrived.await;
            }
        };
        tokio::time::timeout(patience, wait).await.unwrap_or_else(|_| {
            let seen: Vec<String> = self.deliveries().iter().map(Delivery::status).collect();
            panic!("no webhook with {statuses:?} within {patience:?}, only {seen:?}")
        })
    }
}

async fn record(State(recorded): State<Recorded>, headers: HeaderMap, body: Bytes) -> StatusCode {
    recorded.deliveries.lock().unwrap().push(Delivery { headers, body });
    recorded.arrived.notify_waiters();
    StatusCode::OK
}
