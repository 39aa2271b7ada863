//! The patients table: documents with versions, each written on the condition that its version is
//! the expected one.

mod observed;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;
use std::ops::Range;

use bulk_domain::hash_key::Bucket;
use bulk_domain::ids::{CustomerId, JobId, PatientId};
use bulk_domain::mutants::{Bug, has};
use bulk_domain::person::Person;
use bulk_domain::query::QueryAttemptId;
use bulk_domain::roster::{REMOVED, Roster, RosterEntry};
use bulk_pipeline::ports::{CopyRef, PatientStore, PortResult, Versioned, Write};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::{Billed, Statement, permanent};
use crate::cloud::State;
use crate::external_ids::EntryKey;
use crate::{Cloud, Operation, Resource, UsageOf};

/// Keys that one `BatchGetItem` takes (AWS limit).
pub(crate) const KEYS_PER_BATCH: usize = 100;

/// Bytes of the largest item (AWS limit: 400 KiB), less those of its keys and attribute names.
pub(crate) const LARGEST_DOCUMENT: usize = 400 * 1024 - 200;

/// Bytes of a patient's id in a roster.
const BYTES_PER_ID: usize = 16;

/// The entries of all rosters.
type Rosters = BTreeMap<(CustomerId, Roster, RosterEntry), Vec<PatientId>>;

#[derive(Default, Debug)]
pub(crate) struct PatientsState {
    /// The JSON of all documents, in one string because millions of allocations would slow down
    /// those of the calling test.
    log: String,
    people: BTreeMap<(CustomerId, Bucket), Document>,
    pub(crate) queries: BTreeMap<(CustomerId, PatientId), Document>,
    pub(crate) copies: BTreeMap<CopyRef, Document>,
    pub(crate) documents: BTreeMap<(CustomerId, PatientId, QueryAttemptId, u32), String>,
    /// Bytes of documents in one item, as in `aws` unless a test sets them.
    pub(crate) page_bytes: Option<usize>,
    pub(crate) external_ids: BTreeMap<EntryKey, (PatientId, JobId)>,
    rosters: Rosters,
    pub(crate) writes: u64,
}

/// A document in the log. It is stored as the JSON that DynamoDB has, so that a value that JSON
/// loses is lost here, too.
#[derive(Debug)]
pub(crate) struct Document {
    json: Range<usize>,
    /// Bytes that the document takes in its item.
    stored_len: usize,
    version: u64,
}

impl Document {
    pub(crate) const fn version(&self) -> u64 {
        self.version
    }
}

impl PatientsState {
    fn write(&mut self, json: &str, stored_len: usize, version: u64) -> Document {
        let from = self.log.len();
        self.log.push_str(json);
        Document { json: from..self.log.len(), stored_len, version }
    }

    pub(crate) fn read<T: DeserializeOwned>(
        &self,
        document: &Document,
    ) -> PortResult<Versioned<T>> {
        let malformed = |_| permanent(Operation::GetItem, "malformed doc");
        let value = serde_json::from_str(&self.log[document.json.clone()]).map_err(malformed)?;
        Ok(Versioned { value, version: document.version })
    }
}

impl Cloud {
    pub(crate) async fn load<K: Ord + Copy, T: DeserializeOwned>(
        &self,
        resource: Resource,
        keys: &[K],
        table: impl Fn(&State) -> &BTreeMap<K, Document>,
    ) -> PortResult<Vec<(K, Versioned<T>)>> {
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunks(KEYS_PER_BATCH) {
            let batch = self.call(Operation::BatchGetItem, resource, |state| {
                let table = table(state);
                let documents: Vec<(K, &Document)> =
                    keys.iter().filter_map(|key| Some((*key, table.get(key)?))).collect();
                // DynamoDB bills a key without an item like a small item.
                let sizes = || documents.iter().map(|(_, document)| document.stored_len);
                let units = sizes().map(|bytes| units(bytes, 4096)).sum::<u64>()
                    + (keys.len() - documents.len()) as u64;
                let bytes: usize = sizes().sum();
                let result: PortResult<Vec<(K, Versioned<T>)>> = documents
                    .iter()
                    .map(|(key, document)| Ok((*key, state.patients.read(document)?)))
                    .collect();
                let usage =
                    UsageOf { calls: 1, units, items: keys.len() as u64, bytes: bytes as u64 };
                Billed::with(result, usage)
            });
            found.extend(batch.await?);
        }
        Ok(found)
    }

