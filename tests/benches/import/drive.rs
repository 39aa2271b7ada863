//! A whole import on one thread: the real use cases over the ports in memory, one message after the other.

use std::cell::Cell;
use std::sync::Arc;

use domain::csv::Limits;
use domain::ids::{CustomerId, FacilityId};
use domain::job::{Job, JobStatus};
use domain::job_size::JobSize;
use domain::plan::ROWS_PER_CHUNK;
use domain::row::Directory;
use domain::time::Timestamp;
use domain::upload_terms::UploadTerms;
use futures::executor::block_on;
use memory::{Cloud, QueueName, Reliable};
use pipeline::api::create_job::CreateJobWith;
use pipeline::api::idempotency::Parameters;
use pipeline::deliver_webhook::DeliverWebhook;
use pipeline::fan_out::FanOut;
use pipeline::finalize::Finalize;
use pipeline::import_rows::ImportRows;
use pipeline::messages::UploadMessage;
use pipeline::ports::WebhookSettings;
use pipeline::query_documents::{Queried, QueryDocuments};
use uuid::Uuid;

use crate::gateway::Gateway;

/// A customer's cloud.
pub struct Account {
    pub cloud: Cloud,
    customer: CustomerId,
    gateway: Option<Gateway>,
    query_messages: Cell<u64>,
}

impl Account {
    pub fn new() -> Self {
        Self::with_gateway(None)
    }

    /// A customer whose patients are looked for there.
    pub fn with_gateway(gateway: Option<Gateway>) -> Self {
        let cloud = Cloud::new(Arc::new(Reliable), Timestamp::from_millis(1_800_000_000_000), 1);
        let (customer, facility) = (CustomerId::new(Uuid::from_u128(1)), FacilityId::new(Uuid::from_u128(2)));
        let directory = Directory { facilities: [facility].into(), cohorts: [].into() };
        cloud.set_customer(customer, directory, WebhookSettings::default());
        Self { cloud, customer, gateway, query_messages: Cell::new(0) }
    }

    /// Messages about document queries so far.
    pub fn query_messages(&self) -> u64 {
        self.query_messages.get()
    }

    /// Imports a file and gives the finished job.
    pub fn import(&self, file: String) -> Job {
        block_on(self.run(file))
    }

    async fn run(&self, file: String) -> Job {
        let cloud = || self.cloud.clone();
        let parameters = Parameters { facility: None, dry_run: false, terms: UploadTerms::default() };
        let on = &self.cloud;
        let create = CreateJobWith { jobs: on, directory: on, files: on, world: on };
        let created = create.create(self.customer, parameters, None).await;
        let job = created.expect("a job can be created").job;
        let upload = self.cloud.upload((&job).into(), file);
        let fan_out = FanOut {
            jobs: cloud(),
            files: cloud(),
            chunks: cloud(),
            finished: cloud(),
            webhooks: cloud(),
            clock: cloud(),
            limits: Limits { rows: u32::MAX, ..Limits::default() },
            rows_per_chunk: ROWS_PER_CHUNK,
        };
        let uploaded = UploadMessage { customer: self.customer, job: job.id, upload };
        fan_out.run(&uploaded).await.expect("a sound file");
        let import = ImportRows {
            jobs: cloud(),
            files: cloud(),
            directory: cloud(),
            patients: cloud(),
            finished: cloud(),
            queries: self.gateway.map(|_| cloud()),
            world: cloud(),
        };
        while let Some(body) = JobSize::ALL.into_iter().find_map(|size| self.receive(QueueName::Chunks(size)))
        {
            import.run(&read(&body)).await.expect("a chunk is imported");
        }
        if let Some(gateway) = self.gateway {
            self.query(gateway).await;
        }
        let finalize = Finalize { jobs: cloud(), files: cloud(), webhooks: cloud(), clock: cloud() };
        while let Some(body) = self.receive(QueueName::Finished) {
            finalize.run(&read(&body)).await.expect("a job is finalized");
        }
        let deliver = DeliverWebhook {
            jobs: cloud(),
            settings: cloud(),
            files: cloud(),
            http: cloud(),
            clock: cloud(),
        };
        while let Some(body) = self.receive(QueueName::Webhooks) {
            deliver.run(&read(&body)).await.expect("nobody listens");
        }
        let ended = self.cloud.jobs().pop().expect("the job is there");
        assert_eq!((ended.status, ended.failed), (JobStatus::Completed, 0));
        ended
    }

    async fn query(&self, gateway: Gateway) {
        let query = QueryDocuments {
            jobs: self.cloud.clone(),
            patients: self.cloud.clone(),
            gateway,
            finished: self.cloud.clone(),
            world: self.cloud.clone(),
            rate: 0.0,
        };
        while let Some(body) = self.receive(QueueName::Queries) {
            let queried = query.run(&read(&body), 1).await.expect("patients are queried");
            assert!(matches!(queried, Queried::Ended(_)), "{queried:?}");
            self.query_messages.update(|messages| messages + 1);
        }
    }

    fn receive(&self, name: QueueName) -> Option<String> {
        let now = Timestamp::from_millis(1_800_000_000_000);
        self.cloud.with_queues(|queues| {
            let queue = queues.get(name);
            let received = queue.receive(now, 0)?;
            queue.delete(received.receipt);
            Some(received.body)
        })
    }
}

fn read<T: serde::de::DeserializeOwned>(body: &str) -> T {
    serde_json::from_str(body).expect("a message that we sent")
}
