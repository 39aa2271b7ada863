//! The queues of chunks: one for each size of job, and one for undone chunks.

use crate::event_source::EventSource;
use crate::parameters::{Micros, QueueKind};
use crate::queue::Queue;

/// A queue of chunks with its event source and the instances that it feeds.
#[derive(Debug)]
pub(super) struct Lane {
    pub queue: Queue,
    pub source: EventSource,
    pub idle: Vec<usize>,
    pub looks_at: Option<Micros>,
}

impl Lane {
    pub const fn new(kind: QueueKind, concurrency: u32) -> Self {
        Self {
            queue: Queue::new(kind),
            source: EventSource::new(concurrency),
            idle: Vec::new(),
            looks_at: None,
        }
    }
}
