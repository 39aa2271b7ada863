//! A whole import on one thread: the real use cases over the ports in memory, one message after the
//! other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bulk_api::operations::create_job::create_job;
use bulk_api::operations::undo_job::undo_job;
use bulk_domain::csv::Limits;
use bulk_domain::delivery::{DeliveryState, WebhookDelivery};
use bulk_domain::document::LinkKey;
use bulk_domain::ids::{CustomerId, FacilityId};
use bulk_domain::job::JobStatus;
use bulk_domain::job_size::JobSize;
use bulk_domain::plan::ROWS_PER_CHUNK;
use bulk_domain::row::Directory;
use bulk_domain::time::Timestamp;
use bulk_domain::webhook::WebhookKey;
use bulk_memory::{Cloud, QueueName, Queues};
use bulk_pipeline::DirectoryCache;
use bulk_pipeline::deliver_webhook::deliver_webhook;
use bulk_pipeline::fan_out::{FanOutSettings, fan_out};
use bulk_pipeline::finalize::finalize;
use bulk_pipeline::idempotency::Parameters;
use bulk_pipeline::import_rows::import_rows;
use bulk_pipeline::messages::UploadMessage;
use bulk_pipeline::ports::{Environment as _, WebhookSettings};
use bulk_pipeline::query_documents::{QueriesOutcome, query_documents};
use bulk_pipeline::undo_chunk::undo_chunk;
use futures::executor::block_on;
use uuid::Uuid;

use crate::gateway::Gateway;
use crate::stopwatch::Stopwatch;

/// A customer, and the cloud in which its imports run.
pub struct Account {
    pub cloud: Cloud,
    store: Arc<Stopwatch>,
    customer: CustomerId,
    gateway: Option<Gateway>,
}

/// An import that has ended.
pub struct Import {
    pub times: Times,
    pub runs: Runs,
}

/// How often each function ran.
pub struct Runs {
    pub import_rows: u32,
    pub query_documents: u32,
    pub finalize: u32,
    pub deliver_webhook: u32,
}

impl Runs {
    /// Returns the number of all runs, including that of fan-out.
    pub const fn all(&self) -> u32 {
        1 + self.import_rows + self.query_documents + self.finalize + self.deliver_webhook
    }
}

/// How long the parts of an import took without the store, and how long the store took.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub fan_out: Duration,
    pub import_rows: Duration,
    pub finalize: Duration,
    pub store: Duration,
}

impl Times {
    /// Returns the time of this project's code, without the store.
    pub fn ours(&self) -> Duration {
        self.fan_out + self.import_rows + self.finalize
    }
}

impl Account {
    pub fn new() -> Self {
        Self::with(None, WebhookSettings::default())
    }

    /// Returns an account, the document queries of which go to the gateway.
    pub fn with_gateway(gateway: Gateway) -> Self {
        Self::with(Some(gateway), WebhookSettings::default())
    }

    /// Returns an account as [`with_gateway`](Self::with_gateway) does. Its owner has a server for
    /// webhooks, and wants those about documents.
    pub fn with_patient_webhooks(gateway: Gateway) -> Self {
        let settings = WebhookSettings {
            url: Some("https://receiver.example/webhooks".to_owned()),
            key: Some(WebhookKey::from_random(&[7; 32])),
            link_key: Some(LinkKey::new([8; 32])),
            patient_webhooks: true,
            is_verified: true,
            ..WebhookSettings::default()
        };
        Self::with(Some(gateway), settings)
    }

    fn with(gateway: Option<Gateway>, settings: WebhookSettings) -> Self {
        let store = Arc::new(Stopwatch::default());
        let cloud = Cloud::new(store.clone(), Timestamp::from_millis(1_800_000_000_000), 1);
        let cloud = if gateway.is_some() { cloud } else { cloud.without_gateway() };
        let (customer, facility) =
            (CustomerId::new(Uuid::from_u128(1)), FacilityId::new(Uuid::from_u128(2)));
        let directory = Directory { facilities: [facility].into(), cohorts: [].into() };
        cloud.set_customer(customer, directory, settings);
        Self { cloud, store, customer, gateway }
    }

    /// Imports a file. Every part is a function of its own, so that a profile shows it.
    #[inline(never)]
    pub fn import(&self, file: String) -> Import {
        let uploaded = block_on(self.upload(file));
        let before = self.store.total();
        let (fan_out, ()) = self.timed(|| self.fan_out(&uploaded));
        let (import_rows, chunks) = self.timed(|| self.import_rows());
        let query_documents = self.query_documents();
        let (finalize, finished) = self.timed(|| self.finalize());
        let store = self.store.total().saturating_sub(before);
        let deliver_webhook = self.deliver_webhooks();
        let ended = self.cloud.jobs().pop().expect("the job is there");
        assert_eq!((ended.status, ended.tally.failed), (JobStatus::Completed, 0));
        Import {
            times: Times { fan_out, import_rows, finalize, store },
            runs: Runs {
                import_rows: chunks,
                query_documents,
                finalize: finished,
                deliver_webhook,
            },
        }
    }

