//! Plays a story: the real use cases on one thread, in virtual time, with everything going wrong that can.
//!
//! Whatever runs is a [`Task`]: a Lambda invocation or a client's request. In each step chance polls one of them,
//! or starts one of those that are due. A task may crash at any await, or stand still until long after its
//! message was given to another one.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use domain::csv::Limits;
use domain::ids::JobId;
use domain::job::{JobStatus, Upload as Version};
use domain::time::Timestamp;
use domain::upload_terms::UploadTerms;
use domain::webhook::WebhookKey;
use futures::future::Future;
use memory::{Cloud, QueueName, Received};
use pipeline::abandon::Abandon;
use pipeline::api::ApiError;
use pipeline::api::cancel_job::cancel_job;
use pipeline::api::create_job::{CreateJobWith, NewJob};
use pipeline::api::get_job::get_job;
use pipeline::api::idempotency::Parameters;
use pipeline::deliver_webhook::{DeliverWebhook, Delivery};
use pipeline::fan_out::FanOut;
use pipeline::finalize::Finalize;
use pipeline::import_rows::ImportRows;
use pipeline::messages::{ChunkMessage, QueryMessage, UploadMessage};
use pipeline::ports::{Clock, JobRef, WebhookSettings};
use pipeline::query_documents::{Queried, QueryDocuments};
use pipeline::sweep::Sweep;

use crate::chance::{Chance, Weather};
use crate::gateway::{Exchange, Gateway};
use crate::rows::PEOPLE;
use crate::story::{File, Plan, Story};

/// Invocations and requests that run at the same time at most.
const CONCURRENT_TASKS: usize = 12;

/// A story that takes longer than this does not end.
const LONGEST_STORY: Duration = Duration::from_hours(5 * 24);

/// Tries of an asynchronous invocation (AWS: one and two more), after which its event is lost.
const EVENT_TRIES: u32 = 3;

/// An import, once its job is there.
#[derive(Debug)]
pub struct Import {
    /// Index of its plan in the story.
    pub plan: usize,
    pub job: JobRef,
    /// The versions that were uploaded, in order, with what is in them.
    pub versions: Vec<(Version, File)>,
    /// Whether a request to cancel it was answered with success.
    pub was_canceled: bool,
}

/// How a story went.
#[derive(Debug)]
pub struct Played {
    pub cloud: Cloud,
    pub story: Story,
    pub imports: Vec<Import>,
    pub exchange: Exchange,
    pub crashes: u32,
    pub steps: u64,
}

/// What came of a task.
enum Verdict {
    Done,
    /// To be tried again after this time.
    Again(Duration),
    /// The job, and until when its link takes an upload.
    Created(JobRef, Timestamp),
    Canceled,
    Read(JobStatus),
}

/// Where a task came from, and so what becomes of it afterwards.
#[derive(Clone, Debug)]
enum Cause {
    Message(QueueName, Received),
    /// An S3 event, and how often it was tried before.
    Event(UploadMessage, u32),
    /// A dead letter of a queue, and how often it was tried before.
    DeadLetter(String, u32),
    Sweep,
    Create(usize),
    Cancel(usize),
    Read(usize),
}

struct Task {
    cause: Cause,
    future: Pin<Box<dyn Future<Output = Verdict>>>,
    /// Without faults, crashes and stand-stills, so that its message does not become a dead letter.
    is_calm: bool,
    /// Its message is never done, however often it is tried.
    is_poisoned: bool,
    crashes_after: Option<u32>,
    stands_until: Timestamp,
    /// When Lambda ends it.
    times_out: Timestamp,
}

impl Task {
    /// Leaves the task alone until then, or until Lambda ends it.
    fn stand(&mut self, until: Timestamp) {
        self.stands_until = until.min(self.times_out.plus(Duration::from_millis(1)));
    }
}

impl Cause {
    /// The `Timeout` that template.yaml gives the function; shorter than its queue's visibility timeout.
    const fn timeout(&self) -> Duration {
        Duration::from_secs(match self {
            Self::Event(..) | Self::Message(QueueName::Uploads | QueueName::Finished, _) => 900,
            Self::Message(QueueName::Chunks(_), _) => 120,
            Self::Message(QueueName::Queries, _) => 240,
            Self::Message(QueueName::Webhooks, _) => 30,
            Self::DeadLetter(..) => 60,
            Self::Sweep => 300,
            Self::Create(_) | Self::Cancel(_) | Self::Read(_) => 15,
        })
    }
}

