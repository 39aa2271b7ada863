//! Calls that are throttled, connections that break, answers that get lost after the deed.

use std::collections::BTreeSet;

use super::exact::{PATIENCE, import};
use super::weather::{Weather, by_kind};
use super::{ROWS, alone, expected};
use crate::customer::Customer;
use crate::receiver::Behaviour;

#[tokio::test]
async fn under_throttling_resets_and_lost_replies_the_result_is_that_of_calm_weather() {
    let _alone = alone().await;
    let weather = Weather::of_stack();
    let expected = expected(&weather).await;
    let rules = weather.set(&Weather::profile("storm")).await;

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
    let processing = receiver.deliveries().iter().filter(|message| message.status() == "processing").count();
    assert!(processing > 1, "the message that was refused came again");
    let created = weather.faults(&rules).await;

    let again = import(&customer, &receiver, &expected.file, async |_| ()).await;
    again.assert_exact(&expected.file, &first);
    assert_eq!(again.patients(), first.patients(), "the same file again creates nobody");
    again.assert_messages(&receiver, &key);
    let faults = weather.faults(&rules).await;
    weather.set(&serde_json::json!([])).await;
    again.assert_stored(&customer);

    println!("{ROWS} rows, twice: {} faults in the first import, {} in all", created.len(), faults.len());
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
