//! What tests see of the jobs in memory, beside the port.

use bulk_domain::ids::JobId;
use bulk_domain::job::{Job, JobStatus};
use bulk_domain::time::Timestamp;

use crate::Cloud;

/// A change of a job's state that was stored. A refused change is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transition {
    /// The job that was in `from` and is in `to`.
    pub job: JobId,
    /// The state that the caller of
    /// [`JobStore::change_state`](bulk_pipeline::ports::JobStore::change_state) named as the stored
    /// one.
    pub from: JobStatus,
    /// The state that was stored instead.
    pub to: JobStatus,
}

impl Cloud {
    /// Returns every change of state so far, in the order in which they took place.
    pub fn transitions(&self) -> Vec<Transition> {
        self.state().jobs.transitions.clone()
    }

    /// Returns every job as it is stored, in the order of the ids.
    pub fn jobs(&self) -> Vec<Job> {
        self.state().jobs.jobs.values().map(|stored| stored.job.clone()).collect()
    }

    /// Returns when the sweep has a job to look at next. Reads the table, so that no index lag
    /// delays the answer.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.state()
            .jobs
            .jobs
            .values()
            .filter_map(|stored| stored.watched.map(|(due, _)| due))
            .min()
    }
}
