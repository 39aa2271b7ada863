//! The outcomes of a job in row order, read as they are needed.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::vec::IntoIter;

use bulk_domain::ids::{JobId, RowNumber};
use bulk_domain::outcome::RowOutcome;
use bulk_domain::plan::ChunkNumber;
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};

use crate::Error;
use crate::plan_file::PlanFile;
use crate::ports::{JobRef, ObjectStore, PortResult};

/// Number of outcome objects that are read ahead of the row that needs them. At 15 ms a request, 16
/// are enough to keep up with reading the upload.
const FETCHED_AHEAD: usize = 16;

/// Chunks with their outcomes, in the order of the chunks' first rows.
type Fetched<'a> =
    Pin<Box<dyn Stream<Item = PortResult<(ChunkNumber, Vec<RowOutcome>)>> + Send + 'a>>;

/// The outcomes of a job in row order. A chunk's outcomes are read shortly before its first row and
/// dropped after its last one. So a chunk of neighbouring rows is in memory only briefly, but a
/// chunk of duplicate rows from the first duplicate to the last.
pub struct OutcomesInOrder<'a> {
    job: JobId,
    /// First row and row count of each run in row order, with the chunk of the run.
    runs: Vec<(RowNumber, u32, ChunkNumber)>,
    run: usize,
    fetched: Fetched<'a>,
    open: HashMap<ChunkNumber, IntoIter<RowOutcome>>,
}

impl<'a> OutcomesInOrder<'a> {
    /// Returns the outcomes of a job, in the order that its stored plan gives. Fails if the plan
    /// cannot be read.
    pub fn new(objects: &'a impl ObjectStore, job: JobRef, plan: Bytes) -> Result<Self, Error> {
        let mut runs: Vec<(RowNumber, u32, ChunkNumber)> = Vec::new();
        for chunk in PlanFile::read(plan).chunks() {
            let chunk = chunk
                .ok_or(Error::Inconsistent { job: job.job, what: "the plan cannot be read" })?;
            runs.extend(chunk.runs.iter().map(|run| (run.first, run.rows, chunk.number)));
        }
        runs.sort_unstable();
        let mut seen = HashSet::new();
        let in_order_of_use: Vec<ChunkNumber> =
            runs.iter().map(|&(_, _, chunk)| chunk).filter(|chunk| seen.insert(*chunk)).collect();
        let fetched = stream::iter(in_order_of_use)
            .map(move |chunk| async move { Ok((chunk, objects.read_outcomes(job, chunk).await?)) })
            .buffered(FETCHED_AHEAD);
        Ok(Self { job: job.job, runs, run: 0, fetched: Box::pin(fetched), open: HashMap::new() })
    }

    /// Returns the outcome of `row`. The caller has to take every row once, in file order.
    pub async fn take(&mut self, row: RowNumber) -> Result<RowOutcome, Error> {
        let chunk = self.chunk_of(row).ok_or_else(|| self.missing())?;
        while !self.open.contains_key(&chunk) {
            let (number, outcomes) = self.fetched.next().await.ok_or_else(|| self.missing())??;
            self.open.insert(number, outcomes.into_iter());
        }
        let outcomes = self
            .open
            .get_mut(&chunk)
            .ok_or(Error::Inconsistent { job: self.job, what: "a chunk has no outcomes" })?;
        let outcome = outcomes.next().filter(|outcome| outcome.row == row);
        if outcomes.len() == 0 {
            self.open.remove(&chunk);
        }
        outcome.ok_or_else(|| self.missing())
    }

    fn chunk_of(&mut self, row: RowNumber) -> Option<ChunkNumber> {
        while self
            .runs
            .get(self.run)
            .is_some_and(|&(first, rows, _)| row.get() >= first.get() + rows)
        {
            self.run += 1;
        }
        self.runs.get(self.run).map(|&(_, _, chunk)| chunk)
    }

    fn missing(&self) -> Error {
        Error::Inconsistent { job: self.job, what: "a row has no outcome" }
    }
}
