//! The document queries of jobs in the jobs table: an item for each chunk that has any, with the parts that have not
//! ended as a set of numbers.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use domain::ids::JobId;
use domain::job::LONGEST_LIFE;
use domain::plan::ChunkNumber;
use domain::query::{QueryPart, QueryTally};
use domain::time::Timestamp;
use pipeline::ports::{ChunkEnd, ChunkQueries, Clock as _, PortResult};
use std::collections::BTreeSet;

use crate::System;
use crate::error::{conditional, failed};
use crate::item::{Item, key, n, number, numbers};
use crate::jobs::{JOB, Jobs, chunk_end};

const OPEN: &str = "openParts";

impl ChunkQueries for Jobs {
    async fn open_parts(&self, job: JobId, chunk: ChunkNumber, parts: u32) -> PortResult<()> {
        let mut item = queries_key(job, chunk);
        let open = (0..parts).map(|part| part.to_string()).collect();
        item.insert(OPEN.to_owned(), AttributeValue::Ns(open));
        item.insert("expiresAt".to_owned(), n(expiry(System.now()).as_seconds()));
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)");
        conditional("dynamodb.PutItem", put.send().await).map(|_| ())
    }

    async fn open_parts_of(&self, job: JobId, chunk: ChunkNumber) -> PortResult<BTreeSet<u32>> {
        let get = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(queries_key(job, chunk)))
            .consistent_read(true);
        let answer = get.send().await.map_err(failed("dynamodb.GetItem"))?;
        Ok(answer.item.iter().flat_map(|item| numbers(item, OPEN)).collect())
    }

    async fn end_part(&self, part: QueryPart, tally: QueryTally) -> PortResult<Option<QueryTally>> {
        let number = part.part.to_string();
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(queries_key(part.job, part.chunk)))
            .update_expression("DELETE openParts :part ADD successful :successful, failed :failed")
            .condition_expression("contains(openParts, :number)")
            .expression_attribute_values(":part", AttributeValue::Ns(vec![number.clone()]))
            .expression_attribute_values(":number", AttributeValue::N(number))
            .expression_attribute_values(":successful", n(tally.successful))
            .expression_attribute_values(":failed", n(tally.failed))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match answer {
            Ok(answer) => Ok(answer.attributes.as_ref().and_then(tally_at_end)),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failure)) => {
                    Ok(failure.item().and_then(tally_at_end))
                }
                _ => Err(failed("dynamodb.UpdateItem")(error)),
            },
        }
    }

    async fn end_queries(&self, job: JobId, chunk: ChunkNumber, tally: QueryTally) -> PortResult<ChunkEnd> {
        let number = chunk.get().to_string();
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(job, JOB)))
            .update_expression(
                "DELETE pendingQueries :chunk ADD queriesSuccessful :successful, queriesFailed :failed",
            )
            .condition_expression("contains(pendingQueries, :number)")
            .expression_attribute_values(":chunk", AttributeValue::Ns(vec![number.clone()]))
            .expression_attribute_values(":number", AttributeValue::N(number))
            .expression_attribute_values(":successful", n(tally.successful))
            .expression_attribute_values(":failed", n(tally.failed));
        chunk_end(update).await
    }
}

fn queries_key(job: JobId, chunk: ChunkNumber) -> Item {
    key(job, format_args!("queries#{chunk}"))
}

/// Nobody needs it after the end of its job.
fn expiry(now: Timestamp) -> Timestamp {
    now.plus(LONGEST_LIFE)
}

/// The counts of a chunk whose parts have all ended: DynamoDB has no empty sets, the attribute is gone.
fn tally_at_end(item: &Item) -> Option<QueryTally> {
    let count = |name| number(item, name).unwrap_or(0);
    let tally = QueryTally { successful: count("successful"), failed: count("failed") };
    (!item.contains_key(OPEN)).then_some(tally)
}
