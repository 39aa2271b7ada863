//! The table of external ids.

use std::ops::Bound;

use bulk_domain::hash_key::ExternalIdHash;
use bulk_domain::ids::{CustomerId, JobId, PatientId};
use bulk_pipeline::ports::{ExternalIdEntry, ExternalIdStore, PortResult, Write};

use crate::call::{Billed, Statement};
use crate::{Cloud, Operation, Resource};

/// The key of an entry. The first entry of an external id has no patient in its key.
pub(crate) type EntryKey = (CustomerId, ExternalIdHash, Option<PatientId>);

impl Cloud {
    /// Returns every stored entry of a customer, without a call that is billed or that a fault can
    /// hit.
    pub fn external_ids(&self, customer: CustomerId) -> Vec<(ExternalIdHash, ExternalIdEntry)> {
        let entries = &self.state().patients.external_ids;
        let of_customer = entries.iter().filter(|((owner, ..), _)| *owner == customer);
        of_customer.map(|(key, value)| (key.1, entry(key, value))).collect()
    }
}

fn key(customer: CustomerId, id: ExternalIdHash, entry: ExternalIdEntry) -> EntryKey {
    (customer, id, (!entry.is_first).then_some(entry.patient))
}

fn entry(key: &EntryKey, (patient, job): &(PatientId, JobId)) -> ExternalIdEntry {
    ExternalIdEntry { patient: *patient, job: *job, is_first: key.2.is_none() }
}

impl ExternalIdStore for Cloud {
    async fn store_external_id(
        &self,
        customer: CustomerId,
        id: ExternalIdHash,
        entry: ExternalIdEntry,
    ) -> PortResult<Write> {
        self.call(Operation::PutItem, Resource::EXTERNAL_IDS, |state| {
            state.patients.writes += 1;
            let ExternalIdEntry { patient, job, .. } = entry;
            let (key, entries) = (key(customer, id, entry), &mut state.patients.external_ids);
            if entries.get(&key).is_some_and(|(of, by)| *of != patient || *by > job) {
                return Billed::request(Write::Conflict);
            }
            entries.insert(key, (patient, job));
            Billed::request(Write::Done)
        })
        .await
    }

    async fn insert_external_ids(
        &self,
        customer: CustomerId,
        entries: &[(ExternalIdHash, ExternalIdEntry)],
    ) -> PortResult<Vec<bool>> {
        self.insert_all(Resource::EXTERNAL_IDS, entries, |state, (id, entry)| {
            state.patients.writes += 1;
            let (key, entries) = (key(customer, *id, *entry), &mut state.patients.external_ids);
            let has_succeeded = !entries.contains_key(&key);
            if has_succeeded {
                entries.insert(key, (entry.patient, entry.job));
            }
            Statement { has_succeeded, units: 1, ..Statement::default() }
        })
        .await
    }

    async fn read_external_id(
        &self,
        customer: CustomerId,
        id: ExternalIdHash,
        after: Option<ExternalIdEntry>,
        limit: u32,
    ) -> PortResult<Vec<ExternalIdEntry>> {
        self.call(Operation::Query, Resource::EXTERNAL_IDS, |state| {
            let from = after.map_or(Bound::Included((customer, id, None)), |after| {
                Bound::Excluded(key(customer, id, after))
            });
            let entries = state.patients.external_ids.range((from, Bound::Unbounded));
            let of_id = entries.take_while(|((owner, of, _), _)| (*owner, *of) == (customer, id));
            let found = of_id.take(limit as usize).map(|(key, value)| entry(key, value));
            Billed::request(found.collect())
        })
        .await
    }

    async fn delete_external_id(
        &self,
        customer: CustomerId,
        id: ExternalIdHash,
        entry: ExternalIdEntry,
    ) -> PortResult<()> {
        self.call(Operation::DeleteItem, Resource::EXTERNAL_IDS, |state| {
            let (key, entries) = (key(customer, id, entry), &mut state.patients.external_ids);
            if entries.get(&key) == Some(&(entry.patient, entry.job)) {
                state.patients.writes += 1;
                entries.remove(&key);
            }
            Billed::request(())
        })
        .await
    }
}
