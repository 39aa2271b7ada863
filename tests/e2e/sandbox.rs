//! The sandbox gateway of `tests/sandbox`: which requests it got, and how a test makes it
//! misbehave.

use std::collections::HashMap;

use reqwest::Client;
use serde::Deserialize;

use crate::stack::STACK;

/// What the gateway counted since it was reset.
#[derive(Debug, Deserialize)]
pub struct Asked {
    /// Requests by method and path, such as `GET Binary`.
    pub requests: HashMap<String, u64>,
    /// Requests that got a fault instead of an answer.
    pub faults: HashMap<String, u64>,
    /// For each patient, by a hash of the search: the searches that were answered in full, and what
    /// the first one found.
    pub patients: HashMap<String, HashMap<String, u64>>,
}

pub struct Sandbox {
    admin: String,
    http: Client,
}

impl Sandbox {
    pub fn of_stack() -> Self {
        let admin = STACK.sandbox.clone().expect("these tests need a stack with a sandbox gateway");
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { admin, http: Client::new() }
    }

    /// Replaces the faults, for example by `429=0.1&retry-after=1`. An empty string means none.
    pub async fn misbehave(&self, faults: &str) {
        let answer = self.http.put(format!("{}/faults?{faults}", self.admin)).send().await.unwrap();
        answer.error_for_status().unwrap();
    }

    /// Sets all counts back to zero.
    pub async fn clear_requests(&self) {
        let answer = self.http.delete(format!("{}/requests", self.admin)).send().await.unwrap();
        answer.error_for_status().unwrap();
    }

    /// Returns the counts since the last reset.
    pub async fn asked(&self) -> Asked {
        let answer = self.http.get(format!("{}/requests", self.admin)).send().await.unwrap();
        answer.json().await.unwrap()
    }
}
