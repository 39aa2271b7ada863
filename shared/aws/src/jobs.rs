//! The jobs table: one item for each job, one for each chunk with document queries, and one for
//! each open job.

mod item;
mod pending;
mod undo;

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use bulk_domain::ids::{CustomerId, JobId};
use bulk_domain::job::times::LONGEST_LIFE;
use bulk_domain::job::{Job, JobStatus};
use bulk_domain::outcome::Tally;
use bulk_domain::plan::ChunkNumber;
use bulk_domain::query::{QueryPart, QueryTally};
use bulk_domain::time::Timestamp;
use bulk_domain::undo::{Undo, UndoTally};
use bulk_pipeline::ports::{
    ChunkCompletion, Environment as _, JobStore, OpenJob, PortResult, Watched, Write,
};

use crate::System;
use crate::error::{failed, malformed};
use crate::item::{Item, key, n, number, numbers, parsed, required_number, s};
use crate::table::{Table, Updated, find, update, update_and_return};
pub(crate) use item::JOB;
use item::{has_pending, is_undo_decided, new_item, read_job, read_open_job, set_state};
use pending::{OPEN_PARTS, complete, parts_key, remove, tally_at_end};

/// The index of jobs by customer, in the order in which they were created.
const BY_CUSTOMER: &str = "by-customer";

/// The index of watched jobs, and the one partition key in it.
const WATCHED: &str = "watched";

/// The jobs table, with the stores of jobs, deliveries and gateway limits.
#[derive(Clone, Debug)]
pub struct Jobs {
    pub(crate) table: Table,
    /// How long the records of webhook deliveries are kept.
    pub(crate) retention: Duration,
}

impl Jobs {
    /// Returns the table of this name. The records of webhook deliveries are kept for `retention`.
    pub fn new(client: Client, name: String, retention: Duration) -> Self {
        Self { table: Table { client, name }, retention }
    }

    /// Returns the jobs that a query of the index finds, in its order.
    async fn listed(
        &self,
        query: QueryFluentBuilder,
        customer: CustomerId,
        limit: usize,
    ) -> PortResult<Vec<Job>> {
        let limit = u32::try_from(limit).map_err(|_| malformed("dynamodb.Query", "limit"))?;
        let query = query.expression_attribute_values(":customer", s(customer));
        let listed = find(query, Some(limit)).await?;
        let ids: Vec<JobId> =
            listed.iter().map(|item| parsed(item, "pk")).collect::<PortResult<_>>()?;
        // The index lags, so that only the order is taken from it.
        let mut jobs = self.load_jobs(&ids).await?;
        let jobs = ids.iter().filter_map(|id| jobs.remove(id));
        Ok(jobs.filter(|job| job.customer == customer).collect())
    }
}

impl JobStore for Jobs {
    async fn create_job(&self, job: &Job) -> PortResult<()> {
        // A conflict means that an earlier attempt has stored the job.
        self.table.create(new_item(job)).await.map(|_| ())
    }

    async fn load_job(&self, job: JobId) -> PortResult<Option<Job>> {
        let item = self.table.get(key(job, JOB)).await?;
        item.map(|item| read_job(job, &item)).transpose()
    }

    async fn load_jobs(&self, jobs: &[JobId]) -> PortResult<HashMap<JobId, Job>> {
        let items = self.table.get_many(jobs.iter().map(|job| key(job, JOB)).collect()).await?;
        let read = |item: &Item| {
            let id = parsed(item, "pk")?;
            Ok((id, read_job(id, item)?))
        };
        items.iter().map(read).collect()
    }

    async fn list_jobs(
        &self,
        customer: CustomerId,
        from: Option<JobId>,
        limit: usize,
    ) -> PortResult<Vec<Job>> {
        let query = self.table.query().index_name(BY_CUSTOMER).scan_index_forward(false);
        let query = match from {
            None => query.key_condition_expression("customer = :customer"),
            Some(from) => query
                .key_condition_expression("customer = :customer AND job <= :from")
                .expression_attribute_values(":from", s(from)),
        };
        self.listed(query, customer, limit).await
    }

    async fn list_jobs_back(
        &self,
        customer: CustomerId,
        from: JobId,
        limit: usize,
    ) -> PortResult<Vec<Job>> {
        let query = self
            .table
            .query()
            .index_name(BY_CUSTOMER)
            .key_condition_expression("customer = :customer AND job >= :from")
            .expression_attribute_values(":from", s(from));
        self.listed(query, customer, limit).await
    }

