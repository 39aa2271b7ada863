//! What is known of the gateway.

use std::collections::BTreeMap;

use domain::gateway_care::{Breaker, Slots};
use domain::ids::CustomerId;
use pipeline::ports::{GatewayCare, PortResult, Versioned, Write};

use crate::cloud::Billed;
use crate::{Cloud, Operation};

#[derive(Default, Debug)]
pub(crate) struct GatewayCareState {
    slots: BTreeMap<CustomerId, Versioned<Slots>>,
    breaker: Option<Versioned<Breaker>>,
}

/// Replaces a value, on the condition that it has this version.
fn replace<T>(stored: &mut Option<Versioned<T>>, value: T, version: Option<u64>) -> Write {
    if stored.as_ref().map(|stored| stored.version) != version {
        return Write::Conflict;
    }
    *stored = Some(Versioned { value, version: version.unwrap_or(0) + 1 });
    Write::Done
}

impl GatewayCare for Cloud {
    async fn load_slots(&self, customer: CustomerId) -> PortResult<Option<Versioned<Slots>>> {
        self.call(Operation::GetItem, |state| {
            Billed::request(state.gateway_care.slots.get(&customer).cloned())
        })
        .await
    }

    async fn store_slots(
        &self,
        customer: CustomerId,
        slots: Slots,
        version: Option<u64>,
    ) -> PortResult<Write> {
        self.call(Operation::PutItem, |state| {
            let mut stored = state.gateway_care.slots.remove(&customer);
            let write = replace(&mut stored, slots, version);
            state.gateway_care.slots.extend(stored.map(|slots| (customer, slots)));
            Billed::request(write)
        })
        .await
    }

    async fn load_breaker(&self) -> PortResult<Option<Versioned<Breaker>>> {
        self.call(Operation::GetItem, |state| Billed::request(state.gateway_care.breaker.clone())).await
    }

    async fn store_breaker(&self, breaker: Breaker, version: Option<u64>) -> PortResult<Write> {
        self.call(Operation::PutItem, |state| {
            Billed::request(replace(&mut state.gateway_care.breaker, breaker, version))
        })
        .await
    }
}
