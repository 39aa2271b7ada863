//! Measures how long the ports in memory work. The rest of a run is the time of this project's
//! code.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bulk_memory::{Fault, Faults, NoFaults, Operation};

/// A network without faults that measures the time from a call's arrival to its answer.
#[derive(Default, Debug)]
pub struct Stopwatch(Mutex<Reading>);

#[derive(Default, Debug)]
struct Reading {
    running_since: Option<Instant>,
    total: Duration,
}

impl Stopwatch {
    /// Returns the time that all calls took so far.
    pub fn total(&self) -> Duration {
        self.reading(|reading| reading.total)
    }

    fn reading<T>(&self, with: impl FnOnce(&mut Reading) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Faults for Stopwatch {
    fn fault(&self, operation: Operation) -> Option<Fault> {
        // Each piece of a body asks for its fault when it is read, but what follows is this
        // project's code.
        if operation != Operation::GetObject {
            self.reading(|reading| reading.running_since = Some(Instant::now()));
        }
        None
    }

    /// Called before a call, and again after the call was carried out.
    fn delay(&self) -> u32 {
        self.reading(|reading| {
            if let Some(since) = reading.running_since.take() {
                reading.total += since.elapsed();
            }
        });
        0
    }

    fn piece(&self) -> usize {
        NoFaults.piece()
    }
}
