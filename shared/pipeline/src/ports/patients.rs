//! Patients: who is who, who is on which list, and what their rows can refer to.

use std::collections::HashMap;
use std::future::Future;

use domain::identity::Identity;
use domain::ids::{CustomerId, PatientId};
use domain::matching::People;
use domain::patient::ExternalId;
use domain::record::PatientRecord;
use domain::roster::{Roster, RosterEntry};
use domain::row::Directory;

use super::{PortResult, Versioned, Write};

/// Reads who is known under an identity.
pub trait LoadPeople: Send + Sync {
    /// The people of each identity that has any.
    fn load_people(
        &self,
        identities: &[Identity],
    ) -> impl Future<Output = PortResult<HashMap<Identity, Versioned<People>>>> + Send;
}

/// Stores who is known under an identity.
pub trait StorePeople: Send + Sync {
    /// Stores `people`, on the condition that the stored version is still `version` (none: that there is
    /// nothing stored).
    fn store_people(
        &self,
        identity: &Identity,
        people: &People,
        version: Option<u64>,
    ) -> impl Future<Output = PortResult<Write>> + Send;
}

/// Reads patients.
pub trait LoadPatients: Send + Sync {
    /// Those of `patients` that exist.
    fn load_patients(
        &self,
        customer: CustomerId,
        patients: &[PatientId],
    ) -> impl Future<Output = PortResult<HashMap<PatientId, Versioned<PatientRecord>>>> + Send;
}

/// Stores patients.
pub trait StorePatient: Send + Sync {
    /// Stores `record`, on the condition that the stored version is still `version` (none: that there is
    /// nothing stored).
    fn store_patient(
        &self,
        customer: CustomerId,
        record: &PatientRecord,
        version: Option<u64>,
    ) -> impl Future<Output = PortResult<Write>> + Send;
}

/// Notes who is on the rosters of a customer.
pub trait StoreRoster: Send + Sync {
    /// Stores an entry; one that is there already is replaced.
    fn store_roster(
        &self,
        customer: CustomerId,
        roster: Roster,
        entry: RosterEntry,
        patients: &[PatientId],
    ) -> impl Future<Output = PortResult<()>> + Send;
}

/// Reads the rosters of a customer.
pub trait ReadRoster: Send + Sync {
    /// Entries in their order, from `from` on if it is given, at most `limit`.
    fn read_roster(
        &self,
        customer: CustomerId,
        roster: Roster,
        from: Option<RosterEntry>,
        limit: u32,
    ) -> impl Future<Output = PortResult<Vec<(RosterEntry, Vec<PatientId>)>>> + Send;
}

/// Finds patients by the ids that the customer has for them.
pub trait FindByExternalId: Send + Sync {
    /// All patients of the customer with this external id, in no particular order.
    fn find_by_external_id(
        &self,
        customer: CustomerId,
        external_id: &ExternalId,
    ) -> impl Future<Output = PortResult<Vec<PatientId>>> + Send;
}

/// Reads what a customer's rows can refer to.
pub trait LoadDirectory: Send + Sync {
    /// Ids of all facilities and cohorts of the customer.
    fn load_directory(&self, customer: CustomerId) -> impl Future<Output = PortResult<Directory>> + Send;
}
