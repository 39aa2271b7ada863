//! The stored form of a plan: a line of JSON for each chunk, in the order of their numbers.

use std::collections::BTreeSet;

use bulk_domain::job::Job;
use bulk_domain::plan::{Chunk, ChunkNumber};
use bytes::Bytes;

use crate::messages::ChunkMessage;

/// A stored plan, with the first byte and the end of each of its lines.
pub struct PlanFile {
    lines: Bytes,
    spans: Vec<(u64, u64)>,
}

impl PlanFile {
    /// Returns the stored form of these chunks.
    pub fn of(chunks: &[Chunk]) -> Self {
        let mut lines = Vec::new();
        for chunk in chunks {
            // Writing numbers into memory cannot fail.
            let _ = serde_json::to_writer(&mut lines, chunk);
            lines.push(b'\n');
        }
        Self::read(lines.into())
    }

    /// Returns the plan with these stored lines. The chunks on them are not parsed yet.
    pub fn read(lines: Bytes) -> Self {
        let mut start = 0;
        let spans = lines
            .split_inclusive(|&byte| byte == b'\n')
            .map(|line| {
                let span = (start, start + line.len() as u64);
                start = span.1;
                span
            })
            .collect();
        Self { lines, spans }
    }

    /// Returns the number of chunks.
    pub fn chunk_count(&self) -> u32 {
        self.spans.iter().map(|_| 1).sum()
    }

    /// Returns the bytes to store.
    pub fn bytes(&self) -> Bytes {
        self.lines.clone()
    }

    /// Returns the messages about the chunks of a job that are among `wanted`.
    pub fn messages(&self, job: &Job, wanted: &BTreeSet<ChunkNumber>) -> Vec<ChunkMessage> {
        (0..)
            .map(ChunkNumber::new)
            .zip(&self.spans)
            .filter(|(chunk, _)| wanted.contains(chunk))
            .map(|(chunk, &plan)| ChunkMessage { customer: job.customer, job: job.id, chunk, plan })
            .collect()
    }

    /// Returns the chunk on each line, or `None` for a line that is no chunk.
    pub fn chunks(&self) -> impl Iterator<Item = Option<Chunk>> {
        self.lines
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).ok())
    }
}

/// Returns the chunk of a message from the line of the plan that the message points to, or `None`
/// if the line is that of another chunk.
pub fn chunk_of(message: &ChunkMessage, line: &[u8]) -> Option<Chunk> {
    serde_json::from_slice(line).ok().filter(|chunk: &Chunk| chunk.number == message.chunk)
}