/// Something that starts at its time.
enum Due {
    Task(Cause),
    Upload { import: usize, upload: usize, expires: Timestamp },
}

struct Player {
    cloud: Cloud,
    weather: Arc<Weather>,
    exchange: Exchange,
    chance: Chance,
    story: Story,
    start: Timestamp,
    now: Timestamp,
    next_sweep: Timestamp,
    tasks: Vec<Task>,
    due: Vec<(Timestamp, Due)>,
    imports: Vec<Import>,
    seen: BTreeMap<JobId, JobStatus>,
    crashes: u32,
}

/// Plays the story of a seed to its end.
pub fn play(seed: u64) -> Played {
    let chance = Chance::new(seed);
    let story = Story::random(&chance);
    let weather = Arc::new(Weather::new(&chance));
    let start = Timestamp::from_millis(1_800_000_000_000);
    let cloud = Cloud::new(weather.clone(), start, seed);
    for customer in &story.customers {
        let webhooks = WebhookSettings {
            url: Some(customer.url.clone()),
            key: Some(WebhookKey::from_random(&[7; 32])),
            ..WebhookSettings::default()
        };
        cloud.set_customer(customer.id, customer.directory(), webhooks);
        cloud.set_answers(&customer.url, vec![500; customer.failing_answers]);
    }
    if let Some(receives) = story.query_receives {
        cloud.with_queues(|queues| queues.get(QueueName::Queries).set_receives(receives));
    }
    // Two of the gateway's documents, so that many have several pages.
    cloud.set_page_bytes(450);
    let mut player = Player {
        cloud,
        weather,
        exchange: Exchange::default(),
        chance,
        start,
        now: start,
        next_sweep: start,
        tasks: Vec::new(),
        due: Vec::new(),
        imports: Vec::new(),
        seen: BTreeMap::new(),
        crashes: 0,
        story,
    };
    let plans = player.story.plans.clone();
    if let Some(file) = player.story.earlier.clone() {
        player.import_in_calm(0, file);
    }
    player.start = player.now;
    for (index, plan) in plans.iter().enumerate() {
        player.later(plan.created, Due::Task(Cause::Create(index)));
    }
    let steps = player.run(false);
    let Player { cloud, story, imports, exchange, crashes, .. } = player;
    Played { cloud, story, imports, exchange, crashes, steps }
}

impl Played {
    /// Imports a file after the story, with nothing going wrong.
    pub fn import_once_more(&mut self, customer: usize, file: File) {
        let chance = Chance::new(1);
        let weather = Arc::new(Weather::new(&chance));
        weather.set_calm(true);
        let now = Clock::now(&self.cloud);
        let mut player = Player {
            cloud: self.cloud.with_network(weather.clone()),
            weather,
            exchange: self.exchange.clone(),
            chance,
            story: self.story.clone(),
            start: now,
            now,
            next_sweep: now,
            tasks: Vec::new(),
            due: Vec::new(),
            imports: Vec::new(),
            seen: BTreeMap::new(),
            crashes: 0,
        };
        player.import_in_calm(customer, file);
        self.imports.append(&mut player.imports);
        self.story = player.story;
    }
}

impl Player {
    fn later(&mut self, after: Duration, due: Due) {
        let at = self.start.plus(after).max(self.now);
        self.due.push((at, due));
    }

    /// One job from its creation to its end, without faults.
    fn import_in_calm(&mut self, customer: usize, file: File) {
        let upload = crate::story::Upload {
            after: Duration::from_secs(1),
            file,
            events: vec![Duration::from_secs(1)],
        };
        let plan = Plan {
            customer,
            dry_run: false,
            created: Duration::ZERO,
            uploads: vec![upload],
            canceled: None,
            reads: Vec::new(),
        };
        self.story.plans.push(plan);
        self.start = self.now;
        self.later(Duration::ZERO, Due::Task(Cause::Create(self.story.plans.len() - 1)));
        self.run(true);
        self.now = self.now.plus(Duration::from_secs(1));
    }

