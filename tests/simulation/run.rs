//! Plays a story: the real use cases run on one thread in virtual time, with injected faults.
//!
//! A [`Task`] is a Lambda invocation or a client's request. In each step, chance polls a task or
//! starts a task that is due. A task may crash at any await, or stand still until long after its
//! message was received by another task.

mod ended;
mod functions;
mod patient_calls;
mod played;
mod task;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bulk_domain::document::LinkKey;
use bulk_domain::ids::{JobId, PatientId};
use bulk_domain::job::JobStatus;
use bulk_domain::person::Person;
use bulk_domain::time::Timestamp;
use bulk_domain::webhook::WebhookKey;
use bulk_memory::{Cloud, QueueName, Service};
use bulk_pipeline::ports::WebhookSettings;

pub use self::patient_calls::{Change, MadeCall};
pub use self::played::{Import, Played};
use self::task::{Cause, Due, Task};
use crate::chance::{Chance, FaultPlan, Outage};
use crate::gateway::Exchange;
use crate::people::names_a_person;
use crate::story::{Customer, File, Plan, Story};

/// The largest number of invocations and requests at the same time.
const CONCURRENT_TASKS: usize = 12;

/// A story that takes longer than this counts as endless.
const LONGEST_STORY: Duration = Duration::from_hours(5 * 24);

/// A story that takes more steps than this counts as endless. A usual story takes 1,500. If every
/// eighth call fails, a chunk can fail for the six hours of its job, while lost answers of SQS make
/// more and more copies of its message.
const MOST_STEPS: u64 = 400_000;

/// How long a client waits before it retries a request that the service could not answer.
const CLIENT_PAUSE: Duration = Duration::from_secs(10);

struct Player {
    cloud: Cloud,
    faults: Arc<FaultPlan>,
    exchange: Exchange,
    chance: Chance,
    story: Story,
    start: Timestamp,
    now: Timestamp,
    next_sweep: Timestamp,
    tasks: Vec<Task>,
    due: Vec<(Timestamp, Due)>,
    imports: Vec<Import>,
    deleted: BTreeSet<PatientId>,
    call: Option<MadeCall>,
    seen: BTreeMap<JobId, JobStatus>,
    downloads: (u64, u64),
    crashes: u32,
    traces: bool,
}

/// Plays the story of a seed to its end.
pub fn play(seed: u64) -> Played {
    let chance = Chance::new(seed);
    let story = Story::random(&chance);
    let faults = FaultPlan::new(&chance);
    play_story(seed, chance, faults, story)
}

/// Plays the story of a seed in which a call changes a patient.
pub fn play_call(seed: u64) -> Played {
    let chance = Chance::new(seed);
    let story = Story::with_call(&chance);
    let faults = FaultPlan::new(&chance);
    play_story(seed, chance, faults, story)
}

/// The key of all links to documents in webhooks.
pub const LINK_KEY: LinkKey = LinkKey::new([8; 32]);

/// Plays the import of one file, with the crashes and faults of a seed.
pub fn play_file(seed: u64, file: File) -> Played {
    let chance = Chance::new(seed);
    let story = Story::of_file(&chance, file);
    let faults = FaultPlan::new(&chance).with_large_pieces();
    play_story(seed, chance, faults, story)
}

