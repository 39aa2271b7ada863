//! The patients table: documents with versions, each written on the condition that its version is
//! the expected one.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::ops::Range;

use bulk_domain::identity::Identity;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::matching::People;
use bulk_domain::mutants::{Bug, has};
use bulk_domain::patient::ExternalId;
use bulk_domain::query::QueryTry;
use bulk_domain::record::PatientRecord;
use bulk_domain::roster::{Roster, RosterEntry};
use bulk_pipeline::ports::{PatientStore, PortResult, Versioned, Write};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::{Billed, permanent};
use crate::cloud::State;
use crate::{Cloud, Operation, Resource, UsageOf};

/// Keys that one `BatchGetItem` takes (AWS limit).
pub(crate) const KEYS_PER_BATCH: usize = 100;

/// Bytes of the largest item (AWS limit: 400 KiB), less those of its keys and attribute names.
pub(crate) const LARGEST_DOCUMENT: usize = 400 * 1024 - 200;

/// Bytes of a patient's id in a roster.
const BYTES_PER_ID: usize = 16;

#[derive(Default, Debug)]
pub(crate) struct PatientsState {
    /// The JSON of all documents, in one string because millions of allocations would slow down
    /// those of the calling test.
    log: String,
    people: BTreeMap<Identity, Document>,
    patients: BTreeMap<(CustomerId, PatientId), Document>,
    pub(crate) queries: BTreeMap<(CustomerId, PatientId), Document>,
    pub(crate) documents: BTreeMap<(CustomerId, PatientId, QueryTry, u32), String>,
    /// Bytes of documents in one item, as in `aws` unless a test sets them.
    pub(crate) page_bytes: Option<usize>,
    external_ids: BTreeMap<(CustomerId, PatientId), ExternalId>,
    rosters: BTreeMap<(CustomerId, Roster, RosterEntry), Vec<PatientId>>,
    pub(crate) writes: u64,
}

/// A document in the log. It is stored as the JSON that DynamoDB has, so that a value that JSON
/// loses is lost here, too.
#[derive(Debug)]
pub(crate) struct Document {
    json: Range<usize>,
    version: u64,
}

impl PatientsState {
    fn write(&mut self, json: &str, version: u64) -> Document {
        let from = self.log.len();
        self.log.push_str(json);
        Document { json: from..self.log.len(), version }
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

impl State {
    /// Updates the index of external ids, and bills the entries that change in it.
    fn index(&mut self, patient: (CustomerId, PatientId), external_id: Option<&ExternalId>) {
        let entries = &mut self.patients.external_ids;
        let before = match external_id {
            Some(external_id) => entries.insert(patient, external_id.clone()),
            None => entries.remove(&patient),
        };
        if before.as_ref() != external_id {
            let index_units = u64::from(before.is_some()) + u64::from(external_id.is_some());
            self.recorder
                .usage
                .add(Operation::PutItem, UsageOf { index_units, ..UsageOf::default() });
        }
    }
}

impl Cloud {
    /// Returns every stored patient of a customer, without a call that is billed or that a fault
    /// can hit.
    pub fn patients(&self, customer: CustomerId) -> PortResult<Vec<PatientRecord>> {
        let patients = &self.state().patients;
        let records = patients.patients.iter().filter(|((owner, _), _)| *owner == customer);
        records.map(|(_, document)| Ok(patients.read(document)?.value)).collect()
    }

    /// Returns the number of items written to the table or deleted from it so far, refused writes
    /// included.
    pub fn patient_writes(&self) -> u64 {
        self.state().patients.writes
    }

    /// Returns the people of every identity, of all customers, without a call that is billed or
    /// that a fault can hit.
    pub fn people(&self) -> PortResult<Vec<People>> {
        let patients = &self.state().patients;
        patients.people.values().map(|document| Ok(patients.read(document)?.value)).collect()
    }

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
                let sizes = || documents.iter().map(|(_, document)| document.json.len());
                let units = sizes().map(|bytes| units(bytes, 4096)).sum::<u64>()
                    + (keys.len() - documents.len()) as u64;
                let bytes: usize = sizes().sum();
                let result: PortResult<Vec<(K, Versioned<T>)>> = documents
                    .iter()
                    .map(|(key, document)| Ok((*key, state.patients.read(document)?)))
                    .collect();
                let usage = UsageOf {
                    calls: 1,
                    units,
                    index_units: 0,
                    items: keys.len() as u64,
                    bytes: bytes as u64,
                };
                Billed { result, usage, key: None }
            });
            found.extend(batch.await?);
        }
        Ok(found)
    }

    pub(crate) async fn store<K: Ord + Debug>(
        &self,
        resource: Resource,
        key: K,
        value: &(impl Serialize + Sync),
        version: Option<u64>,
        table: impl Fn(&mut State) -> &mut BTreeMap<K, Document>,
    ) -> PortResult<Write> {
        let json = serde_json::to_string(value)
            .map_err(|_| permanent(Operation::PutItem, "malformed document"))?;
        self.call(Operation::PutItem, resource, |state| {
            state.patients.writes += 1;
            let name = state.recorder.is_logging().then(|| format!("{key:?}"));
            if json.len() > LARGEST_DOCUMENT {
                return Billed::failed(permanent(
                    Operation::PutItem,
                    "ValidationException (HTTP 400)",
                ));
            }
            let units = units(json.len(), 1024);
            if table(state).get(&key).map(|stored| stored.version) != version
                && !has(Bug::PatientOverwritten)
            {
                return Billed::new(Write::Conflict, units, 1)
                    .with_bytes(json.len())
                    .with_key(name);
            }
            let document = state.patients.write(&json, version.unwrap_or(0) + 1);
            table(state).insert(key, document);
            Billed::new(Write::Done, units, 1).with_bytes(json.len()).with_key(name)
        })
        .await
    }
}

