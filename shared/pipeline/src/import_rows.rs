//! One chunk of rows: validate, create or update the patients, store what became of each row.
//!
//! A bad row is an outcome, never an error. The order of the steps makes a repeated delivery harmless at
//! every point: patients are upserted idempotently, outcomes replace those of an earlier try, and the
//! chunk is counted once, because it is taken out of the job's pending chunks on the condition that it
//! is still in there.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::identity::Identity;
use domain::ids::{PatientId, RowNumber};
use domain::job::{AcceptedFile, Job, JobStatus};
use domain::mutants::{Bug, has};
use domain::outcome::{FailureReason, RowOutcome, RowResult, Tally};
use domain::plan::{Chunk, ChunkNumber};
use domain::problem::{Problem, RowProblems};
use domain::record::PatientRecord;
use domain::roster::{Roster, RosterEntry};
use domain::row::{Directory, RowParser};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tracing::error;

use crate::close_chunk::CloseChunk;
use crate::messages::ChunkMessage;
use crate::plan_file::chunk_of;
use crate::ports::{
    ChunkQueries, Clock, EndChunk, LoadDirectory, LoadJob, LoadPatients, LoadPeople, Randomness,
    ReadOutcomes, ReadPlan, ReadUpload, SendFinished, SendQueries, StoreOutcomes, StorePatient, StorePeople,
    StoreRoster,
};
use crate::read_runs::read_rows;
use crate::upsert::{Decided, Group, Upsert, Written};
use crate::{DirectoryCache, Error};

/// Patients of a chunk that are written at the same time. At about 5 ms a write this is 6,000 writes a
/// second, more than one worker gets; more only grows memory.
pub const CONCURRENT_UPSERTS: usize = 32;

/// What came of a chunk message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Imported {
    /// Its rows have their outcomes.
    Chunk(Tally),
    /// There was nothing to do: the chunk or the job had ended.
    Nothing,
}

/// The use case with its ports.
#[derive(Debug)]
pub struct ImportRows<J, F, D, P, Q, K, W> {
    /// The jobs.
    pub jobs: J,
    /// Uploads, plans and outcomes.
    pub files: F,
    /// Facilities and cohorts.
    pub directory: D,
    /// Patients and identities.
    pub patients: P,
    /// Where finished jobs go.
    pub finished: Q,
    /// Where document queries go.
    pub queries: K,
    /// Time and ids.
    pub world: W,
    /// Facilities and cohorts that were read for an earlier chunk.
    pub directories: DirectoryCache,
}

