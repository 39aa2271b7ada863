//! The calls of a run, step after step: which are served, and which are throttled and retried.

use crate::parameters::Micros;
use crate::purpose::Purpose;
use crate::queue::Message;
use crate::random::hash;
use crate::table::{Access, Key, Place};

use super::{Event, Simulation};

impl Simulation {
    /// Starts the calls of the step that a run comes to. Items that an earlier run of the chunk has
    /// written are not written again.
    pub(super) fn next_step(&mut self, worker: usize) {
        let Some(run) = &mut self.workers[worker].at else { return };
        let Some(step) = run.calls.steps.get(run.step) else { return self.run_ended(worker) };
        let written = &mut self.jobs[run.message.job].chunks[run.message.chunk].written;
        run.todo = if let Some(written) = written.of(step.purpose) {
            let all = step.calls.iter().flatten().copied().enumerate();
            let left: Vec<(usize, u32)> = all.filter(|(item, _)| !written[*item]).collect();
            let of_a_call = step.calls.iter().map(Vec::len).max().unwrap_or(1);
            left.chunks(of_a_call).map(<[_]>::to_vec).collect()
        } else {
            let calls = step.calls.iter().enumerate();
            calls.map(|(call, units)| vec![(call, units.iter().sum())]).collect()
        };
        (run.next, run.open) = (0, 0);
        self.launch(worker);
    }

    /// Starts as many calls as may be in flight. The processor takes them one by one.
    fn launch(&mut self, worker: usize) {
        let latency = self.parameters.latency;
        let busy = &mut self.workers[worker];
        let (now, run_id) = (self.now, busy.run);
        let Some(run) = &mut busy.at else { return };
        let at_once = run.at_once(self.parameters.concurrent_writes);
        let mut attempts = Vec::new();
        while run.open < at_once && run.next < run.todo.len() {
            let items = &run.todo[run.next];
            busy.cpu_free = busy.cpu_free.max(now) + latency.cpu_of(items.len());
            attempts.push((busy.cpu_free - now, run.next));
            run.next += 1;
            run.open += 1;
        }
        let is_over = run.open == 0;
        if is_over {
            if run.purpose() == Some(Purpose::Upload) {
                busy.cpu_free =
                    busy.cpu_free.max(now) + Micros::from(run.calls.rows) * latency.row_cpu;
            }
            run.step += 1;
            return self.next_step(worker);
        }
        for (wait, call) in attempts {
            self.after(wait, Event::Attempt { worker, run: run_id, call, attempt: 1 });
        }
    }

    pub(super) fn attempt(&mut self, worker: usize, call: usize, attempt: u32) {
        let Some(run) = &self.workers[worker].at else { return };
        let (Some(purpose), items) = (run.purpose(), run.todo[call].clone()) else { return };
        let (message, run_id) = (run.message, self.workers[worker].run);
        let mut is_served = true;
        for item in items {
            self.outcome.attempts += 1;
            if !self.is_served(purpose, message, item) {
                is_served = false;
                continue;
            }
            let chunk = &mut self.jobs[message.job].chunks[message.chunk];
            if let Some(written) = chunk.written.of(purpose) {
                assert!(!std::mem::replace(&mut written[item.0], true), "written twice");
                self.outcome.writes += 1;
            }
        }
        // A batch is answered also if items of it were refused.
        if is_served || purpose.one_by_one().is_some() {
            let time = self.time_of(purpose);
            return self.after(time, Event::Answer { worker, run: run_id, attempt });
        }
        let retry = self.parameters.retry;
        if !self.workers[worker].may_retry(&retry, attempt) {
            return self.give_back(worker, false);
        }
        let longest = retry.longest.min(retry.first << (attempt - 1));
        let backoff = (longest as f64 * self.random.unit()) as Micros;
        let time = self.about(self.parameters.latency.item);
        let next = Event::Attempt { worker, run: run_id, call, attempt: attempt + 1 };
        self.after(time + backoff + self.parameters.latency.call_cpu, next);
    }

    fn is_served(
        &mut self,
        purpose: Purpose,
        message: Message,
        (index, units): (usize, u32),
    ) -> bool {
        let Message { customer, job, chunk } = message;
        let (now, outcome) = (self.now, &mut self.outcome);
        // The keys are hashes, so that any even spread models them.
        let own = Place::Own(hash([purpose as u64, job as u64, chunk as u64, index as u64]));
        let (table, access, place) = match purpose {
            Purpose::Plan
            | Purpose::Upload
            | Purpose::Audit
            | Purpose::LookForOutcomes
            | Purpose::Outcomes
            | Purpose::Finished => return true,
            Purpose::LoadJob => {
                (&mut outcome.job_items, Access::Read, Place::Shared(Key::Job(job)))
            }
            Purpose::EndChunk => {
                (&mut outcome.job_items, Access::Write, Place::Shared(Key::Job(job)))
            }
            Purpose::Directory => {
                (&mut outcome.directory, Access::Read, Place::Shared(Key::Directory(customer)))
            }
            Purpose::LoadPeople | Purpose::LoadQueries => {
                (&mut outcome.patients, Access::Read, Place::Everywhere)
            }
            Purpose::LoadExternalIds => (&mut outcome.external_ids, Access::Read, own),
            Purpose::InsertExternalIds | Purpose::StoreExternalId | Purpose::DeleteExternalId => {
                (&mut outcome.external_ids, Access::Write, own)
            }
            Purpose::LoadRoster => {
                (&mut outcome.patients, Access::Read, Place::Shared(Key::Roster(customer)))
            }
            Purpose::InsertPeople | Purpose::StorePerson => {
                (&mut outcome.patients, Access::Write, own)
            }
            Purpose::Roster => {
                (&mut outcome.patients, Access::Write, Place::Shared(Key::Roster(customer)))
            }
        };
        table.take(now, access, units, place)
    }

    fn time_of(&mut self, purpose: Purpose) -> Micros {
        let latency = &self.parameters.latency;
        let time = match purpose {
            Purpose::Plan | Purpose::Upload | Purpose::LookForOutcomes | Purpose::Outcomes => {
                latency.object
            }
            Purpose::LoadPeople
            | Purpose::LoadQueries
            | Purpose::InsertExternalIds
            | Purpose::InsertPeople => latency.batch,
            Purpose::Audit | Purpose::Finished => latency.message,
            _ => latency.item,
        };
        self.about(time)
    }

    pub(super) fn answer(&mut self, worker: usize, attempt: u32) {
        let busy = &mut self.workers[worker];
        busy.answered(&self.parameters.retry, attempt);
        if let Some(run) = &mut busy.at {
            run.open -= 1;
        }
        self.launch(worker);
    }
}
