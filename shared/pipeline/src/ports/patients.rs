//! Patients, the people of each identity, and the rosters.

use std::collections::HashMap;
use std::future::Future;

use bulk_domain::identity::Identity;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::matching::People;
use bulk_domain::patient::ExternalId;
use bulk_domain::record::PatientRecord;
use bulk_domain::roster::{Roster, RosterEntry};

use super::{PortResult, Versioned, Write};

/// The patients of all customers, the people of each identity, and the rosters.
pub trait PatientStore: Send + Sync {
    /// Returns the people of each identity that has any.
    fn load_people(
        &self,
        identities: &[Identity],
    ) -> impl Future<Output = PortResult<HashMap<Identity, Versioned<People>>>> + Send;
    /// Stores the people of an identity.
    ///
    /// Condition: the stored version is `version`, or nothing is stored if `version` is `None`.
    fn store_people(
        &self,
        identity: &Identity,
        people: &People,
        version: Option<u64>,
    ) -> impl Future<Output = PortResult<Write>> + Send;
    /// Returns those of `patients` that exist.
    fn load_patients(
        &self,
        customer: CustomerId,
        patients: &[PatientId],
    ) -> impl Future<Output = PortResult<HashMap<PatientId, Versioned<PatientRecord>>>> + Send;
    /// Stores a patient.
    ///
    /// Condition: the stored version is `version`, or nothing is stored if `version` is `None`.
    fn store_patient(
        &self,
        customer: CustomerId,
        record: &PatientRecord,
        version: Option<u64>,
    ) -> impl Future<Output = PortResult<Write>> + Send;
    /// Stores an entry of a roster. An entry with the same key is replaced.
    fn store_roster(
        &self,
        customer: CustomerId,
        roster: Roster,
        entry: RosterEntry,
        patients: &[PatientId],
    ) -> impl Future<Output = PortResult<()>> + Send;
    /// Returns up to `limit` entries of a roster in their order, from the entry `from` on if it is
    /// given.
    fn read_roster(
        &self,
        customer: CustomerId,
        roster: Roster,
        from: Option<RosterEntry>,
        limit: u32,
    ) -> impl Future<Output = PortResult<Vec<(RosterEntry, Vec<PatientId>)>>> + Send;
    /// Returns the patients that may have this external id, in no order. Reads an index, which lags
    /// by a second or so: the record of a patient says whether the patient has the id.
    fn find_by_external_id(
        &self,
        customer: CustomerId,
        external_id: &ExternalId,
    ) -> impl Future<Output = PortResult<Vec<PatientId>>> + Send;
}