impl<J, F, D, P, Q, K, W> ImportRows<J, F, D, P, Q, K, W>
where
    J: LoadJob + EndChunk + ChunkQueries,
    F: ReadUpload + ReadPlan + StoreOutcomes + ReadOutcomes,
    D: LoadDirectory,
    P: LoadPeople + StorePeople + StoreRoster + LoadPatients + StorePatient,
    Q: SendFinished,
    K: SendQueries,
    W: Clock + Randomness,
{
    /// Handles one chunk message. Safe to repeat, concurrently and late.
    pub async fn run(&self, message: &ChunkMessage) -> Result<Imported, Error> {
        let job = self.jobs.load_job(message.job).await?.ok_or(Error::NoSuchJob(message.job))?;
        let Self { jobs, files, finished, queries, .. } = self;
        let close_chunk = CloseChunk { jobs, files, finished, queries };
        let (JobStatus::Processing, Some(file)) = (job.status, &job.file) else {
            if !has(Bug::CanceledQueriesNotSentAgain) {
                close_chunk.send_open_queries(&job, message.chunk).await?;
            }
            return Ok(Imported::Nothing);
        };
        if !job.pending_chunks.contains(&message.chunk) {
            close_chunk.go_on(&job, message.chunk).await?;
            return Ok(Imported::Nothing);
        }
        let outcomes = self.outcomes(&job, file, message).await?;
        let tally = close_chunk.run(&job, message.chunk, &outcomes).await?;
        Ok(tally.map_or(Imported::Nothing, Imported::Chunk))
    }

    async fn outcomes(
        &self,
        job: &Job,
        file: &AcceptedFile,
        message: &ChunkMessage,
    ) -> Result<Vec<RowOutcome>, Error> {
        let line = Some(message.plan.0..message.plan.1);
        let line = self.files.read_plan(job.into(), &file.upload, line).await?;
        let chunk = chunk_of(message, &line).ok_or(Error::Inconsistent {
            job: job.id,
            chunk: message.chunk,
            what: "the message points to another place of the plan",
        })?;
        if job.cancel_requested {
            let canceled = |row| RowOutcome::new(row, RowResult::Failed(FailureReason::Canceled));
            return Ok(chunk.row_numbers().map(canceled).collect());
        }
        let (mut outcomes, groups) = self.parse(job, file, &chunk).await?;
        let Upserted { mut results, mut to_query } = self.upsert(job, message.chunk, &groups.groups).await?;
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

    /// Reads and judges the rows of a chunk.
    async fn parse(
        &self,
        job: &Job,
        file: &AcceptedFile,
        chunk: &Chunk,
    ) -> Result<(Vec<RowOutcome>, Groups), Error> {
        if !RowParser::reads_directory(&file.columns) {
            return self.parse_with(Directory::default(), job, file, chunk).await;
        }
        let now = self.world.now();
        if let Some(kept) = self.directories.kept(job.customer, now) {
            let parsed = self.parse_with(kept, job, file, chunk).await?;
            if !names_unknown(&parsed.0) {
                return Ok(parsed);
            }
            // A facility or a cohort may have been added since.
        }
        let directory = self.directories.read(&self.directory, job.customer, now).await?;
        self.parse_with(directory, job, file, chunk).await
    }

    async fn parse_with(
        &self,
        directory: Directory,
        job: &Job,
        file: &AcceptedFile,
        chunk: &Chunk,
    ) -> Result<(Vec<RowOutcome>, Groups), Error> {
        // The day of the job, not of the delivery: a repeated delivery judges every date the same way.
        let parser = RowParser::new(&file.columns, job.created_at.date(), directory);
        let mut outcomes = Vec::with_capacity(chunk.rows() as usize);
        let mut groups = Groups::default();
        let separator = file.columns.separator();
        read_rows(&self.files, job.into(), &file.upload, separator, chunk, |number, row| {
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
        Ok((outcomes, groups))
    }

    /// Decides the patient of each row first, notes then who is new on which roster, and writes the patients last, so
    /// that no patient is without a roster where the worker dies in between.
    ///
    /// A write that the store refuses for good fails the rows of its group. The other groups of the chunk go on.
    async fn upsert(&self, job: &Job, chunk: ChunkNumber, groups: &[Group]) -> Result<Upserted, Error> {
        let upsert = Upsert { patients: &self.patients, world: &self.world, job };
        let known = upsert.load(groups).await?;
        let decided: Vec<Option<Decided>> = stream::iter(groups)
            .map(async |group| refused_for_good(upsert.decide(group, &known).await))
            .buffered(CONCURRENT_UPSERTS)
            .try_collect()
            .await?;
        self.note_rosters(job, chunk, decided.iter().flatten()).await?;
        let written: Vec<Option<Written>> = stream::iter(groups.iter().zip(&decided))
            .map(async |(group, decided)| match decided {
                Some(decided) => refused_for_good(upsert.write(group, decided).await),
                None => Ok(None),
            })
            .buffered(CONCURRENT_UPSERTS)
            .try_collect()
            .await?;
        // A chunk that was written before its worker died changes no patient any more, so the records tell which
        // patients this job changed. A patient that another job changed since is queried by that job, and by this one,
        // too, if this one created it.
        let is_ours = |record: &PatientRecord| {
            record.changed_by == job.id
                || (record.created_by == job.id && !has(Bug::CreatedNotQueried))
                || has(Bug::UnchangedQueried)
        };
        let to_query = written
            .iter()
            .flatten()
            .flat_map(|written| &written.records)
            .filter(|record| self.queries.has_gateway() && is_ours(record) && !record.patient.hie_opt_out)
            .map(|record| record.patient.id)
            .collect();
        let groups = groups.iter().zip(decided).zip(written);
        let results = groups.flat_map(|((group, decided), written)| results_of(group, decided, written));
        Ok(Upserted { results: results.collect(), to_query })
    }

    async fn note_rosters(
        &self,
        job: &Job,
        chunk: ChunkNumber,
        decided: impl Iterator<Item = &Decided>,
    ) -> Result<(), Error> {
        let mut rosters: BTreeMap<Roster, Vec<PatientId>> = BTreeMap::new();
        for record in decided.flat_map(Decided::records) {
            for roster in record.rosters_by(job.id) {
                rosters.entry(roster).or_default().push(record.patient.id);
            }
        }
        let entry = RosterEntry { job: job.id, chunk };
        for (roster, patients) in rosters {
            self.patients.store_roster(job.customer, roster, entry, &patients).await?;
        }
        Ok(())
    }
}

/// What the rows of a chunk came to.
struct Upserted {
    /// What became of each row.
    results: HashMap<RowNumber, RowResult>,
    /// The patients whose documents are to be looked for.
    to_query: HashSet<PatientId>,
}

/// Whether a row names a facility or a cohort that is not in the directory.
fn names_unknown(outcomes: &[RowOutcome]) -> bool {
    outcomes.iter().any(|outcome| match &outcome.result {
        RowResult::Failed(FailureReason::Problems(problems)) => {
            problems.iter().any(|problem| problem.problem == Problem::NotFound)
        }
        RowResult::Failed(_) | RowResult::Succeeded(_) => false,
    })
}

/// Turns a failure that no retry mends into none: an outcome of the rows that it is about.
fn refused_for_good<T>(done: Result<T, Error>) -> Result<Option<T>, Error> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.is_transient() => Err(error),
        Err(error) => {
            error!("The rows of a person failed, the store refused them for good: {error}");
            Ok(None)
        }
    }
}

/// Returns what became of each row of a group.
fn results_of(
    group: &Group,
    decided: Option<Decided>,
    written: Option<Written>,
) -> Vec<(RowNumber, RowResult)> {
    let numbers = group.rows.iter().map(|(number, _)| *number);
    let (Some(decided), Some(written)) = (decided, written) else {
        return numbers.map(|number| (number, RowResult::Failed(FailureReason::Internal))).collect();
    };
    let refused: HashSet<RowNumber> = written.refused.into_iter().collect();
    numbers
        .zip(decided.patients)
        .map(|(number, patient)| match patient {
            Some(patient) if !refused.contains(&number) => (number, RowResult::Succeeded(Some(patient))),
            _ => {
                let problems = RowProblems::of_row(Problem::TooLarge);
                (number, RowResult::Failed(FailureReason::Problems(problems)))
            }
        })
        .collect()
}

/// Rows gathered by identity, groups in the order of their first row.
#[derive(Default)]
struct Groups {
    groups: Vec<Group>,
    by_identity: HashMap<Identity, usize>,
}

impl Groups {
    fn add(&mut self, identity: Identity, number: RowNumber, row: domain::patient::PatientRow) {
        let index = *self.by_identity.entry(identity).or_insert_with(|| {
            self.groups.push(Group { identity, rows: Vec::new() });
            self.groups.len() - 1
        });
        self.groups[index].rows.push((number, row));
    }
}
