//! The patients table: the persons, and the rosters.
//!
//! A person is one item with a JSON document and a version. The bucket in its partition key spreads
//! the persons over the whole table, so that no customer is one hot partition. A roster entry is
//! one item for each chunk that added patients to the roster. Its partition is the roster, and its
//! sort key is `{job}#{chunk}`, in the order of the entries. Its patients are the bytes of their
//! UUIDs, one after the other.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use bulk_domain::hash_key::Bucket;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::person::Person;
use bulk_domain::plan::ChunkNumber;
use bulk_domain::roster::{REMOVED, Roster, RosterEntry};
use bulk_pipeline::ports::{PatientStore, PortResult, Versioned, Write};
use uuid::Uuid;

use crate::error::{conditional, malformed};
use crate::item::{Item, key, n, s, text};
use crate::table::{Table, document_item, find, read_document, store};

const PERSON: &str = "person";
const READ: &str = "dynamodb.read";

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

    /// Changes the ids of a roster's entry, and reads the entry again after each conflict. An entry
    /// that is not stored has none.
    async fn change_roster(&self, key: Item, change: impl Fn(&[u8]) -> Vec<u8>) -> PortResult<()> {
        loop {
            let items = self.table.get_many(vec![key.clone()]).await?;
            let stored = match items.first() {
                None => None,
                Some(item) => Some(roster_bytes(item).ok_or_else(|| malformed(READ, "roster"))?),
            };
            let wanted = change(stored.unwrap_or_default());
            if wanted == stored.unwrap_or_default() {
                return Ok(());
            }
            let before = stored.map(<[u8]>::to_vec);
            let is_left = |id: &[u8]| id != REMOVED.as_uuid().as_bytes();
            let write = match &before {
                Some(before) if !wanted.chunks_exact(BYTES_PER_ID).any(is_left) => {
                    self.delete_roster(key.clone(), before).await?
                }
                _ => self.replace_roster(key.clone(), before, &wanted).await?,
            };
            if write == Write::Done {
                return Ok(());
            }
        }
    }

    /// Deletes an entry of a roster on the condition that it has the bytes `before`.
    async fn delete_roster(&self, key: Item, before: &[u8]) -> PortResult<Write> {
        let delete = self
            .table
            .client
            .delete_item()
            .table_name(&self.table.name)
            .set_key(Some(key))
            .condition_expression("patients = :before")
            .expression_attribute_values(":before", AttributeValue::B(Blob::new(before)));
        conditional("dynamodb.DeleteItem", delete.send().await)
    }

    /// Returns the query for the entries of a roster, with a condition on their sort keys.
    fn roster_query(
        &self,
        customer: CustomerId,
        roster: Roster,
        condition: &str,
        from: String,
    ) -> QueryFluentBuilder {
        self.table
            .query()
            .key_condition_expression(condition)
            .expression_attribute_values(":list", s(roster_partition(customer, roster)))
            .expression_attribute_values(":from", s(from))
            .consistent_read(true)
    }

    /// Stores an entry of a roster on the condition that the stored one has the bytes `before`, or
    /// that there is none if `before` is `None`.
    async fn replace_roster(
        &self,
        key: Item,
        before: Option<Vec<u8>>,
        patients: &[u8],
    ) -> PortResult<Write> {
        let mut item = key;
        item.insert("patients".to_owned(), AttributeValue::B(Blob::new(patients)));
        match before {
            None => self.table.create(item).await,
            Some(before) => {
                let put = self.table.put(item).condition_expression("patients = :before");
                let before = AttributeValue::B(Blob::new(before));
                store(put.expression_attribute_values(":before", before)).await
            }
        }
    }
}

impl PatientStore for Patients {
    async fn load_people(
        &self,
        customer: CustomerId,
        buckets: &[Bucket],
    ) -> PortResult<HashMap<Bucket, Versioned<Person>>> {
        // Each key once, because DynamoDB refuses a batch that names a key twice.
        let by_key: HashMap<String, Bucket> =
            buckets.iter().map(|bucket| (person_partition(customer, *bucket), *bucket)).collect();
        let keys = by_key.keys().map(|partition| key(partition, PERSON)).collect();
        let read = |item: &Item| {
            let bucket = text(item, "pk").and_then(|pk| by_key.get(pk));
            Ok((*bucket.ok_or_else(|| malformed(READ, "pk"))?, read_document(item)?))
        };
        self.table.get_many(keys).await?.iter().map(read).collect()
    }

    async fn store_person(
        &self,
        customer: CustomerId,
        bucket: Bucket,
        person: &Person,
        version: Option<u64>,
    ) -> PortResult<Write> {
        self.table.put_document(person_item(customer, bucket, person), person, version).await
    }

