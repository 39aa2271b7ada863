//! Deletes everything of a customer.
//!
//! Each table is read as a whole, because no list of a customer's items is complete: an entry of an
//! external id, or a document query, can be there without its patient. That takes minutes, and an
//! operator does it rarely. Every step can be repeated. What is deleted is not found again, so that
//! an interrupted deletion is resumed by another one.

use std::time::Duration;

use bulk_domain::ids::CustomerId;
use bulk_domain::time::Timestamp;
use bulk_pipeline::ports::PortResult;

use crate::directory::{API_KEY, CUSTOMER, SETTINGS, customer_pk};
use crate::error::failed;
use crate::item::{Item, key, n, required_number, required_text, text};
use crate::jobs::{JOB, open_partition};
use crate::table::{Table, Updated, find, update_and_return};
use crate::{Directory, ExternalIds, Jobs, Patients};

/// How long a function that has begun may still write: the longest that Lambda lets one run (Lambda
/// Developer Guide, "Lambda quotas").
pub const LONGEST_RUN: Duration = Duration::from_mins(15);

/// The attribute of a customer with the time at which its deletion began, in milliseconds.
const DELETION_BEGAN: &str = "deletionBegan";

/// The tables that hold something of a customer.
#[derive(Clone, Debug)]
pub struct CustomerTables {
    /// Customers with their keys, facilities, cohorts and settings.
    pub directory: Directory,
    /// Jobs, and what belongs to them.
    pub jobs: Jobs,
    /// Persons, rosters, document queries and documents.
    pub patients: Patients,
    /// The entries of external ids.
    pub external_ids: ExternalIds,
}

/// Where something of a customer is stored, in the order in which it is deleted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    /// API keys, and the settings with the keys of webhooks and of their links. They come first, so
    /// that the customer can begin nothing more, and is sent nothing more.
    Keys,
    /// Items of the jobs table. A worker without a job has nothing to do.
    Jobs,
    /// Items of the patients table.
    Patients,
    /// Items of the table of external ids.
    ExternalIds,
    /// Versions of objects, and markers of deleted ones.
    Objects,
    /// Facilities, cohorts and idempotency keys.
    Directory,
}

impl CustomerTables {
    /// Stores that the deletion of a customer has begun. Returns the time at which it began first,
    /// or `None` if there is no such customer.
    pub async fn begin_deletion(
        &self,
        customer: CustomerId,
        now: Timestamp,
    ) -> PortResult<Option<Timestamp>> {
        let update = self
            .directory
            .table
            .update(key(customer_pk(customer), CUSTOMER))
            .update_expression(format!(
                "SET {DELETION_BEGAN} = if_not_exists({DELETION_BEGAN}, :now)"
            ))
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":now", n(now.as_millis()));
        match update_and_return(update).await? {
            Updated::Done(item) => {
                Ok(Some(Timestamp::from_millis(required_number(&item, DELETION_BEGAN)?)))
            }
            Updated::Conflict(_) => Ok(None),
        }
    }

    /// Deletes what the tables hold of a customer at a place, and tells after each page how many
    /// items are deleted. Returns that number in the end.
    pub async fn delete(
        &self,
        customer: CustomerId,
        place: Place,
        told: impl FnMut(u64),
    ) -> PortResult<u64> {
        let id = customer.to_string();
        let prefix = format!("{id}#");
        let of_prefix = ("begins_with(pk, :prefix)", [(":prefix", prefix.as_str())]);
        match place {
            Place::Keys => {
                let values = [(":kind", API_KEY), (":customer", id.as_str())];
                let filter = "sk = :kind AND customer = :customer";
                let table = &self.directory.table;
                let mut settings = partition(table, &customer_pk(customer)).await?;
                settings.retain(|item| text(item, "sk") == Some(SETTINGS));
                let settings = table.delete_all(settings).await?;
                Ok(settings + delete_found(table, filter, &values, told).await?)
            }
            Place::Jobs => self.delete_jobs(customer, told).await,
            Place::Patients => {
                delete_found(&self.patients.table, of_prefix.0, &of_prefix.1, told).await
            }
            Place::ExternalIds => {
                delete_found(&self.external_ids.table, of_prefix.0, &of_prefix.1, told).await
            }
            Place::Objects => Ok(0),
            Place::Directory => {
                let table = &self.directory.table;
                let mut items = partition(table, &customer_pk(customer)).await?;
                items.retain(|item| text(item, "sk") != Some(CUSTOMER));
                table.delete_all(items).await
            }
        }
    }

    /// Deletes the customer itself, after everything of it. Until then its name and the beginning
    /// of its deletion are known.
    pub async fn end_deletion(&self, customer: CustomerId) -> PortResult<()> {
        self.directory.table.delete(key(customer_pk(customer), CUSTOMER)).await
    }

    /// Deletes the jobs of a customer with everything under their ids, and its lists. A job goes
    /// after what is under its id, because only the job says which customer that is of.
    async fn delete_jobs(
        &self,
        customer: CustomerId,
        mut told: impl FnMut(u64),
    ) -> PortResult<u64> {
        let table = &self.jobs.table;
        let mut deleted = 0;
        let lists = [
            open_partition(customer),
            crate::deliveries::partition(customer),
            crate::downloads::partition(customer),
            required_text(&crate::gateway_limits::rate_limit_key(customer), "pk")?.to_owned(),
        ];
        for list in lists {
            deleted += table.delete_all(partition(table, &list).await?).await?;
            told(deleted);
        }
        let values = [(":kind", JOB), (":customer", &*customer.to_string())];
        let scan = table.scan("sk = :kind AND customer = :customer", &values);
        let mut pages = scan.projection_expression("pk, sk").into_paginator().send();
        while let Some(page) = pages.next().await {
            let jobs = page.map_err(failed(SCAN))?.items.unwrap_or_default();
            for job in jobs {
                let mut items = partition(table, required_text(&job, "pk")?).await?;
                items.retain(|item| text(item, "sk") != Some(JOB));
                deleted += table.delete_all(items).await? + table.delete_all(vec![job]).await?;
            }
            told(deleted);
        }
        Ok(deleted)
    }
}

const SCAN: &str = "dynamodb.Scan";

/// Deletes the items that a filter finds.
async fn delete_found(
    table: &Table,
    filter: &str,
    values: &[(&str, &str)],
    mut told: impl FnMut(u64),
) -> PortResult<u64> {
    let scan = table.scan(filter, values).projection_expression("pk, sk");
    let mut pages = scan.into_paginator().send();
    let mut deleted = 0;
    while let Some(page) = pages.next().await {
        let keys = page.map_err(failed(SCAN))?.items.unwrap_or_default();
        deleted += table.delete_all(keys).await?;
        told(deleted);
    }
    Ok(deleted)
}

/// Returns the keys of all items of a partition.
async fn partition(table: &Table, pk: &str) -> PortResult<Vec<Item>> {
    let query = table
        .query()
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", crate::item::s(pk))
        .projection_expression("pk, sk")
        .consistent_read(true);
    find(query, None).await
}
