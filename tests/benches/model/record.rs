//! The AWS calls of an import and of its undo: the real planner and the real workers run once over
//! the ports in memory.

use std::collections::HashMap;
use std::sync::Arc;

use bulk_api::operations::create_job::create_job;
use bulk_domain::csv::Limits;
use bulk_domain::ids::{CustomerId, FacilityId, JobId};
use bulk_domain::job::JobStatus;
use bulk_domain::job_size::JobSize;
use bulk_domain::plan::ROWS_PER_CHUNK;
use bulk_domain::row::Directory;
use bulk_domain::time::Timestamp;
use bulk_memory::{Cloud, LoggedCall, NoFaults, QueueName};
use bulk_pipeline::DirectoryCache;
use bulk_pipeline::fan_out::{FanOutSettings, fan_out};
use bulk_pipeline::finalize::{FinalizeOutcome, finalize};
use bulk_pipeline::idempotency::Parameters;
use bulk_pipeline::import_rows::{ImportOutcome, import_rows};
use bulk_pipeline::messages::{FinishedMessage, UploadMessage};
use bulk_pipeline::ports::{JobStore as _, WebhookSettings};
use bulk_pipeline::undo_chunk::{UndoChunkOutcome, undo_chunk};
use bulk_pipeline::undo_job::request_undo;
use futures::executor::block_on;
use uuid::Uuid;

use crate::purpose::Purpose;

fn now() -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000)
}

/// The calls that a chunk makes for one purpose, one after the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// What the calls are for.
    pub purpose: Purpose,
    /// The units of each call, those of a batch by its items.
    pub calls: Vec<Vec<u32>>,
}

/// The calls of a chunk, step after step.
#[derive(Clone, Debug)]
pub struct ChunkCalls {
    /// The number of rows in the chunk.
    pub rows: u32,
    /// The steps, in the order in which the chunk makes them.
    pub steps: Vec<Step>,
}

impl ChunkCalls {
    /// Returns how many items the chunk writes for its rows: persons and entries of external ids.
    pub fn writes(&self) -> usize {
        self.steps.iter().filter(|step| step.is_kept()).map(|step| step.calls.len()).sum()
    }
}

impl Step {
    /// Returns whether the step writes items one by one that stay written when the chunk is
    /// retried. Such a step has a call for each item of the batches before it, which is made if the
    /// batch was refused the item.
    pub fn is_kept(&self) -> bool {
        matches!(self.purpose, Purpose::StoreExternalId | Purpose::StorePerson)
    }
}

/// The calls of a job or of its undo, chunk by chunk.
#[derive(Clone, Debug)]
pub struct JobCalls {
    /// The number of rows in the file.
    pub rows: u32,
    /// The chunks, in the order in which they are sent.
    pub chunks: Vec<ChunkCalls>,
    /// The largest number of writes of a single person.
    pub most_writes: u32,
}

/// Imports a file in chunks of the real size, and records every call.
pub fn record(file: String) -> JobCalls {
    record_in_chunks(file, ROWS_PER_CHUNK)
}

/// Imports a file in chunks of this many rows, and records every call.
pub fn record_in_chunks(file: String, rows_per_chunk: u32) -> JobCalls {
    block_on(import(file, rows_per_chunk)).0
}

/// Imports a file in chunks of the real size, undoes the import, and records every call of the
/// undone chunks.
pub fn record_undo(file: String) -> JobCalls {
    block_on(undo(file))
}

async fn undo(file: String) -> JobCalls {
    let (imported, cloud, job) = import(file, ROWS_PER_CHUNK).await;
    let message = FinishedMessage { job };
    let ended = finalize(&cloud, &message).await.expect("the result is written");
    let status = JobStatus::Completed;
    assert!(matches!(ended, FinalizeOutcome::Ended { status: found, .. } if found == status));
    let job = cloud.load_job(job).await.expect("a call in memory").expect("the job is there");
    request_undo(&cloud, job).await.expect("an ended job is undone");
    cloud.take_log();
    let mut chunks = Vec::new();
    while let Some(body) = receive(&cloud, QueueName::UndoneChunks) {
        let outcome = undo_chunk(&cloud, &read(&body)).await.expect("a chunk is undone");
        let UndoChunkOutcome::Chunk(tally) = outcome else { unreachable!("a chunk is sent once") };
        assert_eq!(tally.kept, 0, "nothing else has changed the patients");
        chunks.push(ChunkCalls { rows: tally.deleted, steps: steps(&cloud.take_log()) });
    }
    let rows = chunks.iter().map(|chunk| chunk.rows).sum();
    JobCalls { rows, chunks, most_writes: imported.most_writes }
}

