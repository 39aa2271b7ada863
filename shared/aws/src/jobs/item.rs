//! The item of a job: which attributes a job is stored as, and how it is read from them.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use bulk_domain::csv::ColumnMappings;
use bulk_domain::ids::JobId;
use bulk_domain::job::{AcceptedFile, Job, JobStatus, Upload};
use bulk_domain::outcome::Tally;
use bulk_domain::plan::ChunkNumber;
use bulk_domain::query::QueryTally;
use bulk_domain::time::Timestamp;
use bulk_domain::undo::{Undo, UndoTally};
use bulk_pipeline::ports::{OpenJob, PortResult};

use super::WATCHED;
use crate::error::malformed;
use crate::item::{
    Item, flag, from_json, key, n, number, numbers, parsed, required_number, required_text, s, text,
};

/// The sort key of a job's own item.
pub(crate) const JOB: &str = "job";

/// Returns the item of a new job, which is watched until its upload link expires.
pub(super) fn new_item(job: &Job) -> Item {
    let mut item = key(job.id, JOB);
    item.extend([
        ("customer".to_owned(), s(job.customer)),
        // The sort key of the index by customer, which lists jobs in the order of their ids.
        ("job".to_owned(), s(job.id)),
        ("facility".to_owned(), s(job.facility)),
        ("dryRun".to_owned(), AttributeValue::Bool(job.dry_run)),
        ("status".to_owned(), s(job.status)),
        ("createdAt".to_owned(), n(job.created_at.as_millis())),
        ("uploadExpiresAt".to_owned(), n(job.upload_expires_at.as_millis())),
        ("watch".to_owned(), s(WATCHED)),
        ("due".to_owned(), n(job.upload_expires_at.as_millis())),
    ]);
    if !job.mappings.is_empty() {
        let mappings = job.mappings.iter().map(s).collect();
        item.insert("mappings".to_owned(), AttributeValue::L(mappings));
    }
    item
}

/// Returns the update that sets status, times, file and reason of a job.
pub(super) fn set_state(
    mut update: UpdateItemFluentBuilder,
    job: &Job,
) -> PortResult<UpdateItemFluentBuilder> {
    let mut set = vec!["#status = :status"];
    update = update
        .expression_attribute_names("#status", "status")
        .expression_attribute_values(":status", s(job.status));
    if let (JobStatus::Processing, Some(file), Some(started_at)) =
        (job.status, &job.file, job.started_at)
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
        // An expired job may accept its file late, and has not finished then.
        expression.push_str(" REMOVE finishedAt");
    }
    Ok(update.update_expression(expression))
}

/// Returns whether a job waits for chunks or document queries, by its item. DynamoDB has no empty
/// sets, so that an attribute without numbers is missing. A canceled job does not wait for its
/// document queries.
pub(super) fn has_pending(item: &Item) -> bool {
    item.contains_key("pending")
        || (item.contains_key("pendingQueries") && !item.contains_key("cancelRequested"))
}

/// The attribute with the pending chunks of an undo.
pub(super) const UNDO_PENDING: &str = "undoPending";

/// Returns whether the undo of a job has every patient decided and has not ended, by the item of
/// the job.
pub(super) fn is_undo_decided(item: &Item) -> bool {
    item.contains_key("undoStartedAt")
        && !item.contains_key(UNDO_PENDING)
        && !item.contains_key("undoFinishedAt")
}

fn read_undo(item: &Item) -> Option<Undo> {
    let time = |name: &str| number(item, name).map(Timestamp::from_millis);
    Some(Undo {
        started_at: time("undoStartedAt")?,
        finished_at: time("undoFinishedAt"),
        pending_chunks: numbers(item, UNDO_PENDING).map(ChunkNumber::new).collect(),
        tally: UndoTally {
            deleted: number(item, "undoDeleted").unwrap_or(0),
            kept: number(item, "undoKept").unwrap_or(0),
        },
        has_kept_file: flag(item, "undoKeptFile"),
    })
}

/// Returns the job of an item.
pub(super) fn read_job(id: JobId, item: &Item) -> PortResult<Job> {
    let time = |name: &str| number(item, name).map(Timestamp::from_millis);
    let status = required_text(item, "status")?;
    let status =
        serde_json::from_value(status.into()).map_err(|_| malformed("dynamodb.read", "status"))?;
    Ok(Job {
        id,
        customer: parsed(item, "customer")?,
        facility: parsed(item, "facility")?,
        dry_run: flag(item, "dryRun"),
        mappings: read_mappings(item).ok_or_else(|| malformed("dynamodb.read", "mappings"))?,
        status,
        created_at: Timestamp::from_millis(required_number(item, "createdAt")?),
        upload_expires_at: Timestamp::from_millis(required_number(item, "uploadExpiresAt")?),
        started_at: time("startedAt"),
        finished_at: time("finishedAt"),
        file: text(item, "uploadVersion").map(|version| read_file(version, item)).transpose()?,
        may_overtake: flag(item, "mayOvertake"),
        pending_chunks: numbers(item, "pending").map(ChunkNumber::new).collect(),
        pending_queries: numbers(item, "pendingQueries").map(ChunkNumber::new).collect(),
        queries: number(item, "queries").unwrap_or(0),
        queries_ended: QueryTally {
            successful: number(item, "queriesSuccessful").unwrap_or(0),
            failed: number(item, "queriesFailed").unwrap_or(0),
        },
        tally: Tally {
            created: number(item, "created").unwrap_or(0),
            updated: number(item, "updated").unwrap_or(0),
            unchanged: number(item, "unchanged").unwrap_or(0),
            failed: number(item, "failed").unwrap_or(0),
            warnings: number(item, "warnings").unwrap_or(0),
        },
        reason: text(item, "reason").map(str::to_owned),
        cancel_requested: item.contains_key("cancelRequested"),
        undo: read_undo(item),
    })
}

/// Returns what the customer says about header cells, or `None` if the attribute has another form.
fn read_mappings(item: &Item) -> Option<ColumnMappings> {
    let Some(stored) = item.get("mappings") else { return Some(ColumnMappings::default()) };
    let texts: Option<Vec<&str>> =
        stored.as_l().ok()?.iter().map(|text| text.as_s().ok().map(String::as_str)).collect();
    ColumnMappings::parse(texts?).ok()
}

fn read_file(version: &str, item: &Item) -> PortResult<AcceptedFile> {
    Ok(AcceptedFile {
        upload: Upload {
            version: version.to_owned(),
            etag: required_text(item, "uploadEtag")?.to_owned(),
            bytes: required_number(item, "uploadBytes")?,
        },
        columns: from_json(item, "columns")?,
        rows: required_number(item, "rows")?,
        chunks: required_number(item, "chunks")?,
    })
}

/// Returns the open job of an entry, or `None` if the entry has another form.
pub(super) fn read_open_job(item: &Item) -> Option<OpenJob> {
    let job = text(item, "sk")?.parse().ok()?;
    Some(OpenJob { job, is_waiting: *item.get("waiting")?.as_bool().ok()? })
}
