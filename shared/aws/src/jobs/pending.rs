//! Sets of pending numbers in items, and what is told of them when a number is taken out.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use bulk_domain::ids::JobId;
use bulk_domain::plan::ChunkNumber;
use bulk_domain::query::QueryTally;
use bulk_pipeline::ports::{ChunkCompletion, PortResult};

use crate::item::{Item, key, number};
use crate::table::{Updated, update_and_return};

/// The attribute with the pending parts of a chunk's document queries, in the item of the chunk.
pub(super) const OPEN_PARTS: &str = "openParts";

/// Removes a number from a set, as `:removed`, on the condition that the set has it.
pub(super) fn remove(
    request: UpdateItemFluentBuilder,
    set: &str,
    number: u32,
) -> UpdateItemFluentBuilder {
    let number = number.to_string();
    request
        .condition_expression(format!("contains({set}, :number)"))
        .expression_attribute_values(":removed", AttributeValue::Ns(vec![number.clone()]))
        .expression_attribute_values(":number", AttributeValue::N(number))
}

/// Updates the sets and the counts of a job, and returns whether the job is still waiting, as
/// `is_waiting` says by its item.
pub(super) async fn complete(
    request: UpdateItemFluentBuilder,
    is_waiting: impl Fn(&Item) -> bool,
) -> PortResult<ChunkCompletion> {
    Ok(match update_and_return(request).await? {
        Updated::Done(item) => ChunkCompletion { counted: true, was_last: !is_waiting(&item) },
        Updated::Conflict(item) => ChunkCompletion {
            counted: false,
            was_last: item.is_some_and(|item| !is_waiting(&item)),
        },
    })
}

pub(super) fn parts_key(job: JobId, chunk: ChunkNumber) -> Item {
    key(job, format_args!("queries#{chunk}"))
}

/// Returns the counts of a chunk once no part of it is pending. DynamoDB has no empty sets, so that
/// the attribute is missing then.
pub(super) fn tally_at_end(item: &Item) -> Option<QueryTally> {
    let count = |name| number(item, name).unwrap_or(0);
    let tally = QueryTally { successful: count("successful"), failed: count("failed") };
    (!item.contains_key(OPEN_PARTS)).then_some(tally)
}
