//! Undoes one chunk of a job: deletes the patients that the chunk created, unless something else
//! has changed them, and stores what became of each patient.
//!
//! The patients are those of the chunk's entry in the roster of all patients, which names every
//! patient that the chunk created, also one with a row that failed later. The outcomes of the rows
//! add those that the chunk updated. All patients of a person are deleted by one conditional write,
//! which marks them, so that a retry counts them, too. The first outcomes of an undo that are
//! stored count, and the chunk is counted once, by the update that takes it out of the pending
//! ones.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use bulk_domain::audit::{ImportStep, Phase};
use bulk_domain::hash_key::{Bucket, HashKey};
use bulk_domain::ids::{CohortId, PatientId};
use bulk_domain::job::Job;
use bulk_domain::mutants::{Bug, has};
use bulk_domain::outcome::{RowEffect, RowOutcome, RowResult};
use bulk_domain::person::Person;
use bulk_domain::person::deletion::ATTEMPT_ENDS;
use bulk_domain::person::gone::DeletedPatient;
use bulk_domain::person::undo::{UndoStep, reason_to_keep};
use bulk_domain::plan::ChunkNumber;
use bulk_domain::roster::{REMOVED, Roster, RosterEntry};
use bulk_domain::undo::{KeptReason, UndoOutcome, UndoTally, UndonePatient};
use futures::{StreamExt as _, stream};
use tracing::error;

use crate::Error;
use crate::audit::event_of_step;
use crate::conflicts::WriteAttempts;
use crate::delete_patient::forget_external_id;
use crate::documents::{Withdrawal, withdraw_documents};
use crate::messages::{FinishedMessage, UndoMessage};
use crate::ports::prelude::*;
use crate::ports::{Ports, Versioned, Write};

/// Persons of a chunk that are written at the same time, and patients that are cleaned up at the
/// same time: as many as an import writes.
const CONCURRENT_WRITES: usize = crate::upsert::CONCURRENT_UPSERTS;

/// The outcome of a message about an undo.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UndoChunkOutcome {
    /// Every patient of the chunk is decided, with these counts.
    Chunk(UndoTally),
    /// There was nothing to do, because the chunk was counted before, or the job is deleted.
    Nothing,
}

/// Handles one message. Safe to repeat, concurrently and late.
pub async fn undo_chunk<P: Ports>(
    ports: &P,
    message: &UndoMessage,
) -> Result<UndoChunkOutcome, Error> {
    decide_chunk(ports, message, Way::Delete).await
}

/// Ends a chunk that no worker could undo. Patients that are left are kept, and the file of kept
/// patients names them.
pub(crate) async fn abandon_undo_chunk<P: Ports>(
    ports: &P,
    message: &UndoMessage,
) -> Result<UndoChunkOutcome, Error> {
    decide_chunk(ports, message, Way::Abandon).await
}

/// What becomes of a patient that is to be deleted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Delete,
    Abandon,
}

async fn decide_chunk<P: Ports>(
    ports: &P,
    message: &UndoMessage,
    way: Way,
) -> Result<UndoChunkOutcome, Error> {
    let Some(job) = ports.jobs().load_job(message.job).await? else {
        return Ok(UndoChunkOutcome::Nothing);
    };
    let Some(undo) = &job.undo else { return Ok(UndoChunkOutcome::Nothing) };
    if !undo.pending_chunks.contains(&message.chunk) {
        // The worker may have died right after it counted the last chunk.
        if undo.is_decided() {
            ports.queues().send_finished(&FinishedMessage { job: job.id }).await?;
        }
        return Ok(UndoChunkOutcome::Nothing);
    }
    let hash_key = ports.directory().load_hash_key(job.customer).await?;
    let work = Work { ports, job: &job, chunk: message.chunk, hash_key: &hash_key, way };
    let decided = match work.decide().await {
        // What cannot be read cannot be decided, and no retry changes that.
        Err(error) if way == Way::Abandon && !error.is_transient() => {
            error!("Patients of a chunk were not undone: {error}");
            Vec::new()
        }
        decided => decided?,
    };
    work.complete(&decided).await
}

struct Work<'a, P> {
    ports: &'a P,
    job: &'a Job,
    chunk: ChunkNumber,
    hash_key: &'a HashKey,
    way: Way,
}

/// A decided patient, with what its person's item remembers of it if it was deleted.
struct Decided {
    patient: UndonePatient,
    deleted: Option<DeletedPatient>,
}

