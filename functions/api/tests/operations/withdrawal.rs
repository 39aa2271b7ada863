//! Calls that opt a patient out or delete it: before they store anything, a message asks for the
//! deletion of what they leave of the patient's documents if they die.

use std::sync::Arc;
use std::time::Duration;

use bulk_api::IfMatch;
use bulk_api::operations::delete_patient::delete_patient;
use bulk_api::operations::set_hie_opt_out::set_hie_opt_out;
use bulk_domain::ids::{CustomerId, JobId, PatientId};
use bulk_domain::row::Directory;
use bulk_domain::time::Timestamp;
use bulk_memory::{Cloud, Fault, Faults, NoFaults, Operation, QueueName};
use bulk_pipeline::messages::{DeletionMessage, WithdrawalMessage};
use bulk_pipeline::ports::WebhookSettings;
use bulk_pipeline::ports::prelude::*;
use serde_json::json;
use uuid::Uuid;

const CUSTOMER: CustomerId = CustomerId::new(Uuid::from_u128(1));

/// Time after which no attempt is alive that began before the call.
const DELAY: Duration = Duration::from_mins(9);

/// SQS refuses every message.
#[derive(Debug)]
struct NoQueue;

impl Faults for NoQueue {
    fn fault(&self, operation: Operation) -> Option<Fault> {
        (operation == Operation::SendMessage).then_some(Fault::Refused)
    }

    fn delay(&self) -> u32 {
        0
    }

    fn piece(&self) -> usize {
        NoFaults.piece()
    }
}

async fn cloud_with_patient() -> (Cloud, PatientId) {
    let cloud = Cloud::calm();
    cloud.set_customer(CUSTOMER, Directory::default(), WebhookSettings::default());
    let patient = cloud.add_row(CUSTOMER, JobId::first_at(cloud.now()), &json!({})).await.unwrap();
    (cloud, patient)
}

/// Returns the messages that can be received at this time.
fn deletions(cloud: &Cloud, at: Timestamp) -> Vec<DeletionMessage> {
    cloud.with_queues(|queues| {
        let queue = queues.get(QueueName::UndoneChunks);
        let received = std::iter::from_fn(|| queue.receive(at, 0));
        received.map(|message| serde_json::from_str(&message.body).unwrap()).collect()
    })
}

#[tokio::test]
async fn an_opt_out_and_a_deletion_are_announced_and_an_opt_in_is_not() {
    let (cloud, patient) = cloud_with_patient().await;
    set_hie_opt_out(&cloud, CUSTOMER, patient, false).await.unwrap();
    assert_eq!(deletions(&cloud, cloud.now().plus(DELAY)), []);
    let announced = DeletionMessage::Withdrawal(WithdrawalMessage {
        customer: CUSTOMER,
        withdrawn: vec![patient],
    });
    set_hie_opt_out(&cloud, CUSTOMER, patient, true).await.unwrap();
    let early = cloud.now().plus(DELAY.saturating_sub(Duration::from_secs(1)));
    assert_eq!(deletions(&cloud, early), []);
    assert_eq!(deletions(&cloud, cloud.now().plus(DELAY)), std::slice::from_ref(&announced));
    delete_patient(&cloud, CUSTOMER, patient, &IfMatch::any()).await.unwrap();
    assert_eq!(deletions(&cloud, cloud.now().plus(DELAY)), [announced]);
}

#[tokio::test]
async fn a_deletion_that_is_repeated_is_announced_once() {
    let (cloud, patient) = cloud_with_patient().await;
    delete_patient(&cloud, CUSTOMER, patient, &IfMatch::any()).await.unwrap();
    for _ in 0..10 {
        assert!(delete_patient(&cloud, CUSTOMER, patient, &IfMatch::any()).await.is_err());
    }
    assert_eq!(deletions(&cloud, cloud.now().plus(DELAY)).len(), 1);
}

#[tokio::test]
async fn nothing_is_stored_before_the_message_is_sent() {
    let (cloud, patient) = cloud_with_patient().await;
    let before = cloud.patients(CUSTOMER).unwrap();
    let faulty = cloud.with_faults(Arc::new(NoQueue));
    assert!(set_hie_opt_out(&faulty, CUSTOMER, patient, true).await.is_err());
    assert!(delete_patient(&faulty, CUSTOMER, patient, &IfMatch::any()).await.is_err());
    assert_eq!(cloud.patients(CUSTOMER).unwrap(), before);
}
