//! Patients, by the buckets of their identities, and the rosters.

use std::collections::{BTreeMap, BTreeSet, HashMap};
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
    /// Stores the items of buckets that have none, with few calls. No bucket may be there twice.
    ///
    /// Returns for each item whether it was stored. One that was not may have met an error of its
    /// own, or an item of its bucket: [`store_person`](Self::store_person) tells.
    fn insert_people(
        &self,
        customer: CustomerId,
        people: &[(Bucket, &Person)],
    ) -> impl Future<Output = PortResult<Vec<bool>>> + Send;
    /// Stores the items of several buckets, all of them or none. No bucket may be there twice.
    ///
    /// Condition: each stored version is the given one, or nothing is stored if it is `None`.
    fn store_people(
        &self,
        customer: CustomerId,
        people: &[(Bucket, Person, Option<u64>)],
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
    /// there. An entry without patients is deleted.
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
            let mut found = HashMap::new();
            let wanted = patients.iter().filter_map(|id| Some((*id, Bucket::of(*id)?)));
            let mut wanted: BTreeMap<PatientId, Bucket> = wanted.collect();
            for _ in 0..MOST_MOVES {
                if wanted.is_empty() {
                    break;
                }
                let buckets: BTreeSet<Bucket> = wanted.values().copied().collect();
                let buckets: Vec<Bucket> = buckets.into_iter().collect();
                let people = self.load_people(customer, &buckets).await?;
                wanted.retain(|id, bucket| {
                    let person = people.get(bucket).map(|person| &person.value);
                    if let Some(record) = person.and_then(|person| person.patient(*id)) {
                        found.insert(*id, record.clone());
                        return false;
                    }
                    let next = moved_from(person, *id, *bucket);
                    *bucket = next.unwrap_or(*bucket);
                    next.is_some()
                });
            }
            Ok(found)
        }
    }

    /// Returns the item that a patient is in, with its bucket, or the one that remembers its
    /// deletion.
    fn load_item_of(
        &self,
        customer: CustomerId,
        patient: PatientId,
    ) -> impl Future<Output = PortResult<Option<(Bucket, Versioned<Person>)>>> + Send {
        async move {
            let Some(mut bucket) = Bucket::of(patient) else { return Ok(None) };
            for _ in 0..MOST_MOVES {
                let person = self.load_people(customer, &[bucket]).await?.remove(&bucket);
                let value = person.as_ref().map(|person| &person.value);
                let is_here = value.is_some_and(|value| {
                    value.patient(patient).is_some() || value.deleted(patient).is_some()
                });
                if is_here {
                    return Ok(person.map(|person| (bucket, person)));
                }
                match moved_from(value, patient, bucket) {
                    Some(next) => bucket = next,
                    None => return Ok(None),
                }
            }
            Ok(None)
        }
    }
}

/// Reads after which a patient counts as absent that moves on between all of them. It takes two
/// reads to find a patient that has moved, and two more if it moves in between.
const MOST_MOVES: usize = 8;

/// Returns the bucket in which a patient is looked for that is not in the item of this one. A
/// patient that has moved on since its first item was read is looked for there again.
fn moved_from(person: Option<&Person>, patient: PatientId, bucket: Bucket) -> Option<Bucket> {
    let is_deleted = person.is_some_and(|person| person.deleted(patient).is_some());
    let moved = person.and_then(|person| person.moved_to(patient));
    let home = Bucket::of(patient).filter(|home| *home != bucket);
    moved.or(home).filter(|_| !is_deleted)
}
