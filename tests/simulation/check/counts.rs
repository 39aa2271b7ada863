//! Checks the counts of a job: each row counts once, and as what its stored outcome says.

use std::collections::BTreeMap;
use std::sync::Arc;

use bulk_domain::ids::RowNumber;
use bulk_domain::job::Job;
use bulk_domain::outcome::{RowEffect, RowOutcome, RowResult, Tally};
use bulk_domain::plan::ChunkNumber;
use bulk_memory::NoFaults;
use bulk_pipeline::ports::ObjectStore as _;
use futures::executor::block_on;

use super::ResultRow;
use crate::run::Played;

/// Returns what each row that succeeded did, by the stored outcomes of the job.
pub fn effects(played: &Played, job: &Job) -> BTreeMap<RowNumber, RowEffect> {
    let cloud = played.cloud.with_faults(Arc::new(NoFaults));
    let chunks = job.file.as_ref().map_or(0, |file| file.chunks);
    let outcomes = (0..chunks).map(ChunkNumber::new).flat_map(|chunk| {
        block_on(cloud.read_outcomes(job.into(), chunk)).expect("a chunk that ended has outcomes")
    });
    let effect = |outcome: RowOutcome| match outcome.result {
        RowResult::Succeeded { effect, .. } => Some((outcome.row, effect)),
        RowResult::Failed(_) => None,
    };
    outcomes.filter_map(effect).collect()
}

/// Checks the counts of a job against the rows of its result.
pub fn check_tally(job: &Job, rows: &[ResultRow]) {
    let count = |is_counted: &dyn Fn(&ResultRow) -> bool| {
        u32::try_from(rows.iter().filter(|row| is_counted(row)).count()).unwrap()
    };
    let expected = Tally {
        created: count(&|row| row.effect == Some(RowEffect::Created)),
        updated: count(&|row| row.effect == Some(RowEffect::Updated)),
        unchanged: count(&|row| row.effect == Some(RowEffect::Unchanged)),
        failed: count(&|row| row.status == "failed"),
        warnings: count(&|row| row.status == "succeeded" && !row.reason.is_empty()),
    };
    assert_eq!(job.tally, expected, "the counts of job {}", job.id);
}
