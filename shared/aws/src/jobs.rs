//! The jobs table: one item a job. The deliveries of webhooks are there, too: see `deliveries`.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use domain::ids::{CustomerId, JobId};
use domain::job::{AcceptedFile, Job, JobStatus, Upload};
use domain::outcome::Tally;
use domain::plan::ChunkNumber;
use domain::query::QueryTally;
use domain::time::Timestamp;
use pipeline::ports::{
    ChangeState, ChunkEnd, CreateJob, EndChunk, ListJobs, LoadJob, PortResult, RequestCancel, Watched,
    Watchlist, Write,
};

use crate::batch::read_many;
use crate::error::{conditional, failed, malformed};
use crate::item::{Item, key, n, number, numbers, parsed, required_number, s, text};

/// The sort key of a job's own item.
pub(crate) const JOB: &str = "job";

/// The index of jobs by customer, in the order in which they were made.
const BY_CUSTOMER: &str = "by-customer";

/// The index of jobs that the sweep looks after, and the one partition key in it.
const WATCHED: &str = "watched";

/// The jobs table.
#[derive(Clone, Debug)]
pub struct Jobs {
    pub(crate) client: Client,
    pub(crate) table: String,
    /// How long the records of webhook deliveries are kept.
    pub(crate) retention: Duration,
}

impl Jobs {
    /// The table of this name; records of webhook deliveries are kept for `retention`.
    pub fn new(client: Client, table: String, retention: Duration) -> Self {
        Self { client, table, retention }
    }
}

impl CreateJob for Jobs {
    async fn create_job(&self, job: &Job) -> PortResult<()> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(new_item(job)))
            .condition_expression("attribute_not_exists(pk)");
        // The id is fresh: an item that is there already is our own, written by a try whose answer got
        // lost.
        conditional("dynamodb.PutItem", put.send().await).map(|_| ())
    }
}

impl LoadJob for Jobs {
    async fn load_job(&self, job: JobId) -> PortResult<Option<Job>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(job, JOB)))
            .consistent_read(true)
            .send()
            .await
            .map_err(failed("dynamodb.GetItem"))?;
        answer.item.map(|item| read_job(job, &item)).transpose()
    }

    async fn load_jobs(&self, jobs: &[JobId]) -> PortResult<HashMap<JobId, Job>> {
        let keys = jobs.iter().map(|job| key(job, JOB)).collect();
        let items = read_many(&self.client, &self.table, keys).await?;
        let read = |item: &Item| {
            let id = parsed(item, "pk")?;
            Ok((id, read_job(id, item)?))
        };
        items.iter().map(read).collect()
    }
}

impl ListJobs for Jobs {
    async fn list_jobs(
        &self,
        customer: CustomerId,
        from: Option<JobId>,
        limit: usize,
    ) -> PortResult<Vec<Job>> {
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(BY_CUSTOMER)
            .key_condition_expression(match from {
                None => "customer = :customer",
                Some(_) => "customer = :customer AND job <= :from",
            })
            .expression_attribute_values(":customer", s(customer))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        if let Some(from) = from {
            query = query.expression_attribute_values(":from", s(from));
        }
        let answer = query.send().await.map_err(failed("dynamodb.Query"))?;
        let ids: Vec<JobId> =
            answer.items().iter().map(|item| parsed(item, "pk")).collect::<PortResult<_>>()?;
        // The index is updated later than the table: only the order is taken from it.
        let mut jobs = self.load_jobs(&ids).await?;
        Ok(ids.iter().filter_map(|id| jobs.remove(id)).filter(|job| job.customer == customer).collect())
    }
}

