//! A gateway that throttles, fails, hangs, or closes connections in the middle of an answer.

use super::exact::import;
use super::fault_proxy::FaultProxy;
use super::{ROWS, alone, expected};
use crate::customer::Customer;
use crate::sandbox::{Asked, Sandbox};

/// Returns how many searches were answered in full, and what the first answer about each patient
/// found.
fn searches(asked: &Asked, kind: &str) -> (u64, u64) {
    let sum = |what: &str| {
        asked
            .patients
            .values()
            .filter_map(|counts| counts.get(&format!("{kind}{what}")))
            .sum::<u64>()
    };
    (sum("Searches"), sum("Found"))
}

#[tokio::test]
async fn calls_of_a_failing_gateway_are_retried_and_every_count_is_exact() {
    let _alone = alone().await;
    let proxy = FaultProxy::of_stack();
    let expected = expected(&proxy).await;
    let sandbox = Sandbox::of_stack();

    sandbox.clear_requests().await;
    let (calm, _) = Customer::with_facility();
    let (receiver, _) = calm.listen().await;
    let calmly = import(&calm, &receiver, &expected.file, async |_| ()).await;
    let undisturbed = sandbox.asked().await;

    sandbox
        .misbehave(
            "429=0.02&500=0.015&503=0.01&timeout=0.002&timeout-seconds=4&reset=0.01&retry-after=1&seed=3",
        )
        .await;
    sandbox.clear_requests().await;
    let (customer, _) = Customer::with_facility();
    let (receiver, key) = customer.listen().await;
    let imported = import(&customer, &receiver, &expected.file, async |_| ()).await;
    let asked = sandbox.asked().await;
    sandbox.misbehave("").await;

    imported.assert_exact(&expected.file, &calmly);
    imported.assert_messages(&receiver, &key);
    assert_eq!(imported.job["documentQueries"], calmly.job["documentQueries"]);
    let queries = &imported.job["documentQueries"];
    assert_eq!(queries["failed"], 0);
    let total = queries["total"].as_u64().unwrap();

    // Without faults, each patient is searched for once. To the gateway, two patients can be one
    // person.
    assert_eq!(undisturbed.faults.values().sum::<u64>(), 0);
    let (found, documents) =
        (searches(&undisturbed, "Patient"), searches(&undisturbed, "DocumentReference"));
    assert_eq!(found.0, total);
    // With faults, a search is retried only because of a fault: its own, or that of the search
    // which follows it.
    let faults: u64 = asked.faults.values().sum();
    let (again, documents_again) =
        (searches(&asked, "Patient"), searches(&asked, "DocumentReference"));
    assert_eq!(asked.patients.len(), undisturbed.patients.len());
    assert_eq!((again.1, documents_again.1), (found.1, documents.1), "and the same is found");
    assert!(again.0 >= total && again.0 <= total + faults, "{} searches, {faults} faults", again.0);
    println!(
        "{ROWS} rows, {total} queries: {} searches for patients, {} for documents, {} documents found, {faults} \
         faults: {:?}",
        again.0, documents_again.0, documents_again.1, asked.faults
    );
}
