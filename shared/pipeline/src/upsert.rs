//! Creates or updates the patients of a chunk, with one conditional write for each person.
//!
//! The items of all persons are read once, and the rows are folded into them. What lists have to
//! show is stored before the patients: first the event of the audit trail and the roster entries of
//! the chunk, then the entries of external ids. So no patient is missing from a list if the worker
//! dies in between. Then each item is stored on the condition that it has not changed. A conflict
//! means that another worker wrote the person, so that this worker reads the item again and folds
//! again.
//!
//! Most rows of a first import create a person and the entry of its external id. These are stored
//! in batches, whose calls take a quarter of the processor time of single writes. A batch says of
//! each item only whether it was stored. What was not stored is then written by itself, so that
//! conflicts, throttling and refusals are dealt with in one place.

mod external_ids;
mod given_ids;
mod outcome;
mod preview;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bulk_domain::audit::{ImportStep, Phase};
use bulk_domain::hash_key::{Bucket, HashKey};
use bulk_domain::ids::PatientId;
use bulk_domain::job::Job;
use bulk_domain::mutants::{Bug, has};
use bulk_domain::person::deletion::ATTEMPT_ENDS;
use bulk_domain::person::{Folded, Group, Person};
use bulk_domain::plan::ChunkNumber;
use bulk_domain::record::{PatientRecord, RowsOfJob};
use bulk_domain::roster::{Roster, RosterEntry};
use bulk_domain::time::Timestamp;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tracing::error;

use crate::Error;
use crate::audit::event_of_step;
use crate::conflicts::retry_conflicts;
use crate::documents::withdraw_documents_of;
use crate::ports::prelude::*;
use crate::ports::{Ports, Versioned, Write};
use crate::withdrawal::announce_withdrawal;
use external_ids::EnteredIds;
use given_ids::GivenIds;
pub use outcome::{UpsertOutcome, UpsertedRow};

/// Number of persons of a chunk that are written at the same time, batches aside. At about 5 ms a
/// write, 32 make 6,000 writes a second. One worker gets fewer than that, so that a larger number
/// would only take memory.
pub const CONCURRENT_UPSERTS: usize = 32;

/// Entries of an external id that are looked at before a new patient under it is said to be alone.
const OTHERS_READ: u32 = 20;

/// The upsert of the rows of a chunk.
pub struct Upsert<'a, P> {
    /// Where the patients are stored.
    pub ports: &'a P,
    /// The job of the rows.
    pub job: &'a Job,
    /// The chunk of the rows.
    pub chunk: ChunkNumber,
    /// The key of the customer's hashes.
    pub hash_key: &'a HashKey,
    /// When this attempt found that the chunk has no outcomes. `None` if it did not look for them,
    /// which it need not do unless a patient was deleted while the job ran.
    pub unanswered_at: Option<Timestamp>,
}

/// A group folded into what is stored of its person.
struct Attempt {
    folded: Folded,
    /// The version of the item that was read.
    version: Option<u64>,
}

