//! Functions that are killed in the middle of their work, at each of the places that
//! ARCHITECTURE.md names.
//!
//! The fault proxy holds the call after which a function has to die; then the test kills the
//! function. The held call is carried out late, or never, as on a network that breaks together with
//! the machine.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::exact::{PATIENCE, import};
use super::fault_proxy::FaultProxy;
use super::processes::{invocations_that_died, kill_all};
use super::{ROWS, alone, expected};
use crate::customer::Customer;

/// How long a call is held: longer than the kill takes, shorter than the stack's visibility
/// timeout.
const HELD_MS: u64 = 3000;

/// The held call is carried out late.
const LATE: (&str, u64) = ("latency", HELD_MS);

/// The held call is never carried out.
const NEVER: (&str, u64) = ("timeout_ms", HELD_MS);

/// A moment at which a function dies.
struct Moment {
    function: &'static str,
    /// The share of rows, in percent, that must have their outcome before the call is held.
    progress: u64,
    before: &'static str,
    /// The call that the proxy holds.
    call: Value,
    then: (&'static str, u64),
}

fn moments() -> Vec<Moment> {
    let moment =
        |function, progress, before, call, then| Moment { function, progress, before, call, then };
    let update =
        |holds: &str| json!({"service": "dynamodb", "operation": "UpdateItem", "body": holds});
    let send = json!({"service": "sqs", "operation": "SendMessageBatch"});
    // New persons are inserted by batches, as external ids are, which have no document.
    let persons = "contains(Statements[0].Statement, 'doc')";
    let person =
        json!({"service": "dynamodb", "operation": "BatchExecuteStatement", "body": persons});
    let outcomes = json!({"service": "s3", "operation": "PutObject", "resource": "/outcomes/"});
    let results = json!({"service": "s3", "resource": "/results/"});
    vec![
        moment(
            "FanOut",
            0,
            "the job is processing",
            update("ExpressionAttributeValues.\":startedAt\""),
            NEVER,
        ),
        moment("FanOut", 0, "chunks are sent", send, NEVER),
        moment("ImportRows", 0, "a person is written", person.clone(), NEVER),
        moment("ImportRows", 10, "another person is written", person, LATE),
        moment("ImportRows", 20, "outcomes are stored", outcomes, NEVER),
        moment(
            "ImportRows",
            30,
            "a chunk is counted",
            update("contains(UpdateExpression, 'DELETE pending ')"),
            LATE,
        ),
        moment("Finalize", 0, "the result is written", results, NEVER),
        moment(
            "Finalize",
            100,
            "the job is completed",
            update("ExpressionAttributeValues.\":finishedAt\""),
            LATE,
        ),
    ]
}

/// Returns how many rows of a job have their outcome.
async fn rows_done(customer: &Customer, job: &str) -> u64 {
    let (_, state) = customer.call(Method::GET, &format!("/medical/v1/patient/bulk/{job}")).await;
    state["successful"].as_u64().unwrap() + state["failed"].as_u64().unwrap()
}

/// Waits until at least this many rows have their outcome.
async fn wait_for_rows(customer: &Customer, job: &str, rows: u64) -> u64 {
    let wait = async {
        loop {
            let done = rows_done(customer, job).await;
            if done >= rows {
                return done;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| panic!("{rows} rows are not done in time"))
}

#[tokio::test]
async fn functions_killed_in_mid_job_lose_and_repeat_no_row() {
    let _alone = alone().await;
    let proxy = FaultProxy::of_stack();
    let expected = expected(&proxy).await;

    let (customer, _) = Customer::with_facility();
    let (receiver, key) = customer.listen().await;
    let functions = ["FanOut", "ImportRows", "Finalize"];
    let died_before = functions.map(invocations_that_died);
    let mut killed = Vec::new();
    let mut moments = moments().into_iter().peekable();
    let first = moments.peek().unwrap();
    // Set before the upload, because a warm function is faster than this test.
    let mut rules = proxy.hold(first.call.clone(), first.then).await;
    let imported = import(&customer, &receiver, &expected.file, async |job| {
        while let Some(moment) = moments.next() {
            proxy.wait_for_held(&rules, PATIENCE).await;
            let processes = kill_all(moment.function);
            if let Some(next) = moments.peek().filter(|next| next.progress == 0) {
                rules = proxy.hold(next.call.clone(), next.then).await;
            }
            let done = rows_done(&customer, job).await;
            println!(
                "{done:>5} of {ROWS} rows: {processes} × {} killed before {}",
                moment.function, moment.before
            );
            killed.push((moment.function, done));
            if let Some(next) = moments.peek().filter(|next| next.progress > 0) {
                proxy.set(&json!([])).await;
                wait_for_rows(&customer, job, ROWS as u64 * next.progress / 100).await;
                rules = proxy.hold(next.call.clone(), next.then).await;
            }
        }
        proxy.set(&json!([])).await;
    })
    .await;
    imported.assert_exact(&expected.file, &expected.imported);
    imported.assert_messages(&receiver, &key);
    imported.assert_stored(&customer);

    for (function, before) in functions.into_iter().zip(died_before) {
        let kills = killed.iter().filter(|(name, _)| *name == function).count();
        let died = invocations_that_died(function) - before;
        println!("{died} invocations of {function} ended with their process");
        assert!(died >= kills, "{kills} kills of {function} ended {died} invocations");
    }
    let in_mid_job = killed.iter().filter(|(_, done)| *done > 0 && *done < ROWS as u64).count();
    assert!(in_mid_job >= 3, "{killed:?}");

    let again = import(&customer, &receiver, &expected.file, async |_| ()).await;
    again.assert_exact(&expected.file, &expected.again);
    assert_eq!(again.patients(), imported.patients(), "the same file again creates no patient");
    again.assert_stored(&customer);
}
