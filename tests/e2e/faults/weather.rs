//! What stands between the functions and the emulator: its rules, and what they did. Its side of the talk
//! is `infra/local/faults.py`.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::stack::{STACK, project};

/// Time between two looks at what happened.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A fault that a call met.
#[derive(Debug, Deserialize)]
pub struct Fault {
    pub service: String,
    pub operation: String,
    /// Its kind, for example `reset` or `error:SlowDown`.
    pub action: String,
}

/// The rules that the functions' AWS calls are under.
pub struct Weather {
    url: String,
    http: Client,
}

impl Weather {
    pub fn of_stack() -> Self {
        let url = STACK.faults.clone().expect("these tests need a stack with --faults: use `make e2e`");
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { url: format!("{url}/_microburst"), http: Client::new() }
    }

    /// The rules of `infra/local/profiles`.
    pub fn profile(name: &str) -> Value {
        let path = project().join(format!("infra/local/profiles/{name}.json"));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    /// Replaces all rules and forgets what happened.
    pub async fn set(&self, rules: &Value) {
        // Forgotten while nothing can happen: the first call under the new rules counts.
        self.post(&json!([])).await;
        self.http.delete(format!("{}/fired", self.url)).send().await.unwrap();
        self.post(rules).await;
    }

    async fn post(&self, rules: &Value) {
        let posted = self.http.post(format!("{}/rules", self.url)).json(rules).send().await.unwrap();
        assert!(posted.status().is_success(), "{}", posted.text().await.unwrap());
    }

    /// What happened since the rules were set.
    pub async fn faults(&self) -> Vec<Fault> {
        let answer = self.http.get(format!("{}/fired?limit=1000000", self.url)).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// Has the next call that fits `which` stand still. What `then` says comes of it later: `latency` to carry
    /// it out, `timeout_ms` not to.
    pub async fn hold(&self, mut which: Value, then: (&str, u64)) {
        which[then.0] = json!(then.1);
        which["times"] = json!(1);
        self.set(&json!([which])).await;
    }

    /// Waits until the call that is to be held has been made.
    pub async fn wait_for_held(&self, patience: Duration) {
        let held = async {
            while self.faults().await.is_empty() {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        tokio::time::timeout(patience, held).await.expect("nobody made the call that is to be held");
    }
}

/// How many calls of each service met which kind of fault.
pub fn by_kind(faults: &[Fault]) -> BTreeMap<(&str, &str), usize> {
    let mut counts = BTreeMap::new();
    for fault in faults {
        *counts.entry((fault.service.as_str(), fault.action.as_str())).or_default() += 1;
    }
    counts
}
