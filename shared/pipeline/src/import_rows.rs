//! Imports one chunk: validates its rows, creates or updates the patients, and stores the outcome
//! of each row.
//!
//! A bad row is an outcome, never an error. The order of the steps makes it harmless that a message
//! is received twice: the upserts are idempotent, the first outcomes that are stored count, and the
//! chunk is counted once, because the update that counts it takes it out of the job's pending
//! chunks.

use std::collections::{BTreeMap, HashMap, HashSet};

use bulk_domain::identity::Identity;
use bulk_domain::ids::{PatientId, RowNumber};
use bulk_domain::job::{AcceptedFile, Job, JobStatus};
use bulk_domain::mutants::{Bug, has};
use bulk_domain::outcome::{FailureReason, RowOutcome, RowResult, Tally};
use bulk_domain::plan::{Chunk, ChunkNumber};
use bulk_domain::problem::{Problem, RowProblems};
use bulk_domain::record::PatientRecord;
use bulk_domain::roster::{Roster, RosterEntry};
use bulk_domain::row::{Directory, RowParser};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tracing::error;

use crate::complete_chunk::{complete_chunk, resume_after_count, send_pending_queries};
use crate::messages::ChunkMessage;
use crate::plan_file::chunk_of;
use crate::ports::Ports;
use crate::ports::prelude::*;
use crate::read_runs::read_rows;
use crate::upsert::{Decision, Group, Upsert, UpsertOutcome};
use crate::{DirectoryCache, Error};

/// Number of patients of a chunk that are written at the same time. At about 5 ms a write, 32 make
/// 6,000 writes a second. One worker gets fewer than that, so that a larger number would only take
/// memory.
pub const CONCURRENT_UPSERTS: usize = 32;

/// The outcome of a chunk message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ImportOutcome {
    /// The chunk completed, and its rows have these counts.
    Chunk(Tally),
    /// There was nothing to do, because the chunk was counted or the job had ended before.
    Nothing,
}

/// Handles one chunk message. Safe to repeat, concurrently and late.
pub async fn import_rows<P: Ports>(
    ports: &P,
    directories: &DirectoryCache,
    message: &ChunkMessage,
) -> Result<ImportOutcome, Error> {
    let job = ports.jobs().load_job(message.job).await?.ok_or(Error::NoSuchJob(message.job))?;
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
        if job.cancel_requested {
            let canceled = |row| RowOutcome::new(row, RowResult::Failed(FailureReason::Canceled));
            return Ok(chunk.row_numbers().map(canceled).collect());
        }
        let Parsed { mut outcomes, groups } = self.parse(&chunk).await?;
        let Upserted { mut results, mut to_query } =
            self.upsert(message.chunk, &groups.groups).await?;
        for outcome in &mut outcomes {
            if let Some(result) = results.remove(&outcome.row) {
                if let RowResult::Succeeded(Some(patient)) = &result {
                    outcome.starts_query = to_query.remove(patient);
                }
                outcome.result = result;
            }
        }
        Ok(outcomes)
    }

    /// Reads and validates the rows of a chunk. The cached directory is enough if it has every
    /// facility and cohort that the rows name.
    async fn parse(&self, chunk: &Chunk) -> Result<Parsed, Error> {
        if !RowParser::reads_directory(&self.file.columns) {
            return self.parse_with(Directory::default(), chunk).await;
        }
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

    async fn parse_with(&self, directory: Directory, chunk: &Chunk) -> Result<Parsed, Error> {
        let Self { ports, job, file, .. } = self;
        // The day of the job, not of the attempt, so that every attempt validates a birth date the
        // same way.
        let parser = RowParser::new(&file.columns, job.created_at.date(), directory);
        let mut outcomes = Vec::with_capacity(chunk.rows() as usize);
        let mut groups = Groups::default();
        let separator = file.columns.separator();
        read_rows(ports.objects(), (*job).into(), &file.upload, separator, chunk, |number, row| {
            let parsed = parser.parse(row);
            let result = match parsed.patient {
                Err(problems) => RowResult::Failed(FailureReason::Problems(problems)),
                Ok(patient) => {
                    if !job.dry_run {
                        groups.add(Identity::of_row(job.customer, &patient), number, patient);
                    }
                    RowResult::Succeeded(None)
                }
            };
            let warnings = parsed.warnings;
            outcomes.push(RowOutcome { warnings, ..RowOutcome::new(number, result) });
        })
        .await?;
        Ok(Parsed { outcomes, groups })
    }

    /// Decides the patient of each row first, then stores the roster entries of new patients, and
    /// writes the patients last. Therefore no patient is missing from a roster if the worker dies
    /// in between.
    ///
    /// A write that the store refuses with a permanent error fails the rows of its group, and the
    /// other groups go on.
    async fn upsert(&self, chunk: ChunkNumber, groups: &[Group]) -> Result<Upserted, Error> {
        let job = self.job;
        let upsert = Upsert { ports: self.ports, job };
        let known = upsert.load(groups).await?;
        let decisions: Vec<Option<Decision>> = stream::iter(groups)
            .map(async |group| unless_permanent(upsert.decide(group, &known).await))
            .buffered(CONCURRENT_UPSERTS)
            .try_collect()
            .await?;
        self.store_rosters(chunk, decisions.iter().flatten()).await?;
        let written: Vec<Option<UpsertOutcome>> = stream::iter(groups.iter().zip(&decisions))
            .map(async |(group, decision)| match decision {
                Some(decision) => unless_permanent(upsert.write(group, decision).await),
                None => Ok(None),
            })
            .buffered(CONCURRENT_UPSERTS)
            .try_collect()
            .await?;
        // If a worker died after its writes, its retry changes no patient. So the records tell
        // which patients this job changed. If another job has changed a patient since, that job
        // queries the patient. This job queries it, too, if it created the patient.
        let is_ours = |record: &PatientRecord| {
            record.changed_by == job.id
                || (record.created_by == job.id && !has(Bug::CreatedNotQueried))
                || has(Bug::UnchangedQueried)
        };
        let has_gateway = self.ports.queues().has_gateway();
        let to_query = written
            .iter()
            .flatten()
            .flat_map(|written| &written.records)
            .filter(|record| has_gateway && is_ours(record) && !record.patient.hie_opt_out)
            .map(|record| record.patient.id)
            .collect();
        let groups = groups.iter().zip(decisions).zip(written);
        let results =
            groups.flat_map(|((group, decision), written)| results_of(group, decision, written));
        Ok(Upserted { results: results.collect(), to_query })
    }

    async fn store_rosters(
        &self,
        chunk: ChunkNumber,
        decisions: impl Iterator<Item = &Decision>,
    ) -> Result<(), Error> {
        let Self { ports, job, .. } = self;
        let mut rosters: BTreeMap<Roster, Vec<PatientId>> = BTreeMap::new();
        for record in decisions.flat_map(Decision::records) {
            for roster in record.rosters_by(job.id) {
                rosters.entry(roster).or_default().push(record.patient.id);
            }
        }
        let entry = RosterEntry { job: job.id, chunk };
        for (roster, patients) in rosters {
            ports.patients().store_roster(job.customer, roster, entry, &patients).await?;
        }
        Ok(())
    }
}