    /// Stores JSON that takes this number of bytes in its item.
    pub(crate) async fn store<K: Ord + Debug>(
        &self,
        resource: Resource,
        key: K,
        json: String,
        bytes: usize,
        version: Option<u64>,
        table: impl Fn(&mut State) -> &mut BTreeMap<K, Document>,
    ) -> PortResult<Write> {
        self.call(Operation::PutItem, resource, |state| {
            state.patients.writes += 1;
            let name = state.recorder.is_logging().then(|| format!("{key:?}"));
            if bytes > LARGEST_DOCUMENT {
                return Billed::failed(permanent(
                    Operation::PutItem,
                    "ValidationException (HTTP 400)",
                ));
            }
            let units = units(bytes, 1024);
            if table(state).get(&key).map(|stored| stored.version) != version
                && !has(Bug::PatientOverwritten)
            {
                return Billed::new(Write::Conflict, units, 1).with_bytes(bytes).with_key(name);
            }
            let document = state.patients.write(&json, bytes, version.unwrap_or(0) + 1);
            table(state).insert(key, document);
            Billed::new(Write::Done, units, 1).with_bytes(bytes).with_key(name)
        })
        .await
    }
}

pub(crate) fn to_json(value: &impl Serialize) -> PortResult<String> {
    serde_json::to_string(value).map_err(|_| permanent(Operation::PutItem, "malformed document"))
}

/// Bytes of an item's keys and version, with the names of all attributes: `pk`, `sk`, `doc` and
/// `version`, a customer's id, a bucket, and the kind of the item.
const KEYS_SIZE: usize = 80;

/// Returns the request units of `unit` bytes that an item with a document of `bytes` takes.
pub(crate) fn units(bytes: usize, unit: u64) -> u64 {
    ((bytes + KEYS_SIZE) as u64).div_ceil(unit)
}

impl PatientStore for Cloud {
    async fn load_people(
        &self,
        customer: CustomerId,
        buckets: &[Bucket],
    ) -> PortResult<HashMap<Bucket, Versioned<Person>>> {
        let keys: BTreeSet<(CustomerId, Bucket)> =
            buckets.iter().map(|bucket| (customer, *bucket)).collect();
        let keys: Vec<(CustomerId, Bucket)> = keys.into_iter().collect();
        let loaded = self.load(Resource::PEOPLE, &keys, |state| &state.patients.people).await?;
        Ok(loaded.into_iter().map(|((_, bucket), person)| (bucket, person)).collect())
    }

    async fn store_person(
        &self,
        customer: CustomerId,
        bucket: Bucket,
        person: &Person,
        version: Option<u64>,
    ) -> PortResult<Write> {
        let json = to_json(person)?;
        let bytes = json.len();
        self.store(Resource::PEOPLE, (customer, bucket), json, bytes, version, |state| {
            &mut state.patients.people
        })
        .await
    }

    async fn insert_people(
        &self,
        customer: CustomerId,
        people: &[(Bucket, &Person)],
    ) -> PortResult<Vec<bool>> {
        let json = people.iter().map(|(bucket, person)| Ok((*bucket, to_json(person)?)));
        let json = json.collect::<PortResult<Vec<(Bucket, String)>>>()?;
        self.insert_all(Resource::PEOPLE, &json, |state, (bucket, json)| {
            state.patients.writes += 1;
            let key = (customer, *bucket);
            let name = state.recorder.is_logging().then(|| format!("{key:?}"));
            let has_succeeded =
                json.len() <= LARGEST_DOCUMENT && !state.patients.people.contains_key(&key);
            if has_succeeded {
                let document = state.patients.write(json, json.len(), 1);
                state.patients.people.insert(key, document);
            }
            let (units, bytes) = (units(json.len(), 1024), json.len());
            Statement { has_succeeded, units, bytes, key: name }
        })
        .await
    }

    async fn store_people(
        &self,
        customer: CustomerId,
        people: &[(Bucket, Person, Option<u64>)],
    ) -> PortResult<Write> {
        let json: Vec<String> =
            people.iter().map(|(_, person, _)| to_json(person)).collect::<PortResult<_>>()?;
        self.call(Operation::PutItem, Resource::PEOPLE, |state| {
            state.patients.writes += people.len() as u64;
            if json.iter().any(|json| json.len() > LARGEST_DOCUMENT) {
                return Billed::failed(permanent(
                    Operation::PutItem,
                    "ValidationException (HTTP 400)",
                ));
            }
            // A transaction takes two units where a write takes one.
            let units = 2 * json.iter().map(|json| units(json.len(), 1024)).sum::<u64>();
            let is_met = people.iter().all(|(bucket, _, version)| {
                let stored = state.patients.people.get(&(customer, *bucket));
                stored.map(|stored| stored.version) == *version
            });
            if !is_met {
                return Billed::new(Write::Conflict, units, people.len() as u64);
            }
            for ((bucket, _, version), json) in people.iter().zip(&json) {
                let document = state.patients.write(json, json.len(), version.unwrap_or(0) + 1);
                state.patients.people.insert((customer, *bucket), document);
            }
            Billed::new(Write::Done, units, people.len() as u64)
        })
        .await
    }