impl ChangeState for Jobs {
    async fn change_state(&self, from: JobStatus, job: &Job) -> PortResult<Write> {
        let mut set = vec!["#status = :status"];
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(job.id, JOB)))
            .condition_expression(match job.status {
                JobStatus::Completed => "#status = :from AND attribute_not_exists(cancelRequested)",
                _ => "#status = :from",
            })
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":from", s(from))
            .expression_attribute_values(":status", s(job.status));
        if let (JobStatus::Processing, Some(file), Some(started_at)) = (job.status, &job.file, job.started_at)
        {
            let columns = serde_json::to_string(&file.columns)
                .map_err(|_| malformed("dynamodb.UpdateItem", "columns"))?;
            let pending = job.pending_chunks.iter().map(|chunk| chunk.get().to_string()).collect();
            set.push("startedAt = :startedAt, uploadVersion = :version, uploadEtag = :etag");
            set.push("uploadBytes = :bytes, #columns = :columns, #rows = :rows, chunks = :chunks");
            set.push("pending = :pending, mayOvertake = :mayOvertake");
            update = update
                .expression_attribute_names("#columns", "columns")
                .expression_attribute_names("#rows", "rows")
                .expression_attribute_values(":startedAt", n(started_at.as_millis()))
                .expression_attribute_values(":version", s(&file.upload.version))
                .expression_attribute_values(":etag", s(&file.upload.etag))
                .expression_attribute_values(":bytes", n(file.upload.bytes))
                .expression_attribute_values(":columns", s(columns))
                .expression_attribute_values(":rows", n(file.rows))
                .expression_attribute_values(":chunks", n(file.chunks))
                .expression_attribute_values(":pending", AttributeValue::Ns(pending))
                .expression_attribute_values(":mayOvertake", AttributeValue::Bool(job.may_overtake));
        }
        if let Some(finished_at) = job.finished_at {
            set.push("finishedAt = :finishedAt");
            update = update.expression_attribute_values(":finishedAt", n(finished_at.as_millis()));
        }
        if let Some(reason) = &job.reason {
            set.push("reason = :reason");
            update = update.expression_attribute_values(":reason", s(reason));
        }
        let mut expression = format!("SET {}", set.join(", "));
        if job.finished_at.is_none() {
            // A job that had expired goes on.
            expression.push_str(" REMOVE finishedAt");
        }
        conditional("dynamodb.UpdateItem", update.update_expression(expression).send().await)
    }
}

impl EndChunk for Jobs {
    async fn end_chunk(
        &self,
        job: JobId,
        chunk: ChunkNumber,
        tally: Tally,
        queries: u32,
    ) -> PortResult<ChunkEnd> {
        let number = chunk.get().to_string();
        let set = AttributeValue::Ns(vec![number.clone()]);
        let mut expression = "DELETE pending :chunk ADD successful :successful, failed :failed".to_owned();
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(job, JOB)))
            .condition_expression("contains(pending, :number)")
            .expression_attribute_values(":chunk", set)
            .expression_attribute_values(":number", AttributeValue::N(number))
            .expression_attribute_values(":successful", n(tally.successful))
            .expression_attribute_values(":failed", n(tally.failed));
        if queries > 0 {
            expression.push_str(", pendingQueries :chunk, queries :queries");
            update = update.expression_attribute_values(":queries", n(queries));
        }
        chunk_end(update.update_expression(expression)).await
    }
}

/// Sends an update that ends something of a job, and tells whether the job has anything left to wait for.
pub(crate) async fn chunk_end(update: UpdateItemFluentBuilder) -> PortResult<ChunkEnd> {
    let answer = update
        .return_values(ReturnValue::AllNew)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await;
    match answer {
        Ok(answer) => {
            Ok(ChunkEnd { counted: true, was_last: answer.attributes.as_ref().is_some_and(is_worked_off) })
        }
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failure)) => {
                Ok(ChunkEnd { counted: false, was_last: failure.item().is_some_and(is_worked_off) })
            }
            _ => Err(failed("dynamodb.UpdateItem")(error)),
        },
    }
}

/// [`Job::is_worked_off`] of an item. DynamoDB has no empty sets: when the last number leaves, the attribute goes.
fn is_worked_off(item: &Item) -> bool {
    let waits_for = |set| item.contains_key(set);
    !waits_for("pending") && (!waits_for("pendingQueries") || item.contains_key("cancelRequested"))
}

impl RequestCancel for Jobs {
    async fn request_cancel(&self, job: JobId) -> PortResult<Write> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(job, JOB)))
            .update_expression("SET cancelRequested = :yes")
            .condition_expression("#status = :processing")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":processing", s(JobStatus::Processing));
        conditional("dynamodb.UpdateItem", update.send().await)
    }
}