/// The rows of a chunk after validation.
struct Parsed {
    /// The outcome of each row. A valid row counts as succeeded until its upsert fails.
    outcomes: Vec<RowOutcome>,
    /// The valid rows, grouped by identity. Empty in a dry run.
    groups: Groups,
}

/// The rows of a chunk after their upserts.
struct Upserted {
    /// The result of each row.
    results: HashMap<RowNumber, RowResult>,
    /// The patients that are searched for documents.
    to_query: HashSet<PatientId>,
}

/// Returns whether a row names a facility or a cohort that is not in the directory.
fn names_unknown(outcomes: &[RowOutcome]) -> bool {
    outcomes.iter().any(|outcome| match &outcome.result {
        RowResult::Failed(FailureReason::Problems(problems)) => {
            problems.iter().any(|problem| problem.problem == Problem::NotFound)
        }
        RowResult::Failed(_) | RowResult::Succeeded(_) => false,
    })
}

/// Returns `None` for a permanent error, which no retry changes, so that it becomes the outcome of
/// its rows.
fn unless_permanent<T>(done: Result<T, Error>) -> Result<Option<T>, Error> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.is_transient() => Err(error),
        Err(error) => {
            error!("Rows failed, the store refused their patient with a permanent error: {error}");
            Ok(None)
        }
    }
}

/// Returns the result of each row of a group. All rows fail if the store refused the group; a row
/// fails alone if the record of its patient, or the item of its identity, has no room for it.
fn results_of(
    group: &Group,
    decision: Option<Decision>,
    written: Option<UpsertOutcome>,
) -> Vec<(RowNumber, RowResult)> {
    let numbers = group.rows.iter().map(|(number, _)| *number);
    let (Some(decision), Some(written)) = (decision, written) else {
        return numbers
            .map(|number| (number, RowResult::Failed(FailureReason::Internal)))
            .collect();
    };
    let refused: HashSet<RowNumber> = written.refused.into_iter().collect();
    numbers
        .zip(decision.patients)
        .map(|(number, patient)| match patient {
            Some(patient) if !refused.contains(&number) => {
                (number, RowResult::Succeeded(Some(patient)))
            }
            _ => {
                let problems = RowProblems::of_row(Problem::TooLarge);
                (number, RowResult::Failed(FailureReason::Problems(problems)))
            }
        })
        .collect()
}

/// Rows grouped by identity. The groups are in the order of their first rows.
#[derive(Default)]
struct Groups {
    groups: Vec<Group>,
    by_identity: HashMap<Identity, usize>,
}

impl Groups {
    fn add(
        &mut self,
        identity: Identity,
        number: RowNumber,
        row: bulk_domain::patient::PatientRow,
    ) {
        let index = *self.by_identity.entry(identity).or_insert_with(|| {
            self.groups.push(Group { identity, rows: Vec::new() });
            self.groups.len() - 1
        });
        self.groups[index].rows.push((number, row));
    }
}