    async fn add_to_roster(
        &self,
        customer: CustomerId,
        roster: Roster,
        entry: RosterEntry,
        patients: &[PatientId],
    ) -> PortResult<()> {
        let key = (customer, roster, entry);
        if self.replace_roster(key, &[], patients.to_vec()).await? == Write::Done {
            return Ok(());
        }
        self.change_roster(key, |stored| {
            let missing = patients.iter().filter(|patient| !stored.contains(patient));
            stored.iter().chain(missing).copied().collect()
        })
        .await
    }

    async fn remove_from_roster(
        &self,
        customer: CustomerId,
        roster: Roster,
        entry: RosterEntry,
        patients: &[PatientId],
    ) -> PortResult<()> {
        let key = (customer, roster, entry);
        self.change_roster(key, |stored| {
            let without =
                |patient: &PatientId| if patients.contains(patient) { REMOVED } else { *patient };
            stored.iter().map(without).collect()
        })
        .await
    }

    async fn read_roster(
        &self,
        customer: CustomerId,
        roster: Roster,
        from: Option<RosterEntry>,
        limit: u32,
    ) -> PortResult<Vec<(RosterEntry, Vec<PatientId>)>> {
        self.roster_entries(|rosters| {
            let entries = rosters.iter().filter(|((owner, of, entry), _)| {
                (*owner, *of) == (customer, roster) && from.is_none_or(|from| *entry >= from)
            });
            entries.take(limit as usize).map(|((.., entry), ids)| (*entry, ids.clone())).collect()
        })
        .await
    }

    async fn read_roster_back(
        &self,
        customer: CustomerId,
        roster: Roster,
        from: RosterEntry,
        limit: u32,
    ) -> PortResult<Vec<(RosterEntry, Vec<PatientId>)>> {
        self.roster_entries(|rosters| {
            let entries = rosters.iter().rev().filter(|((owner, of, entry), _)| {
                (*owner, *of) == (customer, roster) && *entry <= from
            });
            entries.take(limit as usize).map(|((.., entry), ids)| (*entry, ids.clone())).collect()
        })
        .await
    }
}

impl Cloud {
    /// Returns the entries that `read` takes of the rosters.
    async fn roster_entries(
        &self,
        read: impl FnOnce(&Rosters) -> Vec<(RosterEntry, Vec<PatientId>)>,
    ) -> PortResult<Vec<(RosterEntry, Vec<PatientId>)>> {
        self.call(Operation::Query, Resource::ROSTERS, |state| {
            let entries = read(&state.patients.rosters);
            let items = entries.len() as u64;
            let bytes: usize = entries.iter().map(|(_, ids)| BYTES_PER_ID * ids.len()).sum();
            Billed::new(entries, items.max(1), items).with_bytes(bytes)
        })
        .await
    }

    async fn roster_entry(
        &self,
        key: (CustomerId, Roster, RosterEntry),
    ) -> PortResult<Vec<PatientId>> {
        self.call(Operation::BatchGetItem, Resource::ROSTERS, |state| {
            let stored = state.patients.rosters.get(&key).cloned().unwrap_or_default();
            let bytes = BYTES_PER_ID * stored.len();
            Billed::new(stored, units(bytes, 4096), 1).with_bytes(bytes)
        })
        .await
    }

    /// Changes an entry of a roster, and reads it again after each conflict.
    async fn change_roster(
        &self,
        key: (CustomerId, Roster, RosterEntry),
        change: impl Fn(&[PatientId]) -> Vec<PatientId>,
    ) -> PortResult<()> {
        loop {
            let stored = self.roster_entry(key).await?;
            let wanted = change(&stored);
            if wanted == stored || self.replace_roster(key, &stored, wanted).await? == Write::Done {
                return Ok(());
            }
        }
    }

    /// Stores an entry of a roster on the condition that the stored one has these patients, or
    /// deletes it if no patient is left.
    async fn replace_roster(
        &self,
        key: (CustomerId, Roster, RosterEntry),
        stored: &[PatientId],
        patients: Vec<PatientId>,
    ) -> PortResult<Write> {
        let is_empty = patients.iter().all(|patient| *patient == REMOVED);
        let operation = if is_empty { Operation::DeleteItem } else { Operation::PutItem };
        self.call(operation, Resource::ROSTERS, |state| {
            state.patients.writes += 1;
            let bytes = BYTES_PER_ID * patients.len();
            let before = state.patients.rosters.get(&key).map_or(&[][..], Vec::as_slice);
            if before != stored && !has(Bug::RosterReplaced) {
                return Billed::new(Write::Conflict, units(bytes, 1024), 1);
            }
            if is_empty {
                state.patients.rosters.remove(&key);
            } else {
                state.patients.rosters.insert(key, patients);
            }
            let write = Write::Done;
            Billed::new(write, units(bytes, 1024), 1).with_bytes(bytes)
        })
        .await
    }
}
