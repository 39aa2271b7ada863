//! What belongs to a customer, and the ports that read and write it.

use std::future::Future;

use domain::ids::{CustomerId, FacilityId};

use crate::ports::{PortResult, WebhookSettings, Write};

/// A place where patients receive care.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Facility {
    /// Its id.
    pub id: FacilityId,
    /// Its name.
    pub name: String,
    /// Its National Provider Identifier: 10 digits.
    pub npi: String,
}

/// Finds the customer that an API key belongs to.
pub trait FindCustomer: Send + Sync {
    /// The customer, or none if the key is unknown.
    fn find_customer(&self, api_key: &str) -> impl Future<Output = PortResult<Option<CustomerId>>> + Send;
}

/// Reads a customer's facilities.
pub trait ListFacilities: Send + Sync {
    /// All of them.
    fn list_facilities(&self, customer: CustomerId)
    -> impl Future<Output = PortResult<Vec<Facility>>> + Send;
}

/// Stores a customer's webhook settings.
pub trait StoreSettings: Send + Sync {
    /// Replaces what was set, on the condition that the stored version is still `settings.version`, and
    /// counts it up.
    fn store_settings(
        &self,
        customer: CustomerId,
        settings: &WebhookSettings,
    ) -> impl Future<Output = PortResult<Write>> + Send;
}