    async fn insert_people(
        &self,
        customer: CustomerId,
        people: &[(Bucket, &Person)],
    ) -> PortResult<Vec<bool>> {
        let items = people.iter().map(|(bucket, person)| {
            document_item(person_item(customer, *bucket, person), person, None)
        });
        self.table.insert_all(items.collect::<PortResult<_>>()?).await
    }

    async fn store_people(
        &self,
        customer: CustomerId,
        people: &[(Bucket, Person, Option<u64>)],
    ) -> PortResult<Write> {
        if let [(bucket, person, version)] = people {
            return self.store_person(customer, *bucket, person, *version).await;
        }
        let puts = people.iter().map(|(bucket, person, version)| {
            let item = person_item(customer, *bucket, person);
            self.table.document_put(item, person, *version)
        });
        self.table.transact(puts.collect::<PortResult<_>>()?).await
    }

    async fn add_to_roster(
        &self,
        customer: CustomerId,
        roster: Roster,
        entry: RosterEntry,
        patients: &[PatientId],
    ) -> PortResult<()> {
        let key = key(roster_partition(customer, roster), roster_sort_key(entry));
        let ids = bytes_of(patients);
        // Nearly always this is the first attempt of the chunk, so that nothing is read before.
        if self.replace_roster(key.clone(), None, &ids).await? == Write::Done {
            return Ok(());
        }
        self.change_roster(key, |stored| {
            let known: BTreeSet<&[u8]> = stored.chunks_exact(BYTES_PER_ID).collect();
            let missing = ids.chunks_exact(BYTES_PER_ID).filter(|id| !known.contains(id));
            let mut all = stored.to_vec();
            all.extend(missing.flatten());
            all
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
        let key = key(roster_partition(customer, roster), roster_sort_key(entry));
        let removed: BTreeSet<[u8; BYTES_PER_ID]> =
            patients.iter().map(|patient| patient.as_uuid().into_bytes()).collect();
        self.change_roster(key, |stored| {
            let mut left = stored.to_vec();
            for id in left.chunks_exact_mut(BYTES_PER_ID) {
                if removed.contains(&*id) {
                    id.copy_from_slice(REMOVED.as_uuid().as_bytes());
                }
            }
            left
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
        // This text sorts before every key, so that the roster is read from its start.
        let from = from.map_or_else(|| " ".to_owned(), roster_sort_key);
        let entries = self.roster_query(customer, roster, "pk = :list AND sk >= :from", from);
        read_entries(&find(entries, Some(limit)).await?)
    }

    async fn read_roster_back(
        &self,
        customer: CustomerId,
        roster: Roster,
        from: RosterEntry,
        limit: u32,
    ) -> PortResult<Vec<(RosterEntry, Vec<PatientId>)>> {
        let from = roster_sort_key(from);
        let entries = self.roster_query(customer, roster, "pk = :list AND sk <= :from", from);
        read_entries(&find(entries.scan_index_forward(false), Some(limit)).await?)
    }
}

/// Returns the item of a person without its document.
fn person_item(customer: CustomerId, bucket: Bucket, person: &Person) -> Item {
    let mut item = key(person_partition(customer, bucket), PERSON);
    if let Some(at) = person.forgotten_at() {
        item.insert("expiresAt".to_owned(), n(at.as_seconds()));
    }
    item
}

fn person_partition(customer: CustomerId, bucket: Bucket) -> String {
    format!("{customer}#{bucket}")
}

/// Bytes of a patient's id in a roster entry.
const BYTES_PER_ID: usize = 16;

fn bytes_of(patients: &[PatientId]) -> Vec<u8> {
    patients.iter().flat_map(|patient| patient.as_uuid().into_bytes()).collect()
}

fn roster_bytes(item: &Item) -> Option<&[u8]> {
    Some(item.get("patients")?.as_b().ok()?.as_ref())
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

fn read_entries(items: &[Item]) -> PortResult<Vec<(RosterEntry, Vec<PatientId>)>> {
    let malformed = || malformed("dynamodb.Query", "roster");
    items.iter().map(|item| read_entry(item).ok_or_else(malformed)).collect()
}

fn read_entry(item: &Item) -> Option<(RosterEntry, Vec<PatientId>)> {
    let (job, chunk) = text(item, "sk")?.split_once('#')?;
    let entry =
        RosterEntry { job: job.parse().ok()?, chunk: ChunkNumber::new(chunk.parse().ok()?) };
    let ids = roster_bytes(item)?.chunks_exact(BYTES_PER_ID);
    let ids = ids.map(|id| Some(PatientId::new(Uuid::from_slice(id).ok()?)));
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
