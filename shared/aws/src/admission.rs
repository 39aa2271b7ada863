//! Whose call it is, and whether it is one too many.
//!
//! Usage plans of API Gateway know only keys of its own, of which an account has 10,000, and ours are made by
//! an operator without AWS's console. So each key counts its calls itself: in the one request that finds its
//! customer anyway, on the item that it reads. A minute that begins takes a second request.
//!
//! A window of a minute lets through twice the calls around its edge. That is no harm: the limit is there to
//! keep one customer from taking what all share, and the stage's own throttling bounds the total.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use domain::time::Timestamp;
use pipeline::ports::{Admission, AdmitCall};
use pipeline::ports::{PortError, PortResult};

use crate::Directory;
use crate::directory::{API_KEY, key_pk};
use crate::error::failed;
use crate::item::{Item, key, n, number, parsed};

/// Seconds in a minute.
const SECONDS: i64 = 60;

/// Tries to count a call, each of which another call can get in the way of only at the edge of a minute.
const TRIES: u32 = 3;

impl AdmitCall for Directory {
    async fn admit_call(&self, api_key: &str, now: Timestamp) -> PortResult<Admission> {
        let (minute, key) = (now.as_seconds() / SECONDS, key(key_pk(api_key), API_KEY));
        let mut customer = None;
        for _ in 0..TRIES {
            let item = match self.count_on(key.clone(), minute).await? {
                Counted::Yes(item) => return admitted(&item),
                Counted::No(None) => return Ok(Admission::UnknownKey),
                Counted::No(Some(item)) => item,
            };
            if number(&item, "minute") == Some(minute) {
                let left = SECONDS - now.as_seconds() % SECONDS;
                return Ok(Admission::TooMany(Duration::from_secs(left.unsigned_abs())));
            }
            if let Counted::Yes(item) = self.begin_minute(key.clone(), minute).await? {
                return admitted(&item);
            }
            customer = Some(parsed(&item, "customer")?);
        }
        // Another machine's clock is ahead of ours by a minute: its window is not ours to count in.
        Ok(customer.map_or(Admission::UnknownKey, Admission::Admitted))
    }
}

enum Counted {
    Yes(Item),
    /// No, and this is the key as it is, if there is one.
    No(Option<Item>),
}

fn admitted(item: &Item) -> Result<Admission, PortError> {
    parsed(item, "customer").map(Admission::Admitted)
}

impl Directory {
    async fn count_on(&self, key: Item, minute: i64) -> PortResult<Counted> {
        let update = self
            .update_key(key, minute)
            .condition_expression(
                "#minute = :minute AND (calls < callsPerMinute OR \
                 (attribute_not_exists(callsPerMinute) AND calls < :limit))",
            )
            .update_expression("ADD calls :one")
            .expression_attribute_values(":limit", n(self.calls_per_minute));
        counted(update.send().await)
    }

    async fn begin_minute(&self, key: Item, minute: i64) -> PortResult<Counted> {
        let update = self
            .update_key(key, minute)
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(#minute) OR #minute < :minute)",
            )
            .update_expression("SET #minute = :minute, calls = :one");
        counted(update.send().await)
    }

    fn update_key(&self, key: Item, minute: i64) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .expression_attribute_names("#minute", "minute")
            .expression_attribute_values(":minute", n(minute))
            .expression_attribute_values(":one", n(1))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}

fn counted(answer: Result<UpdateItemOutput, SdkError<UpdateItemError, HttpResponse>>) -> PortResult<Counted> {
    match answer {
        Ok(answer) => Ok(Counted::Yes(answer.attributes.unwrap_or_default())),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failure)) => {
                Ok(Counted::No(failure.item().filter(|item| !item.is_empty()).cloned()))
            }
            _ => Err(failed("dynamodb.UpdateItem")(error)),
        },
    }
}
