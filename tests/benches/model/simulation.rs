//! The simulation: jobs are uploaded, planned, imported chunk by chunk and finalized, one event after the other.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;

use crate::event_source::EventSource;
use crate::outcome::{JobTimes, Outcome};
use crate::parameters::{Micros, Parameters, QueueKind, design};
use crate::queue::{Message, Queue};
use crate::random::{Random, hash};
use crate::record::ChunkCalls;
use crate::recorder::Purpose;
use crate::table::{Access, Key, Place};
use crate::worker::{Run, Worker};

/// How often an event source that grows looks for room.
const LOOK_AGAIN: Micros = 200_000;

/// A job that a customer uploads.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The customer.
    pub customer: usize,
    /// When the last byte arrives.
    pub at: Micros,
    /// What its chunks ask for.
    pub chunks: Rc<Vec<Rc<ChunkCalls>>>,
}

impl Upload {
    fn rows(&self) -> u32 {
        self.chunks.iter().map(|chunk| chunk.rows).sum()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Event {
    Uploaded(usize),
    Send { job: usize, first: usize },
    Dispatch(usize),
    Begin(usize),
    Try { worker: usize, run: u64, call: usize, attempt: u32 },
    Answer { worker: usize, run: u64, attempt: u32 },
    TimedOut { worker: usize, run: u64 },
    Released { lane: usize },
    Visible { lane: usize, sent: u64, message: Message },
    Dead { message: Message },
    Worked { job: usize },
    Finalize,
    Finalized(usize),
}

/// A queue of chunks with its event source and the instances that it feeds.
#[derive(Debug)]
struct Lane {
    queue: Queue,
    source: EventSource,
    idle: Vec<usize>,
    looks_at: Option<Micros>,
}

impl Lane {
    const fn new(kind: QueueKind, concurrency: u32) -> Self {
        Self {
            queue: Queue::new(kind),
            source: EventSource::new(concurrency),
            idle: Vec::new(),
            looks_at: None,
        }
    }
}

/// What is known of a chunk between its deliveries.
#[derive(Clone, Default, Debug)]
struct Chunk {
    receives: u32,
    /// Which items of its steps that are kept have been written; empty before its first run and after its end.
    written: [Vec<bool>; 2],
    is_over: bool,
}

struct Job {
    upload: Upload,
    lane: usize,
    chunks: Vec<Chunk>,
    /// Chunks that have been sent.
    sent: usize,
    /// Chunks that have not ended.
    left: usize,
    times: JobTimes,
}

/// The model at a moment.
pub struct Simulation {
    parameters: Parameters,
    random: Random,
    now: Micros,
    events: BinaryHeap<Reverse<(Micros, u64, Event)>>,
    count: u64,
    jobs: Vec<Job>,
    lanes: Vec<Lane>,
    workers: Vec<(usize, Worker)>,
    finished: Queue,
    finalize: EventSource,
    outcome: Outcome,
}

/// Plays these uploads, until all jobs are completed or, if it is given, this one is.
pub fn simulate(parameters: &Parameters, uploads: Vec<Upload>, until: Option<usize>) -> Outcome {
    let mut simulation = Simulation::new(parameters.clone(), uploads);
    let is_over = |simulation: &Simulation| match until {
        Some(job) => simulation.jobs[job].times.completed > 0,
        None => false,
    };
    while !is_over(&simulation) {
        let Some(Reverse((at, _, event))) = simulation.events.pop() else { break };
        simulation.now = at;
        simulation.happen(event);
    }
    let Simulation { mut outcome, jobs, now, .. } = simulation;
    outcome.end = now;
    outcome.jobs = jobs.into_iter().map(|job| job.times).collect();
    outcome
}

impl Simulation {
    fn new(parameters: Parameters, uploads: Vec<Upload>) -> Self {
        let mut lanes = vec![Lane::new(parameters.queue, parameters.import_concurrency)];
        if let Some(small) = parameters.small_jobs {
            lanes.push(Lane::new(parameters.queue, small.concurrency));
        }
        let mut simulation = Self {
            random: Random::new(parameters.seed),
            now: 0,
            events: BinaryHeap::new(),
            count: 0,
            jobs: Vec::new(),
            lanes,
            workers: Vec::new(),
            finished: Queue::new(QueueKind::Plain),
            finalize: EventSource::new(design::FINALIZE),
            outcome: Outcome::new(parameters.tables),
            parameters,
        };
        for upload in uploads {
            let is_small =
                simulation.parameters.small_jobs.is_some_and(|small| upload.chunks.len() <= small.chunks);
            let chunks = vec![Chunk::default(); upload.chunks.len()];
            let times = JobTimes { rows: upload.rows(), uploaded: upload.at, ..JobTimes::default() };
            simulation.after(upload.at, Event::Uploaded(simulation.jobs.len()));
            let (lane, left) = (usize::from(is_small), chunks.len());
            simulation.jobs.push(Job { upload, lane, chunks, sent: 0, left, times });
        }
        simulation
    }

    fn after(&mut self, time: Micros, event: Event) {
        self.count += 1;
        self.events.push(Reverse((self.now + time, self.count, event)));
    }

    /// About so long.
    fn about(&mut self, time: Micros) -> Micros {
        self.random.about(time, self.parameters.jitter)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Uploaded(job) => self.uploaded(job),
            Event::Send { job, first } => self.send(job, first),
            Event::Dispatch(lane) => {
                self.lanes[lane].looks_at = None;
                self.dispatch(lane);
            }
            Event::Begin(worker) => self.next_step(worker),
            Event::Try { worker, run, call, attempt } => {
                if self.workers[worker].1.run == run {
                    self.attempt(worker, call, attempt);
                }
            }
            Event::Answer { worker, run, attempt } => {
                if self.workers[worker].1.run == run {
                    self.answer(worker, attempt);
                }
            }
            Event::TimedOut { worker, run } => {
                if self.workers[worker].1.run == run {
                    self.outcome.timeouts += 1;
                    self.give_back(worker, true);
                }
            }
            Event::Released { lane } => {
                self.lanes[lane].source.running -= 1;
                self.outcome.running(self.now, -1);
                self.dispatch(lane);
            }
            Event::Visible { lane, sent, message } => {
                self.lanes[lane].queue.put_back(sent, message);
                self.dispatch(lane);
            }
            Event::Dead { message } => {
                let job = &mut self.jobs[message.job];
                job.times.lost_rows += job.upload.chunks[message.chunk].rows;
                self.chunk_ended(message);
            }
            Event::Worked { job } => {
                let customer = self.jobs[job].upload.customer;
                self.finished.send(self.now, Message { customer, job, chunk: 0 });
                self.finalize();
            }
            Event::Finalize => self.finalize(),
            Event::Finalized(job) => self.finalized(job),
        }
    }

    /// Fan-out runs beside all others: S3 starts one for each upload.
    fn uploaded(&mut self, job: usize) {
        let latency = self.parameters.latency;
        let rows = Micros::from(self.jobs[job].times.rows);
        self.watched(1);
        let event = self.about(latency.upload_event);
        let scan = self.about(latency.cold_start + latency.file + rows * latency.file_row);
        self.after(event + scan, Event::Send { job, first: 0 });
    }

    fn watched(&mut self, units: u32) {
        self.outcome.job_items.take(self.now, Access::Write, units, Place::Shared(Key::Watched));
    }

    fn send(&mut self, job: usize, first: usize) {
        let Job { upload, lane, chunks, times, .. } = &mut self.jobs[job];
        let (customer, lane) = (upload.customer, *lane);
        if first == 0 {
            times.planned = self.now;
        }
        let allowed = self.parameters.window.unwrap_or(usize::MAX).min(chunks.len());
        let last = allowed.min(first + design::SENT_AT_ONCE);
        for chunk in first..last {
            self.lanes[lane].queue.send(self.now, Message { customer, job, chunk });
        }
        self.jobs[job].sent = last;
        if last < allowed {
            self.after(self.parameters.latency.message, Event::Send { job, first: last });
        }
        self.dispatch(lane);
    }

    /// Starts as many runs as the event source has room for.
    fn dispatch(&mut self, lane: usize) {
        let now = self.now;
        loop {
            let Lane { queue, source, .. } = &mut self.lanes[lane];
            if source.room(now, queue.is_empty()) == 0 {
                break;
            }
            let Some((sent, message)) = queue.receive(now) else { break };
            source.running += 1;
            self.outcome.running(now, 1);
            self.start(lane, sent, message);
        }
        let Lane { queue, source, looks_at, .. } = &mut self.lanes[lane];
        if !queue.is_empty() && !source.is_full() && looks_at.is_none() {
            *looks_at = Some(now + LOOK_AGAIN);
            self.after(LOOK_AGAIN, Event::Dispatch(lane));
        }
    }

    fn start(&mut self, lane: usize, sent: u64, message: Message) {
        let mut wait = self.parameters.latency.receive;
        let worker = self.lanes[lane].idle.pop().unwrap_or_else(|| {
            wait += self.parameters.latency.cold_start;
            self.workers.push((lane, Worker::new(&self.parameters.retry)));
            self.workers.len() - 1
        });
        let wait = self.about(wait);
        let started = self.now + wait;
        let job = &mut self.jobs[message.job];
        if job.times.begun == 0 {
            job.times.begun = started;
        }
        let calls = job.upload.chunks[message.chunk].clone();
        let chunk = &mut job.chunks[message.chunk];
        chunk.receives += 1;
        if chunk.receives == 1 {
            let kept = calls.steps.iter().filter(|step| step.is_kept());
            for (written, step) in chunk.written.iter_mut().zip(kept) {
                *written = vec![false; step.units.len()];
            }
        } else {
            self.outcome.redeliveries += 1;
        }
        let busy = &mut self.workers[worker].1;
        busy.at = Some(Run::new(message, sent, self.now, calls));
        busy.cpu_free = started;
        let run = busy.run;
        self.after(wait, Event::Begin(worker));
        self.after(wait + design::TIMEOUT, Event::TimedOut { worker, run });
    }

    /// The calls of the step that a run comes to; what an earlier delivery has written is not written again, but
    /// has to be read.
    fn next_step(&mut self, worker: usize) {
        let Some(run) = &mut self.workers[worker].1.at else { return };
        let Some(step) = run.calls.steps.get(run.step) else { return self.run_ended(worker) };
        let written = &self.jobs[run.message.job].chunks[run.message.chunk].written;
        let all = step.units.iter().copied().enumerate();
        run.todo = match step.purpose {
            Purpose::StorePeople => all.filter(|(call, _)| !written[0][*call]).collect(),
            Purpose::StorePatient => all.filter(|(call, _)| !written[1][*call]).collect(),
            Purpose::LoadPeople => {
                let known = written[0].iter().filter(|is_written| **is_written).count();
                let again = (0..known).step_by(100).map(|first| (0, (known - first).min(100) as u32));
                all.chain(again).collect()
            }
            _ => all.collect(),
        };
        (run.next, run.open) = (0, 0);
        self.launch(worker);
    }

    /// Starts calls, as many as may be in flight. The processor takes them one by one.
    fn launch(&mut self, worker: usize) {
        let cpu = self.parameters.latency.call_cpu;
        let busy = &mut self.workers[worker].1;
        let (now, run_id) = (self.now, busy.run);
        let Some(run) = &mut busy.at else { return };
        let at_once = run.at_once();
        let mut tries = Vec::new();
        while run.open < at_once && run.next < run.todo.len() {
            busy.cpu_free = busy.cpu_free.max(now) + cpu;
            tries.push((busy.cpu_free - now, run.next));
            run.next += 1;
            run.open += 1;
        }
        let is_over = run.open == 0;
        if is_over {
            if run.purpose() == Some(Purpose::Upload) {
                busy.cpu_free =
                    busy.cpu_free.max(now) + Micros::from(run.calls.rows) * self.parameters.latency.row_cpu;
            }
            run.step += 1;
            return self.next_step(worker);
        }
        for (wait, call) in tries {
            self.after(wait, Event::Try { worker, run: run_id, call, attempt: 1 });
        }
    }

    fn attempt(&mut self, worker: usize, call: usize, attempt: u32) {
        let Some(run) = &self.workers[worker].1.at else { return };
        let (Some(purpose), (index, units)) = (run.purpose(), run.todo[call]) else { return };
        let (message, run_id) = (run.message, self.workers[worker].1.run);
        self.outcome.attempts += 1;
        if self.is_served(purpose, message, (index, units)) {
            let chunk = &mut self.jobs[message.job].chunks[message.chunk];
            let kept = match purpose {
                Purpose::StorePeople => Some(0),
                Purpose::StorePatient => Some(1),
                _ => None,
            };
            if let Some(kept) = kept {
                assert!(!std::mem::replace(&mut chunk.written[kept][index], true), "written twice");
                self.outcome.writes += 1;
            }
            let time = self.time_of(purpose);
            return self.after(time, Event::Answer { worker, run: run_id, attempt });
        }
        let retry = self.parameters.retry;
        if !self.workers[worker].1.may_retry(&retry, attempt) {
            return self.give_back(worker, false);
        }
        let longest = retry.longest.min(retry.first << (attempt - 1));
        let backoff = (longest as f64 * self.random.unit()) as Micros;
        let time = self.about(self.parameters.latency.item);
        let next = Event::Try { worker, run: run_id, call, attempt: attempt + 1 };
        self.after(time + backoff + self.parameters.latency.call_cpu, next);
    }

    fn is_served(&mut self, purpose: Purpose, message: Message, (index, units): (usize, u32)) -> bool {
        let Message { customer, job, chunk } = message;
        let (now, outcome) = (self.now, &mut self.outcome);
        // Identities are hashes and ids of patients are drawn: any even spread is as good as theirs.
        let own = Place::Own(hash([purpose as u64, job as u64, chunk as u64, index as u64]));
        let (table, access, place) = match purpose {
            Purpose::Plan | Purpose::Upload | Purpose::Outcomes | Purpose::Finished => return true,
            Purpose::LoadJob => (&mut outcome.job_items, Access::Read, Place::Shared(Key::Job(job))),
            Purpose::EndChunk => (&mut outcome.job_items, Access::Write, Place::Shared(Key::Job(job))),
            Purpose::Directory => {
                (&mut outcome.directory, Access::Read, Place::Shared(Key::Directory(customer)))
            }
            Purpose::LoadPeople | Purpose::LoadPatients => {
                (&mut outcome.patients, Access::Read, Place::Everywhere)
            }
            Purpose::StorePeople | Purpose::StorePatient => (&mut outcome.patients, Access::Write, own),
            Purpose::Roster => (&mut outcome.patients, Access::Write, Place::Shared(Key::Roster(customer))),
        };
        table.take(now, access, units, place)
    }

    fn time_of(&mut self, purpose: Purpose) -> Micros {
        let latency = &self.parameters.latency;
        let time = match purpose {
            Purpose::Plan | Purpose::Upload | Purpose::Outcomes => latency.object,
            Purpose::LoadPeople | Purpose::LoadPatients => latency.batch,
            Purpose::Finished => latency.message,
            _ => latency.item,
        };
        self.about(time)
    }

    fn answer(&mut self, worker: usize, attempt: u32) {
        let busy = &mut self.workers[worker].1;
        busy.answered(&self.parameters.retry, attempt);
        if let Some(run) = &mut busy.at {
            run.open -= 1;
        }
        self.launch(worker);
    }

    fn run_ended(&mut self, worker: usize) {
        if let Some(run) = self.release(worker, true, 0) {
            self.chunk_ended(run.message);
        }
    }

    /// The run failed, or was killed. The message comes again, or becomes a dead letter.
    fn give_back(&mut self, worker: usize, was_killed: bool) {
        let (lane, held_back) = (self.workers[worker].0, self.parameters.latency.message);
        let Some(run) = self.release(worker, false, held_back) else { return };
        let message = run.message;
        let receives = self.jobs[message.job].chunks[message.chunk].receives;
        let pause = design::LONGEST_PAUSE.min(design::FIRST_PAUSE << (receives - 1).min(10));
        let wait = if was_killed { run.received + design::VISIBILITY - self.now } else { held_back + pause };
        if receives >= design::RECEIVES {
            self.after(wait, Event::Dead { message });
        } else {
            self.after(wait, Event::Visible { lane, sent: run.sent, message });
        }
    }

    /// Ends a run; its instance is free after `wait`.
    fn release(&mut self, worker: usize, is_done: bool, wait: Micros) -> Option<Run> {
        let (lane, busy) = &mut self.workers[worker];
        let (lane, run) = (*lane, busy.end(&self.parameters.retry)?);
        let time = self.now - run.received;
        self.lanes[lane].queue.handled(self.now, run.message, time, is_done);
        self.lanes[lane].idle.push(worker);
        self.after(wait, Event::Released { lane });
        Some(run)
    }

    fn chunk_ended(&mut self, message: Message) {
        let job = &mut self.jobs[message.job];
        let chunk = &mut job.chunks[message.chunk];
        assert!(!chunk.is_over, "ended twice");
        let receives = chunk.receives;
        *chunk = Chunk { receives, written: Default::default(), is_over: true };
        job.left -= 1;
        if self.parameters.window.is_some() && job.sent < job.chunks.len() {
            let (lane, customer, chunk) = (job.lane, job.upload.customer, job.sent);
            job.sent += 1;
            self.lanes[lane].queue.send(self.now, Message { customer, job: message.job, chunk });
            self.dispatch(lane);
        }
        let job = &mut self.jobs[message.job];
        self.outcome.most_receives = self.outcome.most_receives.max(receives);
        if job.left == 0 {
            job.times.imported = self.now;
            self.after(self.parameters.latency.message, Event::Worked { job: message.job });
        }
    }

    fn finalize(&mut self) {
        while self.finalize.room(self.now, self.finished.is_empty()) > 0 {
            let Some((_, message)) = self.finished.receive(self.now) else { break };
            self.finalize.running += 1;
            let latency = self.parameters.latency;
            let rows = Micros::from(self.jobs[message.job].times.rows);
            let time = latency.receive + latency.cold_start + latency.file + rows * latency.file_row;
            let time = self.about(time);
            self.after(time, Event::Finalized(message.job));
        }
        if !self.finished.is_empty() && !self.finalize.is_full() {
            self.after(LOOK_AGAIN, Event::Finalize);
        }
    }

    fn finalized(&mut self, job: usize) {
        self.finalize.running -= 1;
        self.jobs[job].times.completed = self.now;
        self.watched(1);
        self.finalize();
    }
}
