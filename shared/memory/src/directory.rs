//! The directory: facilities, cohorts, webhook settings and idempotency keys of each customer.

use std::collections::BTreeMap;

use domain::ids::CustomerId;
use domain::row::Directory;
use domain::time::Timestamp;
use pipeline::api::directory::StoreSettings;
use pipeline::api::idempotency::{IdempotencyKey, LoadPromise, Promise, StorePromise};
use pipeline::ports::{LoadDirectory, LoadSettings, PortResult, WebhookSettings, Write};

use crate::cloud::Billed;
use crate::{Cloud, Operation};

#[derive(Default, Debug)]
pub(crate) struct DirectoryState {
    customers: BTreeMap<CustomerId, (Directory, WebhookSettings)>,
    promises: BTreeMap<(CustomerId, String), Promise>,
}

impl Cloud {
    /// Adds or replaces a customer.
    pub fn set_customer(&self, customer: CustomerId, directory: Directory, webhooks: WebhookSettings) {
        self.state().directory.customers.insert(customer, (directory, webhooks));
    }
}

impl LoadDirectory for Cloud {
    async fn load_directory(&self, customer: CustomerId) -> PortResult<Directory> {
        self.call(Operation::Query, |state| {
            let directory = state.directory.customers.get(&customer);
            Billed::request(directory.map(|(directory, _)| directory.clone()).unwrap_or_default())
        })
        .await
    }
}

impl LoadSettings for Cloud {
    async fn load_settings(&self, customer: CustomerId) -> PortResult<WebhookSettings> {
        self.call(Operation::GetItem, |state| {
            let settings = state.directory.customers.get(&customer).map(|(_, settings)| settings.clone());
            Billed::request(settings.unwrap_or_default())
        })
        .await
    }
}

impl StoreSettings for Cloud {
    async fn store_settings(&self, customer: CustomerId, settings: &WebhookSettings) -> PortResult<Write> {
        self.call(Operation::PutItem, |state| {
            let (_, stored) = state.directory.customers.entry(customer).or_default();
            if stored.version != settings.version {
                return Billed::request(Write::Conflict);
            }
            *stored = WebhookSettings { version: settings.version + 1, ..settings.clone() };
            Billed::request(Write::Done)
        })
        .await
    }
}

impl LoadPromise for Cloud {
    async fn load_promise(
        &self,
        customer: CustomerId,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> PortResult<Option<Promise>> {
        let key = (customer, key.as_str().to_owned());
        self.call(Operation::GetItem, |state| {
            let promise = state.directory.promises.get(&key);
            Billed::request(promise.filter(|promise| promise.expires_at > now).cloned())
        })
        .await
    }
}

impl StorePromise for Cloud {
    async fn store_promise(
        &self,
        customer: CustomerId,
        key: &IdempotencyKey,
        promise: &Promise,
        now: Timestamp,
    ) -> PortResult<Write> {
        let key = (customer, key.as_str().to_owned());
        self.call(Operation::PutItem, |state| {
            if state.directory.promises.get(&key).is_some_and(|stored| stored.expires_at > now) {
                return Billed::request(Write::Conflict);
            }
            state.directory.promises.insert(key, promise.clone());
            Billed::request(Write::Done)
        })
        .await
    }
}
