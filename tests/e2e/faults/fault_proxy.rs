//! The proxy between the functions and the emulator that injects faults: its rules, and which calls
//! they hit. The local stack starts it (`tests/fault_proxy`).

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::stack::{STACK, project};

/// The time between two requests for the faults so far.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A fault that a rule injected into a call.
#[derive(Debug, Deserialize)]
pub struct Fault {
    rule_id: u64,
    pub service: String,
    pub operation: String,
    /// The kind of the fault, for example `reset` or `error:SlowDown`.
    pub action: String,
}

#[derive(Deserialize)]
struct Rule {
    id: u64,
}

/// The ids of rules that were set together.
pub struct Rules(Vec<u64>);

/// A client of the proxy that every AWS call of the functions passes.
pub struct FaultProxy {
    url: String,
    http: Client,
}

impl FaultProxy {
    pub fn of_stack() -> Self {
        let url =
            STACK.faults.clone().expect("these tests need a stack with --faults: use `make e2e`");
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { url: format!("{url}/_microburst"), http: Client::new() }
    }

    /// Returns the rules of this name in `tests/fault_proxy/profiles`.
    pub fn profile(name: &str) -> Value {
        let path = project().join(format!("tests/fault_proxy/profiles/{name}.json"));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    /// Replaces all rules at once.
    pub async fn set(&self, rules: &Value) -> Rules {
        let posted =
            self.http.post(format!("{}/rules", self.url)).json(rules).send().await.unwrap();
        let known: Vec<Rule> = posted.error_for_status().unwrap().json().await.unwrap();
        Rules(known.into_iter().map(|rule| rule.id).collect())
    }

    /// Returns the faults that these rules injected so far.
    pub async fn faults(&self, rules: &Rules) -> Vec<Fault> {
        let answer =
            self.http.get(format!("{}/fired?limit=1000000", self.url)).send().await.unwrap();
        let mut faults: Vec<Fault> = answer.json().await.unwrap();
        faults.retain(|fault| rules.0.contains(&fault.rule_id));
        faults
    }

    /// Holds every call that matches `which` until other rules are set. Afterwards `then` decides:
    /// with `latency` the call is carried out, with `timeout_ms` it is not.
    pub async fn hold(&self, mut which: Value, then: (&str, u64)) -> Rules {
        which[then.0] = json!(then.1);
        self.set(&json!([which])).await
    }

    /// Waits until the proxy holds a call.
    pub async fn wait_for_held(&self, rules: &Rules, patience: Duration) {
        let held = async {
            while self.faults(rules).await.is_empty() {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        tokio::time::timeout(patience, held)
            .await
            .expect("no function made the call that the proxy should hold");
    }
}

/// Returns how many calls of each service got which kind of fault.
pub fn by_kind(faults: &[Fault]) -> BTreeMap<(&str, &str), usize> {
    let mut counts = BTreeMap::new();
    for fault in faults {
        *counts.entry((fault.service.as_str(), fault.action.as_str())).or_default() += 1;
    }
    counts
}
