//! How many messages Lambda takes from a queue at the same time.

use crate::parameters::{Micros, SECOND, event_source};

/// An event source, which grows while messages are waiting.
#[derive(Debug)]
pub struct EventSource {
    maximum: u32,
    busy_since: Option<Micros>,
    pub running: u32,
}

impl EventSource {
    /// Returns an event source that has been idle, with its `MaximumConcurrency`.
    pub const fn new(maximum: u32) -> Self {
        Self { maximum, busy_since: None, running: 0 }
    }

    /// Returns how many more messages it takes now. It grows while messages are there, and starts
    /// again after the queue was empty.
    pub fn room(&mut self, now: Micros, is_empty: bool) -> u32 {
        if is_empty && self.running == 0 {
            self.busy_since = None;
            return 0;
        }
        let since = *self.busy_since.get_or_insert(now);
        let ramp =
            event_source::FIRST + event_source::PER_SECOND * (now - since) as f64 / SECOND as f64;
        self.maximum.min(ramp as u32).saturating_sub(self.running)
    }

    /// Returns whether it takes as many as it ever may.
    pub const fn is_full(&self) -> bool {
        self.running >= self.maximum
    }
}
