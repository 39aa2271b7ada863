//! The queues between the functions: every message that is sent arrives as it was sent.

use std::time::Duration;

use bulk_domain::document::{DocumentId, DocumentKey, DocumentName};
use bulk_domain::ids::{CustomerId, JobId};
use bulk_domain::job_size::JobSize;
use bulk_domain::query::QueryPart;
use bulk_pipeline::messages::{
    ChunkMessage, CopyMessage, DeletionMessage, DownloadMessage, FinishedMessage, QueryAsker,
    QueryMessage, UndoMessage, UploadMessage, WithdrawalMessage,
};
use bulk_pipeline::ports::Queues;

use crate::backend::Receive;
use crate::given;

fn messages(customer: CustomerId, job: JobId, count: u32) -> Vec<ChunkMessage> {
    (0..count)
        .map(|number| {
            let start = u64::from(number) * 5_000_000_000;
            ChunkMessage { customer, job, chunk: given::chunk(number), plan: (start, start + 40) }
        })
        .collect()
}

/// SQS takes 10 messages in one batch.
pub async fn chunks_arrive_each_once_however_many_there_are(ports: &(impl Queues + Receive)) {
    for (count, size) in [0, 1, 10, 11, 103].into_iter().zip(JobSize::ALL.into_iter().cycle()) {
        let sent = messages(given::customer(), given::job_id(), count);
        ports.send_chunks(size, &sent).await.unwrap();
        let mut arrived = ports.chunks(size).await;
        arrived.sort_by_key(|message| message.chunk);
        assert_eq!(arrived, sent);
    }
}

pub async fn a_chunk_that_is_sent_again_arrives_again(ports: &(impl Queues + Receive)) {
    let sent = messages(given::customer(), given::job_id(), 3);
    ports.send_chunks(JobSize::Large, &sent).await.unwrap();
    ports.send_chunks(JobSize::Large, &sent[1..2]).await.unwrap();
    let arrived = ports.chunks(JobSize::Large).await;
    assert_eq!(arrived.len(), 4);
    assert_eq!(arrived.iter().filter(|message| **message == sent[1]).count(), 2);
}

/// The chunks of a large job never delay those of a small one.
pub async fn chunks_of_each_size_of_job_are_by_themselves(ports: &(impl Queues + Receive)) {
    let sent = JobSize::ALL.map(|size| (size, messages(given::customer(), given::job_id(), 1)));
    for (size, messages) in &sent {
        ports.send_chunks(*size, messages).await.unwrap();
    }
    for (size, messages) in sent {
        assert_eq!(ports.chunks(size).await, messages, "{size:?}");
    }
}

pub async fn queries_arrive_each_once_however_many_there_are(ports: &(impl Queues + Receive)) {
    assert!(ports.has_gateway());
    for count in [0, 1, 10, 11, 103] {
        let (customer, job) = (given::customer(), given::job_id());
        let message = |part| QueryMessage {
            customer,
            asker: QueryAsker::Part(QueryPart { job, chunk: given::chunk(part % 3), part }),
            patients: (0..10).map(|_| given::patient()).collect(),
        };
        let sent: Vec<QueryMessage> = (0..count).map(message).collect();
        ports.send_queries(&sent).await.unwrap();
        let mut arrived = ports.queries().await;
        arrived.sort_by_key(|message| message.part().map(|part| part.part));
        assert_eq!(arrived, sent);
    }
}

pub async fn a_query_by_hand_arrives(ports: &(impl Queues + Receive)) {
    let asker = QueryAsker::Request(given::request());
    let sent =
        QueryMessage { customer: given::customer(), asker, patients: vec![given::patient()] };
    for _ in 0..2 {
        ports.send_queries(std::slice::from_ref(&sent)).await.unwrap();
        assert_eq!(ports.queries().await, std::slice::from_ref(&sent));
    }
}

pub async fn a_finished_job_arrives(ports: &(impl Queues + Receive)) {
    let sent = FinishedMessage { job: given::job_id() };
    for _ in 0..2 {
        ports.send_finished(&sent).await.unwrap();
        assert_eq!(ports.finished().await, [sent]);
    }
}

pub async fn undone_chunks_arrive_each_once_however_many_there_are(
    ports: &(impl Queues + Receive),
) {
    for count in [0, 1, 11] {
        let (customer, job) = (given::customer(), given::job_id());
        let message = |number| UndoMessage { customer, job, chunk: given::chunk(number) };
        let sent: Vec<UndoMessage> = (0..count).map(message).collect();
        ports.send_undo(&sent).await.unwrap();
        let chunk = |message| match message {
            DeletionMessage::Undo(message) => message,
            DeletionMessage::Withdrawal(message) => panic!("{message:?}"),
        };
        let mut arrived: Vec<UndoMessage> =
            ports.deletions().await.into_iter().map(chunk).collect();
        arrived.sort_by_key(|message| message.chunk);
        assert_eq!(arrived, sent);
    }
}

pub async fn a_withdrawal_arrives_after_its_delay(ports: &(impl Queues + Receive)) {
    let sent = WithdrawalMessage {
        customer: given::customer(),
        withdrawn: (0..250).map(|_| given::patient()).collect(),
    };
    let delay = Duration::from_millis(2500);
    ports.send_withdrawal_after(&sent, delay).await.unwrap();
    assert_eq!(ports.deletions().await, []);
    // SQS counts whole seconds.
    ports.pass(delay + Duration::from_secs(1)).await;
    assert_eq!(ports.deletions().await, [DeletionMessage::Withdrawal(sent)]);
}

pub async fn a_found_upload_arrives(ports: &(impl Queues + Receive)) {
    let sent = UploadMessage {
        customer: given::customer(),
        job: given::job_id(),
        upload: given::upload(),
    };
    for _ in 0..2 {
        ports.send_upload(&sent).await.unwrap();
        assert_eq!(ports.uploads().await, std::slice::from_ref(&sent));
    }
}

pub async fn a_document_to_copy_arrives(ports: &(impl Queues + Receive)) {
    let document = DocumentKey::of(&DocumentId::new("urn:oid:2.999.1").unwrap());
    let document = DocumentName { patient: given::patient(), document };
    for version in [None, Some(7)] {
        let sent = CopyMessage { customer: given::customer(), document, version };
        ports.send_copy(&sent).await.unwrap();
        assert_eq!(ports.copies().await, [sent]);
    }
}

pub async fn a_bulk_download_arrives(ports: &(impl Queues + Receive)) {
    let (customer, patient) = (given::customer(), given::patient());
    let sent = DownloadMessage { customer, patient, download: given::download() };
    for _ in 0..2 {
        ports.send_download(&sent).await.unwrap();
        assert_eq!(ports.downloads().await, [sent]);
    }
}

contract!($ queues:
    chunks_arrive_each_once_however_many_there_are,
    a_chunk_that_is_sent_again_arrives_again,
    chunks_of_each_size_of_job_are_by_themselves,
    queries_arrive_each_once_however_many_there_are,
    a_query_by_hand_arrives,
    a_document_to_copy_arrives,
    a_bulk_download_arrives,
    a_finished_job_arrives,
    undone_chunks_arrive_each_once_however_many_there_are,
    a_withdrawal_arrives_after_its_delay,
    a_found_upload_arrives,
);
