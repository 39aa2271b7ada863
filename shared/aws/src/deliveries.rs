//! The records of webhook deliveries, in the jobs table: one item for each webhook, in a partition
//! for each customer.
//!
//! A delivery that is being attempted or has failed also has the attribute `undelivered`, the key
//! of an index. Counts and retries read the index alone, which stays small however much was
//! delivered.

use aws_sdk_dynamodb::types::Select;
use bulk_domain::delivery::{DeliveryState, WebhookDelivery};
use bulk_domain::ids::CustomerId;
use bulk_domain::time::Timestamp;
use bulk_domain::webhook::WebhookSubject;
use bulk_pipeline::ports::{DeliveryStore, PortResult, Undelivered, Versioned, Write};

use crate::Jobs;
use crate::error::{failed, malformed};
use crate::item::{Item, from_json, key, n, required_number, s};
use crate::table::find;

/// The index of the deliveries that are being attempted or have failed, and its partition key.
const UNDELIVERED: &str = "undelivered";

impl DeliveryStore for Jobs {
    async fn load_delivery(
        &self,
        customer: CustomerId,
        subject: WebhookSubject,
    ) -> PortResult<Option<Versioned<WebhookDelivery>>> {
        let key = key(partition(customer), sort_key(subject));
        self.table.get(key).await?.as_ref().map(read).transpose()
    }

    async fn store_delivery(
        &self,
        delivery: &WebhookDelivery,
        version: Option<u64>,
    ) -> PortResult<Write> {
        let record =
            serde_json::to_string(delivery).map_err(|_| malformed("dynamodb.PutItem", "record"))?;
        let mut item = key(partition(delivery.customer), sort_key(delivery.subject));
        item.extend([
            ("delivery".to_owned(), s(record)),
            ("expiresAt".to_owned(), n(last_event(delivery).plus(self.retention).as_seconds())),
        ]);
        if let Some(state) = undelivered(delivery.state) {
            item.insert(UNDELIVERED.to_owned(), s(index_key(delivery.customer, state)));
        }
        self.table.put_version(item, version).await
    }

    async fn list_deliveries(
        &self,
        customer: CustomerId,
        state: Option<Undelivered>,
        limit: u32,
    ) -> PortResult<Vec<WebhookDelivery>> {
        let found = if let Some(state) = state {
            self.undelivered(customer, state, limit, false).await?
        } else {
            let query = self.table.query().key_condition_expression("pk = :pk");
            let query = query.expression_attribute_values(":pk", s(partition(customer)));
            let items = find(query.scan_index_forward(false), Some(limit)).await?;
            items.iter().map(read).collect::<PortResult<_>>()?
        };
        Ok(found.into_iter().map(|versioned| versioned.value).collect())
    }

    async fn failed_deliveries(
        &self,
        customer: CustomerId,
        limit: u32,
    ) -> PortResult<Vec<Versioned<WebhookDelivery>>> {
        self.undelivered(customer, Undelivered::Failed, limit, true).await
    }

    async fn count_deliveries(&self, customer: CustomerId, state: Undelivered) -> PortResult<u32> {
        let mut pages = self
            .table
            .query()
            .index_name(UNDELIVERED)
            .select(Select::Count)
            .key_condition_expression("undelivered = :state")
            .expression_attribute_values(":state", s(index_key(customer, state)))
            .into_paginator()
            .send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            count += page.map_err(failed("dynamodb.Query"))?.count().unsigned_abs();
        }
        Ok(count)
    }
}

impl Jobs {
    async fn undelivered(
        &self,
        customer: CustomerId,
        state: Undelivered,
        limit: u32,
        oldest_first: bool,
    ) -> PortResult<Vec<Versioned<WebhookDelivery>>> {
        let query = self
            .table
            .query()
            .index_name(UNDELIVERED)
            .key_condition_expression("undelivered = :state")
            .expression_attribute_values(":state", s(index_key(customer, state)))
            .scan_index_forward(oldest_first);
        find(query, Some(limit)).await?.iter().map(read).collect()
    }
}

pub(crate) fn partition(customer: CustomerId) -> String {
    format!("webhooks#{customer}")
}

/// Returns a key that sorts jobs and bulk downloads by their time, the webhooks of a job in the
/// order of its events, and those of a bulk download by their numbers.
fn sort_key(subject: WebhookSubject) -> String {
    match subject {
        WebhookSubject::Job { job, event } => format!("{job}#{}#{event}", event.place()),
        WebhookSubject::Links { links } => format!("{}#{:06}#links", links.download, links.page),
    }
}

fn index_key(customer: CustomerId, state: Undelivered) -> String {
    format!("{}#{customer}", state.state().as_str())
}

fn undelivered(state: DeliveryState) -> Option<Undelivered> {
    match state {
        DeliveryState::Processing => Some(Undelivered::Processing),
        DeliveryState::Failed => Some(Undelivered::Failed),
        DeliveryState::Delivered | DeliveryState::Skipped => None,
    }
}

/// Returns the time from which the retention counts: the next attempt, the running or the last one,
/// or the creation of the job or bulk download if there was no attempt.
fn last_event(delivery: &WebhookDelivery) -> Timestamp {
    let last = delivery.attempts.last().map(|attempt| attempt.when);
    delivery
        .next_attempt
        .max(delivery.began)
        .or(last)
        .unwrap_or_else(|| delivery.subject.request().created_at())
}

fn read(item: &Item) -> PortResult<Versioned<WebhookDelivery>> {
    Ok(Versioned {
        value: from_json(item, "delivery")?,
        version: required_number(item, "version")?,
    })
}
