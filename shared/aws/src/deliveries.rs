//! Records of webhook deliveries, in the jobs table: one item for each message, a partition for each
//! customer.
//!
//! What is being tried or has failed also has the attribute `undelivered`, the key of an index that is
//! therefore small however much was delivered: counts and retries read nothing else.

use aws_sdk_dynamodb::types::Select;
use domain::delivery::{DeliveryState, WebhookDelivery};
use domain::ids::{CustomerId, JobId};
use domain::job::JobStatus;
use domain::time::Timestamp;
use pipeline::ports::{DeliveryLog, JobRef, ListDeliveries, PortResult, Undelivered, Versioned, Write};

use crate::Jobs;
use crate::error::{conditional, failed, malformed};
use crate::item::{Item, key, n, required_number, s, text};

/// The index of what is being tried and what has failed.
const UNDELIVERED: &str = "undelivered";

impl DeliveryLog for Jobs {
    async fn load_delivery(
        &self,
        job: JobRef,
        status: JobStatus,
    ) -> PortResult<Option<Versioned<WebhookDelivery>>> {
        let key = key(partition(job.customer), sort_key(job.job, status));
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true);
        let answer = get.send().await.map_err(failed("dynamodb.GetItem"))?;
        answer.item.map(|item| read(&item)).transpose()
    }

    async fn store_delivery(&self, delivery: &WebhookDelivery, version: Option<u64>) -> PortResult<Write> {
        let record = serde_json::to_string(delivery).map_err(|_| malformed("dynamodb.PutItem", "record"))?;
        let mut item = key(partition(delivery.customer), sort_key(delivery.job, delivery.status));
        item.extend([
            ("delivery".to_owned(), s(record)),
            ("version".to_owned(), n(version.unwrap_or(0) + 1)),
            ("expiresAt".to_owned(), n(expiry(delivery).plus(self.retention).as_seconds())),
        ]);
        if let Some(state) = undelivered(delivery.state) {
            item.insert(UNDELIVERED.to_owned(), s(index_key(delivery.customer, state)));
        }
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        let put = match version {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(version) => put
                .condition_expression("version = :version")
                .expression_attribute_values(":version", n(version)),
        };
        conditional("dynamodb.PutItem", put.send().await)
    }
}

impl ListDeliveries for Jobs {
    async fn list_deliveries(
        &self,
        customer: CustomerId,
        state: Option<Undelivered>,
        limit: u32,
    ) -> PortResult<Vec<WebhookDelivery>> {
        let found = if let Some(state) = state {
            self.undelivered(customer, state, limit, false).await?
        } else {
            let query = self.client.query().key_condition_expression("pk = :pk");
            let query = query.expression_attribute_values(":pk", s(partition(customer)));
            self.read_all(query.scan_index_forward(false), limit).await?
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
            .client
            .query()
            .table_name(&self.table)
            .index_name(UNDELIVERED)
            .select(Select::Count)
            .key_condition_expression("undelivered = :state")
            .expression_attribute_values(":state", s(index_key(customer, state)))
            .into_paginator()
            .send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            let page = page.map_err(failed("dynamodb.Query"))?.count();
            count += u32::try_from(page).unwrap_or(0);
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
            .client
            .query()
            .index_name(UNDELIVERED)
            .key_condition_expression("undelivered = :state")
            .expression_attribute_values(":state", s(index_key(customer, state)))
            .scan_index_forward(oldest_first);
        self.read_all(query, limit).await
    }

    async fn read_all(
        &self,
        query: aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder,
        limit: u32,
    ) -> PortResult<Vec<Versioned<WebhookDelivery>>> {
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let page = i32::try_from(limit).unwrap_or(i32::MAX);
        let mut items = query.table_name(&self.table).limit(page).into_paginator().items().send();
        let mut found = Vec::new();
        while found.len() < wanted
            && let Some(item) = items.next().await
        {
            found.push(read(&item.map_err(failed("dynamodb.Query"))?)?);
        }
        Ok(found)
    }
}

fn partition(customer: CustomerId) -> String {
    format!("webhooks#{customer}")
}

/// Jobs by their time, a job's messages in the order of its states.
fn sort_key(job: JobId, status: JobStatus) -> String {
    let place = u8::from(status.is_final());
    format!("{job}#{place}#{status}")
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

/// The time that the retention counts from: the next attempt, the one that is under way, the last one, or, of a delivery
/// without any, when its job was made.
fn expiry(delivery: &WebhookDelivery) -> Timestamp {
    let last = delivery.attempts.last().map(|attempt| attempt.when);
    delivery
        .next_attempt
        .max(delivery.began)
        .or(last)
        .unwrap_or_else(|| Timestamp::from_millis(delivery.job.created_millis()))
}

fn read(item: &Item) -> PortResult<Versioned<WebhookDelivery>> {
    let record = text(item, "delivery").unwrap_or_default();
    let value = serde_json::from_str(record).map_err(|_| malformed("dynamodb.read", "delivery"))?;
    Ok(Versioned { value, version: required_number(item, "version")? })
}