    /// Does work. Returns how long it took without the store, and its result.
    fn timed<T>(&self, work: impl FnOnce() -> T) -> (Duration, T) {
        let (started, store) = (Instant::now(), self.store.total());
        let result = work();
        (started.elapsed().saturating_sub(self.store.total().saturating_sub(store)), result)
    }

    async fn upload(&self, file: String) -> UploadMessage {
        let parameters = Parameters::default();
        let created = create_job(&self.cloud, self.customer, parameters, None).await;
        let job = created.expect("a job can be created").job;
        let upload = self.cloud.upload((&job).into(), file);
        UploadMessage { customer: self.customer, job: job.id, upload }
    }

    #[inline(never)]
    fn fan_out(&self, uploaded: &UploadMessage) {
        let limits = Limits { rows: u32::MAX, ..Limits::default() };
        let settings = FanOutSettings { limits, rows_per_chunk: ROWS_PER_CHUNK };
        block_on(fan_out(&self.cloud, settings, uploaded)).expect("a sound file");
    }

    #[inline(never)]
    fn import_rows(&self) -> u32 {
        let directories = DirectoryCache::default();
        let next =
            || JobSize::ALL.into_iter().find_map(|size| self.receive(QueueName::Chunks(size)));
        each(next, |body| {
            block_on(import_rows(&self.cloud, &directories, &read(body)))
                .expect("a chunk is imported");
        })
    }

    #[inline(never)]
    fn query_documents(&self) -> u32 {
        let Some(gateway) = self.gateway else { return 0 };
        let next = || self.receive(QueueName::Queries);
        each(next, |body| {
            let queried = block_on(query_documents(&self.cloud, &gateway, None, &read(body), 1))
                .expect("patients are queried");
            assert!(matches!(queried, QueriesOutcome::Ended(_)), "{queried:?}");
        })
    }

    #[inline(never)]
    fn finalize(&self) -> u32 {
        let next = || self.receive(QueueName::Finished);
        each(next, |body| {
            block_on(finalize(&self.cloud, &read(body))).expect("a job is finalized");
        })
    }

    /// Undoes the account's import. Returns how often the functions ran, those for a chunk as
    /// `import_rows`.
    pub fn undo(&self) -> Runs {
        let job = self.cloud.jobs().pop().expect("the job is there");
        let begun = block_on(undo_job(&self.cloud, self.customer, job.id));
        assert!(begun.is_ok(), "an import that completed can be undone");
        let next = || self.receive(QueueName::UndoneChunks);
        let chunks = each(next, |body| {
            block_on(undo_chunk(&self.cloud, &read(body))).expect("a chunk is undone");
        });
        let finished = self.finalize();
        let undo = self.cloud.jobs().pop().and_then(|job| job.undo).expect("the job is undone");
        assert!(undo.finished_at.is_some() && undo.tally.deleted == job.tally.created);
        Runs { import_rows: chunks, query_documents: 0, finalize: finished, deliver_webhook: 0 }
    }

    /// Delivers all webhooks. The messages about documents follow one another with pauses.
    fn deliver_webhooks(&self) -> u32 {
        let next = || {
            let queues = |queues: &mut Queues| queues.get(QueueName::Webhooks).next_visible();
            self.cloud.set_time(self.cloud.with_queues(queues)?);
            self.receive(QueueName::Webhooks)
        };
        let runs = each(next, |body| {
            block_on(deliver_webhook(&self.cloud, &self.cloud, &read(body)))
                .expect("the receiver answers");
        });
        let ended = |delivery: &WebhookDelivery| delivery.state == DeliveryState::Delivered;
        assert!(self.cloud.deliveries().iter().all(ended), "every message has arrived");
        runs
    }

    fn receive(&self, name: QueueName) -> Option<String> {
        let now = self.cloud.now();
        self.cloud.with_queues(|queues| {
            let queue = queues.get(name);
            let received = queue.receive(now, 0)?;
            queue.delete(received.receipt);
            Some(received.body)
        })
    }
}

/// Handles messages until there are no more, and returns how many there were.
fn each(next: impl Fn() -> Option<String>, handle: impl Fn(&str)) -> u32 {
    let messages = std::iter::from_fn(next).inspect(|body| handle(body));
    u32::try_from(messages.count()).expect("fewer messages than rows")
}

fn read<T: serde::de::DeserializeOwned>(body: &str) -> T {
    serde_json::from_str(body).expect("a message that we sent")
}
