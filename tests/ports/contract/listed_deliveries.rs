//! Lists of webhook deliveries: all with the newest first, failed ones with the oldest first.

use bulk_domain::delivery::{DeliveryState, WebhookDelivery};
use bulk_domain::ids::{CustomerId, JobId};
use bulk_domain::job::JobStatus;
use bulk_pipeline::ports::{DeliveryStore, Undelivered, Write};

use crate::given;

async fn store(
    ports: &impl DeliveryStore,
    customer: CustomerId,
    job: JobId,
    status: JobStatus,
    state: DeliveryState,
) -> WebhookDelivery {
    let delivery = WebhookDelivery { state, ..WebhookDelivery::new(customer, job, status) };
    assert_eq!(ports.store_delivery(&delivery, None).await.unwrap(), Write::Done);
    delivery
}

pub async fn deliveries_are_listed_newest_first_in_all_states_or_one(ports: &impl DeliveryStore) {
    use DeliveryState::{Delivered, Failed, Processing, Skipped};
    let (customer, jobs) = (given::customer(), [given::job_id(), given::job_id(), given::job_id()]);
    let mut oldest_first = Vec::new();
    for (job, states) in
        jobs.into_iter().zip([[Failed, Failed], [Delivered, Processing], [Skipped, Failed]])
    {
        for (status, state) in [JobStatus::Processing, JobStatus::Completed].into_iter().zip(states)
        {
            oldest_first.push(store(ports, customer, job, status, state).await);
        }
    }
    store(ports, given::customer(), given::job_id(), JobStatus::Failed, Failed).await;
    let newest_first: Vec<_> = oldest_first.iter().rev().cloned().collect();
    let list = async |state, limit| ports.list_deliveries(customer, state, limit).await.unwrap();
    assert_eq!(list(None, 100).await, newest_first);
    assert_eq!(list(None, 4).await, newest_first[..4]);
    let in_state =
        |state| newest_first.iter().filter(move |delivery| delivery.state == state).cloned();
    let failed: Vec<_> = in_state(Failed).collect();
    assert_eq!(list(Some(Undelivered::Failed), 100).await, failed);
    assert_eq!(list(Some(Undelivered::Failed), 1).await, failed[..1]);
    assert_eq!(
        list(Some(Undelivered::Processing), 100).await,
        in_state(Processing).collect::<Vec<_>>()
    );

    let oldest = ports.failed_deliveries(customer, 2).await.unwrap();
    let oldest: Vec<_> = oldest.into_iter().map(|found| found.value).collect();
    assert_eq!(oldest, oldest_first[..2]);
    assert_eq!(ports.count_deliveries(customer, Undelivered::Failed).await.unwrap(), 3);
    assert_eq!(ports.count_deliveries(customer, Undelivered::Processing).await.unwrap(), 1);
    assert_eq!(ports.count_deliveries(given::customer(), Undelivered::Failed).await.unwrap(), 0);
}

pub async fn what_arrived_is_not_among_the_failed_any_more(ports: &impl DeliveryStore) {
    let (customer, job) = (given::customer(), given::job_id());
    let failed = store(ports, customer, job, JobStatus::Completed, DeliveryState::Failed).await;
    let found = ports.failed_deliveries(customer, 9).await.unwrap().remove(0);
    assert_eq!(found.value, failed);
    let arrived = WebhookDelivery { state: DeliveryState::Delivered, ..failed };
    assert_eq!(ports.store_delivery(&arrived, Some(found.version)).await.unwrap(), Write::Done);
    assert_eq!(ports.failed_deliveries(customer, 9).await.unwrap().len(), 0);
    assert_eq!(ports.count_deliveries(customer, Undelivered::Failed).await.unwrap(), 0);
    assert_eq!(ports.list_deliveries(customer, None, 9).await.unwrap(), [arrived]);
}

contract!($ listed_deliveries:
    deliveries_are_listed_newest_first_in_all_states_or_one,
    what_arrived_is_not_among_the_failed_any_more,
);