fn play_story(seed: u64, chance: Chance, faults: FaultPlan, story: Story) -> Played {
    let faults = Arc::new(faults);
    let start = Timestamp::from_millis(1_800_000_000_000);
    let cloud = Cloud::new(faults.clone(), start, seed);
    for customer in &story.customers {
        let webhooks = WebhookSettings {
            url: Some(customer.urls[0].clone()),
            key: Some(WebhookKey::from_random(&[7; 32])),
            link_key: Some(LINK_KEY),
            patient_webhooks: customer.patient_webhooks,
            ..WebhookSettings::default()
        };
        cloud.set_customer(customer.id, customer.directory(), webhooks);
        cloud.set_answers(&customer.urls[0], vec![500; customer.failing_answers]);
    }
    for url in &story.without_pong {
        cloud.set_pong(url, false);
    }
    if let Some(receives) = story.query_receives {
        cloud.with_queues(|queues| queues.get(QueueName::Queries).set_receives(receives));
    }
    // A page holds two of the gateway's documents, so that many lists have several pages.
    cloud.set_page_bytes(450);
    cloud.set_patients_per_part(story.patients_per_part);
    let mut player = Player {
        cloud,
        faults,
        exchange: Exchange::default(),
        chance,
        start,
        now: start,
        next_sweep: start,
        tasks: Vec::new(),
        due: Vec::new(),
        imports: Vec::new(),
        deleted: BTreeSet::new(),
        call: None,
        seen: BTreeMap::new(),
        downloads: (0, 0),
        crashes: 0,
        traces: is_traced(),
        story,
    };
    let plans = player.story.plans.clone();
    if let Some(file) = player.story.earlier.clone() {
        player.import_in_calm(0, file);
    }
    player.start = player.now;
    let outages = player.story.outages.iter().map(|&(service, from, duration)| {
        let from = player.start.plus(from);
        Outage { service, from, until: from.plus(duration) }
    });
    player.faults.set_outages(outages.collect());
    for (index, plan) in plans.iter().enumerate() {
        player.later(plan.created, Due::Task(Cause::Create(index)));
    }
    for (customer, after) in player.story.deletions.clone() {
        player.later(after, Due::Deletion(customer, 200));
    }
    for (customer, after) in player.story.second_urls.clone() {
        let Customer { id, urls: [_, second], .. } = &player.story.customers[customer];
        let cause = Cause::SetUrl(*id, second.clone());
        player.later(after, Due::Task(cause));
    }
    for (import, after) in player.story.undos.clone() {
        player.later(after, Due::Undo(import, 0));
    }
    if let Some((after, kind)) = player.story.call {
        player.later(after, Due::Call(kind, 200));
    }
    let steps = player.run(false);
    let Player { cloud, story, imports, deleted, call, exchange, downloads, crashes, .. } = player;
    let people = story.customers.iter().flat_map(|customer| cloud.people(customer.id).unwrap());
    let people: Vec<Person> = people.collect();
    let remembered = people.iter().flat_map(Person::deleted_patients);
    let undone =
        remembered.filter_map(|deleted| Some((deleted.id, deleted.undone_by()?))).collect();
    Played { cloud, story, imports, deleted, undone, call, exchange, downloads, crashes, steps }
}

impl Player {
    fn later(&mut self, after: Duration, due: Due) {
        let at = self.start.plus(after).max(self.now);
        self.due.push((at, due));
    }

    /// Plays one job from its creation to its end, without faults.
    fn import_in_calm(&mut self, customer: usize, file: File) {
        let plan = Plan::of_file(customer, file);
        self.story.plans.push(plan);
        self.start = self.now;
        self.later(Duration::ZERO, Due::Task(Cause::Create(self.story.plans.len() - 1)));
        self.run(true);
        self.now = self.now.plus(Duration::from_secs(1));
    }

