//! The sandbox gateway: what it was asked, and how it is made to misbehave. `infra/local/sandbox_fhir.py` is it.

use std::collections::HashMap;

use reqwest::Client;
use serde::Deserialize;

use crate::stack::STACK;

/// What came to the gateway.
#[derive(Debug, Deserialize)]
pub struct Asked {
    /// Faults that requests met.
    pub faults: HashMap<String, u64>,
    /// By a hash of who was searched for: what was answered in full, and what was found.
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

    /// Other faults instead: `429=0.1&retry-after=1`; none if empty.
    pub async fn misbehave(&self, faults: &str) {
        let answer = self.http.put(format!("{}/faults?{faults}", self.admin)).send().await.unwrap();
        answer.error_for_status().unwrap();
    }

    /// Forgets what came so far.
    pub async fn forget(&self) {
        let answer = self.http.delete(format!("{}/requests", self.admin)).send().await.unwrap();
        answer.error_for_status().unwrap();
    }

    /// What came since then.
    pub async fn asked(&self) -> Asked {
        let answer = self.http.get(format!("{}/requests", self.admin)).send().await.unwrap();
        answer.json().await.unwrap()
    }
}
