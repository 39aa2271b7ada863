//! The patients table: patients, the people of each identity, and rosters.
//!
//! Patients and people are one JSON document and a version each. Their keys spread over the whole
//! table: the customer is only the first part of the partition key, so that no customer is one hot
//! partition. A roster entry is one item for each chunk that added patients to the roster. Its
//! partition is the roster, and its sort key is `{job}#{chunk}`, in the order of the entries. Its
//! patients are the bytes of their UUIDs, one after the other.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use bulk_domain::identity::Identity;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::matching::People;
use bulk_domain::patient::ExternalId;
use bulk_domain::plan::ChunkNumber;
use bulk_domain::record::PatientRecord;
use bulk_domain::roster::{Roster, RosterEntry};
use bulk_pipeline::ports::{PatientStore, PortResult, Versioned, Write};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::error::malformed;
use crate::item::{Item, key, s, text};
use crate::table::{Table, find, read_document};

/// The index of patients by the hash of their external id.
const BY_EXTERNAL_ID: &str = "by-external-id";

const PATIENT: &str = "patient";
const IDENTITY: &str = "identity";
const QUERY: &str = "dynamodb.Query";

/// The patients table, with the stores of patients and documents.
#[derive(Clone, Debug)]
pub struct Patients {
    pub(crate) table: Table,
}

impl Patients {
    /// Returns the table of this name.
    pub fn new(client: Client, name: String) -> Self {
        Self { table: Table { client, name } }
    }
}

impl PatientStore for Patients {
    async fn load_people(
        &self,
        identities: &[Identity],
    ) -> PortResult<HashMap<Identity, Versioned<People>>> {
        let by_key: HashMap<String, Identity> =
            identities.iter().map(|identity| (identity.to_string(), *identity)).collect();
        let items =
            self.table.get_many(by_key.keys().map(|pk| key(pk, IDENTITY)).collect()).await?;
        let read = |item: &Item| {
            let identity = text(item, "pk").and_then(|pk| by_key.get(pk));
            Ok((*identity.ok_or_else(|| malformed("dynamodb.read", "pk"))?, read_document(item)?))
        };
        items.iter().map(read).collect()
    }

    async fn store_people(
        &self,
        identity: &Identity,
        people: &People,
        version: Option<u64>,
    ) -> PortResult<Write> {
        self.table.put_document(key(identity, IDENTITY), people, version).await
    }

    async fn load_patients(
        &self,
        customer: CustomerId,
        patients: &[PatientId],
    ) -> PortResult<HashMap<PatientId, Versioned<PatientRecord>>> {
        // Each key once, because DynamoDB refuses a batch that names a key twice.
        let patients: BTreeSet<PatientId> = patients.iter().copied().collect();
        let keys = patients.into_iter().map(|patient| patient_key(customer, patient)).collect();
        let read = |item: &Item| {
            let record: Versioned<PatientRecord> = read_document(item)?;
            Ok((record.value.patient.id, record))
        };
        self.table.get_many(keys).await?.iter().map(read).collect()
    }

    async fn store_patient(
        &self,
        customer: CustomerId,
        record: &PatientRecord,
        version: Option<u64>,
    ) -> PortResult<Write> {
        let mut item = patient_key(customer, record.patient.id);
        if let Some(external_id) = &record.patient.external_id {
            item.insert("externalKey".to_owned(), s(external_key(customer, external_id)));
        }
        self.table.put_document(item, record, version).await
    }

    async fn store_roster(
        &self,
        customer: CustomerId,
        roster: Roster,
        entry: RosterEntry,
        patients: &[PatientId],
    ) -> PortResult<()> {
        let mut item = key(roster_partition(customer, roster), roster_sort_key(entry));
        let ids: Vec<u8> =
            patients.iter().flat_map(|patient| patient.as_uuid().into_bytes()).collect();
        item.insert("patients".to_owned(), AttributeValue::B(Blob::new(ids)));
        self.table.replace(item).await
    }

    async fn read_roster(
        &self,
        customer: CustomerId,
        roster: Roster,
        from: Option<RosterEntry>,
        limit: u32,
    ) -> PortResult<Vec<(RosterEntry, Vec<PatientId>)>> {
        // This text sorts before every key, so that the roster is read from its start.
        let from = from.map_or_else(|| " ".to_owned(), roster_sort_key);
        let entries = self
            .table
            .query()
            .key_condition_expression("pk = :list AND sk >= :from")
            .expression_attribute_values(":list", s(roster_partition(customer, roster)))
            .expression_attribute_values(":from", s(from))
            .consistent_read(true);
        let entries = find(entries, Some(limit)).await?;
        entries
            .iter()
            .map(|item| read_entry(item).ok_or_else(|| malformed(QUERY, "roster")))
            .collect()
    }

    async fn find_by_external_id(
        &self,
        customer: CustomerId,
        external_id: &ExternalId,
    ) -> PortResult<Vec<PatientId>> {
        let query = self
            .table
            .query()
            .index_name(BY_EXTERNAL_ID)
            .key_condition_expression("externalKey = :key")
            .expression_attribute_values(":key", s(external_key(customer, external_id)));
        let id = |item: &Item| text(item, "pk")?.split_once('#')?.1.parse().ok();
        let found = find(query, None).await?;
        found.iter().map(|item| id(item).ok_or_else(|| malformed(QUERY, "pk"))).collect()
    }
}

fn patient_key(customer: CustomerId, patient: PatientId) -> Item {
    key(patient_partition(customer, patient), PATIENT)
}

/// Returns the partition of a patient and its documents.
pub(crate) fn patient_partition(customer: CustomerId, patient: PatientId) -> String {
    format!("{customer}#{patient}")
}

/// Returns the hash of an external id, because keys hold no content of a row.
fn external_key(customer: CustomerId, external_id: &ExternalId) -> String {
    let mut hash = Sha256::new_with_prefix(customer.as_uuid().as_bytes());
    hash.update(external_id.as_str().as_bytes());
    const_hex::encode(hash.finalize())
}

fn roster_partition(customer: CustomerId, roster: Roster) -> String {
    match roster {
        Roster::AllPatients => format!("{customer}#roster"),
        Roster::Cohort(cohort) => format!("{customer}#roster#{cohort}"),
    }
}

/// Returns a sort key in which the chunk has as many digits as the largest number, so that keys
/// sort as numbers do.
fn roster_sort_key(entry: RosterEntry) -> String {
    format!("{}#{:010}", entry.job, entry.chunk.get())
}

fn read_entry(item: &Item) -> Option<(RosterEntry, Vec<PatientId>)> {
    let (job, chunk) = text(item, "sk")?.split_once('#')?;
    let entry =
        RosterEntry { job: job.parse().ok()?, chunk: ChunkNumber::new(chunk.parse().ok()?) };
    let ids = item.get("patients")?.as_b().ok()?.as_ref();
    let ids = ids.chunks_exact(16).map(|id| Some(PatientId::new(Uuid::from_slice(id).ok()?)));
    Some((entry, ids.collect::<Option<_>>()?))
}

#[cfg(test)]
mod tests {
    use bulk_domain::ids::JobId;

    use super::*;

    #[test]
    fn entries_sort_as_their_chunks_do() {
        let job = JobId::new(Uuid::from_u128(1));
        let key = |chunk| roster_sort_key(RosterEntry { job, chunk: ChunkNumber::new(chunk) });
        assert!(key(9) < key(10) && key(10) < key(u32::MAX));
    }
}