    /// Runs until nothing is left to do; gives the number of steps.
    fn run(&mut self, in_calm: bool) -> u64 {
        let mut steps = 0;
        let deadline = self.start.plus(LONGEST_STORY);
        loop {
            steps += 1;
            assert!(self.now < deadline, "the story does not end: {:#?}", self.cloud.jobs());
            self.now = self.now.plus(Duration::from_millis(self.chance.below(40)));
            self.cloud.set_time(self.now);
            let runnable: Vec<usize> =
                (0..self.tasks.len()).filter(|&index| self.tasks[index].stands_until <= self.now).collect();
            let is_full = self.tasks.len() >= CONCURRENT_TASKS;
            if (runnable.is_empty() || self.chance.once_in(4)) && !is_full && self.start_something(in_calm) {
                continue;
            }
            if !runnable.is_empty() {
                self.poll(self.chance.pick(&runnable));
                continue;
            }
            let Some(next) = self.next_time() else { return steps };
            self.now = self.now.max(next);
        }
    }

    /// When something can go on, if anything ever can.
    fn next_time(&self) -> Option<Timestamp> {
        let queues = self.cloud.with_queues(|queues| {
            QueueName::ALL.into_iter().filter_map(|name| queues.get(name).next_visible()).min()
        });
        let due = self.due.iter().map(|(at, _)| *at).min();
        let standing = self.tasks.iter().map(|task| task.stands_until).min();
        let sweep = self.cloud.next_due().map(|due| due.max(self.next_sweep));
        [queues, due, standing, sweep].into_iter().flatten().min()
    }

    /// Starts one of the things that are due, if there are any.
    fn start_something(&mut self, in_calm: bool) -> bool {
        let now = self.now;
        for name in QueueName::ALL {
            for body in self.cloud.with_queues(|queues| queues.get(name).take_dead(now)) {
                self.due.push((now, Due::Task(Cause::DeadLetter(body, 0))));
            }
        }
        let due: Vec<usize> = (0..self.due.len()).filter(|&index| self.due[index].0 <= now).collect();
        let receivable: Vec<(QueueName, usize)> = self.cloud.with_queues(|queues| {
            QueueName::ALL
                .into_iter()
                .flat_map(|name| (0..queues.get(name).receivable(now)).map(move |choice| (name, choice)))
                .collect()
        });
        let sweeps =
            usize::from(self.next_sweep <= now && self.cloud.next_due().is_some_and(|due| due <= now));
        let choices = due.len() + receivable.len() + sweeps;
        if choices == 0 {
            return false;
        }
        let choice = self.chance.index(choices);
        if let Some(&index) = due.get(choice) {
            match self.due.swap_remove(index).1 {
                Due::Task(cause) => self.start_task(cause, in_calm),
                Due::Upload { import, upload, expires } if now <= expires => self.upload(import, upload),
                // The link has run out.
                Due::Upload { .. } => {}
            }
        } else if let Some(&(name, choice)) = receivable.get(choice - due.len()) {
            let received = self.cloud.with_queues(|queues| queues.get(name).receive(now, choice)).unwrap();
            let says = |secret: &str| received.body.contains(secret);
            assert!(!PEOPLE.iter().any(|(first, last, ..)| says(first) || says(last)), "PHI in a queue");
            if !in_calm && !received.is_last_try && name != QueueName::Webhooks && self.chance.once_in(25) {
                // A standard queue delivers at least once: here it is again.
                self.cloud.with_queues(|queues| queues.get(name).hide(received.receipt, now));
            }
            self.start_task(Cause::Message(name, received), in_calm);
        } else {
            self.next_sweep = now.plus(Duration::from_mins(1));
            self.start_task(Cause::Sweep, in_calm);
        }
        true
    }