/// Returns the request units of `unit` bytes that an item with a document of `bytes` takes.
pub(crate) fn units(bytes: usize, unit: u64) -> u64 {
    (bytes as u64 + 150).div_ceil(unit)
}

impl PatientStore for Cloud {
    async fn load_people(
        &self,
        identities: &[Identity],
    ) -> PortResult<HashMap<Identity, Versioned<People>>> {
        Ok(self
            .load(Resource::IDENTITIES, identities, |state| &state.patients.people)
            .await?
            .into_iter()
            .collect())
    }

    async fn store_people(
        &self,
        identity: &Identity,
        people: &People,
        version: Option<u64>,
    ) -> PortResult<Write> {
        self.store(Resource::IDENTITIES, *identity, people, version, |state| {
            &mut state.patients.people
        })
        .await
    }

    async fn load_patients(
        &self,
        customer: CustomerId,
        patients: &[PatientId],
    ) -> PortResult<HashMap<PatientId, Versioned<PatientRecord>>> {
        let keys: Vec<(CustomerId, PatientId)> =
            patients.iter().map(|patient| (customer, *patient)).collect();
        let loaded = self.load(Resource::PATIENTS, &keys, |state| &state.patients.patients).await?;
        Ok(loaded.into_iter().map(|((_, patient), record)| (patient, record)).collect())
    }

    async fn store_patient(
        &self,
        customer: CustomerId,
        record: &PatientRecord,
        version: Option<u64>,
    ) -> PortResult<Write> {
        let key = (customer, record.patient.id);
        let written = self
            .store(Resource::PATIENTS, key, record, version, |state| &mut state.patients.patients)
            .await?;
        if written == Write::Done {
            self.state().index(key, record.patient.external_id.as_ref());
        }
        Ok(written)
    }

    async fn store_roster(
        &self,
        customer: CustomerId,
        roster: Roster,
        entry: RosterEntry,
        patients: &[PatientId],
    ) -> PortResult<()> {
        self.call(Operation::PutItem, Resource::ROSTERS, |state| {
            state.patients.writes += 1;
            state.patients.rosters.insert((customer, roster, entry), patients.to_vec());
            let bytes = BYTES_PER_ID * patients.len();
            Billed::new((), units(bytes, 1024), 1).with_bytes(bytes)
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
        self.call(Operation::Query, Resource::ROSTERS, |state| {
            let entries = state.patients.rosters.iter().filter(|((owner, of, entry), _)| {
                (*owner, *of) == (customer, roster) && from.is_none_or(|from| *entry >= from)
            });
            let entries: Vec<(RosterEntry, Vec<PatientId>)> = entries
                .take(limit as usize)
                .map(|((.., entry), ids)| (*entry, ids.clone()))
                .collect();
            let items = entries.len() as u64;
            let bytes: usize = entries.iter().map(|(_, ids)| BYTES_PER_ID * ids.len()).sum();
            Billed::new(entries, items.max(1), items).with_bytes(bytes)
        })
        .await
    }

    async fn find_by_external_id(
        &self,
        customer: CustomerId,
        external_id: &ExternalId,
    ) -> PortResult<Vec<PatientId>> {
        let patients = self.patients(customer)?;
        self.call(Operation::Query, Resource::PATIENTS_BY_EXTERNAL_ID, |_| {
            let found = patients
                .iter()
                .filter(|record| record.patient.external_id.as_ref() == Some(external_id))
                .map(|record| record.patient.id);
            Billed::request(found.collect())
        })
        .await
    }
}
