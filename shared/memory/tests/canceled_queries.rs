//! A worker may die after its chunk was counted and before it sent the document queries. The
//! chunk's message is then received again, and sends them, also if the job was canceled meanwhile.
#![allow(clippy::unwrap_used)]

use bulk_domain::csv::Limits;
use bulk_domain::ids::{CustomerId, FacilityId, JobId};
use bulk_domain::job::{Job, JobEvent};
use bulk_domain::job_size::JobSize;
use bulk_domain::row::Directory;
use bulk_memory::{Cloud, QueueName};
use bulk_pipeline::DirectoryCache;
use bulk_pipeline::end_job::end_job;
use bulk_pipeline::fan_out::{FanOutSettings, fan_out};
use bulk_pipeline::import_rows::{ImportOutcome, import_rows};
use bulk_pipeline::messages::{ChunkMessage, UploadMessage};
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{JobRef, WebhookSettings};
use uuid::Uuid;

const FILE: &str = "firstName,lastName,dob,gender,addressLine1,city,state,zip\n\
                    Ada,Sample,1950-02-03,F,1 Main Street,Boston,MA,02139\n";

/// Receives all messages of a queue, and returns their bodies.
fn receive_all(cloud: &Cloud, queue: QueueName) -> Vec<String> {
    let now = cloud.now();
    cloud.with_queues(|queues| {
        let queue = queues.get(queue);
        std::iter::from_fn(|| queue.receive(now, 0)).map(|message| message.body).collect()
    })
}

#[tokio::test]
async fn the_queries_of_a_counted_chunk_are_sent_again_after_the_job_was_canceled() {
    let cloud = Cloud::calm();
    let [customer, facility] = [2, 3].map(Uuid::from_u128);
    let (customer, facility) = (CustomerId::new(customer), FacilityId::new(facility));
    let directory = Directory { facilities: [facility].into(), ..Directory::default() };
    cloud.set_customer(customer, directory, WebhookSettings::default());
    let job = Job::new(JobId::first_at(cloud.now()), customer, facility, false, cloud.now());
    cloud.create_job(&job).await.unwrap();
    let upload = cloud.upload(JobRef::from(&job), FILE);
    let settings = FanOutSettings { limits: Limits::default(), rows_per_chunk: 3 };
    let uploaded = UploadMessage { customer, job: job.id, upload };
    fan_out(&cloud, settings, &uploaded).await.unwrap();
    let chunks = receive_all(&cloud, QueueName::Chunks(JobSize::Small));
    let chunk: ChunkMessage = serde_json::from_str(&chunks[0]).unwrap();
    let directories = DirectoryCache::default();
    let imported = import_rows(&cloud, &directories, &chunk).await.unwrap();
    assert!(matches!(imported, ImportOutcome::Chunk(tally) if tally.created == 1), "{imported:?}");
    let lost = receive_all(&cloud, QueueName::Queries);
    assert_eq!(lost.len(), 1);

    let running = cloud.load_job(job.id).await.unwrap().unwrap();
    end_job(&cloud, &running, JobEvent::Canceled, None).await.unwrap().unwrap();
    let again = import_rows(&cloud, &directories, &chunk).await.unwrap();
    assert_eq!(again, ImportOutcome::Nothing);
    assert_eq!(receive_all(&cloud, QueueName::Queries), lost);
}
