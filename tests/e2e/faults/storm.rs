//! Calls that are throttled, connections that break, and replies that are lost after AWS carried
//! out the call.

use std::collections::BTreeSet;

use super::exact::{PATIENCE, import};
use super::fault_proxy::{FaultProxy, by_kind};
use super::{ROWS, alone, expected};
use crate::customer::Customer;
use crate::receiver::Behaviour;

#[tokio::test]
async fn under_throttling_resets_and_lost_replies_the_result_is_the_same_as_without_faults() {
    let _alone = alone().await;
    let proxy = FaultProxy::of_stack();
    let expected = expected(&proxy).await;
    let rules = proxy.set(&FaultProxy::profile("storm")).await;

    let (customer, _) = Customer::with_facility();
    let (receiver, key) = customer.listen().await;
    receiver.set(Behaviour::Answer(503));
    let first = import(&customer, &receiver, &expected.file, async |_| {
        receiver.wait_for_count(1, PATIENCE).await;
        receiver.set(Behaviour::Answer(200));
    })
    .await;
    first.assert_exact(&expected.file, &expected.imported);
    first.assert_messages(&receiver, &key);
    let processing =
        receiver.deliveries().iter().filter(|message| message.status() == "processing").count();
    assert!(processing > 1, "the refused webhook was retried");
    let created = proxy.faults(&rules).await;

    let again = import(&customer, &receiver, &expected.file, async |_| ()).await;
    again.assert_exact(&expected.file, &expected.again);
    assert_eq!(again.patients(), first.patients(), "the same file again creates no patient");
    again.assert_messages(&receiver, &key);
    let faults = proxy.faults(&rules).await;
    proxy.set(&serde_json::json!([])).await;
    again.assert_stored(&customer);

    println!(
        "{ROWS} rows, twice: {} faults in the first import, {} in all",
        created.len(),
        faults.len()
    );
    let kinds = by_kind(&faults);
    for ((service, kind), count) in &kinds {
        println!("  {count:>5}  {service:<9} {kind}");
    }
    for kind in ["error:ProvisionedThroughputExceededException", "reset", "response:abort"] {
        assert!(kinds.contains_key(&("dynamodb", kind)), "no {kind}");
    }
    let services: BTreeSet<&str> = kinds.keys().map(|(service, _)| *service).collect();
    assert_eq!(services, BTreeSet::from(["dynamodb", "s3", "sqs"]));
    let lost = |operation: &str| {
        faults.iter().any(|one| one.operation == operation && one.action == "response:abort")
    };
    assert!(lost("PutItem"), "writes were done and their answers lost");
}
