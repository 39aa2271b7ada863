//! Imports one chunk: validates its rows, creates or updates the patients, and stores the outcome
//! of each row.
//!
//! A bad row is an outcome, never an error. The order of the steps makes it harmless that a message
//! is received twice: the upserts are idempotent, the first outcomes that are stored count, and the
//! chunk is counted once, because the update that counts it takes it out of the job's pending
//! chunks.

use std::collections::{HashMap, HashSet};

use bulk_domain::hash_key::HashKey;
use bulk_domain::identity::Identity;
use bulk_domain::ids::{PatientId, RowNumber};
use bulk_domain::job::times::may_start_rows;
use bulk_domain::job::{AcceptedFile, Job, JobStatus};
use bulk_domain::mutants::{Bug, has};
use bulk_domain::outcome::{FailureReason, RowOutcome, RowResult, Tally};
use bulk_domain::patient::PatientRow;
use bulk_domain::person::Group;
use bulk_domain::plan::Chunk;
use bulk_domain::problem::Problem;
use bulk_domain::row::RowParser;

use crate::complete_chunk::{complete_chunk, resume_after_count, send_pending_queries};
use crate::messages::ChunkMessage;
use crate::plan_file::chunk_of;
use crate::ports::prelude::*;
use crate::ports::{CustomerDirectory, Ports};
use crate::read_runs::read_rows;
use crate::upsert::{Upsert, UpsertOutcome, UpsertedRow};
use crate::{DirectoryCache, Error};

pub use crate::upsert::CONCURRENT_UPSERTS;

/// The outcome of a chunk message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ImportOutcome {
    /// The chunk completed, and its rows have these counts.
    Chunk(Tally),
    /// There was nothing to do, because the chunk was counted or the job had ended before, or is
    /// deleted.
    Nothing,
}

/// Handles one chunk message. Safe to repeat, concurrently and late.
pub async fn import_rows<P: Ports>(
    ports: &P,
    directories: &DirectoryCache,
    message: &ChunkMessage,
) -> Result<ImportOutcome, Error> {
    // The job of a deleted customer is gone.
    let Some(job) = ports.jobs().load_job(message.job).await? else {
        return Ok(ImportOutcome::Nothing);
    };
    let (JobStatus::Processing, Some(file)) = (job.status, &job.file) else {
        if !has(Bug::CanceledQueriesNotSentAgain) {
            send_pending_queries(ports, &job, message.chunk).await?;
        }
        return Ok(ImportOutcome::Nothing);
    };
    if !job.pending_chunks.contains(&message.chunk) {
        resume_after_count(ports, &job, message.chunk).await?;
        return Ok(ImportOutcome::Nothing);
    }
    let import = Import { ports, directories, job: &job, file };
    let outcomes = import.outcomes(message).await?;
    let tally = complete_chunk(ports, &job, message.chunk, &outcomes).await?;
    Ok(tally.map_or(ImportOutcome::Nothing, ImportOutcome::Chunk))
}

struct Import<'a, P> {
    ports: &'a P,
    directories: &'a DirectoryCache,
    job: &'a Job,
    file: &'a AcceptedFile,
}

