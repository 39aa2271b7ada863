//! Creates or updates the patients of a chunk, with one conditional write for each person.
//!
//! The items of all persons are read once, and the rows are folded into them. What lists have to
//! show is stored before the patients: first the event of the audit trail and the roster entries of
//! the chunk, then the entries of external ids. So no patient is missing from a list if the worker
//! dies in between. Then each item is stored on the condition that it has not changed. A conflict
//! means that another worker wrote the person, so that this worker reads the item again and folds
//! again.

mod given_ids;
mod outcome;
mod preview;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bulk_domain::audit::{ImportStep, Phase};
use bulk_domain::hash_key::{Bucket, HashKey};
use bulk_domain::ids::{PatientId, RowNumber};
use bulk_domain::job::Job;
use bulk_domain::mutants::{Bug, has};
use bulk_domain::patient::ExternalId;
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
use crate::ports::{ExternalIdEntry, Ports, Versioned, Write};
use crate::withdrawal::announce_withdrawal;
use given_ids::GivenIds;
pub use outcome::{UpsertOutcome, UpsertedRow};

/// Number of persons of a chunk that are written at the same time. At about 5 ms a write, 32 make
/// 6,000 writes a second. One worker gets fewer than that, so that a larger number would only take
/// memory.
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
        // Of two identities that share a bucket, the second one meets a conflict, and reads again.
        let attempts = groups.iter().map(|group| self.fold(group, known.remove(&group.bucket)));
        let attempts = attempts.collect::<Result<Vec<Attempt>, Error>>()?;
        self.announce(groups.iter().zip(attempts.iter().map(|attempt| &attempt.folded))).await?;
        let given = GivenIds::of(groups, &attempts);
        let written: Vec<Option<Folded>> = stream::iter(groups.iter().zip(attempts))
            .map(async |(group, attempt)| {
                unless_permanent(self.write(group, attempt, &given).await)
            })
            .buffered(CONCURRENT_UPSERTS)
            .try_collect()
            .await?;
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

    /// Stores the item of a group, unless its rows change nothing. Returns the group as it was
    /// stored.
    async fn write(
        &self,
        group: &Group,
        mut attempt: Attempt,
        given: &GivenIds<'_>,
    ) -> Result<Folded, Error> {
        retry_conflicts(async || {
            if attempt.folded.is_changed {
                if !has(Bug::ExternalIdLate) {
                    self.add_external_ids(group, &mut attempt.folded, given).await?;
                }
                if self.store(group, &attempt).await? == Write::Conflict {
                    let mut known = self
                        .ports
                        .patients()
                        .load_people(self.job.customer, &[group.bucket])
                        .await?;
                    attempt = self.fold(group, known.remove(&group.bucket))?;
                    self.announce(std::iter::once((group, &attempt.folded))).await?;
                    return Ok(None);
                }
                if has(Bug::ExternalIdLate) {
                    self.add_external_ids(group, &mut attempt.folded, given).await?;
                }
            }
            Ok(Some(()))
        })
        .await?;
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

    /// Stores an entry for each external id that a patient has not had. Warns the rows that create
    /// a patient under an external id that another patient has, or is about to get.
    async fn add_external_ids(
        &self,
        group: &Group,
        folded: &mut Folded,
        given: &GivenIds<'_>,
    ) -> Result<(), Error> {
        let mut entered = BTreeSet::new();
        for (index, (number, row)) in group.rows.iter().enumerate() {
            let created = folded.rows.get(index).filter(|row| row.creates);
            let Some(patient) = created.and_then(|row| row.patient) else { continue };
            let Some(external_id) = &row.external_id else { continue };
            let others = self.add_external_id(patient, external_id).await?;
            entered.insert((patient, external_id.clone()));
            // The entries may not tell of a patient of this person: if an attempt that died had
            // stored the first entry, storing it again finds no other.
            let is_taken = folded.had_other_with(external_id, patient)
                || self.is_taken(external_id, (*number, patient), &others, given).await?;
            if is_taken && !has(Bug::OtherPatientsIgnored) {
                folded.warn_of_other_patient(*number);
            }
        }
        let new = folded.new_external_ids().map(|(patient, id)| (patient, id.clone()));
        for (patient, external_id) in new.collect::<BTreeSet<_>>().difference(&entered) {
            self.add_external_id(*patient, external_id).await?;
        }
        Ok(())
    }

    async fn add_external_id(
        &self,
        patient: PatientId,
        external_id: &ExternalId,
    ) -> Result<Vec<ExternalIdEntry>, Error> {
        let id = self.hash_key.external_id(external_id);
        let (customer, job) = (self.job.customer, self.job.id);
        let add =
            self.ports.external_ids().add_external_id(customer, id, patient, job, OTHERS_READ);
        Ok(add.await?)
    }

    /// Returns whether another patient has the external id of a row that creates a patient, or is
    /// about to get it.
    async fn is_taken(
        &self,
        external_id: &ExternalId,
        (row, patient): (RowNumber, PatientId),
        others: &[ExternalIdEntry],
        given: &GivenIds<'_>,
    ) -> Result<bool, Error> {
        // Of the rows of the chunk, those before this row count.
        if given.have_before(row, external_id, patient) {
            return Ok(true);
        }
        // A patient that got another external id before this row has lost the one of the entry.
        let is_open = |entry: &&ExternalIdEntry| {
            entry.patient != patient && given.before(row, entry.patient).is_none()
        };
        let others: Vec<&ExternalIdEntry> = others.iter().filter(is_open).collect();
        let places = others.iter().filter_map(|entry| Bucket::of(entry.patient));
        let mut people = self.load_buckets(places.collect()).await?;
        let moved = |entry: &ExternalIdEntry| {
            people.get(&Bucket::of(entry.patient)?)?.value.moved_to(entry.patient)
        };
        let moved: HashMap<PatientId, Bucket> =
            others.iter().filter_map(|entry| Some((entry.patient, moved(entry)?))).collect();
        people.extend(self.load_buckets(moved.values().copied().collect()).await?);
        let place =
            |patient: PatientId| moved.get(&patient).copied().or_else(|| Bucket::of(patient));
        let now = self.ports.environment().now();
        let not_stored = Person::default();
        Ok(others.iter().any(|entry| {
            let person = place(entry.patient).and_then(|bucket| people.get(&bucket));
            let person = person.map_or(&not_stored, |person| &person.value);
            let record = person.patient(entry.patient);
            let has_id =
                |record: &PatientRecord| record.patient.external_id.as_ref() == Some(external_id);
            // The rows of this chunk that give the patient an id come later, so that it has this
            // one before this row only if another job gave it.
            if given.has(entry.patient) {
                return record.is_some_and(has_id) && entry.job != self.job.id;
            }
            // Other attempts write this person's item under its condition, so that the later one
            // sees in the item what the earlier one stored.
            let is_same_person = place(entry.patient) == Bucket::of(patient);
            let is_awaited = !is_same_person && person.awaits(entry.patient, entry.job, now);
            record.is_some_and(has_id) || is_awaited
        }))
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