    /// Runs until nothing is left to do, and returns the number of steps.
    fn run(&mut self, in_calm: bool) -> u64 {
        let mut steps = 0;
        let deadline = self.start.plus(LONGEST_STORY);
        loop {
            steps += 1;
            let ends = self.now < deadline && steps < MOST_STEPS;
            assert!(ends, "the story does not end: {:#?}", self.cloud.jobs());
            self.now = self.now.plus(Duration::from_millis(self.chance.below(40)));
            self.cloud.set_time(self.now);
            self.faults.set_time(self.now);
            let runnable: Vec<usize> = (0..self.tasks.len())
                .filter(|&index| self.tasks[index].stands_until <= self.now)
                .collect();
            let is_full = self.tasks.len() >= CONCURRENT_TASKS;
            if (runnable.is_empty() || self.chance.once_in(4))
                && !is_full
                && self.start_something(in_calm)
            {
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

    /// Returns when the next task can go on or start, or `None` if none ever can.
    fn next_time(&self) -> Option<Timestamp> {
        let queues = self.cloud.with_queues(|queues| {
            QueueName::ALL.into_iter().filter_map(|name| queues.get(name).next_visible()).min()
        });
        let queues = queues
            .map(|next| self.faults.away_until(Service::Sqs).map_or(next, |end| next.max(end)));
        let due = self.due.iter().map(|(at, _)| *at).min();
        let standing = self.tasks.iter().map(|task| task.stands_until).min();
        let sweep = self.cloud.next_due().map(|due| due.max(self.next_sweep));
        [queues, due, standing, sweep].into_iter().flatten().min()
    }

    /// Starts one of the tasks that are due, and returns whether there was one.
    fn start_something(&mut self, in_calm: bool) -> bool {
        let now = self.now;
        // During an outage of SQS, no message is received.
        let queues =
            if self.faults.away_until(Service::Sqs).is_some() { &[][..] } else { &QueueName::ALL };
        for &name in queues {
            for body in self.cloud.with_queues(|queues| queues.get(name).take_dead(now)) {
                self.due.push((now, Due::Task(Cause::DeadLetter(body, 1))));
            }
        }
        let due: Vec<usize> =
            (0..self.due.len()).filter(|&index| self.due[index].0 <= now).collect();
        let receivable: Vec<(QueueName, usize)> = self.cloud.with_queues(|all| {
            queues
                .iter()
                .flat_map(|&name| {
                    (0..all.get(name).receivable(now)).map(move |choice| (name, choice))
                })
                .collect()
        });
        let sweeps = usize::from(
            self.next_sweep <= now && self.cloud.next_due().is_some_and(|due| due <= now),
        );
        let choices = due.len() + receivable.len() + sweeps;
        if choices == 0 {
            return false;
        }
        let choice = self.chance.index(choices);
        if let Some(&index) = due.get(choice) {
            match self.due.swap_remove(index).1 {
                Due::Task(cause) => self.start_task(cause, in_calm),
                Due::Upload { import, upload, expires, phase } => {
                    self.upload(import, upload, expires, phase);
                }
                Due::Deletion(customer, waits) => self.delete_one(customer, waits, in_calm),
                Due::Undo(import, looks) => self.undo_one(import, looks, in_calm),
                Due::BulkDownload(import) => self.bulk_download(import, in_calm),
                Due::Call(kind, waits) => self.change_one(kind, waits, in_calm),
            }
        } else if let Some(&(name, choice)) = receivable.get(choice - due.len()) {
            let received =
                self.cloud.with_queues(|queues| queues.get(name).receive(now, choice)).unwrap();
            assert!(!names_a_person(&received.body), "PHI in a queue");
            if !in_calm && !received.is_last_attempt && self.chance.once_in(25) {
                // A standard queue may return a message more than once, so that this one stays
                // visible.
                self.cloud.with_queues(|queues| queues.get(name).hide(received.receipt, now));
            }
            self.start_task(Cause::Message(name, received), in_calm);
        } else {
            self.next_sweep = now.plus(Duration::from_mins(1));
            self.start_task(Cause::Sweep, in_calm);
        }
        true
    }

    /// Prints what a task does, if `TRACE` is set.
    fn trace(&self, what: &str, cause: &Cause) {
        if self.traces {
            eprintln!("{} {what} {cause:?}", self.now);
        }
    }

    fn start_task(&mut self, cause: Cause, in_calm: bool) {
        self.trace("starts", &cause);
        let future = self.future(&cause);
        let is_poisoned = !in_calm && self.story.is_poisoned && cause.is_unlucky(&self.story);
        let is_spared = in_calm || cause.has_died_enough();
        // A call that changes a patient makes few calls of AWS, and is made once in a story.
        let (odds, steps) = if matches!(cause, Cause::Change(..)) { (2, 20) } else { (10, 60) };
        let dies = is_poisoned || (!is_spared && self.chance.once_in(odds));
        // Half of the poisoned tasks die before they can store an outcome, so that only an
        // abandoned chunk has one.
        let steps = if is_poisoned { self.chance.pick(&[12, 60]) } else { steps };
        let task = Task {
            times_out: self.now.plus(cause.timeout()),
            cause,
            future,
            is_calm: in_calm,
            is_spared,
            is_poisoned,
            crashes_after: dies.then(|| u32::try_from(1 + self.chance.below(steps)).unwrap()),
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
            self.trace("crashed", &task.cause);
            return self.crashed(task.cause);
        }
        if !task.is_spared && self.chance.once_in(400) {
            let longest = 2 * task.cause.timeout().as_secs();
            task.stand(self.now.plus(Duration::from_secs(self.chance.below(longest))));
            return;
        }
        self.faults.set_calm(task.is_calm);
        self.exchange.set_calm(task.is_calm);
        let polled = task.future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        self.faults.set_calm(true);
        if let Some(wakes) = self.exchange.wakes() {
            task.stand(wakes);
        }
        if let Poll::Ready(verdict) = polled {
            let task = self.tasks.swap_remove(index);
            self.finished(task.cause, verdict, task.is_poisoned);
        }
    }
}

/// Returns whether each task has to be printed. `make` sets variables that are not given to
/// nothing.
fn is_traced() -> bool {
    std::env::var_os("TRACE").is_some_and(|value| !value.is_empty())
}
