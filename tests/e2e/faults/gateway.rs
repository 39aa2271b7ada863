//! A gateway that throttles, fails, hangs and breaks off.

use super::exact::import;
use super::weather::Weather;
use super::{ROWS, alone, expected};
use crate::customer::Customer;
use crate::sandbox::{Asked, Sandbox};

/// Searches that were answered in full, and what the first answer of each patient found.
fn searches(asked: &Asked, kind: &str) -> (u64, u64) {
    let sum = |what: &str| {
        asked.patients.values().filter_map(|counts| counts.get(&format!("{kind}{what}"))).sum::<u64>()
    };
    (sum("Searches"), sum("Found"))
}

#[tokio::test]
async fn a_gateway_in_a_bad_way_is_asked_again_and_every_count_is_exact() {
    let _alone = alone().await;
    let weather = Weather::of_stack();
    let expected = expected(&weather).await;
    let sandbox = Sandbox::of_stack();

    sandbox.forget().await;
    let (calm, _) = Customer::with_facility();
    let (receiver, _) = calm.listen().await;
    let calmly = import(&calm, &receiver, &expected.file, async |_| ()).await;
    let undisturbed = sandbox.asked().await;

    sandbox
        .misbehave(
            "429=0.02&500=0.015&503=0.01&timeout=0.002&timeout-seconds=4&reset=0.01&retry-after=1&seed=3",
        )
        .await;
    sandbox.forget().await;
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

    // Undisturbed, each patient is searched for once. Two patients can be one person to the gateway.
    assert_eq!(undisturbed.faults.values().sum::<u64>(), 0);
    let (found, documents) = (searches(&undisturbed, "Patient"), searches(&undisturbed, "DocumentReference"));
    assert_eq!(found.0, total);
    // Disturbed, a search comes again for nothing but a fault: of its own, or of the search that follows it.
    let faults: u64 = asked.faults.values().sum();
    let (again, documents_again) = (searches(&asked, "Patient"), searches(&asked, "DocumentReference"));
    assert_eq!(asked.patients.len(), undisturbed.patients.len());
    assert_eq!((again.1, documents_again.1), (found.1, documents.1), "and the same is found");
    assert!(again.0 >= total && again.0 <= total + faults, "{} searches, {faults} faults", again.0);
    println!(
        "{ROWS} rows, {total} queries: {} searches for patients, {} for documents, {} documents found, {faults} \
         faults: {:?}",
        again.0, documents_again.0, documents_again.1, asked.faults
    );
}
