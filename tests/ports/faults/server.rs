//! A server that gives prepared answers and records the requests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use bytes::Bytes;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::services::Endpoint;

/// Gives its answers in turn, and the last one to every later request.
#[derive(Clone)]
pub struct Server {
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
    requests: Arc<Mutex<Vec<Bytes>>>,
    pub endpoint: Endpoint,
}

impl Server {
    /// Returns a server with these answers. The clients of its endpoint attempt each call once, so
    /// that no answer is used up by a retry.
    pub async fn answering(answers: impl IntoIterator<Item = (u16, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Self {
            answers: Arc::new(Mutex::new(answers.into_iter().collect())),
            requests: Arc::default(),
            endpoint: Endpoint { url, attempts: 1, patience: Duration::from_secs(30) },
        };
        let router = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async { axum::serve(listener, router).await });
        server
    }

    /// Returns the bodies of all requests so far, if their service speaks JSON.
    pub fn requests(&self) -> Vec<Value> {
        let requests = self.requests.lock().unwrap();
        requests.iter().map(|body| serde_json::from_slice(body).unwrap()).collect()
    }
}

async fn answer(State(server): State<Server>, body: Bytes) -> (StatusCode, String) {
    server.requests.lock().unwrap().push(body);
    let mut answers = server.answers.lock().unwrap();
    let (status, body) =
        if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }.unwrap();
    (StatusCode::from_u16(status).unwrap(), body)
}
