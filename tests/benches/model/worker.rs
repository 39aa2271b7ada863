//! An instance of `import-rows`, and the run that it is in.

use std::rc::Rc;

use crate::parameters::{Micros, Retry, design};
use crate::queue::Message;
use crate::record::ChunkCalls;
use crate::recorder::Purpose;

/// An instance. It lives on between its runs, and with it the retry quota of its AWS clients.
#[derive(Debug)]
pub struct Worker {
    /// The queue that it is fed from.
    pub lane: usize,
    /// Counts runs, so that what an earlier one left on the way is told from this one's.
    pub run: u64,
    /// The run that it is in.
    pub at: Option<Run>,
    /// When its processor is free.
    pub cpu_free: Micros,
    quota: u32,
}

/// A chunk that is being handled.
#[derive(Debug)]
pub struct Run {
    /// Its message.
    pub message: Message,
    /// Its message's number in the queue.
    pub sent: u64,
    /// When its message was received.
    pub received: Micros,
    /// What it asks for.
    pub calls: Rc<ChunkCalls>,
    /// The step that it is in.
    pub step: usize,
    /// The calls of this step, each with its units.
    pub todo: Vec<(usize, u32)>,
    /// The first of them that has not been started.
    pub next: usize,
    /// How many have been started and have not ended.
    pub open: usize,
    /// How many of these hold tokens for a retry.
    holding: u32,
}

impl Run {
    /// One that has not started its first step.
    pub fn new(message: Message, sent: u64, received: Micros, calls: Rc<ChunkCalls>) -> Self {
        Self { message, sent, received, calls, step: 0, todo: Vec::new(), next: 0, open: 0, holding: 0 }
    }

    /// What the step is for; none after the last one.
    pub fn purpose(&self) -> Option<Purpose> {
        self.calls.steps.get(self.step).map(|step| step.purpose)
    }

    /// How many calls of the step go out at the same time.
    pub fn at_once(&self, writes: usize) -> usize {
        match self.purpose() {
            Some(Purpose::StorePeople | Purpose::StorePatient) => writes,
            Some(Purpose::LoadPeople | Purpose::LoadPatients) => design::CONCURRENT_BATCHES,
            _ => 1,
        }
    }
}

impl Worker {
    /// A new instance.
    pub const fn new(lane: usize, retry: &Retry) -> Self {
        Self { lane, run: 0, at: None, cpu_free: 0, quota: retry.quota }
    }

    /// A call was answered.
    pub fn answered(&mut self, retry: &Retry, attempt: u32) {
        if attempt == 1 {
            self.quota = (self.quota + 1).min(retry.quota);
        } else if let Some(run) = &mut self.at {
            run.holding -= 1;
            self.quota = (self.quota + retry.cost).min(retry.quota);
        }
    }

    /// A call was throttled. Whether it may be tried again: a further retry takes tokens anew, and those of the
    /// retry before are lost.
    pub fn may_retry(&mut self, retry: &Retry, attempt: u32) -> bool {
        let Some(run) = &mut self.at else { return false };
        if attempt >= retry.attempts || self.quota < retry.cost {
            return false;
        }
        self.quota -= retry.cost;
        run.holding += u32::from(attempt == 1);
        true
    }

    /// Ends the run, wherever it is. Tokens that its calls hold are given back.
    pub fn end(&mut self, retry: &Retry) -> Option<Run> {
        self.run += 1;
        let run = self.at.take()?;
        self.quota = (self.quota + run.holding * retry.cost).min(retry.quota);
        Some(run)
    }
}
