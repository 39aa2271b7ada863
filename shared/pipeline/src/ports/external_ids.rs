//! The patients that have an external id, by a keyed hash of it.

use std::future::Future;

use bulk_domain::hash_key::ExternalIdHash;
use bulk_domain::ids::{CustomerId, JobId, PatientId};

use super::{PortResult, Write};

/// The entries of external ids.
///
/// An entry is stored before the patient that it names, so that no patient is missing. Therefore it
/// may name a patient that was never created, or that has another external id by now. The patient's
/// record says whether the entry is right.
pub trait ExternalIdStore: Send + Sync {
    /// Stores an entry.
    ///
    /// Condition: nothing is stored under its key, or an entry of the same patient and of a job
    /// that is not newer.
    fn store_external_id(
        &self,
        customer: CustomerId,
        id: ExternalIdHash,
        entry: ExternalIdEntry,
    ) -> impl Future<Output = PortResult<Write>> + Send;
    /// Stores entries where nothing is stored under their keys, with few calls. No key may be there
    /// twice.
    ///
    /// Returns for each entry whether it was stored. One that was not may have met an error of its
    /// own, or another entry: [`store_external_id`](Self::store_external_id) tells.
    fn insert_external_ids(
        &self,
        customer: CustomerId,
        entries: &[(ExternalIdHash, ExternalIdEntry)],
    ) -> impl Future<Output = PortResult<Vec<bool>>> + Send;
    /// Returns up to `limit` entries of an external id in their order, those behind `after` if it
    /// is given.
    fn read_external_id(
        &self,
        customer: CustomerId,
        id: ExternalIdHash,
        after: Option<ExternalIdEntry>,
        limit: u32,
    ) -> impl Future<Output = PortResult<Vec<ExternalIdEntry>>> + Send;
    /// Deletes an entry.
    ///
    /// Condition: the entry is stored as it is given here. Otherwise nothing is deleted.
    fn delete_external_id(
        &self,
        customer: CustomerId,
        id: ExternalIdHash,
        entry: ExternalIdEntry,
    ) -> impl Future<Output = PortResult<()>> + Send;
    /// Stores the entry of a patient, and returns up to `limit` entries of other patients. If the
    /// entries of two patients are stored at the same time, at least one of them is told of the
    /// other.
    ///
    /// One write is enough for nearly every external id: the first entry has a key of its own, so
    /// that storing it tells that there is no other.
    fn add_external_id(
        &self,
        customer: CustomerId,
        id: ExternalIdHash,
        patient: PatientId,
        job: JobId,
        limit: u32,
    ) -> impl Future<Output = PortResult<Vec<ExternalIdEntry>>> + Send {
        async move {
            let first = ExternalIdEntry { patient, job, is_first: true };
            if self.store_external_id(customer, id, first).await? == Write::Done {
                return Ok(Vec::new());
            }
            let further = ExternalIdEntry { is_first: false, ..first };
            // After a conflict, a newer job has stored the entry.
            let _ = self.store_external_id(customer, id, further).await?;
            // One more, because the patient's own entry can be among them.
            let mut entries = self.read_external_id(customer, id, None, limit + 1).await?;
            entries.retain(|entry| entry.patient != patient);
            entries.truncate(limit as usize);
            Ok(entries)
        }
    }
}

/// An entry of an external id. Entries sort by `is_first`, and then by patient.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExternalIdEntry {
    /// The patient that may have the external id.
    pub patient: PatientId,
    /// The newest job that stored the entry.
    pub job: JobId,
    /// Whether the entry was the first of its external id.
    pub is_first: bool,
}
