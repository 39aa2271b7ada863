//! The open jobs of a customer, in the jobs table: an entry for each job, in a partition for each customer, so that a
//! consistent read finds all of them.

use std::ops::RangeInclusive;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::{CustomerId, JobId};
use domain::job::LONGEST_LIFE;
use domain::time::Timestamp;
use pipeline::ports::{OpenJob, OpenJobs, PortResult, Write};

use crate::Jobs;
use crate::error::{conditional, failed, malformed};
use crate::item::{Item, key, n, s, text};

/// The attribute that tells whether the job's file has not been accepted yet.
const WAITING: &str = "waiting";

impl OpenJobs for Jobs {
    async fn enter_job(&self, customer: CustomerId, job: JobId, now: Timestamp) -> PortResult<()> {
        let mut item = key(partition(customer), job);
        item.insert(WAITING.to_owned(), AttributeValue::Bool(true));
        item.insert("expiresAt".to_owned(), n(now.plus(LONGEST_LIFE).as_seconds()));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map_err(failed("dynamodb.PutItem"))?;
        Ok(())
    }

    async fn stop_waiting(&self, customer: CustomerId, job: JobId) -> PortResult<Write> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(partition(customer), job)))
            .update_expression("SET waiting = :no")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":no", AttributeValue::Bool(false));
        conditional("dynamodb.UpdateItem", update.send().await)
    }

    async fn leave(&self, customer: CustomerId, job: JobId) -> PortResult<()> {
        let delete = self.client.delete_item().table_name(&self.table);
        delete
            .set_key(Some(key(partition(customer), job)))
            .send()
            .await
            .map_err(failed("dynamodb.DeleteItem"))?;
        Ok(())
    }

    async fn open_jobs(
        &self,
        customer: CustomerId,
        ids: RangeInclusive<JobId>,
        now: Timestamp,
    ) -> PortResult<Vec<OpenJob>> {
        let mut entries = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :customer AND sk BETWEEN :first AND :last")
            // DynamoDB deletes what has expired within days (Developer Guide, "Time to Live").
            .filter_expression("expiresAt > :now")
            .expression_attribute_values(":customer", s(partition(customer)))
            .expression_attribute_values(":first", s(ids.start()))
            .expression_attribute_values(":last", s(ids.end()))
            .expression_attribute_values(":now", n(now.as_seconds()))
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(entry) = entries.next().await {
            let entry = entry.map_err(failed("dynamodb.Query"))?;
            found.push(read(&entry).ok_or_else(|| malformed("dynamodb.Query", "entry"))?);
        }
        Ok(found)
    }
}

fn partition(customer: CustomerId) -> String {
    format!("open#{customer}")
}

fn read(item: &Item) -> Option<OpenJob> {
    let job = text(item, "sk")?.parse().ok()?;
    Some(OpenJob { job, is_waiting: *item.get(WAITING)?.as_bool().ok()? })
}
