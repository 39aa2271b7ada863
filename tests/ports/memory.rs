//! The promises in memory, on a network without faults.

use std::future::{Ready, ready};
use std::sync::Arc;

use bytes::Bytes;
use domain::facility::Facility;
use domain::ids::{CohortId, CustomerId};
use domain::job::Upload;
use domain::job_size::JobSize;
use domain::row::Directory;
use memory::{Cloud, QueueName, Reliable};
use pipeline::messages::{ChunkMessage, FinishedMessage, QueryMessage, UploadMessage, WebhookMessage};
use pipeline::ports::{Clock as _, JobRef, ResultFile, WebhookSettings};
use serde::de::DeserializeOwned;

use crate::backend::{Customer, Operator, Receive};
use crate::given;

mod timeouts;

fn cloud() -> Ready<Cloud> {
    ready(Cloud::new(Arc::new(Reliable), given::at(given::NOW), 7))
}

impl Customer for Cloud {
    async fn upload(&self, job: JobRef, bytes: Bytes) -> Upload {
        Self::upload(self, job, bytes)
    }

    async fn download(&self, job: JobRef, file: ResultFile) -> Option<Bytes> {
        self.result(job, file)
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

    async fn finished(&self) -> Vec<FinishedMessage> {
        receive(self, QueueName::Finished)
    }

    async fn uploads(&self) -> Vec<UploadMessage> {
        receive(self, QueueName::Uploads)
    }

    async fn webhooks(&self) -> Vec<WebhookMessage> {
        receive(self, QueueName::Webhooks)
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
}

mod jobs {
    crate::contract::jobs::tests!(super::cloud());
}

mod chunks {
    crate::contract::chunks::tests!(super::cloud());
}

mod chunk_queries {
    crate::contract::chunk_queries::tests!(super::cloud());
}

mod gateway_care {
    crate::contract::gateway_care::tests!(super::cloud());
}

mod open_jobs {
    crate::contract::open_jobs::tests!(super::cloud());
}

mod watchlist {
    crate::contract::watchlist::tests!(super::cloud());
}

mod deliveries {
    crate::contract::deliveries::tests!(super::cloud());
}

mod people {
    crate::contract::people::tests!(super::cloud());
}

mod rosters {
    crate::contract::rosters::tests!(super::cloud());
}

mod external_ids {
    crate::contract::external_ids::tests!(super::cloud());
}

mod patients {
    crate::contract::patients::tests!(super::cloud());
}

mod patient_queries {
    crate::contract::patient_queries::tests!(super::cloud());
}

mod documents {
    crate::contract::documents::tests!(super::cloud());
}

mod directory {
    crate::contract::directory::tests!(super::cloud());
}

mod uploads {
    crate::contract::uploads::tests!(super::cloud());
}

mod objects {
    crate::contract::objects::tests!(super::cloud());
}

mod results {
    crate::contract::results::tests!(super::cloud());
}

mod queues {
    crate::contract::queues::tests!(super::cloud());
}

mod webhook_queue {
    crate::contract::webhook_queue::tests!(super::cloud());
}
