//! The directory: API keys, facilities, cohorts, webhook settings and idempotency keys of each
//! customer.

use std::collections::BTreeMap;
use std::time::Duration;

use bulk_domain::api_key::ApiKey;
use bulk_domain::cohort::Cohort;
use bulk_domain::facility::Facility;
use bulk_domain::hash_key::HashKey;
use bulk_domain::ids::CustomerId;
use bulk_domain::key_rights::KeyRights;
use bulk_domain::row::Directory;
use bulk_domain::time::Timestamp;
use bulk_pipeline::idempotency::{IdempotencyKey, Promise};
use bulk_pipeline::ports::{
    Admission, CALLS_PER_MINUTE, CustomerDirectory, DirectoryEntry, DirectoryStore, EntryKind,
    PortResult, Versioned, WebhookSettings, Write,
};
use serde_json::Value;

use crate::call::{Billed, permanent};
use crate::{Cloud, Operation, Resource};

/// The key of a facility or a cohort: its customer, which of the two it is, and its id.
type EntryKey = (CustomerId, EntryKind, String);

#[derive(Default, Debug)]
pub(crate) struct DirectoryState {
    keys: BTreeMap<String, StoredKey>,
    /// Facilities and cohorts that a test entered by their ids alone, and webhook settings.
    customers: BTreeMap<CustomerId, (Directory, WebhookSettings)>,
    entries: BTreeMap<EntryKey, Versioned<Value>>,
    promises: BTreeMap<(CustomerId, String), Promise>,
}

/// An API key with its calls in the newest minute in which it was used.
#[derive(Debug)]
struct StoredKey {
    customer: CustomerId,
    rights: KeyRights,
    minute: i64,
    calls: u32,
}

impl Cloud {
    /// Enters a customer, or replaces its facilities, cohorts and webhook settings by these.
    pub fn set_customer(
        &self,
        customer: CustomerId,
        directory: Directory,
        webhooks: WebhookSettings,
    ) {
        self.state().directory.customers.insert(customer, (directory, webhooks));
    }

    /// Returns the key of a customer's hashes, which the memory makes of the customer's id.
    pub fn hash_key(customer: CustomerId) -> HashKey {
        let [first, second] = [customer.as_uuid().into_bytes(); 2];
        HashKey::new(std::array::from_fn(|index| {
            if index < 16 { first[index] } else { !second[index - 16] }
        }))
    }

    /// Adds an API key, so that [`DirectoryStore::admit_call`] admits the calls of this customer.
    pub fn add_key(&self, customer: CustomerId, api_key: &str) {
        self.add_key_with(customer, api_key, KeyRights::default());
    }

    /// Adds an API key with these rights.
    pub fn add_key_with(&self, customer: CustomerId, api_key: &str, rights: KeyRights) {
        let key = StoredKey { customer, rights, minute: 0, calls: 0 };
        self.state().directory.keys.insert(api_key.to_owned(), key);
    }
}

impl DirectoryStore for Cloud {
    async fn admit_call(&self, api_key: &ApiKey, now: Timestamp) -> PortResult<Admission> {
        let minute = now.as_seconds() / 60;
        self.call(Operation::UpdateItem, Resource::API_KEYS, |state| {
            let Some(key) = state.directory.keys.get_mut(api_key.expose()) else {
                return Billed::request(Admission::UnknownKey);
            };
            if minute > key.minute {
                (key.minute, key.calls) = (minute, 0);
            }
            if minute == key.minute && key.calls >= CALLS_PER_MINUTE {
                let left = 60 - now.as_seconds() % 60;
                let wait = Duration::from_secs(left.unsigned_abs());
                return Billed::request(Admission::TooMany(key.customer, wait));
            }
            key.calls += 1;
            Billed::request(Admission::Admitted(key.customer, key.rights.clone()))
        })
        .await
    }

    async fn load_directory(&self, customer: CustomerId) -> PortResult<CustomerDirectory> {
        let stored = self.call(Operation::Query, Resource::FACILITIES, |state| {
            let entered = state.directory.customers.get(&customer);
            let ids = entered.map(|(directory, _)| directory.clone()).unwrap_or_default();
            let entries = |kind| state.directory.entries_of(customer, kind);
            Billed::request((ids, entries(EntryKind::Facility), entries(EntryKind::Cohort)))
        });
        let (mut ids, facilities, cohorts) = stored.await?;
        for facility in facilities {
            ids.facilities.insert(read::<Facility>(facility)?.id);
        }
        for cohort in cohorts {
            ids.cohorts.insert(read::<Cohort>(cohort)?.id);
        }
        Ok(CustomerDirectory { ids, hash_key: Self::hash_key(customer) })
    }

    async fn load_hash_key(&self, customer: CustomerId) -> PortResult<HashKey> {
        self.call(Operation::GetItem, Resource::CUSTOMERS, |_| {
            Billed::request(Self::hash_key(customer))
        })
        .await
    }

    async fn list_entries<E: DirectoryEntry>(&self, customer: CustomerId) -> PortResult<Vec<E>> {
        let stored = self.call(Operation::Query, resource_of(E::KIND), |state| {
            Billed::request(state.directory.entries_of(customer, E::KIND))
        });
        stored.await?.into_iter().map(read).collect()
    }