/// A job that is watched has `watch` and `due`, the keys of the index; `forget` removes them, and with them
/// the job from the index.
impl Watchlist for Jobs {
    async fn due(&self, now: Timestamp, after: Option<Watched>, limit: u32) -> PortResult<Vec<Watched>> {
        // The key of an entry in the index: the keys of the index, and those of the table.
        let start = after.map(|last| {
            let mut start = key(last.job, JOB);
            start.insert("watch".to_owned(), s(WATCHED));
            start.insert("due".to_owned(), n(last.due.as_millis()));
            start
        });
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(WATCHED)
            .key_condition_expression("watch = :watched AND due <= :now")
            .expression_attribute_values(":watched", s(WATCHED))
            .expression_attribute_values(":now", n(now.as_millis()))
            .set_exclusive_start_key(start)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
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

    async fn look_again(&self, watched: Watched, next: Timestamp, pending: u32) -> PortResult<Write> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(watched.job, JOB)))
            .update_expression("SET due = :next, watchedPending = :pending")
            .condition_expression("due = :due")
            .expression_attribute_values(":next", n(next.as_millis()))
            .expression_attribute_values(":pending", n(pending))
            .expression_attribute_values(":due", n(watched.due.as_millis()));
        conditional("dynamodb.UpdateItem", update.send().await)
    }

    async fn forget(&self, job: JobId) -> PortResult<()> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(job, JOB)))
            .update_expression("REMOVE watch, due, watchedPending")
            // An update makes an item of a key that has none, even if there is nothing to put into it.
            .condition_expression("attribute_exists(pk)");
        conditional("dynamodb.UpdateItem", update.send().await).map(|_| ())
    }
}

fn new_item(job: &Job) -> Item {
    let mut item = key(job.id, JOB);
    item.extend([
        ("customer".to_owned(), s(job.customer)),
        // The key of the index by customer, which lists jobs in the order of their ids.
        ("job".to_owned(), s(job.id)),
        ("facility".to_owned(), s(job.facility)),
        ("dryRun".to_owned(), AttributeValue::Bool(job.dry_run)),
        ("status".to_owned(), s(job.status)),
        ("createdAt".to_owned(), n(job.created_at.as_millis())),
        ("uploadExpiresAt".to_owned(), n(job.upload_expires_at.as_millis())),
        ("watch".to_owned(), s(WATCHED)),
        ("due".to_owned(), n(job.upload_expires_at.as_millis())),
    ]);
    item
}

fn read_job(id: JobId, item: &Item) -> PortResult<Job> {
    let time = |name: &str| number(item, name).map(Timestamp::from_millis);
    let flag = |name: &str| item.get(name).and_then(|value| value.as_bool().ok()).copied().unwrap_or(false);
    let status = text(item, "status").unwrap_or_default();
    let status = serde_json::from_value(status.into()).map_err(|_| malformed("dynamodb.read", "status"))?;
    Ok(Job {
        id,
        customer: parsed(item, "customer")?,
        facility: parsed(item, "facility")?,
        dry_run: flag("dryRun"),
        status,
        created_at: Timestamp::from_millis(required_number(item, "createdAt")?),
        upload_expires_at: Timestamp::from_millis(required_number(item, "uploadExpiresAt")?),
        started_at: time("startedAt"),
        finished_at: time("finishedAt"),
        file: text(item, "uploadVersion").map(|version| read_file(version, item)).transpose()?,
        may_overtake: flag("mayOvertake"),
        pending_chunks: numbers(item, "pending").map(ChunkNumber::new).collect(),
        pending_queries: numbers(item, "pendingQueries").map(ChunkNumber::new).collect(),
        queries: number(item, "queries").unwrap_or(0),
        queries_ended: QueryTally {
            successful: number(item, "queriesSuccessful").unwrap_or(0),
            failed: number(item, "queriesFailed").unwrap_or(0),
        },
        successful: number(item, "successful").unwrap_or(0),
        failed: number(item, "failed").unwrap_or(0),
        reason: text(item, "reason").map(str::to_owned),
        cancel_requested: item.contains_key("cancelRequested"),
    })
}

fn read_file(version: &str, item: &Item) -> PortResult<AcceptedFile> {
    let columns = text(item, "columns").unwrap_or_default();
    Ok(AcceptedFile {
        upload: Upload {
            version: version.to_owned(),
            etag: text(item, "uploadEtag").unwrap_or_default().to_owned(),
            bytes: required_number(item, "uploadBytes")?,
        },
        columns: serde_json::from_str(columns).map_err(|_| malformed("dynamodb.read", "columns"))?,
        rows: required_number(item, "rows")?,
        chunks: required_number(item, "chunks")?,
    })
}
