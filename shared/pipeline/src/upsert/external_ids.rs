//! The entries of external ids, which are stored before the patients that they name.
//!
//! Nearly every external id of a first import is new. So the first entries of all ids of the chunk
//! are stored in few calls. An entry that these did not store gets a call of its own, which tells
//! of the patients that have the id already.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bulk_domain::hash_key::Bucket;
use bulk_domain::ids::{PatientId, RowNumber};
use bulk_domain::mutants::{Bug, has};
use bulk_domain::patient::ExternalId;
use bulk_domain::person::{Folded, Group, Person};
use bulk_domain::record::PatientRecord;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{Attempt, CONCURRENT_UPSERTS, GivenIds, OTHERS_READ, Upsert, unless_permanent};
use crate::Error;
use crate::ports::prelude::*;
use crate::ports::{ExternalIdEntry, Ports};

/// External ids whose first entry was stored for a patient, so that no other patient has them.
pub(super) type EnteredIds = BTreeMap<ExternalId, PatientId>;

impl<P: Ports> Upsert<'_, P> {
    /// Stores the entries of all groups. In the list that is returned, a group is `None` if the
    /// store refuses an entry for good.
    pub(super) async fn enter_external_ids(
        &self,
        groups: &[Group],
        attempts: Vec<Attempt>,
        given: &GivenIds<'_>,
    ) -> Result<Vec<Option<Attempt>>, Error> {
        if has(Bug::ExternalIdLate) {
            return Ok(attempts.into_iter().map(Some).collect());
        }
        let entered = self.insert_first_entries(groups, &attempts).await?;
        stream::iter(groups.iter().zip(attempts))
            .map(async |(group, mut attempt)| {
                let add = self.add_external_ids(group, &mut attempt.folded, given, &entered);
                unless_permanent(add.await.map(|()| attempt))
            })
            .buffered(CONCURRENT_UPSERTS)
            .try_collect()
            .await
    }

    /// Stores the first entries of the external ids that patients have not had. Returns those that
    /// were stored.
    async fn insert_first_entries(
        &self,
        groups: &[Group],
        attempts: &[Attempt],
    ) -> Result<EnteredIds, Error> {
        let mut wanted = EnteredIds::new();
        for (group, Attempt { folded, .. }) in groups.iter().zip(attempts) {
            let created = created_with_ids(group, folded).map(|(_, patient, id)| (patient, id));
            let ids = created.chain(folded.new_external_ids());
            for (patient, id) in ids.filter(|_| folded.is_changed) {
                wanted.entry(id.clone()).or_insert(patient);
            }
        }
        let entry = |patient| ExternalIdEntry { patient, job: self.job.id, is_first: true };
        let entries: Vec<_> = wanted
            .iter()
            .map(|(id, patient)| (self.hash_key.external_id(id), entry(*patient)))
            .collect();
        let store = self.ports.external_ids().insert_external_ids(self.job.customer, &entries);
        let mut is_stored = store.await?.into_iter();
        wanted.retain(|_, _| is_stored.next() == Some(true));
        Ok(wanted)
    }

    /// Stores an entry for each external id that a patient has not had, unless it is entered. Warns
    /// the rows that create a patient under an external id that another patient has, or is about to
    /// get.
    pub(super) async fn add_external_ids(
        &self,
        group: &Group,
        folded: &mut Folded,
        given: &GivenIds<'_>,
        entered: &EnteredIds,
    ) -> Result<(), Error> {
        if !folded.is_changed {
            return Ok(());
        }
        let created: Vec<_> = created_with_ids(group, folded).collect();
        let mut added: BTreeSet<(PatientId, &ExternalId)> = BTreeSet::new();
        for (number, patient, external_id) in created {
            let others = self.add_external_id(patient, external_id, entered).await?;
            added.insert((patient, external_id));
            // The entries may not tell of a patient of this person: if an attempt that died had
            // stored the first entry, storing it again finds no other.
            let is_taken = folded.had_other_with(external_id, patient)
                || self.is_taken(external_id, (number, patient), &others, given).await?;
            if is_taken && !has(Bug::OtherPatientsIgnored) {
                folded.warn_of_other_patient(number);
            }
        }
        for (patient, external_id) in folded.new_external_ids().collect::<BTreeSet<_>>() {
            if !added.contains(&(patient, external_id)) {
                self.add_external_id(patient, external_id, entered).await?;
            }
        }
        Ok(())
    }

    /// Stores the entry of a patient. Returns the entries of other patients.
    async fn add_external_id(
        &self,
        patient: PatientId,
        external_id: &ExternalId,
        entered: &EnteredIds,
    ) -> Result<Vec<ExternalIdEntry>, Error> {
        if entered.get(external_id) == Some(&patient) {
            return Ok(Vec::new());
        }
        let id = self.hash_key.external_id(external_id);
        let (customer, job) = (self.job.customer, self.job.id);
        let add =
            self.ports.external_ids().add_external_id(customer, id, patient, job, OTHERS_READ);
        Ok(add.await?)
    }

    /// Returns whether another patient has the external id of a row that creates a patient, or is
    /// about to get it.
    pub(super) async fn is_taken(
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
}

/// Returns the rows that create a patient under an external id.
fn created_with_ids<'g>(
    group: &'g Group,
    folded: &Folded,
) -> impl Iterator<Item = (RowNumber, PatientId, &'g ExternalId)> {
    group.rows.iter().zip(&folded.rows).filter(|(_, folded)| folded.creates).filter_map(
        |((number, row), folded)| Some((*number, folded.patient?, row.external_id.as_ref()?)),
    )
}