    async fn load_entry<E: DirectoryEntry>(
        &self,
        customer: CustomerId,
        id: E::Id,
    ) -> PortResult<Option<Versioned<E>>> {
        let stored = self.call(Operation::GetItem, resource_of(E::KIND), |state| {
            Billed::request(state.directory.entries.get(&key_of::<E>(customer, id)).cloned())
        });
        let Some(Versioned { value, version }) = stored.await? else { return Ok(None) };
        Ok(Some(Versioned { value: read(value)?, version }))
    }

    async fn create_entry<E: DirectoryEntry>(
        &self,
        customer: CustomerId,
        entry: &E,
    ) -> PortResult<()> {
        let value = written(entry)?;
        self.call(Operation::PutItem, resource_of(E::KIND), |state| {
            let created = Versioned { value, version: 1 };
            let key = key_of::<E>(customer, entry.id());
            state.directory.entries.entry(key).or_insert(created);
            Billed::request(())
        })
        .await
    }

    async fn replace_entry<E: DirectoryEntry>(
        &self,
        customer: CustomerId,
        entry: &E,
        version: u64,
    ) -> PortResult<Write> {
        let value = written(entry)?;
        self.call(Operation::PutItem, resource_of(E::KIND), |state| {
            let stored = state.directory.entries.get_mut(&key_of::<E>(customer, entry.id()));
            Billed::request(match stored.filter(|stored| stored.version == version) {
                None => Write::Conflict,
                Some(stored) => {
                    *stored = Versioned { value, version: version + 1 };
                    Write::Done
                }
            })
        })
        .await
    }

    async fn delete_entry<E: DirectoryEntry>(
        &self,
        customer: CustomerId,
        id: E::Id,
        version: u64,
    ) -> PortResult<Write> {
        self.call(Operation::DeleteItem, resource_of(E::KIND), |state| {
            let (stored, key) = (&mut state.directory.entries, key_of::<E>(customer, id));
            if stored.get(&key).is_none_or(|stored| stored.version != version) {
                return Billed::request(Write::Conflict);
            }
            stored.remove(&key);
            Billed::request(Write::Done)
        })
        .await
    }

    async fn load_settings(&self, customer: CustomerId) -> PortResult<WebhookSettings> {
        self.call(Operation::GetItem, Resource::SETTINGS, |state| {
            let settings =
                state.directory.customers.get(&customer).map(|(_, settings)| settings.clone());
            Billed::request(settings.unwrap_or_default())
        })
        .await
    }

    async fn store_settings(
        &self,
        customer: CustomerId,
        settings: &WebhookSettings,
    ) -> PortResult<Write> {
        self.call(Operation::PutItem, Resource::SETTINGS, |state| {
            let (_, stored) = state.directory.customers.entry(customer).or_default();
            if stored.version != settings.version {
                return Billed::request(Write::Conflict);
            }
            *stored = WebhookSettings { version: settings.version + 1, ..settings.clone() };
            Billed::request(Write::Done)
        })
        .await
    }

    async fn load_promise(
        &self,
        customer: CustomerId,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> PortResult<Option<Promise>> {
        let key = (customer, key.expose().to_owned());
        self.call(Operation::GetItem, Resource::IDEMPOTENCY_KEYS, |state| {
            let promise = state.directory.promises.get(&key);
            Billed::request(promise.filter(|promise| promise.expires_at > now).cloned())
        })
        .await
    }

    async fn store_promise(
        &self,
        customer: CustomerId,
        key: &IdempotencyKey,
        promise: &Promise,
        now: Timestamp,
    ) -> PortResult<Write> {
        let key = (customer, key.expose().to_owned());
        self.call(Operation::PutItem, Resource::IDEMPOTENCY_KEYS, |state| {
            if state.directory.promises.get(&key).is_some_and(|stored| stored.expires_at > now) {
                return Billed::request(Write::Conflict);
            }
            state.directory.promises.insert(key, promise.clone());
            Billed::request(Write::Done)
        })
        .await
    }
}

impl DirectoryState {
    fn entries_of(&self, customer: CustomerId, kind: EntryKind) -> Vec<Value> {
        let of_kind =
            self.entries.iter().filter(|((owner, of, _), _)| (*owner, *of) == (customer, kind));
        of_kind.map(|(_, stored)| stored.value.clone()).collect()
    }
}

const fn resource_of(kind: EntryKind) -> Resource {
    match kind {
        EntryKind::Cohort => Resource::COHORTS,
        EntryKind::Facility => Resource::FACILITIES,
    }
}

fn key_of<E: DirectoryEntry>(customer: CustomerId, id: E::Id) -> EntryKey {
    (customer, E::KIND, id.to_string())
}

fn written(entry: &impl DirectoryEntry) -> PortResult<Value> {
    serde_json::to_value(entry).map_err(|_| permanent(Operation::PutItem, "malformed entry"))
}

fn read<E: DirectoryEntry>(stored: Value) -> PortResult<E> {
    serde_json::from_value(stored).map_err(|_| permanent(Operation::GetItem, "malformed entry"))
}
