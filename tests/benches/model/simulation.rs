//! The simulation: jobs are uploaded, planned, imported chunk by chunk and finalized, one event
//! after the other.

mod calls;
mod lane;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;

use bulk_domain::job_size::JobSize;

use crate::event_source::EventSource;
use crate::outcome::{JobTimes, Outcome};
use crate::parameters::{Micros, Parameters, QueueKind, design};
use crate::purpose::Purpose;
use crate::queue::{Message, Queue};
use crate::random::Random;
use crate::record::ChunkCalls;
use crate::table::{Access, Key, Place};
use crate::worker::{Run, Worker};
use lane::Lane;

/// How often an event source that grows checks for room.
const LOOK_AGAIN: Micros = 200_000;

/// What is done with the chunks of a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    Import,
    Undo,
}

/// An upload that is imported, or a call that asks for the undo of an import.
#[derive(Clone, Debug)]
pub struct Upload {
    pub work: Work,
    pub customer: usize,
    pub at: Micros,
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
    Attempt { worker: usize, run: u64, call: usize, attempt: u32 },
    Answer { worker: usize, run: u64, attempt: u32 },
    TimedOut { worker: usize, run: u64 },
    Released { lane: usize },
    Visible { lane: usize, sent: u64, message: Message },
    Dead { message: Message },
    Worked { job: usize },
    Finalize,
    Finalized(usize),
}

/// What a chunk keeps between its receives.
#[derive(Clone, Default, Debug)]
struct Chunk {
    receives: u32,
    /// Empty before the chunk's first run and after its end.
    written: Written,
    is_over: bool,
}

/// The items that a chunk has written, which stay written when it is retried.
#[derive(Clone, Default, Debug)]
struct Written {
    external_ids: Vec<bool>,
    people: Vec<bool>,
}

impl Written {
    fn of(&mut self, purpose: Purpose) -> Option<&mut Vec<bool>> {
        match purpose {
            Purpose::InsertExternalIds | Purpose::StoreExternalId => Some(&mut self.external_ids),
            Purpose::InsertPeople | Purpose::StorePerson => Some(&mut self.people),
            _ => None,
        }
    }
}

struct Job {
    upload: Upload,
    lane: usize,
    chunks: Vec<Chunk>,
    left: usize,
    times: JobTimes,
}

/// The state of the model at a moment.
pub struct Simulation {
    parameters: Parameters,
    random: Random,
    now: Micros,
    events: BinaryHeap<Reverse<(Micros, u64, Event)>>,
    count: u64,
    jobs: Vec<Job>,
    /// Those of small, medium and large jobs, and that of undone chunks.
    lanes: Vec<Lane>,
    workers: Vec<Worker>,
    finished: Queue,
    finalize: EventSource,
    finalize_looks_again: bool,
    outcome: Outcome,
}

/// Simulates these uploads until all jobs are completed or, if `until` names a job, until that job
/// is.
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
    let Simulation { mut outcome, jobs, .. } = simulation;
    outcome.jobs = jobs.into_iter().map(|job| job.times).collect();
    outcome
}

impl Simulation {
    fn new(parameters: Parameters, uploads: Vec<Upload>) -> Self {
        let concurrency = parameters.concurrency.into_iter().chain([design::UNDO]);
        let lanes = concurrency.map(|concurrency| Lane::new(parameters.queue, concurrency));
        let mut simulation = Self {
            random: Random::new(parameters.seed),
            now: 0,
            events: BinaryHeap::new(),
            count: 0,
            jobs: Vec::new(),
            lanes: lanes.collect(),
            workers: Vec::new(),
            finished: Queue::new(QueueKind::Plain),
            finalize: EventSource::new(design::FINALIZE),
            finalize_looks_again: false,
            outcome: Outcome::new(parameters.tables),
            parameters,
        };
        for upload in uploads {
            let lane = match upload.work {
                Work::Undo => JobSize::ALL.len(),
                Work::Import if simulation.parameters.one_queue => JobSize::Large as usize,
                Work::Import => JobSize::of(upload.rows()) as usize,
            };
            let chunks = vec![Chunk::default(); upload.chunks.len()];
            let times =
                JobTimes { rows: upload.rows(), uploaded: upload.at, ..JobTimes::default() };
            simulation.after(upload.at, Event::Uploaded(simulation.jobs.len()));
            let left = chunks.len();
            simulation.jobs.push(Job { upload, lane, chunks, left, times });
        }
        simulation
    }