impl<P: Ports> Work<'_, P> {
    fn entry(&self) -> RosterEntry {
        RosterEntry { job: self.job.id, chunk: self.chunk }
    }

    /// Decides every patient of the chunk, and cleans up after those that were deleted.
    async fn decide(&self) -> Result<Vec<UndonePatient>, Error> {
        let (patients, customer) = (self.ports.patients(), self.job.customer);
        let mut by_bucket: BTreeMap<Bucket, Vec<PatientId>> = BTreeMap::new();
        for patient in self.patients().await? {
            if let Some(bucket) = Bucket::of(patient) {
                by_bucket.entry(bucket).or_default().push(patient);
            }
        }
        let buckets: Vec<Bucket> = by_bucket.keys().copied().collect();
        let mut people = patients.load_people(customer, &buckets).await?;
        self.announce(&by_bucket, &people).await?;
        let persons =
            by_bucket.into_iter().map(|(bucket, ids)| (bucket, ids, people.remove(&bucket)));
        let persons: Vec<_> = persons.collect();
        let decided: Vec<Result<Vec<Decided>, Error>> = stream::iter(persons)
            .map(|(bucket, ids, known)| self.decide_person(bucket, ids, known))
            .buffered(CONCURRENT_WRITES)
            .collect()
            .await;
        // A person that the store refuses does not keep the others from being decided.
        let decided: Vec<Vec<Decided>> = decided.into_iter().collect::<Result<_, _>>()?;
        let decided: Vec<Decided> = decided.into_iter().flatten().collect();
        let deleted: Vec<DeletedPatient> =
            decided.iter().filter_map(|decided| decided.deleted.clone()).collect();
        self.clean_up(&deleted).await?;
        Ok(decided.into_iter().map(|decided| decided.patient).collect())
    }

    /// Returns the patients that the chunk may have created, and those that it updated.
    ///
    /// # Errors
    ///
    /// [`Error::AttemptAlive`] while a worker that began before the job ended may still create a
    /// patient for a row that counts as failed.
    async fn patients(&self) -> Result<BTreeSet<PatientId>, Error> {
        let Self { ports, job, chunk, .. } = *self;
        let mut patients = BTreeSet::new();
        // The outcomes may be deleted after their retention while the undo runs.
        if ports.objects().has_outcomes(job.into(), chunk).await? {
            let outcomes = ports.objects().read_outcomes(job.into(), chunk).await?;
            let ended = job.finished_at.unwrap_or(job.created_at).plus(ATTEMPT_ENDS);
            let may_be_alive = ports.environment().now() <= ended;
            if may_be_alive && !outcomes.iter().all(RowOutcome::has_succeeded) {
                return Err(Error::AttemptAlive);
            }
            patients.extend(outcomes.iter().filter_map(changed_patient));
        }
        let (roster, from) = (Roster::AllPatients, Some(self.entry()));
        let entries = ports.patients().read_roster(job.customer, roster, from, 1).await?;
        let of_chunk = entries.into_iter().filter(|(entry, _)| *entry == self.entry());
        patients.extend(of_chunk.flat_map(|(_, ids)| ids));
        patients.remove(&REMOVED);
        Ok(patients)
    }

    /// Stores the event that patients are about to be deleted.
    async fn announce(
        &self,
        by_bucket: &BTreeMap<Bucket, Vec<PatientId>>,
        people: &HashMap<Bucket, Versioned<Person>>,
    ) -> Result<(), Error> {
        let is_to_delete = |bucket: &Bucket, patient: PatientId| {
            let person = people.get(bucket).map(|known| &known.value);
            person.and_then(|person| person.undo_step(patient, self.job.id))
                == Some(UndoStep::Delete)
        };
        let patients: Vec<PatientId> = by_bucket
            .iter()
            .flat_map(|(bucket, ids)| ids.iter().map(move |id| (bucket, *id)))
            .filter(|(bucket, patient)| is_to_delete(bucket, *patient))
            .map(|(_, patient)| patient)
            .collect();
        if self.way == Way::Delete && !patients.is_empty() {
            let event = event_of_step(self.ports, self.job, ImportStep::UndoChunk, Phase::Begun);
            self.ports.audit_trail().record(&event.of_chunk(self.chunk, patients)).await?;
        }
        Ok(())
    }

    /// Decides the patients of one person. Those that are to be deleted are deleted by one write.
    async fn decide_person(
        &self,
        bucket: Bucket,
        patients: Vec<PatientId>,
        mut known: Option<Versioned<Person>>,
    ) -> Result<Vec<Decided>, Error> {
        let (store, customer, job) = (self.ports.patients(), self.job.customer, self.job.id);
        let mut attempts = WriteAttempts::default();
        loop {
            attempts.begin()?;
            let Some(Versioned { value: mut person, version }) = known.take() else {
                return Ok(Vec::new());
            };
            let now = self.ports.environment().now();
            let (mut outcomes, mut is_changed) = (Vec::new(), false);
            for patient in &patients {
                let outcome = match person.undo_step(*patient, job) {
                    None => match self.decide_moved(*patient, &person).await? {
                        None => continue,
                        Some(outcome) => outcome,
                    },
                    Some(UndoStep::Ended(outcome)) => outcome,
                    Some(UndoStep::Delete) if self.way == Way::Abandon => {
                        UndoOutcome::Kept(KeptReason::NotDeleted)
                    }
                    Some(UndoStep::Delete) => {
                        is_changed |= person.delete(*patient, self.hash_key, Some(job), now);
                        UndoOutcome::Deleted
                    }
                };
                outcomes.push(UndonePatient { patient: *patient, outcome });
            }
            let is_stored = !is_changed
                || store.store_person(customer, bucket, &person, Some(version)).await?
                    == Write::Done;
            if is_stored {
                let decided = outcomes.into_iter().map(|patient| Decided {
                    patient,
                    deleted: person.deleted(patient.patient).cloned(),
                });
                return Ok(decided.collect());
            }
            known = store.load_people(customer, &[bucket]).await?.remove(&bucket);
        }
    }

    /// Decides a patient that is not in the item of its id. Returns `None` if it is in no other.
    ///
    /// A call has moved the patient, so that it stays.
    async fn decide_moved(
        &self,
        patient: PatientId,
        home: &Person,
    ) -> Result<Option<UndoOutcome>, Error> {
        if home.moved_to(patient).is_none() || has(Bug::MovedPatientUndecided) {
            return Ok(None);
        }
        let item = self.ports.patients().load_item_of(self.job.customer, patient).await?;
        let record = item.as_ref().and_then(|(_, person)| person.value.patient(patient));
        let reason = record.and_then(|record| reason_to_keep(record, self.job.id));
        Ok(reason.map(UndoOutcome::Kept))
    }

    /// Deletes what is stored of deleted patients elsewhere. Only this chunk has put them on
    /// rosters, because nothing else has changed them.
    async fn clean_up(&self, deleted: &[DeletedPatient]) -> Result<(), Error> {
        let (ports, customer) = (self.ports, self.job.customer);
        let ids: Vec<PatientId> = deleted.iter().map(|deleted| deleted.id).collect();
        let queries = ports.documents().load_queries(customer, &ids).await?;
        let forgotten = stream::iter(deleted).map(async |deleted| {
            if queries.contains_key(&deleted.id) {
                withdraw_documents(ports, customer, deleted.id, Withdrawal::Deleted).await?;
            }
            forget_external_id(ports, customer, deleted).await?;
            Ok(())
        });
        let forgotten: Vec<Result<(), Error>> =
            forgotten.buffer_unordered(CONCURRENT_WRITES).collect().await;
        forgotten.into_iter().collect::<Result<(), Error>>()?;
        let mut by_cohort: BTreeMap<CohortId, Vec<PatientId>> = BTreeMap::new();
        for deleted in deleted {
            for cohort in &deleted.cohorts {
                by_cohort.entry(*cohort).or_default().push(deleted.id);
            }
        }
        for (cohort, ids) in by_cohort {
            self.remove_from_roster(Roster::Cohort(cohort), &ids).await?;
        }
        Ok(())
    }

    async fn remove_from_roster(&self, roster: Roster, ids: &[PatientId]) -> Result<(), Error> {
        let patients = self.ports.patients();
        let customer = self.job.customer;
        Ok(patients.remove_from_roster(customer, roster, self.entry(), ids).await?)
    }

    /// Stores what became of the patients, and counts the chunk.
    async fn complete(&self, decided: &[UndonePatient]) -> Result<UndoChunkOutcome, Error> {
        let Self { ports, job, chunk, .. } = *self;
        let decided = match ports.objects().store_undo(job.into(), chunk, decided).await? {
            Write::Done => Cow::Borrowed(decided),
            Write::Conflict => Cow::Owned(ports.objects().read_undo(job.into(), chunk).await?),
        };
        // The entry says which patients the chunk may have created, so that it changes only after
        // the patients are decided.
        let is_deleted = |undone: &&UndonePatient| undone.outcome == UndoOutcome::Deleted;
        let deleted: Vec<PatientId> =
            decided.iter().filter(is_deleted).map(|undone| undone.patient).collect();
        if !deleted.is_empty() {
            self.remove_from_roster(Roster::AllPatients, &deleted).await?;
        }
        let tally = UndoTally::of(&decided);
        let completion = ports.jobs().complete_undo_chunk(job.id, chunk, tally).await?;
        if completion.was_last {
            ports.queues().send_finished(&FinishedMessage { job: job.id }).await?;
        }
        let outcome = completion.counted.then_some(UndoChunkOutcome::Chunk(tally));
        Ok(outcome.unwrap_or(UndoChunkOutcome::Nothing))
    }
}

/// Returns the patient that a row created or updated.
fn changed_patient(outcome: &RowOutcome) -> Option<PatientId> {
    match outcome.result {
        RowResult::Succeeded { patient, effect: RowEffect::Created | RowEffect::Updated } => {
            patient
        }
        RowResult::Succeeded { effect: RowEffect::Unchanged, .. } | RowResult::Failed(_) => None,
    }
}