impl<P: Ports> Import<'_, P> {
    async fn outcomes(&self, message: &ChunkMessage) -> Result<Vec<RowOutcome>, Error> {
        let Self { ports, job, file, .. } = self;
        let line = Some(message.plan.0..message.plan.1);
        let line = ports.objects().read_plan((*job).into(), &file.upload, line).await?;
        let chunk = chunk_of(message, &line).ok_or(Error::Inconsistent {
            job: job.id,
            what: "a message points to another line of the plan",
        })?;
        let failed = |reason: FailureReason| {
            let rows = chunk.row_numbers();
            Ok(rows.map(|row| RowOutcome::new(row, RowResult::Failed(reason.clone()))).collect())
        };
        if job.cancel_requested {
            return failed(FailureReason::Canceled);
        }
        // What the store remembers of this job may be deleted soon. A patient that is written now
        // could lose its entry under its external id.
        if !may_start_rows(job.id, ports.environment().now()) {
            return failed(FailureReason::Internal);
        }
        let Parsed { mut outcomes, groups, hash_key } = self.parse(&chunk).await?;
        let (objects, chunk) = (ports.objects(), message.chunk);
        let hash_key = &hash_key;
        let mut upsert = Upsert { ports: *ports, job, chunk, hash_key, unanswered_at: None };
        let mut upserted = if job.dry_run {
            upsert.preview(&groups.groups).await
        } else {
            upsert.upsert(&groups.groups).await
        };
        if let Err(Error::PatientDeleted) = upserted {
            let now = ports.environment().now();
            if objects.has_outcomes((*job).into(), chunk).await? {
                return Ok(objects.read_outcomes((*job).into(), chunk).await?);
            }
            upsert.unanswered_at = Some(now);
            upserted = upsert.upsert(&groups.groups).await;
        }
        let UpsertOutcome { mut rows, mut to_query } = upserted?;
        for outcome in &mut outcomes {
            if let Some(row) = rows.remove(&outcome.row) {
                add_upsert(outcome, row, &mut to_query);
            }
        }
        Ok(outcomes)
    }

    /// Reads and validates the rows of a chunk. The cached directory is enough if it has every
    /// facility and cohort that the rows name.
    async fn parse(&self, chunk: &Chunk) -> Result<Parsed, Error> {
        let (customer, now) = (self.job.customer, self.ports.environment().now());
        if let Some(cached) = self.directories.cached(customer, now) {
            let parsed = self.parse_with(cached, chunk).await?;
            if !names_unknown(&parsed.outcomes) {
                return Ok(parsed);
            }
            // The customer may have added the facility or the cohort since the directory was read.
        }
        let directory = self.directories.read(self.ports, customer, now).await?;
        self.parse_with(directory, chunk).await
    }

    async fn parse_with(
        &self,
        directory: CustomerDirectory,
        chunk: &Chunk,
    ) -> Result<Parsed, Error> {
        let CustomerDirectory { ids, hash_key } = directory;
        let Self { ports, job, file, .. } = self;
        // The day of the job, not of the attempt, so that every attempt validates a birth date the
        // same way.
        let parser = RowParser::new(&file.columns, job.created_at.date(), ids);
        let mut outcomes = Vec::with_capacity(chunk.rows() as usize);
        let mut groups = Groups::default();
        let separator = file.columns.separator();
        read_rows(ports.objects(), (*job).into(), &file.upload, separator, chunk, |number, row| {
            let parsed = parser.parse(row);
            let result = match parsed.patient {
                Err(problems) => RowResult::Failed(FailureReason::Problems(problems)),
                Ok(patient) => {
                    groups.add(&hash_key, number, patient);
                    RowResult::Failed(FailureReason::Internal)
                }
            };
            let warnings = parsed.warnings;
            outcomes.push(RowOutcome { warnings, ..RowOutcome::new(number, result) });
        })
        .await?;
        Ok(Parsed { outcomes, groups, hash_key })
    }
}

/// The rows of a chunk after validation.
struct Parsed {
    /// The outcome of each row. A valid row counts as failed until its upsert succeeds.
    outcomes: Vec<RowOutcome>,
    /// The valid rows, grouped by identity.
    groups: Groups,
    /// The key of the customer's hashes.
    hash_key: HashKey,
}

/// Returns whether a row names a facility or a cohort that is not in the directory.
fn names_unknown(outcomes: &[RowOutcome]) -> bool {
    outcomes.iter().any(|outcome| match &outcome.result {
        RowResult::Failed(FailureReason::Problems(problems)) => {
            problems.iter().any(|problem| problem.problem == Problem::NotFound)
        }
        RowResult::Failed(_) | RowResult::Succeeded { .. } => false,
    })
}

/// Adds the outcome of a row's upsert to the outcome of the row.
fn add_upsert(outcome: &mut RowOutcome, row: UpsertedRow, to_query: &mut HashSet<PatientId>) {
    if let RowResult::Succeeded { patient: Some(patient), .. } = &row.result {
        outcome.starts_query = to_query.remove(patient);
    }
    outcome.result = row.result;
    row.warnings.iter().for_each(|warning| outcome.warnings.add(warning));
}

/// Rows grouped by identity. The groups are in the order of their first rows.
#[derive(Default)]
struct Groups {
    groups: Vec<Group>,
    by_identity: HashMap<Identity, usize>,
}

impl Groups {
    fn add(&mut self, hash_key: &HashKey, number: RowNumber, row: PatientRow) {
        let identity = Identity::of_row(&row);
        let index = self.by_identity.get(&identity).copied().unwrap_or_else(|| {
            let bucket = hash_key.bucket(&identity);
            self.by_identity.insert(identity.clone(), self.groups.len());
            self.groups.push(Group { bucket, identity, rows: Vec::new() });
            self.groups.len() - 1
        });
        self.groups[index].rows.push((number, row));
    }
}