    fn after(&mut self, time: Micros, event: Event) {
        self.count += 1;
        self.events.push(Reverse((self.now + time, self.count, event)));
    }

    /// Returns a duration near this one.
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
            Event::Attempt { worker, run, call, attempt } => {
                if self.workers[worker].run == run {
                    self.attempt(worker, call, attempt);
                }
            }
            Event::Answer { worker, run, attempt } => {
                if self.workers[worker].run == run {
                    self.answer(worker, attempt);
                }
            }
            Event::TimedOut { worker, run } => {
                if self.workers[worker].run == run {
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
                self.lanes[job.lane].queue.landed(message);
                job.times.lost_rows += job.upload.chunks[message.chunk].rows;
                self.chunk_ended(message);
            }
            Event::Worked { job } => {
                let customer = self.jobs[job].upload.customer;
                self.finished.send(self.now, Message { customer, job, chunk: 0 });
                self.finalize();
            }
            Event::Finalize => {
                self.finalize_looks_again = false;
                self.finalize();
            }
            Event::Finalized(job) => self.finalized(job),
        }
    }

    /// Fan-out runs beside all others, because S3 starts one for each upload. The call that asks
    /// for an undo sends its chunks at once.
    fn uploaded(&mut self, job: usize) {
        let latency = self.parameters.latency;
        let rows = Micros::from(self.jobs[job].times.rows);
        self.watched(1);
        if self.jobs[job].upload.work == Work::Undo {
            return self.send(job, 0);
        }
        let event = self.about(latency.upload_event);
        let scan = self.about(latency.cold_start + latency.file + rows * latency.planned_row);
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
        let all = chunks.len();
        let last = all.min(first + design::SENT_AT_ONCE);
        for chunk in first..last {
            self.lanes[lane].queue.send(self.now, Message { customer, job, chunk });
        }
        if last < all {
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
            self.workers.push(Worker::new(lane, &self.parameters.retry));
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
            for step in calls.steps.iter().filter(|step| step.is_kept()) {
                if let Some(written) = chunk.written.of(step.purpose) {
                    *written = vec![false; step.calls.len()];
                }
            }
        } else {
            self.outcome.redeliveries += 1;
        }
        let busy = &mut self.workers[worker];
        busy.at = Some(Run::new(message, sent, self.now, calls));
        busy.cpu_free = started;
        let run = busy.run;
        self.after(wait, Event::Begin(worker));
        self.after(wait + design::TIMEOUT, Event::TimedOut { worker, run });
    }

    fn run_ended(&mut self, worker: usize) {
        if let Some(run) = self.release(worker, true, 0) {
            self.chunk_ended(run.message);
        }
    }

    /// Handles a run that failed or was killed. The message is received again, or becomes a dead
    /// letter.
    fn give_back(&mut self, worker: usize, was_killed: bool) {
        let (lane, held_back) = (self.workers[worker].lane, self.parameters.latency.message);
        let Some(run) = self.release(worker, false, held_back) else { return };
        let message = run.message;
        let receives = self.jobs[message.job].chunks[message.chunk].receives;
        let pause = design::LONGEST_PAUSE.min(design::FIRST_PAUSE << (receives - 1).min(10));
        let wait = if was_killed {
            run.received + design::VISIBILITY - self.now
        } else {
            held_back + pause
        };
        if receives >= design::RECEIVES {
            self.after(wait, Event::Dead { message });
        } else {
            self.after(wait, Event::Visible { lane, sent: run.sent, message });
        }
    }

    /// Ends a run. Its instance is free after `wait`.
    fn release(&mut self, worker: usize, is_done: bool, wait: Micros) -> Option<Run> {
        let busy = &mut self.workers[worker];
        let (lane, run) = (busy.lane, busy.end(&self.parameters.retry)?);
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
        *chunk = Chunk { receives, written: Written::default(), is_over: true };
        job.left -= 1;
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
            // Without kept patients, the end of an undo writes no file.
            let rows = match self.jobs[message.job].upload.work {
                Work::Import => Micros::from(self.jobs[message.job].times.rows),
                Work::Undo => 0,
            };
            let time =
                latency.receive + latency.cold_start + latency.file + rows * latency.finalized_row;
            let time = self.about(time);
            self.after(time, Event::Finalized(message.job));
        }
        if !self.finished.is_empty() && !self.finalize.is_full() && !self.finalize_looks_again {
            self.finalize_looks_again = true;
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
