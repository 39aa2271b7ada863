//! Which jobs can be undone, and how the undo of a job begins.

use super::{Job, JobStatus};
use crate::plan::ChunkNumber;
use crate::time::Timestamp;
use crate::undo::{Undo, UndoTally};

/// Why a job cannot be undone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UndoRefusal {
    /// The job may still write patients.
    NotEnded,
    /// The job was a dry run.
    DryRun,
    /// The job has imported no row.
    NothingImported,
    /// The outcomes of the job's rows were deleted.
    TooOld,
}

impl Job {
    /// Returns an undo of the job that begins now. The chunks of an ended job have their outcomes.
    pub fn new_undo(&self, now: Timestamp) -> Undo {
        let chunks = self.file.as_ref().map_or(0, |file| file.chunks);
        Undo {
            started_at: now,
            finished_at: None,
            pending_chunks: (0..chunks).map(ChunkNumber::new).collect(),
            tally: UndoTally::default(),
            has_kept_file: false,
        }
    }

    /// Returns why the job cannot be undone, as far as its record tells, or `None` if it can.
    pub fn undo_refusal(&self) -> Option<UndoRefusal> {
        match self.status {
            JobStatus::Waiting | JobStatus::Processing => Some(UndoRefusal::NotEnded),
            JobStatus::Completed | JobStatus::Failed | JobStatus::Expired
                if self.file.is_none() =>
            {
                Some(UndoRefusal::NothingImported)
            }
            JobStatus::Completed | JobStatus::Failed | JobStatus::Expired => {
                self.dry_run.then_some(UndoRefusal::DryRun)
            }
        }
    }
}

impl UndoRefusal {
    /// Returns what a caller reads.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NotEnded => {
                "The request has not ended, so that it cannot be undone yet. Wait for its end, or cancel it first"
            }
            Self::DryRun => {
                "The request was a dry run and has created no patients, so that there is nothing to undo"
            }
            Self::NothingImported => {
                "The request has imported no rows, so that there is nothing to undo"
            }
            Self::TooOld => {
                "The files of the request have been deleted after their retention, so that it cannot be undone any more"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ids::{CustomerId, FacilityId, JobId};

    fn job(status: JobStatus, dry_run: bool) -> Job {
        let id = Uuid::from_u128(1);
        let now = Timestamp::from_millis(0);
        let job = Job::new(JobId::new(id), CustomerId::new(id), FacilityId::new(id), dry_run, now);
        Job { status, ..job }
    }

    #[test]
    fn only_a_job_that_ended_can_be_undone() {
        for status in [JobStatus::Waiting, JobStatus::Processing] {
            assert_eq!(job(status, false).undo_refusal(), Some(UndoRefusal::NotEnded), "{status}");
        }
        for status in [JobStatus::Expired, JobStatus::Failed] {
            let refusal = job(status, false).undo_refusal();
            assert_eq!(refusal, Some(UndoRefusal::NothingImported), "{status}");
        }
    }
}
