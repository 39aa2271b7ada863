//! The undo of a job in memory, which is a part of the stored job.

use bulk_domain::ids::JobId;
use bulk_domain::job::Job;
use bulk_domain::mutants::{Bug, has};
use bulk_domain::plan::ChunkNumber;
use bulk_domain::time::Timestamp;
use bulk_domain::undo::{Undo, UndoTally};
use bulk_pipeline::ports::{ChunkCompletion, Write};

use super::{Stored, bytes, written};
use crate::call::Billed;
use crate::cloud::State;

impl State {
    pub(super) fn begin_undo(&mut self, job: &Job, undo: &Undo, due: Timestamp) -> Billed<Write> {
        let allows = |stored: &&mut Stored| {
            let is_same = stored.job.status == job.status && stored.job.undo.is_none();
            is_same && stored.watched.is_none()
        };
        let Some(stored) = self.jobs.jobs.get_mut(&job.id).filter(allows) else {
            return Billed::request(Write::Conflict);
        };
        stored.job.undo = Some(undo.clone());
        let bytes = bytes(&stored.job);
        let pending = undo.pending_chunks.iter().map(|_| 1).sum();
        self.watch(job.id, Some((due, Some(pending))));
        written(Write::Done, bytes)
    }

    pub(super) fn complete_undo_chunk(
        &mut self,
        job: JobId,
        chunk: ChunkNumber,
        tally: UndoTally,
    ) -> Billed<ChunkCompletion> {
        let job = self.jobs.jobs.get_mut(&job).map(|stored| &mut stored.job);
        let bytes = job.as_deref().map_or(0, bytes);
        let Some(undo) = job.and_then(|job| job.undo.as_mut()) else {
            return Billed::request(ChunkCompletion { counted: false, was_last: false });
        };
        let counted = undo.pending_chunks.remove(&chunk);
        if counted || has(Bug::UndoneChunkCountedTwice) {
            undo.tally += tally;
        }
        written(ChunkCompletion { counted, was_last: undo.is_decided() }, bytes)
    }

    pub(super) fn end_undo(
        &mut self,
        job: JobId,
        kept: Option<u32>,
        now: Timestamp,
    ) -> Billed<Write> {
        let stored = self.jobs.jobs.get_mut(&job);
        let undo = stored.and_then(|stored| stored.job.undo.as_mut());
        let Some(undo) = undo.filter(|undo| undo.is_decided()) else {
            return Billed::request(Write::Conflict);
        };
        undo.finished_at = Some(now);
        undo.has_kept_file = kept.is_some();
        undo.tally.kept = kept.unwrap_or(undo.tally.kept);
        self.watch(job, None);
        Billed::request(Write::Done)
    }
}
