//! What is known of the gateway, in the jobs table: its breaker, and for each customer when it may be asked again.

use domain::gateway_care::{Breaker, Slots};
use domain::ids::CustomerId;
use pipeline::ports::{GatewayCare, PortResult, Versioned, Write};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::document::{read_document, store_document};
use crate::error::failed;
use crate::item::{Item, key};
use crate::jobs::Jobs;

const GATEWAY: &str = "gateway";

impl GatewayCare for Jobs {
    async fn load_slots(&self, customer: CustomerId) -> PortResult<Option<Versioned<Slots>>> {
        self.load_document(slots_key(customer)).await
    }

    async fn store_slots(
        &self,
        customer: CustomerId,
        slots: Slots,
        version: Option<u64>,
    ) -> PortResult<Write> {
        self.store_document(slots_key(customer), &slots, version).await
    }

    async fn load_breaker(&self) -> PortResult<Option<Versioned<Breaker>>> {
        self.load_document(key(GATEWAY, "breaker")).await
    }

    async fn store_breaker(&self, breaker: Breaker, version: Option<u64>) -> PortResult<Write> {
        self.store_document(key(GATEWAY, "breaker"), &breaker, version).await
    }
}

impl Jobs {
    async fn load_document<T: DeserializeOwned>(&self, key: Item) -> PortResult<Option<Versioned<T>>> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true);
        let answer = get.send().await.map_err(failed("dynamodb.GetItem"))?;
        answer.item.as_ref().map(read_document).transpose()
    }

    async fn store_document(
        &self,
        key: Item,
        document: &impl Serialize,
        version: Option<u64>,
    ) -> PortResult<Write> {
        store_document(&self.client, &self.table, key, document, version).await
    }
}

/// Each customer's by itself: they are written for every message.
fn slots_key(customer: CustomerId) -> Item {
    key(format_args!("{GATEWAY}#{customer}"), "slots")
}
