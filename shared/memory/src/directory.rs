//! The directory: facilities, cohorts and webhook settings of each customer.

use std::collections::BTreeMap;

use domain::ids::CustomerId;
use domain::row::Directory;
use pipeline::api::directory::StoreSettings;
use pipeline::ports::{LoadDirectory, LoadSettings, PortResult, WebhookSettings, Write};

use crate::cloud::Billed;
use crate::{Cloud, Operation};

#[derive(Default, Debug)]
pub(crate) struct DirectoryState(BTreeMap<CustomerId, (Directory, WebhookSettings)>);

impl Cloud {
    /// Adds or replaces a customer.
    pub fn set_customer(&self, customer: CustomerId, directory: Directory, webhooks: WebhookSettings) {
        self.state().directory.0.insert(customer, (directory, webhooks));
    }
}

impl LoadDirectory for Cloud {
    async fn load_directory(&self, customer: CustomerId) -> PortResult<Directory> {
        self.call(Operation::Query, |state| {
            let directory = state.directory.0.get(&customer);
            Billed::request(directory.map(|(directory, _)| directory.clone()).unwrap_or_default())
        })
        .await
    }
}

impl LoadSettings for Cloud {
    async fn load_settings(&self, customer: CustomerId) -> PortResult<WebhookSettings> {
        self.call(Operation::GetItem, |state| {
            let settings = state.directory.0.get(&customer).map(|(_, settings)| settings.clone());
            Billed::request(settings.unwrap_or_default())
        })
        .await
    }
}

impl StoreSettings for Cloud {
    async fn store_settings(&self, customer: CustomerId, settings: &WebhookSettings) -> PortResult<Write> {
        self.call(Operation::PutItem, |state| {
            let (_, stored) = state.directory.0.entry(customer).or_default();
            if stored.version != settings.version {
                return Billed::request(Write::Conflict);
            }
            *stored = WebhookSettings { version: settings.version + 1, ..settings.clone() };
            Billed::request(Write::Done)
        })
        .await
    }
}
