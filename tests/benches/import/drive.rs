//! A whole import on one thread: the real use cases over the ports in memory, one message after the other.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::csv::Limits;
use domain::ids::{CustomerId, FacilityId};
use domain::job::JobStatus;
use domain::job_size::JobSize;
use domain::plan::ROWS_PER_CHUNK;
use domain::row::Directory;
use domain::time::Timestamp;
use domain::upload_terms::UploadTerms;
use futures::executor::block_on;
use memory::{Cloud, QueueName};
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
use crate::stopwatch::Stopwatch;

/// A customer's cloud.
pub struct Account {
    pub cloud: Cloud,
    store: Arc<Stopwatch>,
    customer: CustomerId,
    gateway: Option<Gateway>,
    query_messages: Cell<u64>,
}

/// How long the parts of an import took, without the store; and the store.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub fan_out: Duration,
    pub import_rows: Duration,
    pub finalize: Duration,
    pub store: Duration,
}

impl Times {
    /// The time of our code.
    pub fn ours(&self) -> Duration {
        self.fan_out + self.import_rows + self.finalize
    }
}

impl Account {
    pub fn new() -> Self {
        Self::with_gateway(None)
    }

    /// A customer whose patients are looked for there.
    pub fn with_gateway(gateway: Option<Gateway>) -> Self {
        let store = Arc::new(Stopwatch::default());
        let cloud = Cloud::new(store.clone(), Timestamp::from_millis(1_800_000_000_000), 1);
        let (customer, facility) = (CustomerId::new(Uuid::from_u128(1)), FacilityId::new(Uuid::from_u128(2)));
        let directory = Directory { facilities: [facility].into(), cohorts: [].into() };
        cloud.set_customer(customer, directory, WebhookSettings::default());
        Self { cloud, store, customer, gateway, query_messages: Cell::new(0) }
    }

    /// Messages about document queries so far.
    pub fn query_messages(&self) -> u64 {
        self.query_messages.get()
    }

    /// Imports a file. Every part is a function of its own, so that a profile shows it.
    #[inline(never)]
    pub fn import(&self, file: String) -> Times {
        let uploaded = block_on(self.upload(file));
        let before = self.store.total();
        let fan_out = self.timed(|| self.fan_out(&uploaded));
        let import_rows = self.timed(|| self.import_rows());
        self.query_documents();
        let finalize = self.timed(|| self.finalize());
        let store = self.store.total().saturating_sub(before);
        self.deliver_webhooks();
        let ended = self.cloud.jobs().pop().expect("the job is there");
        assert_eq!((ended.status, ended.failed), (JobStatus::Completed, 0));
        Times { fan_out, import_rows, finalize, store }
    }

    /// How long work takes, less what the store takes of it.
    fn timed(&self, work: impl FnOnce()) -> Duration {
        let (started, store) = (Instant::now(), self.store.total());
        work();
        started.elapsed().saturating_sub(self.store.total().saturating_sub(store))
    }

    async fn upload(&self, file: String) -> UploadMessage {
        let parameters = Parameters { facility: None, dry_run: false, terms: UploadTerms::default() };
        let on = &self.cloud;
        let create = CreateJobWith { jobs: on, directory: on, files: on, world: on };
        let created = create.create(self.customer, parameters, None).await;
        let job = created.expect("a job can be created").job;
        let upload = self.cloud.upload((&job).into(), file);
        UploadMessage { customer: self.customer, job: job.id, upload }
    }

    #[inline(never)]
    fn fan_out(&self, uploaded: &UploadMessage) {
        let cloud = || self.cloud.clone();
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
        block_on(fan_out.run(uploaded)).expect("a sound file");
    }

    #[inline(never)]
    fn import_rows(&self) {
        let cloud = || self.cloud.clone();
        let import = ImportRows {
            jobs: cloud(),
            files: cloud(),
            directory: cloud(),
            patients: cloud(),
            finished: cloud(),
            queries: self.gateway.map(|_| cloud()),
            world: cloud(),
        };
        let next = || JobSize::ALL.into_iter().find_map(|size| self.receive(QueueName::Chunks(size)));
        while let Some(body) = next() {
            block_on(import.run(&read(&body))).expect("a chunk is imported");
        }
    }

    #[inline(never)]
    fn query_documents(&self) {
        let Some(gateway) = self.gateway else { return };
        let cloud = || self.cloud.clone();
        let query = QueryDocuments {
            jobs: cloud(),
            patients: cloud(),
            gateway,
            finished: cloud(),
            world: cloud(),
            rate: 0.0,
        };
        while let Some(body) = self.receive(QueueName::Queries) {
            let queried = block_on(query.run(&read(&body), 1)).expect("patients are queried");
            assert!(matches!(queried, Queried::Ended(_)), "{queried:?}");
            self.query_messages.update(|messages| messages + 1);
        }
    }

    #[inline(never)]
    fn finalize(&self) {
        let cloud = || self.cloud.clone();
        let finalize = Finalize { jobs: cloud(), files: cloud(), webhooks: cloud(), clock: cloud() };
        while let Some(body) = self.receive(QueueName::Finished) {
            block_on(finalize.run(&read(&body))).expect("a job is finalized");
        }
    }

    fn deliver_webhooks(&self) {
        let cloud = || self.cloud.clone();
        let deliver = DeliverWebhook {
            jobs: cloud(),
            settings: cloud(),
            files: cloud(),
            http: cloud(),
            clock: cloud(),
        };
        while let Some(body) = self.receive(QueueName::Webhooks) {
            block_on(deliver.run(&read(&body))).expect("nobody listens");
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
