//! The messages about the documents of a job's patients: which patients they have, when they come,
//! and what the other messages of the job wait for.

mod import;

use std::collections::BTreeSet;
use std::time::Duration;

use bulk_api::operations::retry_webhooks::retry_webhooks;
use bulk_domain::delivery::DeliveryState;
use bulk_domain::job::JobStatus;
use bulk_memory::Cloud;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{WebhookSettings, Write};

use self::import::{Import, Message, PATIENTS, messages, with_customer};
use crate::setup::{URL, customer, deliver_all, deliver_next};

/// Delivers what can be received in the next `seconds`.
async fn deliver_for(cloud: &Cloud, seconds: u64) {
    let end = cloud.now().plus(Duration::from_secs(seconds));
    let queue = bulk_memory::QueueName::Webhooks;
    while cloud.with_queues(|queues| queues.get(queue).next_visible()).is_some_and(|at| at <= end) {
        deliver_next(cloud).await;
    }
    cloud.set_time(end);
}

fn events(cloud: &Cloud) -> Vec<String> {
    messages(cloud).into_iter().map(|message| message.event).collect()
}

fn patients(messages: &[Message]) -> Vec<usize> {
    messages.iter().map(|message| message.patients.len()).filter(|patients| *patients > 0).collect()
}

#[tokio::test]
async fn up_to_a_hundred_patients_are_told_in_a_message_between_start_and_completion() {
    let cloud = with_customer(true, vec![]);
    let import = Import::start(&cloud, 3).await;
    for chunk in 0..3 {
        import.complete(chunk).await;
        import.end_queries(chunk).await;
    }
    import.finish(JobStatus::Completed).await;
    deliver_all(&cloud).await;
    assert_eq!(events(&cloud), ["processing", "documents", "documents", "documents", "completed"]);
    let messages = messages(&cloud);
    assert_eq!(patients(&messages), [100, 100, 3 * PATIENTS - 200]);
    let told: BTreeSet<&String> = messages.iter().flat_map(|message| &message.patients).collect();
    let ids: BTreeSet<&String> = messages.iter().map(|message| &message.id).collect();
    assert_eq!((told.len(), ids.len()), (3 * PATIENTS, 5));
}

#[tokio::test]
async fn a_message_with_long_documents_has_fewer_patients() {
    let cloud = with_customer(true, vec![]);
    let import = Import::start(&cloud, 1).await;
    import.complete(0).await;
    import.end_queries_with(0, &["x".repeat(20_000).as_str()]).await;
    import.finish(JobStatus::Completed).await;
    deliver_all(&cloud).await;
    // 26 descriptions of 20,000 bytes do not fit into 512 KB.
    assert_eq!(patients(&messages(&cloud)), [25, 25, 25, PATIENTS - 75]);
}

#[tokio::test]
async fn of_a_patient_whose_documents_are_too_long_the_first_ones_are_told() {
    let cloud = with_customer(true, vec![]);
    let import = Import::start(&cloud, 1).await;
    import.complete(0).await;
    // As many as one stored page holds.
    import.end_queries_with(0, &["x".repeat(20_000).as_str(); 30]).await;
    import.finish(JobStatus::Completed).await;
    deliver_all(&cloud).await;
    let messages = messages(&cloud);
    assert_eq!(patients(&messages), [1; PATIENTS]);
    for message in messages.iter().filter(|message| message.event == "documents") {
        assert_eq!((message.links.len(), &message.with_more_documents), (25, &message.patients));
    }
}

#[tokio::test]
async fn chunks_without_document_queries_are_passed() {
    let cloud = with_customer(true, vec![]);
    let import = Import::start(&cloud, 90).await;
    for chunk in 0..90 {
        if chunk % 44 == 43 {
            import.complete(chunk).await;
            import.end_queries(chunk).await;
        } else {
            import.fail(chunk).await;
        }
    }
    import.finish(JobStatus::Completed).await;
    deliver_all(&cloud).await;
    let messages = messages(&cloud);
    let told: BTreeSet<&String> = messages.iter().flat_map(|message| &message.patients).collect();
    assert_eq!((told.len(), messages.len()), (2 * PATIENTS, 4));
    assert_eq!(messages[3].event, "completed");
}

#[tokio::test]
async fn a_customer_that_did_not_choose_it_is_told_of_no_documents() {
    let cloud = with_customer(false, vec![]);
    let import = Import::start(&cloud, 1).await;
    import.complete(0).await;
    import.end_queries(0).await;
    import.finish(JobStatus::Completed).await;
    deliver_all(&cloud).await;
    assert_eq!(events(&cloud), ["processing", "completed"]);
    assert_eq!(cloud.deliveries().len(), 2);
}

#[tokio::test]
async fn patients_are_told_while_other_queries_of_the_job_go_on() {
    let cloud = with_customer(true, vec![]);
    let import = Import::start(&cloud, 2).await;
    import.complete(0).await;
    import.complete(1).await;
    import.end_queries(0).await;
    deliver_for(&cloud, 60).await;
    assert_eq!(patients(&messages(&cloud)), [PATIENTS], "the queries of the other chunk go on");
    cloud.set_time(cloud.now().plus(Duration::from_hours(2)));
    import.end_queries(1).await;
    import.finish(JobStatus::Completed).await;
    deliver_for(&cloud, 62).await;
    assert_eq!(events(&cloud), ["processing", "documents", "documents", "completed"]);
}