    async fn change_state(&self, from: JobStatus, job: &Job) -> PortResult<Write> {
        let request = self.table.update(key(job.id, JOB)).condition_expression(match job.status {
            JobStatus::Completed => "#status = :from AND attribute_not_exists(cancelRequested)",
            _ => "#status = :from",
        });
        update(set_state(request.expression_attribute_values(":from", s(from)), job)?).await
    }

    async fn request_cancel(&self, job: JobId) -> PortResult<Write> {
        let request = self
            .table
            .update(key(job, JOB))
            .update_expression("SET cancelRequested = :yes")
            .condition_expression("#status = :processing")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":processing", s(JobStatus::Processing));
        update(request).await
    }

    async fn complete_chunk(
        &self,
        job: JobId,
        chunk: ChunkNumber,
        tally: Tally,
        queries: u32,
    ) -> PortResult<ChunkCompletion> {
        let Tally { created, updated, unchanged, failed, warnings } = tally;
        let mut counts = vec![
            ("created", created),
            ("updated", updated),
            ("unchanged", unchanged),
            ("failed", failed),
            ("warnings", warnings),
        ];
        let mut set = "";
        if queries > 0 {
            counts.push(("queries", queries));
            set = ", pendingQueries :removed";
        }
        let mut request = remove(self.table.update(key(job, JOB)), "pending", chunk.get());
        for (name, count) in &counts {
            request = request.expression_attribute_values(format!(":{name}"), n(count));
        }
        let added: Vec<String> = counts.iter().map(|(name, _)| format!("{name} :{name}")).collect();
        let added = added.join(", ");
        let request =
            request.update_expression(format!("DELETE pending :removed ADD {added}{set}"));
        complete(request, has_pending).await
    }

    async fn open_query_parts(&self, job: JobId, chunk: ChunkNumber, parts: u32) -> PortResult<()> {
        let mut item = parts_key(job, chunk);
        let open = (0..parts).map(|part| part.to_string()).collect();
        item.insert(OPEN_PARTS.to_owned(), AttributeValue::Ns(open));
        item.insert(
            "expiresAt".to_owned(),
            n(System::default().now().plus(LONGEST_LIFE).as_seconds()),
        );
        self.table.create(item).await.map(|_| ())
    }

    async fn pending_query_parts(
        &self,
        job: JobId,
        chunk: ChunkNumber,
    ) -> PortResult<BTreeSet<u32>> {
        let item = self.table.get(parts_key(job, chunk)).await?;
        Ok(item.iter().flat_map(|item| numbers(item, OPEN_PARTS)).collect())
    }

    async fn complete_query_part(
        &self,
        part: QueryPart,
        tally: QueryTally,
    ) -> PortResult<Option<QueryTally>> {
        let request = self
            .table
            .update(parts_key(part.job, part.chunk))
            .update_expression(
                "DELETE openParts :removed ADD successful :successful, failed :failed",
            )
            .expression_attribute_values(":successful", n(tally.successful))
            .expression_attribute_values(":failed", n(tally.failed));
        Ok(match update_and_return(remove(request, OPEN_PARTS, part.part)).await? {
            Updated::Done(item) => tally_at_end(&item),
            Updated::Conflict(item) => item.as_ref().and_then(tally_at_end),
        })
    }

    async fn complete_queries(
        &self,
        job: JobId,
        chunk: ChunkNumber,
        tally: QueryTally,
    ) -> PortResult<ChunkCompletion> {
        let request = self.table.update(key(job, JOB)).update_expression(
            "DELETE pendingQueries :removed ADD queriesSuccessful :successful, queriesFailed :failed",
        );
        let request = remove(request, "pendingQueries", chunk.get())
            .expression_attribute_values(":successful", n(tally.successful))
            .expression_attribute_values(":failed", n(tally.failed));
        complete(request, has_pending).await
    }

    async fn add_open_job(
        &self,
        customer: CustomerId,
        job: JobId,
        now: Timestamp,
    ) -> PortResult<()> {
        let mut item = key(open_partition(customer), job);
        item.insert("waiting".to_owned(), AttributeValue::Bool(true));
        item.insert("expiresAt".to_owned(), n(now.plus(LONGEST_LIFE).as_seconds()));
        self.table.replace(item).await
    }

    async fn stop_waiting(&self, customer: CustomerId, job: JobId) -> PortResult<Write> {
        let request = self
            .table
            .update(key(open_partition(customer), job))
            .update_expression("SET waiting = :no")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":no", AttributeValue::Bool(false));
        update(request).await
    }

    async fn remove_open_job(&self, customer: CustomerId, job: JobId) -> PortResult<()> {
        self.table.delete(key(open_partition(customer), job)).await
    }

    async fn open_jobs(
        &self,
        customer: CustomerId,
        ids: RangeInclusive<JobId>,
        now: Timestamp,
    ) -> PortResult<Vec<OpenJob>> {
        let query = self
            .table
            .query()
            .consistent_read(true)
            .key_condition_expression("pk = :customer AND sk BETWEEN :first AND :last")
            // DynamoDB deletes an expired item within days, not at once (Developer Guide, "Time to
            // Live").
            .filter_expression("expiresAt > :now")
            .expression_attribute_values(":customer", s(open_partition(customer)))
            .expression_attribute_values(":first", s(ids.start()))
            .expression_attribute_values(":last", s(ids.end()))
            .expression_attribute_values(":now", n(now.as_seconds()));
        let entries = find(query, None).await?;
        let read =
            |item: &Item| read_open_job(item).ok_or_else(|| malformed("dynamodb.Query", "entry"));
        entries.iter().map(read).collect()
    }

    async fn due_jobs(
        &self,
        now: Timestamp,
        after: Option<Watched>,
        limit: u32,
    ) -> PortResult<Vec<Watched>> {
        // An entry of the index is named by the keys of the index and those of the table.
        let start = after.map(|last| {
            let mut start = key(last.job, JOB);
            start.insert("watch".to_owned(), s(WATCHED));
            start.insert("due".to_owned(), n(last.due.as_millis()));
            start
        });
        let limit = i32::try_from(limit).map_err(|_| malformed("dynamodb.Query", "limit"))?;
        let answer = self
            .table
            .query()
            .index_name(WATCHED)
            .key_condition_expression("watch = :watched AND due <= :now")
            .expression_attribute_values(":watched", s(WATCHED))
            .expression_attribute_values(":now", n(now.as_millis()))
            .set_exclusive_start_key(start)
            .limit(limit)
            .send()
            .await
            .map_err(failed("dynamodb.Query"))?;
        let read = |item: &Item| {
            Ok(Watched {
                job: parsed(item, "pk")?,
                due: Timestamp::from_millis(required_number(item, "due")?),
                pending: number(item, "watchedPending"),
            })
        };
        answer.items().iter().map(read).collect()
    }

    async fn set_due(&self, watched: Watched, next: Timestamp, pending: u32) -> PortResult<Write> {
        let request = self
            .table
            .update(key(watched.job, JOB))
            .update_expression("SET due = :next, watchedPending = :pending")
            .condition_expression("due = :due")
            .expression_attribute_values(":next", n(next.as_millis()))
            .expression_attribute_values(":pending", n(pending))
            .expression_attribute_values(":due", n(watched.due.as_millis()));
        update(request).await
    }

    async fn begin_undo(&self, job: &Job, undo: &Undo, due: Timestamp) -> PortResult<Write> {
        update(undo::begin(&self.table, job, undo, due)).await
    }

    async fn complete_undo_chunk(
        &self,
        job: JobId,
        chunk: ChunkNumber,
        tally: UndoTally,
    ) -> PortResult<ChunkCompletion> {
        let request = undo::complete_chunk(&self.table, job, chunk, tally);
        complete(request, |item| !is_undo_decided(item)).await
    }

    async fn end_undo(&self, job: JobId, kept: Option<u32>, now: Timestamp) -> PortResult<Write> {
        update(undo::end(&self.table, job, kept, now)).await
    }

    /// Removes the keys of the index, and with them the job from the index.
    async fn unwatch(&self, job: JobId) -> PortResult<()> {
        let request = self
            .table
            .update(key(job, JOB))
            .update_expression("REMOVE watch, due, watchedPending")
            // An update would create the item if there is none, even without an attribute to set.
            .condition_expression(
                "attribute_exists(pk) \
                 AND (attribute_not_exists(undoStartedAt) OR attribute_exists(undoFinishedAt))",
            );
        update(request).await.map(|_| ())
    }
}

pub(crate) fn open_partition(customer: CustomerId) -> String {
    format!("open#{customer}")
}
