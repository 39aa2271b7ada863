//! The promises of `aws` on the emulator of the running local stack, which `STACK` names.
//!
//! Every test has tables, a bucket and queues of its own, made from template.yaml: the deployed ones feed
//! functions, which would take away what a test is looking at.

use std::sync::LazyLock;

use aws::{Directory, Jobs, Patients};
use serde::Deserialize;
use uuid::Uuid;

use crate::given::RETENTION;
use crate::services::Endpoint;
use crate::template;

mod bucket;
mod sqs;

static STACK: LazyLock<Stack> = LazyLock::new(|| {
    let path = std::env::var("STACK").expect("STACK names the file of a running stack: use `make e2e`");
    let json = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_slice(&json).unwrap_or_else(|error| panic!("{path}: {error}"))
});

#[derive(Deserialize)]
struct Stack {
    endpoint: String,
}

fn endpoint() -> Endpoint {
    Endpoint::reliable(STACK.endpoint.clone())
}

/// A name that nothing else has.
fn fresh(kind: &str) -> String {
    format!("ports-{}-{}", kind.to_lowercase(), Uuid::now_v7().simple())
}

async fn table(resource: &str) -> (aws_sdk_dynamodb::Client, String) {
    let (client, name) = (endpoint().dynamodb(), fresh(resource));
    template::create_table(&client, resource, &name).await;
    (client, name)
}

async fn jobs() -> Jobs {
    let (client, table) = table("Jobs").await;
    Jobs::new(client, table, RETENTION)
}

async fn patients() -> Patients {
    let (client, table) = table("Patients").await;
    Patients::new(client, table)
}

async fn directory() -> Directory {
    let (client, table) = table("Directory").await;
    Directory::new(client, table)
}

mod jobs {
    crate::contract::jobs::tests!(super::jobs());
}

mod chunks {
    crate::contract::chunks::tests!(super::jobs());
}

mod chunk_queries {
    crate::contract::chunk_queries::tests!(super::jobs());
}

mod gateway_care {
    crate::contract::gateway_care::tests!(super::jobs());
}

mod open_jobs {
    crate::contract::open_jobs::tests!(super::jobs());
}

mod watchlist {
    crate::contract::watchlist::tests!(super::jobs());
}

mod deliveries {
    crate::contract::deliveries::tests!(super::jobs());
}

mod listed_deliveries {
    crate::contract::listed_deliveries::tests!(super::jobs());
}

mod people {
    crate::contract::people::tests!(super::patients());
}

mod rosters {
    crate::contract::rosters::tests!(super::patients());
}

mod external_ids {
    crate::contract::external_ids::tests!(super::patients());
}

mod patients {
    crate::contract::patients::tests!(super::patients());
}

mod patient_queries {
    crate::contract::patient_queries::tests!(super::patients());
}

mod documents {
    crate::contract::documents::tests!(super::patients());
}

mod directory {
    crate::contract::directory::tests!(super::directory());
}

mod settings {
    crate::contract::settings::tests!(super::directory());
}

mod api_keys {
    crate::contract::api_keys::tests!(super::directory());
}

mod uploads {
    crate::contract::uploads::tests!(super::bucket::bucket());
}

mod objects {
    crate::contract::objects::tests!(super::bucket::bucket());
}

mod results {
    crate::contract::results::tests!(super::bucket::bucket());
}

mod queues {
    crate::contract::queues::tests!(super::sqs::queues());
}

mod webhook_queue {
    crate::contract::webhook_queue::tests!(super::sqs::queues());
}
