//! The stored form of a plan: a line of JSON for each chunk, in the order of their numbers.

use std::collections::BTreeSet;

use bytes::Bytes;
use domain::job::Job;
use domain::plan::{Chunk, ChunkNumber};

use crate::messages::ChunkMessage;

/// A plan as it is stored, and where each line of it is.
pub struct PlanFile {
    lines: Bytes,
    spans: Vec<(u64, u64)>,
}

impl PlanFile {
    /// The stored form of these chunks.
    pub fn of(chunks: &[Chunk]) -> Self {
        let mut lines = Vec::new();
        for chunk in chunks {
            // Writing numbers into memory cannot fail.
            let _ = serde_json::to_writer(&mut lines, chunk);
            lines.push(b'\n');
        }
        Self::read(lines.into())
    }

    /// A plan as it was stored.
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
        // A plan has a line for each chunk, and a chunk at least one row, of which a file has a million at most.
        u32::try_from(self.spans.len()).unwrap_or(u32::MAX)
    }

    /// The bytes to store.
    pub fn bytes(&self) -> Bytes {
        self.lines.clone()
    }

    /// The messages about the chunks of a job that are among `wanted`.
    pub fn messages(&self, job: &Job, wanted: &BTreeSet<ChunkNumber>) -> Vec<ChunkMessage> {
        (0..)
            .map(ChunkNumber::new)
            .zip(&self.spans)
            .filter(|(chunk, _)| wanted.contains(chunk))
            .map(|(chunk, &plan)| ChunkMessage { customer: job.customer, job: job.id, chunk, plan })
            .collect()
    }

    /// The chunks; none in place of what is no chunk.
    pub fn chunks(&self) -> impl Iterator<Item = Option<Chunk>> {
        self.lines
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).ok())
    }
}

/// The chunk that a message points to, from the bytes that it points to.
pub fn chunk_of(message: &ChunkMessage, line: &[u8]) -> Option<Chunk> {
    serde_json::from_slice(line).ok().filter(|chunk: &Chunk| chunk.number == message.chunk)
}
