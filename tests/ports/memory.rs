//! The promises on the ports in memory, without injected faults.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use bulk_domain::facility::Facility;
use bulk_domain::ids::{CohortId, CustomerId, PatientId};
use bulk_domain::job::Upload;
use bulk_domain::job_size::JobSize;
use bulk_domain::row::Directory;
use bulk_memory::{Cloud, NoFaults, QueueName};
use bulk_pipeline::messages::{
    ChunkMessage, CopyMessage, DeletionMessage, DownloadMessage, FinishedMessage, QueryMessage,
    UploadMessage, WebhookMessage,
};
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{JobRef, ResultFile, WebhookSettings};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::backend::{Customer, Operator, Receive, Versions};
use crate::differences::Difference;
use crate::given;

mod timeouts;

/// The ports in memory keep every promise.
pub const DIFFERENCES: &[Difference] = &[];

/// A backend in memory, with the fault plan of its clouds.
pub struct Memory(Arc<NoFaults>);

pub fn backend() -> Memory {
    Memory(Arc::new(NoFaults))
}

impl Memory {
    pub fn cloud(&self) -> Ready<Cloud> {
        ready(Cloud::new(self.0.clone(), given::at(given::NOW), 7))
    }
}

impl Customer for Cloud {
    async fn upload(&self, job: JobRef, bytes: Bytes) -> Upload {
        Self::upload(self, job, bytes)
    }

    async fn download(&self, job: JobRef, file: ResultFile) -> Option<Bytes> {
        self.result(job, file)
    }
}

impl Versions for Cloud {
    async fn versions_of_copies(&self, customer: CustomerId, patient: PatientId) -> usize {
        Self::versions_of_copies(self, customer, patient)
    }
}

fn receive<T: DeserializeOwned>(cloud: &Cloud, name: QueueName) -> Vec<T> {
    let now = cloud.now();
    cloud.with_queues(|queues| {
        let queue = queues.get(name);
        let mut messages = Vec::new();
        while let Some(received) = queue.receive(now, 0) {
            queue.delete(received.receipt);
            messages.push(serde_json::from_str(&received.body).unwrap());
        }
        messages
    })
}

impl Receive for Cloud {
    async fn chunks(&self, size: JobSize) -> Vec<ChunkMessage> {
        receive(self, QueueName::Chunks(size))
    }

    async fn queries(&self) -> Vec<QueryMessage> {
        receive(self, QueueName::Queries)
    }

    async fn copies(&self) -> Vec<CopyMessage> {
        receive(self, QueueName::Copies)
    }

    async fn downloads(&self) -> Vec<DownloadMessage> {
        receive(self, QueueName::Downloads)
    }

    async fn finished(&self) -> Vec<FinishedMessage> {
        receive(self, QueueName::Finished)
    }

    async fn deletions(&self) -> Vec<DeletionMessage> {
        receive(self, QueueName::UndoneChunks)
    }

    async fn uploads(&self) -> Vec<UploadMessage> {
        receive(self, QueueName::Uploads)
    }

    async fn webhooks(&self) -> Vec<WebhookMessage> {
        receive(self, QueueName::Webhooks)
    }

    async fn pass(&self, time: Duration) {
        self.set_time(self.now().plus(time));
    }
}

impl Operator for Cloud {
    async fn enter(
        &self,
        customer: CustomerId,
        facilities: &[Facility],
        cohorts: &[CohortId],
        settings: &WebhookSettings,
    ) {
        let directory = Directory {
            facilities: facilities.iter().map(|facility| facility.id).collect(),
            cohorts: cohorts.iter().copied().collect(),
        };
        self.set_customer(customer, directory, settings.clone());
    }

    // The memory stores no names.
    async fn rename(&self, _: CustomerId, _: &str) {}
}

crate::emulator::contracts!(memory.cloud:
    jobs, open_jobs, chunks, chunk_queries, gateway_limits, watchlist, undos, deliveries, people, rosters,
    external_ids, patient_queries, documents, copy_records, downloads, directory, directory_changes, uploads, objects, results,
    copies, queues, webhook_queue);
