//! A service on the ports in memory that imports files step by step, as a test says.

use std::time::Duration;

use bulk_api::operations::create_job::create_job;
use bulk_api::operations::get_job::{JobWithLinks, get_job};
use bulk_domain::csv::{ColumnMappings, Limits};
use bulk_domain::ids::{CustomerId, FacilityId, JobId};
use bulk_domain::patient::Patient;
use bulk_domain::row::Directory;
use bulk_memory::{Cloud, QueueName};
use bulk_pipeline::DirectoryCache;
use bulk_pipeline::fan_out::{FanOutSettings, fan_out};
use bulk_pipeline::finalize::finalize;
use bulk_pipeline::idempotency::Parameters;
use bulk_pipeline::import_rows::import_rows;
use bulk_pipeline::messages::{ChunkMessage, FinishedMessage, UploadMessage};
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{JobRef, ResultFile, WebhookSettings};
use futures::executor::block_on;
use uuid::Uuid;

/// A customer with one facility.
pub struct Imports {
    pub cloud: Cloud,
    pub customer: CustomerId,
}

/// An import that has ended.
pub struct Ended {
    pub job: JobWithLinks,
    /// The text of the result file; empty if there is none.
    pub result: String,
}

impl Imports {
    pub fn new() -> Self {
        let cloud = Cloud::calm().without_gateway();
        let customer = CustomerId::new(Uuid::from_u128(1));
        let facility = FacilityId::new(Uuid::from_u128(2));
        let directory = Directory { facilities: [facility].into(), cohorts: [].into() };
        cloud.set_customer(customer, directory, WebhookSettings::default());
        Self { cloud, customer }
    }

    /// Creates a job, uploads its file and scans it. Returns the messages of its chunks.
    pub fn begin(&self, file: &[u8], columns: &[&str]) -> (JobId, Vec<ChunkMessage>) {
        // Ids of one millisecond have no order, and jobs are ordered by their ids.
        self.cloud.set_time(self.cloud.now().plus(Duration::from_secs(1)));
        let columns = ColumnMappings::parse(columns.iter().copied()).unwrap();
        let parameters = Parameters { columns, ..Parameters::default() };
        let created = create_job(&self.cloud, self.customer, parameters, None);
        let job = block_on(created).unwrap().job.id;
        let upload = self.cloud.upload(self.job_ref(job), file.to_vec());
        let message = UploadMessage { customer: self.customer, job, upload };
        let settings = FanOutSettings { limits: Limits::default(), rows_per_chunk: 3 };
        block_on(fan_out(&self.cloud, settings, &message)).unwrap();
        let now = self.cloud.now();
        let is_chunks = |name: &QueueName| matches!(name, QueueName::Chunks(_));
        let chunks = self.cloud.with_queues(|queues| {
            let mut chunks = Vec::new();
            for name in QueueName::ALL.into_iter().filter(is_chunks) {
                while let Some(received) = queues.get(name).receive(now, 0) {
                    chunks.push(serde_json::from_str(&received.body).unwrap());
                    queues.get(name).delete(received.receipt);
                }
            }
            chunks
        });
        (job, chunks)
    }

    /// Imports the rows of chunks, and ends the job.
    pub fn end(&self, job: JobId, chunks: &[ChunkMessage]) -> Ended {
        for chunk in chunks {
            block_on(import_rows(&self.cloud, &DirectoryCache::default(), chunk)).unwrap();
        }
        block_on(finalize(&self.cloud, &FinishedMessage { job })).unwrap();
        let result = self.cloud.result(self.job_ref(job), ResultFile::Result).unwrap_or_default();
        Ended {
            job: block_on(get_job(&self.cloud, self.customer, job)).unwrap(),
            result: String::from_utf8_lossy(&result).into_owned(),
        }
    }

    /// Lets so much time pass on the clock of the service.
    pub fn wait(&self, duration: Duration) {
        self.cloud.set_time(self.cloud.now().plus(duration));
    }

    pub fn import(&self, file: &str, columns: &[&str]) -> Ended {
        let (job, chunks) = self.begin(file.as_bytes(), columns);
        self.end(job, &chunks)
    }

    pub fn patients(&self) -> Vec<Patient> {
        let records = self.cloud.patients(self.customer).unwrap();
        records.into_iter().map(|record| record.patient).collect()
    }

    fn job_ref(&self, job: JobId) -> JobRef {
        JobRef { customer: self.customer, job }
    }
}