#[tokio::test]
async fn a_message_keeps_its_patients_in_each_attempt() {
    let cloud = with_customer(true, vec![200, 500, 410]);
    let import = Import::start(&cloud, 2).await;
    import.complete(0).await;
    import.complete(1).await;
    import.end_queries(0).await;
    deliver_for(&cloud, 3).await;
    // More patients would fit into the message now.
    import.end_queries(1).await;
    import.finish(JobStatus::Completed).await;
    deliver_all(&cloud).await;
    retry_webhooks(&cloud, customer(1)).await.unwrap();
    deliver_all(&cloud).await;
    let messages = messages(&cloud);
    let documents: Vec<&Message> =
        messages.iter().filter(|message| message.event == "documents").collect();
    let [first, second, third, rest] = documents[..] else { panic!("{}", documents.len()) };
    assert!(first.id == second.id && second.id == third.id && rest.id != first.id);
    assert!(first.patients == second.patients && second.patients == third.patients);
    // The links are signed in each attempt.
    assert_eq!((first.links.len(), second.links.len()), (PATIENTS, PATIENTS));
    assert!(first.links.iter().zip(&second.links).all(|(before, after)| before != after));
    assert!(first.patients.iter().all(|patient| !rest.patients.contains(patient)));
}

#[tokio::test]
async fn completion_is_told_after_documents_failed_for_good_and_a_retry_goes_on_with_them() {
    let cloud = with_customer(true, vec![200, 410]);
    let import = Import::start(&cloud, 2).await;
    for chunk in 0..2 {
        import.complete(chunk).await;
        import.end_queries(chunk).await;
    }
    import.finish(JobStatus::Completed).await;
    deliver_all(&cloud).await;
    assert_eq!(events(&cloud), ["processing", "documents", "completed"]);
    retry_webhooks(&cloud, customer(1)).await.unwrap();
    deliver_all(&cloud).await;
    assert_eq!(events(&cloud)[3..], ["documents", "documents"]);
    assert!(cloud.deliveries().iter().all(|delivery| delivery.state == DeliveryState::Delivered));
}

#[tokio::test]
async fn a_canceled_job_is_told_at_once_and_its_patients_when_their_queries_have_ended() {
    let cloud = with_customer(true, vec![]);
    let import = Import::start(&cloud, 1).await;
    import.complete(0).await;
    import.finish(JobStatus::Failed).await;
    deliver_for(&cloud, 5).await;
    assert_eq!(events(&cloud), ["processing", "failed"]);
    import.end_queries(0).await;
    deliver_for(&cloud, 5).await;
    assert_eq!(events(&cloud), ["processing", "failed", "documents"]);
}

#[tokio::test]
async fn a_customer_that_chooses_it_during_a_job_is_told_of_all_patients() {
    let cloud = with_customer(false, vec![]);
    let import = Import::start(&cloud, 1).await;
    deliver_all(&cloud).await;
    import.complete(0).await;
    import.end_queries(0).await;
    let settings = cloud.load_settings(customer(1)).await.unwrap();
    let chosen = WebhookSettings { patient_webhooks: true, ..settings };
    assert_eq!(cloud.store_settings(customer(1), &chosen).await.unwrap(), Write::Done);
    import.finish(JobStatus::Completed).await;
    deliver_all(&cloud).await;
    assert_eq!(events(&cloud), ["processing", "documents", "completed"]);
}

#[tokio::test]
async fn deleted_patients_are_left_out_and_the_documents_of_opted_out_ones() {
    let cloud = with_customer(true, vec![]);
    let import = Import::start(&cloud, 1).await;
    import.complete(0).await;
    import.end_queries(0).await;
    let [deleted, opted_out, ..] = import.patients(0)[..] else { panic!("two patients") };
    import.change(0, deleted, opted_out).await;
    deliver_for(&cloud, 5).await;
    let told = &messages(&cloud)[1];
    assert!(!told.patients.contains(&deleted.to_string()));
    assert_eq!(told.patients.len(), PATIENTS - 1);
    assert_eq!(told.without_documents, [opted_out.to_string()]);
}

#[tokio::test]
async fn documents_are_told_only_to_a_server_that_has_answered_a_ping() {
    let cloud = with_customer(true, vec![]);
    let settings = cloud.load_settings(customer(1)).await.unwrap();
    let unverified = WebhookSettings { is_verified: false, ..settings };
    assert_eq!(cloud.store_settings(customer(1), &unverified).await.unwrap(), Write::Done);
    cloud.set_pong(URL, false);
    let import = Import::start(&cloud, 1).await;
    import.complete(0).await;
    import.end_queries(0).await;
    deliver_for(&cloud, 120).await;
    assert_eq!(events(&cloud), ["processing"]);
    cloud.set_pong(URL, true);
    deliver_for(&cloud, 600).await;
    assert_eq!(events(&cloud), ["processing", "documents"]);
}