    fn start_task(&mut self, cause: Cause, in_calm: bool) {
        let future = self.future(&cause);
        let is_poisoned = !in_calm && self.story.is_poisoned && is_unlucky(&cause, &self.story);
        let is_last_try = match &cause {
            // Of queries the dead letters are part of the story.
            Cause::Message(name, message) => message.is_last_try && *name != QueueName::Queries,
            Cause::DeadLetter(_, tries) => *tries > 3,
            Cause::Event(..) | Cause::Sweep | Cause::Create(_) | Cause::Cancel(_) | Cause::Read(_) => false,
        };
        let calm = in_calm || (is_last_try && !is_poisoned);
        let dies = is_poisoned || (!calm && self.chance.once_in(10));
        let task = Task {
            times_out: self.now.plus(cause.timeout()),
            cause,
            future,
            is_calm: calm,
            is_poisoned,
            crashes_after: dies.then(|| u32::try_from(1 + self.chance.below(60)).unwrap()),
            stands_until: self.now,
        };
        self.tasks.push(task);
    }

    fn poll(&mut self, index: usize) {
        let task = &mut self.tasks[index];
        task.crashes_after = task.crashes_after.map(|left| left - 1);
        if task.crashes_after == Some(0) || self.now > task.times_out {
            self.crashes += 1;
            let task = self.tasks.swap_remove(index);
            return self.crashed(task.cause);
        }
        if !task.is_calm && self.chance.once_in(400) {
            let longest = 2 * task.cause.timeout().as_secs();
            task.stand(self.now.plus(Duration::from_secs(self.chance.below(longest))));
            return;
        }
        self.weather.set_calm(task.is_calm);
        self.exchange.set_calm(task.is_calm);
        let polled = task.future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        self.weather.set_calm(true);
        if let Some(wakes) = self.exchange.wakes() {
            task.stand(wakes);
        }
        if let Poll::Ready(verdict) = polled {
            let task = self.tasks.swap_remove(index);
            self.finished(task.cause, verdict, task.is_poisoned);
        }
    }

    /// A function that died says nothing: its message comes again by itself.
    fn crashed(&mut self, cause: Cause) {
        match cause {
            Cause::Message(..) | Cause::Sweep | Cause::Read(_) => {}
            cause => self.finished(cause, Verdict::Again(Duration::from_secs(1)), false),
        }
    }

    fn finished(&mut self, cause: Cause, verdict: Verdict, is_poisoned: bool) {
        let now = self.now;
        match (cause, verdict) {
            (Cause::Message(name, message), Verdict::Done) => {
                let is_kept = is_poisoned || (!message.is_last_try && self.chance.once_in(30));
                if !is_kept {
                    self.cloud.with_queues(|queues| queues.get(name).delete(message.receipt));
                }
            }
            (Cause::Message(name, message), Verdict::Again(after)) => {
                self.cloud.with_queues(|queues| queues.get(name).hide(message.receipt, now.plus(after)));
            }
            (Cause::Event(upload, tries), Verdict::Again(_)) if tries + 1 < EVENT_TRIES => {
                let again = Due::Task(Cause::Event(upload, tries + 1));
                self.due.push((now.plus(Duration::from_mins(1)), again));
            }
            (Cause::DeadLetter(body, tries), Verdict::Again(after)) => {
                self.due.push((now.plus(after), Due::Task(Cause::DeadLetter(body, tries + 1))));
            }
            (cause @ (Cause::Create(_) | Cause::Cancel(_)), Verdict::Again(after)) => {
                self.due.push((now.plus(after), Due::Task(cause)));
            }
            (Cause::Create(plan), Verdict::Created(job, expires)) => self.created(plan, job, expires),
            (Cause::Cancel(import), Verdict::Canceled) => self.imports[import].was_canceled = true,
            (Cause::Read(import), Verdict::Read(status)) => {
                let before = self.seen.insert(self.imports[import].job.job, status);
                assert!(
                    before.is_none_or(|before| !before.is_final() || before == status),
                    "a final state changed"
                );
            }
            _ => {}
        }
    }

    fn created(&mut self, plan: usize, job: JobRef, expires: Timestamp) {
        let import = self.imports.len();
        self.imports.push(Import { plan, job, versions: Vec::new(), was_canceled: false });
        let Plan { uploads, canceled, reads, .. } = self.story.plans[plan].clone();
        for (upload, planned) in uploads.iter().enumerate() {
            self.due.push((self.now.plus(planned.after), Due::Upload { import, upload, expires }));
        }
        for (after, cause) in canceled
            .map(|after| (after, Cause::Cancel(import)))
            .into_iter()
            .chain(reads.into_iter().map(|after| (after, Cause::Read(import))))
        {
            self.due.push((self.now.plus(after), Due::Task(cause)));
        }
    }

