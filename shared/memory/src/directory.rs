//! The directory: API keys, facilities, cohorts, webhook settings and idempotency keys of each
//! customer.

use std::collections::BTreeMap;
use std::time::Duration;

use bulk_domain::cohort::Cohort;
use bulk_domain::facility::Facility;
use bulk_domain::hash_key::HashKey;
use bulk_domain::ids::{CohortId, CustomerId, FacilityId};
use bulk_domain::key_rights::KeyRights;
use bulk_domain::row::Directory;
use bulk_domain::time::Timestamp;
use bulk_pipeline::idempotency::{IdempotencyKey, Promise};
use bulk_pipeline::ports::{
    Admission, CALLS_PER_MINUTE, CustomerDirectory, DirectoryStore, PortResult, Versioned,
    WebhookSettings, Write,
};

use crate::call::Billed;
use crate::{Cloud, Operation, Resource};

/// The objects of one kind of all customers, with their versions.
type Objects<I, T> = BTreeMap<(CustomerId, I), Versioned<T>>;

#[derive(Default, Debug)]
pub(crate) struct DirectoryState {
    keys: BTreeMap<String, ApiKey>,
    /// Facilities and cohorts that a test entered by their ids alone, and webhook settings.
    customers: BTreeMap<CustomerId, (Directory, WebhookSettings)>,
    facilities: Objects<FacilityId, Facility>,
    cohorts: Objects<CohortId, Cohort>,
    promises: BTreeMap<(CustomerId, String), Promise>,
}

/// An API key with its calls in the newest minute in which it was used.
#[derive(Debug)]
struct ApiKey {
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
        let key = ApiKey { customer, rights, minute: 0, calls: 0 };
        self.state().directory.keys.insert(api_key.to_owned(), key);
    }
}

impl DirectoryStore for Cloud {
    async fn admit_call(&self, api_key: &str, now: Timestamp) -> PortResult<Admission> {
        let minute = now.as_seconds() / 60;
        self.call(Operation::UpdateItem, Resource::API_KEYS, |state| {
            let Some(key) = state.directory.keys.get_mut(api_key) else {
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
        self.call(Operation::Query, Resource::FACILITIES, |state| {
            let entered = state.directory.customers.get(&customer);
            let mut ids = entered.map(|(directory, _)| directory.clone()).unwrap_or_default();
            ids.facilities
                .extend(of_customer(&state.directory.facilities, customer).map(|it| it.id));
            ids.cohorts.extend(of_customer(&state.directory.cohorts, customer).map(|it| it.id));
            Billed::request(CustomerDirectory { ids, hash_key: Self::hash_key(customer) })
        })
        .await
    }

    async fn load_hash_key(&self, customer: CustomerId) -> PortResult<HashKey> {
        self.call(Operation::GetItem, Resource::CUSTOMERS, |_| {
            Billed::request(Self::hash_key(customer))
        })
        .await
    }

    async fn list_facilities(&self, customer: CustomerId) -> PortResult<Vec<Facility>> {
        self.call(Operation::Query, Resource::FACILITIES, |state| {
            Billed::request(of_customer(&state.directory.facilities, customer).cloned().collect())
        })
        .await
    }

    async fn load_facility(
        &self,
        customer: CustomerId,
        facility: FacilityId,
    ) -> PortResult<Option<Versioned<Facility>>> {
        self.call(Operation::GetItem, Resource::FACILITIES, |state| {
            Billed::request(state.directory.facilities.get(&(customer, facility)).cloned())
        })
        .await
    }

    async fn create_facility(&self, customer: CustomerId, facility: &Facility) -> PortResult<()> {
        self.call(Operation::PutItem, Resource::FACILITIES, |state| {
            let created = Versioned { value: facility.clone(), version: 1 };
            state.directory.facilities.entry((customer, facility.id)).or_insert(created);
            Billed::request(())
        })
        .await
    }

    async fn replace_facility(
        &self,
        customer: CustomerId,
        facility: &Facility,
        version: u64,
    ) -> PortResult<Write> {
        self.call(Operation::PutItem, Resource::FACILITIES, |state| {
            let stored = state.directory.facilities.get_mut(&(customer, facility.id));
            Billed::request(match stored.filter(|stored| stored.version == version) {
                None => Write::Conflict,
                Some(stored) => {
                    *stored = Versioned { value: facility.clone(), version: version + 1 };
                    Write::Done
                }
            })
        })
        .await
    }

    async fn delete_facility(
        &self,
        customer: CustomerId,
        facility: FacilityId,
        version: u64,
    ) -> PortResult<Write> {
        self.call(Operation::DeleteItem, Resource::FACILITIES, |state| {
            let (stored, key) = (&mut state.directory.facilities, (customer, facility));
            if stored.get(&key).is_none_or(|stored| stored.version != version) {
                return Billed::request(Write::Conflict);
            }
            stored.remove(&key);
            Billed::request(Write::Done)
        })
        .await
    }

    async fn list_cohorts(&self, customer: CustomerId) -> PortResult<Vec<Cohort>> {
        self.call(Operation::Query, Resource::COHORTS, |state| {
            Billed::request(of_customer(&state.directory.cohorts, customer).cloned().collect())
        })
        .await
    }

    async fn load_cohort(
        &self,
        customer: CustomerId,
        cohort: CohortId,
    ) -> PortResult<Option<Versioned<Cohort>>> {
        self.call(Operation::GetItem, Resource::COHORTS, |state| {
            Billed::request(state.directory.cohorts.get(&(customer, cohort)).cloned())
        })
        .await
    }

    async fn create_cohort(&self, customer: CustomerId, cohort: &Cohort) -> PortResult<()> {
        self.call(Operation::PutItem, Resource::COHORTS, |state| {
            let created = Versioned { value: cohort.clone(), version: 1 };
            state.directory.cohorts.entry((customer, cohort.id)).or_insert(created);
            Billed::request(())
        })
        .await
    }

    async fn replace_cohort(
        &self,
        customer: CustomerId,
        cohort: &Cohort,
        version: u64,
    ) -> PortResult<Write> {
        self.call(Operation::PutItem, Resource::COHORTS, |state| {
            let stored = state.directory.cohorts.get_mut(&(customer, cohort.id));
            Billed::request(match stored.filter(|stored| stored.version == version) {
                None => Write::Conflict,
                Some(stored) => {
                    *stored = Versioned { value: cohort.clone(), version: version + 1 };
                    Write::Done
                }
            })
        })
        .await
    }

    async fn delete_cohort(
        &self,
        customer: CustomerId,
        cohort: CohortId,
        version: u64,
    ) -> PortResult<Write> {
        self.call(Operation::DeleteItem, Resource::COHORTS, |state| {
            let (stored, key) = (&mut state.directory.cohorts, (customer, cohort));
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

fn of_customer<I: Ord, T>(all: &Objects<I, T>, customer: CustomerId) -> impl Iterator<Item = &T> {
    let of_customer = all.iter().filter(move |((owner, _), _)| *owner == customer);
    of_customer.map(|(_, stored)| &stored.value)
}
