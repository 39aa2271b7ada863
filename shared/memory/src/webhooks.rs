//! Webhooks: the records of their deliveries, and the customers' servers that they are posted to.

use std::collections::{BTreeMap, BTreeSet};

use bulk_domain::delivery::{DeliveryState, NoAnswer, WebhookDelivery};
use bulk_domain::ids::{CustomerId, RequestId};
use bulk_domain::time::Timestamp;
use bulk_domain::webhook::WebhookSubject;
use bulk_pipeline::ports::{
    DeliveryStore, PingOutcome, PortResult, PostOutcome, Undelivered, Versioned, WebhookRequest,
    WebhookServer, Write,
};

use crate::call::Billed;
use crate::{Cloud, Operation, Resource};

#[derive(Default, Debug)]
pub(crate) struct WebhooksState {
    deliveries: BTreeMap<(RequestId, WebhookSubject, CustomerId), Versioned<WebhookDelivery>>,
    received: Vec<(Timestamp, WebhookRequest)>,
    /// The URLs of the pings that were answered with their value, and when.
    answered_pings: Vec<(Timestamp, String)>,
    /// The servers that answer no ping with its value.
    without_pong: BTreeSet<String>,
    /// The status codes that each server answers next, in reverse order. A server without an entry
    /// answers 200.
    answers: BTreeMap<String, Vec<u16>>,
}

impl Cloud {
    /// Returns every webhook that a server received, whether or not its answer arrived.
    pub fn received(&self) -> Vec<(Timestamp, WebhookRequest)> {
        self.state().webhooks.received.clone()
    }

    /// Returns the URLs of the pings that were answered with their value, and when they were,
    /// whether or not the answer arrived.
    pub fn answered_pings(&self) -> Vec<(Timestamp, String)> {
        self.state().webhooks.answered_pings.clone()
    }

    /// Sets whether the server at `url` answers pings with their value, as servers do at first.
    pub fn set_pong(&self, url: &str, answers: bool) {
        let silent = &mut self.state().webhooks.without_pong;
        if answers {
            silent.remove(url)
        } else {
            silent.insert(url.to_owned())
        };
    }

    /// Returns the record of every delivery, in the order of jobs and of their events.
    pub fn deliveries(&self) -> Vec<WebhookDelivery> {
        self.state().webhooks.deliveries.values().map(|stored| stored.value.clone()).collect()
    }

    /// Sets the status codes that the server at `url` answers next, one after the other, before it
    /// answers 200.
    pub fn set_answers(&self, url: &str, mut statuses: Vec<u16>) {
        statuses.reverse();
        self.state().webhooks.answers.insert(url.to_owned(), statuses);
    }
}

impl DeliveryStore for Cloud {
    async fn load_delivery(
        &self,
        customer: CustomerId,
        subject: WebhookSubject,
    ) -> PortResult<Option<Versioned<WebhookDelivery>>> {
        self.call(Operation::GetItem, Resource::DELIVERIES, |state| {
            Billed::request(state.webhooks.deliveries.get(&key(customer, subject)).cloned())
        })
        .await
    }

    async fn store_delivery(
        &self,
        delivery: &WebhookDelivery,
        version: Option<u64>,
    ) -> PortResult<Write> {
        self.call(Operation::PutItem, Resource::DELIVERIES, |state| {
            let key = key(delivery.customer, delivery.subject);
            let deliveries = &mut state.webhooks.deliveries;
            if deliveries.get(&key).map(|stored| stored.version) != version {
                return Billed::request(Write::Conflict);
            }
            let value = delivery.clone();
            deliveries.insert(key, Versioned { value, version: version.unwrap_or(0) + 1 });
            Billed::request(Write::Done)
        })
        .await
    }

    async fn list_deliveries(
        &self,
        customer: CustomerId,
        state: Option<Undelivered>,
        limit: u32,
    ) -> PortResult<Vec<WebhookDelivery>> {
        let wanted = |delivery: &WebhookDelivery| {
            delivery.customer == customer
                && state.is_none_or(|state| delivery.state == state.state())
        };
        // Only deliveries that are in one of these states are in the index.
        let resource = if state.is_some() { Resource::UNDELIVERED } else { Resource::DELIVERIES };
        self.call(Operation::Query, resource, |state| {
            let newest = state.webhooks.deliveries.values().rev().map(|stored| &stored.value);
            Billed::request(
                newest.filter(|delivery| wanted(delivery)).take(limit as usize).cloned().collect(),
            )
        })
        .await
    }

    async fn failed_deliveries(
        &self,
        customer: CustomerId,
        limit: u32,
    ) -> PortResult<Vec<Versioned<WebhookDelivery>>> {
        self.call(Operation::Query, Resource::UNDELIVERED, |state| {
            let failed = |stored: &&Versioned<WebhookDelivery>| {
                stored.value.customer == customer && stored.value.state == DeliveryState::Failed
            };
            let oldest = state.webhooks.deliveries.values().filter(failed);
            Billed::request(oldest.take(limit as usize).cloned().collect())
        })
        .await
    }

    async fn count_deliveries(&self, customer: CustomerId, state: Undelivered) -> PortResult<u32> {
        let all = self.list_deliveries(customer, Some(state), u32::MAX).await?;
        Ok(all.iter().map(|_| 1).sum())
    }
}

/// Returns a key that sorts jobs and bulk downloads by their time.
fn key(customer: CustomerId, subject: WebhookSubject) -> (RequestId, WebhookSubject, CustomerId) {
    (subject.request(), subject, customer)
}

impl WebhooksState {
    /// Returns the status code that the server at `url` answers next.
    fn next_answer(&mut self, url: &str) -> u16 {
        self.answers.get_mut(url).and_then(Vec::pop).unwrap_or(200)
    }
}

impl WebhookServer for Cloud {
    async fn post(&self, request: WebhookRequest) -> PostOutcome {
        let answer = self
            .call(Operation::Post, Resource::WebhookServer, |state| {
                let status = state.webhooks.next_answer(&request.url);
                let now = state.now;
                state.webhooks.received.push((now, request));
                Billed::request(status)
            })
            .await;
        match answer {
            Ok(status) => PostOutcome::Answered { status, retry_after: None },
            Err(_) => PostOutcome::Unreachable(NoAnswer::Timeout),
        }
    }

    /// The server answers a ping with the ping's value, as the integrator's guide asks it to,
    /// unless it was told otherwise.
    async fn ping(&self, request: WebhookRequest) -> PingOutcome {
        let answer = self
            .call(Operation::Post, Resource::WebhookServer, |state| {
                let status = state.webhooks.next_answer(&request.url);
                if state.webhooks.without_pong.contains(&request.url) {
                    return Billed::request((status, Vec::new()));
                }
                if status == 200 {
                    state.webhooks.answered_pings.push((state.now, request.url.clone()));
                }
                Billed::request((status, pong(&request.body)))
            })
            .await;
        match answer {
            Ok((status, body)) => PingOutcome::Answered { status, body },
            Err(_) => PingOutcome::Unreachable(NoAnswer::Timeout),
        }
    }
}

fn pong(ping: &[u8]) -> Vec<u8> {
    let ping: serde_json::Value = serde_json::from_slice(ping).unwrap_or_default();
    serde_json::json!({ "pong": ping["ping"] }).to_string().into_bytes()
}
