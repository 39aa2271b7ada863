//! Patients, by the buckets of their identities, and the rosters.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;

use bulk_domain::hash_key::Bucket;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::person::Person;
use bulk_domain::record::PatientRecord;
use bulk_domain::roster::{Roster, RosterEntry};

use super::{PortResult, Versioned, Write};

/// The patients of all customers, and the rosters.
pub trait PatientStore: Send + Sync {
    /// Returns the item of each bucket that has one.
    fn load_people(
        &self,
        customer: CustomerId,
        buckets: &[Bucket],
    ) -> impl Future<Output = PortResult<HashMap<Bucket, Versioned<Person>>>> + Send;
    /// Stores the item of a bucket. The store deletes an item without patients some time after
    /// [`Person::forgotten_at`].
    ///
    /// Condition: the stored version is `version`, or nothing is stored if `version` is `None`.
    fn store_person(
        &self,
        customer: CustomerId,
        bucket: Bucket,
        person: &Person,
        version: Option<u64>,
    ) -> impl Future<Output = PortResult<Write>> + Send;
    /// Adds patients to an entry of a roster, behind those that it has. A patient of the entry is
    /// not added again.
    fn add_to_roster(
        &self,
        customer: CustomerId,
        roster: Roster,
        entry: RosterEntry,
        patients: &[PatientId],
    ) -> impl Future<Output = PortResult<()>> + Send;
    /// Removes patients from an entry of a roster: [`REMOVED`] takes the place of each that is
    /// there.
    ///
    /// [`REMOVED`]: bulk_domain::roster::REMOVED
    fn remove_from_roster(
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
    /// Returns up to `limit` entries of a roster, from the entry `from` on back to the first one.
    fn read_roster_back(
        &self,
        customer: CustomerId,
        roster: Roster,
        from: RosterEntry,
        limit: u32,
    ) -> impl Future<Output = PortResult<Vec<(RosterEntry, Vec<PatientId>)>>> + Send;

    /// Returns those of `patients` that exist. An id that this service has never given costs no
    /// call.
    fn load_patients(
        &self,
        customer: CustomerId,
        patients: &[PatientId],
    ) -> impl Future<Output = PortResult<HashMap<PatientId, PatientRecord>>> + Send {
        async move {
            let buckets: BTreeSet<Bucket> =
                patients.iter().filter_map(|patient| Bucket::of(*patient)).collect();
            let buckets: Vec<Bucket> = buckets.into_iter().collect();
            let wanted: BTreeSet<PatientId> = patients.iter().copied().collect();
            let people = self.load_people(customer, &buckets).await?;
            let records = people.into_values().flat_map(|person| person.value.into_patients());
            let records = records.map(|record| (record.patient.id, record));
            Ok(records.filter(|(id, _)| wanted.contains(id)).collect())
        }
    }
}
