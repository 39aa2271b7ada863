//! The updates of an undo, which is a part of its job's item.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use bulk_domain::ids::JobId;
use bulk_domain::job::Job;
use bulk_domain::plan::ChunkNumber;
use bulk_domain::time::Timestamp;
use bulk_domain::undo::{Undo, UndoTally};

use super::WATCHED;
use super::item::{JOB, UNDO_PENDING};
use super::pending::remove;
use crate::item::{key, n, s};
use crate::table::Table;

/// Returns the update that begins an undo, on the condition that the job is as it was read.
pub(super) fn begin(
    table: &Table,
    job: &Job,
    undo: &Undo,
    due: Timestamp,
) -> UpdateItemFluentBuilder {
    let pending: Vec<String> =
        undo.pending_chunks.iter().map(|chunk| chunk.get().to_string()).collect();
    table
        .update(key(job.id, JOB))
        .update_expression(
            "SET undoStartedAt = :now, undoPending = :pending, watch = :watched, due = :due, \
             watchedPending = :count",
        )
        .condition_expression(
            "#status = :status AND attribute_not_exists(undoStartedAt) \
             AND attribute_not_exists(watch)",
        )
        .expression_attribute_names("#status", "status")
        .expression_attribute_values(":status", s(job.status))
        .expression_attribute_values(":now", n(undo.started_at.as_millis()))
        .expression_attribute_values(":watched", s(WATCHED))
        .expression_attribute_values(":due", n(due.as_millis()))
        .expression_attribute_values(":count", n(pending.len()))
        .expression_attribute_values(":pending", AttributeValue::Ns(pending))
}

/// Returns the update that takes a chunk out of the undo, and counts it.
pub(super) fn complete_chunk(
    table: &Table,
    job: JobId,
    chunk: ChunkNumber,
    tally: UndoTally,
) -> UpdateItemFluentBuilder {
    let request = table
        .update(key(job, JOB))
        .update_expression("DELETE undoPending :removed ADD undoDeleted :deleted, undoKept :kept");
    remove(request, UNDO_PENDING, chunk.get())
        .expression_attribute_values(":deleted", n(tally.deleted))
        .expression_attribute_values(":kept", n(tally.kept))
}

/// Returns the update that ends an undo, on the condition that no chunk of it is pending.
pub(super) fn end(
    table: &Table,
    job: JobId,
    in_file: Option<u32>,
    now: Timestamp,
) -> UpdateItemFluentBuilder {
    let kept = if in_file.is_some() { ", undoKept = :number" } else { "" };
    let update = table
        .update(key(job, JOB))
        .update_expression(format!(
            "SET undoFinishedAt = :now, undoKeptFile = :kept{kept} REMOVE watch, due, watchedPending"
        ))
        .condition_expression(
            "attribute_exists(undoStartedAt) AND attribute_not_exists(undoPending) \
             AND attribute_not_exists(undoFinishedAt)",
        )
        .expression_attribute_values(":now", n(now.as_millis()))
        .expression_attribute_values(":kept", AttributeValue::Bool(in_file.is_some()));
    match in_file {
        None => update,
        Some(number) => update.expression_attribute_values(":number", n(number)),
    }
}