    fn upload(&mut self, import: usize, upload: usize) {
        let Import { job, plan, .. } = self.imports[import];
        let planned = self.story.plans[plan].uploads[upload].clone();
        let version = self.cloud.upload(job, planned.file.text.clone());
        self.imports[import].versions.push((version.clone(), planned.file));
        for after in planned.events {
            let message = UploadMessage { customer: job.customer, job: job.job, upload: version.clone() };
            self.due.push((self.now.plus(after), Due::Task(Cause::Event(message, 0))));
        }
    }

    /// The use case that a cause calls, as the function's `main` wires it.
    fn future(&self, cause: &Cause) -> Pin<Box<dyn Future<Output = Verdict>>> {
        let cloud = self.cloud.clone();
        let queries = self.story.gateway.is_some().then(|| cloud.clone());
        match cause {
            Cause::Event(upload, _) => Box::pin(fan_out(cloud, self.story.rows_per_chunk, upload.clone(), 1)),
            Cause::Message(QueueName::Uploads, message) => {
                let upload = serde_json::from_str(&message.body).unwrap();
                Box::pin(fan_out(cloud, self.story.rows_per_chunk, upload, message.receives))
            }
            Cause::Message(QueueName::Chunks(_), Received { body, receives, .. }) => {
                let (message, receives) = (serde_json::from_str(body).unwrap(), *receives);
                Box::pin(async move {
                    let import = ImportRows {
                        jobs: cloud.clone(),
                        files: cloud.clone(),
                        directory: cloud.clone(),
                        patients: cloud.clone(),
                        finished: cloud.clone(),
                        queries,
                        world: cloud,
                    };
                    verdict(import.run(&message).await, receives)
                })
            }
            Cause::Message(QueueName::Queries, Received { body, receives, .. }) => {
                self.query(body, *receives)
            }
            Cause::Message(QueueName::Finished, Received { body, receives, .. }) => {
                let (message, receives) = (serde_json::from_str(body).unwrap(), *receives);
                Box::pin(async move {
                    let finalize = Finalize {
                        jobs: cloud.clone(),
                        files: cloud.clone(),
                        webhooks: cloud.clone(),
                        clock: cloud,
                    };
                    verdict(finalize.run(&message).await, receives)
                })
            }
            Cause::Message(QueueName::Webhooks, Received { body, receives, .. }) => {
                let (message, receives) = (serde_json::from_str(body).unwrap(), *receives);
                Box::pin(async move {
                    let deliver = DeliverWebhook {
                        jobs: cloud.clone(),
                        settings: cloud.clone(),
                        files: cloud.clone(),
                        http: cloud.clone(),
                        clock: cloud,
                    };
                    match deliver.run(&message).await {
                        Ok(Delivery::Retry { after, .. }) => Verdict::Again(after),
                        other => verdict(other, receives),
                    }
                })
            }
            Cause::DeadLetter(body, _) => match serde_json::from_str(body) {
                Ok(letter) => Box::pin(async move { verdict(abandon(cloud, queries).run(&letter).await, 1) }),
                Err(_) => Box::pin(async { Verdict::Done }),
            },
            Cause::Sweep => {
                let time_to_query = self.story.time_to_query;
                Box::pin(async move {
                    let abandon = abandon(cloud.clone(), queries);
                    let sweep = Sweep { abandon, uploads: cloud.clone(), chunks: cloud, time_to_query };
                    verdict(sweep.run().await, 1)
                })
            }
            &Cause::Create(plan) => {
                let (customer, new) = self.new_job(plan);
                Box::pin(async move {
                    let create =
                        CreateJobWith { jobs: &cloud, directory: &cloud, files: &cloud, world: &cloud };
                    match create.create(customer, new, None).await {
                        Ok(NewJob { job, .. }) => Verdict::Created((&job).into(), job.upload_expires_at),
                        Err(error) => client_verdict(&error),
                    }
                })
            }
            &Cause::Cancel(import) => {
                let JobRef { customer, job } = self.imports[import].job;
                Box::pin(async move {
                    match cancel_job(&cloud, &cloud, &cloud, &cloud, customer, job).await {
                        Ok(_) => Verdict::Canceled,
                        Err(error) => client_verdict(&error),
                    }
                })
            }
            &Cause::Read(import) => {
                let JobRef { customer, job } = self.imports[import].job;
                Box::pin(async move {
                    match get_job(&cloud, &cloud, &cloud, customer, job).await {
                        Ok(view) => Verdict::Read(view.job.status),
                        Err(error) => client_verdict(&error),
                    }
                })
            }
        }
    }