async fn import(file: String, rows_per_chunk: u32) -> (JobCalls, Cloud, JobId) {
    let cloud = Cloud::new(Arc::new(NoFaults), now(), 1);
    let (customer, facility) =
        (CustomerId::new(Uuid::from_u128(1)), FacilityId::new(Uuid::from_u128(2)));
    let directory = Directory { facilities: [facility].into(), cohorts: [].into() };
    cloud.set_customer(customer, directory, WebhookSettings::default());
    let parameters = Parameters::default();
    let job =
        create_job(&cloud, customer, parameters, None).await.expect("a job can be created").job;
    let uploaded =
        UploadMessage { customer, job: job.id, upload: cloud.upload((&job).into(), file) };
    let settings = FanOutSettings { limits: Limits::default(), rows_per_chunk };
    fan_out(&cloud, settings, &uploaded).await.expect("a sound file");

    let (cloud, directories) = (cloud.without_gateway(), DirectoryCache::default());
    let (mut chunks, mut writes) = (Vec::new(), HashMap::new());
    cloud.take_log();
    let next =
        || JobSize::ALL.into_iter().find_map(|size| receive(&cloud, QueueName::Chunks(size)));
    while let Some(body) = next() {
        let outcome =
            import_rows(&cloud, &directories, &read(&body)).await.expect("a chunk is imported");
        let ImportOutcome::Chunk(tally) = outcome else { unreachable!("a chunk is sent once") };
        let calls = cloud.take_log();
        for call in &calls {
            for key in &call.keys {
                *writes.entry((Purpose::of(call), key.clone())).or_insert(0) += 1;
            }
        }
        chunks.push(ChunkCalls { rows: tally.ended(), steps: steps(&calls) });
    }

    assert!(receive(&cloud, QueueName::Finished).is_some(), "the job has no pending chunks");
    let of_people = |of| matches!(of, Purpose::InsertPeople | Purpose::StorePerson);
    let of_people = writes.iter().filter(|((of, _), _)| of_people(*of));
    let most_writes = of_people.map(|(_, count)| *count).max().unwrap_or(0);
    let rows = chunks.iter().map(|chunk| chunk.rows).sum();
    (JobCalls { rows, chunks, most_writes }, cloud, job.id)
}

/// Returns the calls as steps. Consecutive calls with the same purpose are one step. Batches of new
/// items are followed by a step with a call for each of their items, which the model makes for
/// those that it throttled in the batch.
fn steps(calls: &[LoggedCall]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for call in calls {
        let purpose = Purpose::of(call);
        let units: Vec<u32> =
            call.units.iter().map(|units| u32::try_from(*units).expect("few units")).collect();
        add_call(&mut steps, purpose, units.clone());
        if let Some(singly) = purpose.one_by_one() {
            for units in units {
                add_call(&mut steps, singly, vec![units]);
            }
        }
    }
    for kept in [Purpose::StoreExternalId, Purpose::StorePerson] {
        let times = steps.iter().filter(|step| step.purpose == kept).count();
        assert!(times <= 1, "{kept:?} is one step, whose items are counted from 0");
    }
    steps
}

/// Adds a call to the last step or, for batches of which each is followed by its items, to the one
/// before it.
fn add_call(steps: &mut Vec<Step>, purpose: Purpose, units: Vec<u32>) {
    let lately = steps.len().saturating_sub(2);
    let same = steps[lately..].iter_mut().find(|step| step.purpose == purpose);
    match same {
        Some(step) => step.calls.push(units),
        None => steps.push(Step { purpose, calls: vec![units] }),
    }
}

fn receive(cloud: &Cloud, name: QueueName) -> Option<String> {
    cloud.with_queues(|queues| {
        let queue = queues.get(name);
        let received = queue.receive(now(), 0)?;
        queue.delete(received.receipt);
        Some(received.body)
    })
}

fn read<T: serde::de::DeserializeOwned>(body: &str) -> T {
    serde_json::from_str(body).expect("a message that we sent")
}
