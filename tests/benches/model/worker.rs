//! An instance of `import-rows` or `undo-chunk`, and its current run.

use std::rc::Rc;

use crate::parameters::{Micros, Retry, design};
use crate::purpose::Purpose;
use crate::queue::Message;
use crate::record::ChunkCalls;

/// An instance. It outlives its runs, and with it the retry tokens of its AWS clients.
#[derive(Debug)]
pub struct Worker {
    pub lane: usize,
    /// Counts runs, so that the calls of an earlier run are told from those of this one.
    pub run: u64,
    pub at: Option<Run>,
    /// When the processor of the instance is free.
    pub cpu_free: Micros,
    quota: u32,
}

#[derive(Debug)]
pub struct Run {
    pub message: Message,
    /// The number of the message in the queue.
    pub sent: u64,
    pub received: Micros,
    pub calls: Rc<ChunkCalls>,
    pub step: usize,
    /// The calls of this step, each with the numbers and units of its items. A call that is no
    /// batch counts as one item.
    pub todo: Vec<Vec<(usize, u32)>>,
    /// The first call that has not been started.
    pub next: usize,
    /// How many calls have been started and have not ended.
    pub open: usize,
    /// How many of these hold tokens for a retry.
    holding: u32,
}

impl Run {
    /// Returns a run that has not started its first step.
    pub fn new(message: Message, sent: u64, received: Micros, calls: Rc<ChunkCalls>) -> Self {
        Self {
            message,
            sent,
            received,
            calls,
            step: 0,
            todo: Vec::new(),
            next: 0,
            open: 0,
            holding: 0,
        }
    }

    /// Returns what the step is for, or `None` after the last step.
    pub fn purpose(&self) -> Option<Purpose> {
        self.calls.steps.get(self.step).map(|step| step.purpose)
    }

    /// Returns how many calls of the step are made at the same time.
    pub fn at_once(&self, writes: usize) -> usize {
        match self.purpose() {
            Some(
                Purpose::StoreExternalId
                | Purpose::StorePerson
                | Purpose::LoadExternalIds
                | Purpose::DeleteExternalId,
            ) => writes,
            Some(
                Purpose::LoadPeople
                | Purpose::LoadQueries
                | Purpose::InsertExternalIds
                | Purpose::InsertPeople,
            ) => design::CONCURRENT_BATCHES,
            _ => 1,
        }
    }
}

impl Worker {
    /// Returns a new instance.
    pub const fn new(lane: usize, retry: &Retry) -> Self {
        Self { lane, run: 0, at: None, cpu_free: 0, quota: retry.quota }
    }

    pub fn answered(&mut self, retry: &Retry, attempt: u32) {
        if attempt == 1 {
            self.quota = (self.quota + 1).min(retry.quota);
        } else if let Some(run) = &mut self.at {
            run.holding -= 1;
            self.quota = (self.quota + retry.cost).min(retry.quota);
        }
    }

    /// Records that a call was throttled, and returns whether it may be retried. A further retry
    /// takes tokens again, and those of the retry before are lost.
    pub fn may_retry(&mut self, retry: &Retry, attempt: u32) -> bool {
        let Some(run) = &mut self.at else { return false };
        if attempt >= retry.attempts || self.quota < retry.cost {
            return false;
        }
        self.quota -= retry.cost;
        run.holding += u32::from(attempt == 1);
        true
    }

    /// Ends the run at any step. The tokens of its calls are returned.
    pub fn end(&mut self, retry: &Retry) -> Option<Run> {
        self.run += 1;
        let run = self.at.take()?;
        self.quota = (self.quota + run.holding * retry.cost).min(retry.quota);
        Some(run)
    }
}