    fn query(&self, body: &str, receives: u32) -> Pin<Box<dyn Future<Output = Verdict>>> {
        let message: QueryMessage = serde_json::from_str(body).unwrap();
        let temper = self.story.gateway.as_ref().expect("nobody asks where there is no gateway");
        let (cloud, exchange) = (self.cloud.clone(), self.exchange.clone());
        let gateway = exchange.invoked(&message, &cloud, &self.chance, temper, self.start);
        let (task, rate) = (gateway.task, temper.rate);
        Box::pin(async move {
            let query = QueryDocuments {
                jobs: cloud.clone(),
                patients: cloud.clone(),
                gateway,
                finished: cloud.clone(),
                world: cloud,
                rate,
            };
            let queried = query.run(&message, receives).await;
            if queried.is_ok() {
                Gateway::ended_well(&exchange, task);
            }
            match queried {
                Ok(Queried::Again { after, .. }) => Verdict::Again(after),
                other => verdict(other, receives),
            }
        })
    }

    fn new_job(&self, plan: usize) -> (domain::ids::CustomerId, Parameters) {
        let plan = &self.story.plans[plan];
        let customer = &self.story.customers[plan.customer];
        let facility = Some(customer.facilities[0]);
        (customer.id, Parameters { facility, dry_run: plan.dry_run, terms: UploadTerms::default() })
    }
}

/// Whether this is one of the messages that nobody can work on in a poisoned story: some chunks, and queries that are
/// not tried a thousand times.
fn is_unlucky(cause: &Cause, story: &Story) -> bool {
    match cause {
        Cause::Message(QueueName::Chunks(_), message) => {
            let chunk: ChunkMessage = serde_json::from_str(&message.body).unwrap();
            chunk.chunk.get() % 4 == 1
        }
        Cause::Message(QueueName::Queries, message) if story.query_receives.is_some() => {
            let query: QueryMessage = serde_json::from_str(&message.body).unwrap();
            query.part().is_some_and(|part| part.chunk.get() % 4 == 2)
        }
        _ => false,
    }
}

async fn fan_out(cloud: Cloud, rows_per_chunk: u32, upload: UploadMessage, receives: u32) -> Verdict {
    let fan_out = FanOut {
        jobs: cloud.clone(),
        files: cloud.clone(),
        chunks: cloud.clone(),
        finished: cloud.clone(),
        webhooks: cloud.clone(),
        clock: cloud,
        limits: Limits::default(),
        rows_per_chunk,
    };
    verdict(fan_out.run(&upload).await, receives)
}

fn abandon(
    cloud: Cloud,
    queries: Option<Cloud>,
) -> Abandon<Cloud, Cloud, Cloud, Cloud, Option<Cloud>, Cloud, Cloud> {
    Abandon {
        jobs: cloud.clone(),
        files: cloud.clone(),
        patients: cloud.clone(),
        finished: cloud.clone(),
        queries,
        webhooks: cloud.clone(),
        clock: cloud,
    }
}

/// What `aws::events` makes of a result: done, or again after a growing pause.
fn verdict<T>(result: Result<T, pipeline::Error>, receives: u32) -> Verdict {
    match result {
        Ok(_) => Verdict::Done,
        Err(error) if error.is_transient() => Verdict::Again(Duration::from_secs(1 << receives.min(6))),
        Err(error) => panic!("an error that no second try can mend: {error}"),
    }
}

/// A client tries again where the service says that it is the service's fault.
fn client_verdict(error: &ApiError) -> Verdict {
    match error {
        ApiError::Internal(_) => Verdict::Again(Duration::from_secs(1)),
        ApiError::Conflict(_) => Verdict::Done,
        other => panic!("a client's request was refused: {other}"),
    }
}