impl<P: Ports> Upsert<'_, P> {
    /// Upserts the rows of all groups. Safe to repeat, concurrently and late.
    ///
    /// A write that the store refuses with a permanent error fails the rows of its group, and the
    /// other groups go on.
    ///
    /// # Errors
    ///
    /// [`Error::PatientDeleted`] if a patient of a row was deleted, and an earlier attempt may have
    /// stored outcomes, or may still store them.
    pub async fn upsert(&self, groups: &[Group]) -> Result<UpsertOutcome, Error> {
        let mut known = self.load(groups).await?;
        let attempts = groups.iter().map(|group| self.fold(group, known.remove(&group.bucket)));
        let attempts = attempts.collect::<Result<Vec<Attempt>, Error>>()?;
        self.announce(groups.iter().zip(attempts.iter().map(|attempt| &attempt.folded))).await?;
        let given = GivenIds::of(groups, &attempts);
        let attempts = self.enter_external_ids(groups, attempts, &given).await?;
        let written = self.write_all(groups, attempts, &given).await?;
        let mut outcome = UpsertOutcome::default();
        let (mut opted_out, mut corrected) = (Vec::new(), BTreeSet::new());
        for (group, folded) in groups.iter().zip(written) {
            let Some(folded) = folded else { continue };
            if opts_out(group) {
                let records = folded.records().filter(|record| record.patient.hie_opt_out);
                opted_out.extend(records.map(|record| record.patient.id));
            }
            corrected.extend(folded.corrected_since());
            let to_query = folded.records().filter(|record| self.queries(record));
            outcome.to_query.extend(to_query.map(|record| record.patient.id));
            outcome.rows.extend(folded.rows.into_iter().map(|row| (row.number, row.into())));
        }
        withdraw_documents_of(self.ports, self.job.customer, &opted_out).await?;
        // A retry meets patients that an earlier attempt has written and a call has corrected
        // since. A correction may have moved them to other items, so that they are read by their
        // ids for the job to query them, too.
        let corrected: Vec<PatientId> = corrected.into_iter().collect();
        if !corrected.is_empty() && self.ports.queues().has_gateway() {
            let records =
                self.ports.patients().load_patients(self.job.customer, &corrected).await?;
            let asked = records.into_values().filter(|record| !record.patient.hie_opt_out);
            outcome.to_query.extend(asked.map(|record| record.patient.id));
        }
        Ok(outcome)
    }

    /// Returns what is stored of the persons of all groups.
    async fn load(&self, groups: &[Group]) -> Result<HashMap<Bucket, Versioned<Person>>, Error> {
        self.load_buckets(groups.iter().map(|group| group.bucket).collect()).await
    }

    async fn load_buckets(
        &self,
        buckets: BTreeSet<Bucket>,
    ) -> Result<HashMap<Bucket, Versioned<Person>>, Error> {
        let buckets: Vec<Bucket> = buckets.into_iter().collect();
        if buckets.is_empty() {
            return Ok(HashMap::new());
        }
        Ok(self.ports.patients().load_people(self.job.customer, &buckets).await?)
    }

    fn fold(&self, group: &Group, known: Option<Versioned<Person>>) -> Result<Attempt, Error> {
        let source = RowsOfJob {
            job: self.job.id,
            facility: self.job.facility,
            may_overtake: self.job.may_overtake,
            now: self.ports.environment().now(),
        };
        let version = known.as_ref().map(|known| known.version);
        let person = known.map(|known| known.value).unwrap_or_default();
        if self.awaits_answer(group, &person) {
            return Err(Error::PatientDeleted);
        }
        Ok(Attempt { folded: person.fold(group, self.hash_key, source), version })
    }

    /// Returns whether an earlier attempt, which read a patient before it was deleted, may have
    /// stored outcomes for the rows of a group, or may still store them. A dry run awaits none,
    /// because it stores no patient.
    fn awaits_answer(&self, group: &Group, person: &Person) -> bool {
        let (identity, key, job) = (&group.identity, self.hash_key, self.job);
        let started_at = job.started_at.unwrap_or(job.created_at);
        let deleted_at = person.deleted_since(identity, key, job.id, started_at);
        let is_unanswered = |deleted_at: Timestamp| {
            self.unanswered_at.is_some_and(|at| at > deleted_at.plus(ATTEMPT_ENDS))
        };
        deleted_at.is_some_and(|deleted_at| !is_unanswered(deleted_at))
            && !job.dry_run
            && !has(Bug::DeletionNotAwaited)
    }

    /// Stores the items of all groups whose rows change something: those of new persons in few
    /// calls, and each of the others, with those that these calls did not store, in a call of its
    /// own. Returns the groups as they were stored, and `None` for a group that the store refuses
    /// for good.
    async fn write_all(
        &self,
        groups: &[Group],
        attempts: Vec<Option<Attempt>>,
        given: &GivenIds<'_>,
    ) -> Result<Vec<Option<Folded>>, Error> {
        let is_stored = self.insert_new(groups, &attempts).await?;
        stream::iter(groups.iter().zip(attempts).zip(is_stored))
            .map(async |((group, attempt), is_stored)| match attempt {
                Some(attempt) if is_stored => Ok(Some(attempt.folded)),
                Some(attempt) => unless_permanent(self.write(group, attempt, given).await),
                None => Ok(None),
            })
            .buffered(CONCURRENT_UPSERTS)
            .try_collect()
            .await
    }

    /// Stores the items of persons that have none. Returns for each group whether it was stored.
    async fn insert_new(
        &self,
        groups: &[Group],
        attempts: &[Option<Attempt>],
    ) -> Result<Vec<bool>, Error> {
        // Of two identities that share a bucket, the second one meets a conflict, and reads again.
        let mut new: BTreeMap<Bucket, (usize, &Person)> = BTreeMap::new();
        for (index, (group, attempt)) in groups.iter().zip(attempts).enumerate() {
            let Some(Attempt { folded, version: None }) = attempt else { continue };
            if folded.is_changed && !has(Bug::ExternalIdLate) {
                new.entry(group.bucket).or_insert((index, &folded.person));
            }
        }
        let people: Vec<(Bucket, &Person)> =
            new.iter().map(|(bucket, (_, person))| (*bucket, *person)).collect();
        let stored = self.ports.patients().insert_people(self.job.customer, &people).await?;
        let mut is_stored = vec![false; groups.len()];
        for ((index, _), stored) in new.values().zip(stored) {
            is_stored[*index] = stored || has(Bug::RefusedInsertIgnored);
        }
        Ok(is_stored)
    }

    /// Stores the item of a group whose external ids are entered, unless its rows change nothing.
    /// Returns the group as it was stored.
    async fn write(
        &self,
        group: &Group,
        mut attempt: Attempt,
        given: &GivenIds<'_>,
    ) -> Result<Folded, Error> {
        let none_entered = EnteredIds::default();
        retry_conflicts(async || {
            if !attempt.folded.is_changed || self.store(group, &attempt).await? == Write::Done {
                return Ok(Some(()));
            }
            let (patients, customer) = (self.ports.patients(), self.job.customer);
            let mut known = patients.load_people(customer, &[group.bucket]).await?;
            attempt = self.fold(group, known.remove(&group.bucket))?;
            self.announce(std::iter::once((group, &attempt.folded))).await?;
            if !has(Bug::ExternalIdLate) {
                self.add_external_ids(group, &mut attempt.folded, given, &none_entered).await?;
            }
            Ok(None)
        })
        .await?;
        if has(Bug::ExternalIdLate) {
            self.add_external_ids(group, &mut attempt.folded, given, &none_entered).await?;
        }
        Ok(attempt.folded)
    }

    async fn store(&self, group: &Group, attempt: &Attempt) -> Result<Write, Error> {
        let (patients, person) = (self.ports.patients(), &attempt.folded.person);
        let write = patients.store_person(self.job.customer, group.bucket, person, attempt.version);
        Ok(write.await?)
    }

    /// Stores what has to be known of groups before they are written: the event of the audit trail,
    /// the roster entries, and the message about patients who are opted out.
    async fn announce<'g>(
        &self,
        groups: impl Iterator<Item = (&'g Group, &'g Folded)> + Clone,
    ) -> Result<(), Error> {
        let opting_out =
            groups.clone().filter(|(group, folded)| folded.is_changed && opts_out(group));
        let changing = groups.map(|(_, folded)| folded).filter(|folded| folded.is_changed);
        let patients: BTreeSet<PatientId> = changing
            .clone()
            .flat_map(|folded| &folded.rows)
            .filter_map(|row| row.patient)
            .collect();
        if !patients.is_empty() && !has(Bug::PatientsNotAudited) {
            let (step, phase) = (ImportStep::WritePatients, Phase::Begun);
            let event = event_of_step(self.ports, self.job, step, phase);
            self.ports.audit_trail().record(&event.of_chunk(self.chunk, patients)).await?;
        }
        let opted_out = opting_out.flat_map(|(_, folded)| folded.opted_out()).collect();
        announce_withdrawal(self.ports, self.job.customer, opted_out).await?;
        self.add_to_rosters(changing).await
    }

    /// Adds the patients that changing groups put on rosters to the entries of this chunk.
    async fn add_to_rosters(&self, groups: impl Iterator<Item = &Folded>) -> Result<(), Error> {
        let mut rosters: BTreeMap<Roster, Vec<PatientId>> = BTreeMap::new();
        for (roster, patient) in groups.flat_map(|folded| &folded.listed) {
            rosters.entry(*roster).or_default().push(*patient);
        }
        let entry = RosterEntry { job: self.job.id, chunk: self.chunk };
        for (roster, patients) in rosters {
            let patients = &patients[..];
            self.ports.patients().add_to_roster(self.job.customer, roster, entry, patients).await?;
        }
        Ok(())
    }

    /// Returns whether the job queries a patient for documents.
    ///
    /// If a worker died after its writes, its retry changes no patient. So the record tells whether
    /// this job changed the patient. If another job has changed a patient since, that job queries
    /// the patient. This job queries it, too, if it created the patient.
    fn queries(&self, record: &PatientRecord) -> bool {
        let job = self.job.id;
        let is_ours = record.changed_by == job
            || (record.created_by == job && !has(Bug::CreatedNotQueried))
            || has(Bug::UnchangedQueried);
        is_ours && !record.patient.hie_opt_out && self.ports.queues().has_gateway()
    }
}

/// Returns `None` for a permanent error, which no retry changes, so that it becomes the outcome of
/// its rows.
fn unless_permanent<T>(done: Result<T, Error>) -> Result<Option<T>, Error> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.is_transient() => Err(error),
        Err(error) => {
            error!(
                metric.RowsRefused = 1,
                "Rows failed, the store refused their patient with a permanent error: {error}"
            );
            Ok(None)
        }
    }
}

/// Whether rows of the group opt their patient out.
fn opts_out(group: &Group) -> bool {
    group.rows.iter().any(|(_, row)| row.hie_opt_out == Some(true))
}
