//! What calls cost: counted as AWS bills them.

use std::collections::BTreeMap;

/// A call that AWS bills.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Operation {
    /// DynamoDB `GetItem`.
    GetItem,
    /// DynamoDB `BatchGetItem`.
    BatchGetItem,
    /// DynamoDB `PutItem`.
    PutItem,
    /// DynamoDB `UpdateItem`.
    UpdateItem,
    /// DynamoDB `DeleteItem`.
    DeleteItem,
    /// DynamoDB `Query`.
    Query,
    /// S3 `GetObject`.
    GetObject,
    /// S3 `PutObject`, and every part and step of a multipart upload.
    PutObject,
    /// S3 `ListObjectVersions`.
    ListObjectVersions,
    /// SQS `SendMessage` and `SendMessageBatch`.
    SendMessage,
    /// An HTTP request to a customer's server.
    Post,
}

/// A service of AWS, which is away as a whole in a disturbance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Service {
    /// DynamoDB.
    DynamoDb,
    /// S3.
    S3,
    /// SQS.
    Sqs,
}

impl Operation {
    /// Returns the service that is called; none of a customer's server.
    pub const fn service(self) -> Option<Service> {
        match self {
            Self::GetItem
            | Self::BatchGetItem
            | Self::PutItem
            | Self::UpdateItem
            | Self::DeleteItem
            | Self::Query => Some(Service::DynamoDb),
            Self::GetObject | Self::PutObject | Self::ListObjectVersions => Some(Service::S3),
            Self::SendMessage => Some(Service::Sqs),
            Self::Post => None,
        }
    }

    /// The call's name in errors, as `aws` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GetItem => "dynamodb.GetItem",
            Self::BatchGetItem => "dynamodb.BatchGetItem",
            Self::PutItem => "dynamodb.PutItem",
            Self::UpdateItem => "dynamodb.UpdateItem",
            Self::DeleteItem => "dynamodb.DeleteItem",
            Self::Query => "dynamodb.Query",
            Self::GetObject => "s3.GetObject",
            Self::PutObject => "s3.PutObject",
            Self::ListObjectVersions => "s3.ListObjectVersions",
            Self::SendMessage => "sqs.SendMessage",
            Self::Post => "http.post",
        }
    }
}

/// The calls of one operation.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct UsageOf {
    /// Requests.
    pub calls: u64,
    /// What is billed: DynamoDB's request units (writes of 1 KiB, strongly consistent reads of 4 KiB), SQS's
    /// requests of 64 KiB, S3's requests.
    pub units: u64,
    /// Write units of DynamoDB's indexes, billed beside `units`: one for each entry that is added or taken out.
    pub index_units: u64,
    /// Items read or written by DynamoDB, messages sent to SQS.
    pub items: u64,
    /// Bytes of patients' documents, of files in S3 and of messages. Small records of one size, of which a chunk has
    /// a few at most, are in the units only.
    pub bytes: u64,
}

/// All calls that were made.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Usage(BTreeMap<Operation, UsageOf>);

impl Usage {
    /// The calls of one operation.
    pub fn of(&self, operation: Operation) -> UsageOf {
        self.0.get(&operation).copied().unwrap_or_default()
    }

    /// Every operation that was called.
    pub fn iter(&self) -> impl Iterator<Item = (Operation, UsageOf)> {
        self.0.iter().map(|(operation, usage)| (*operation, *usage))
    }

    /// Items written to DynamoDB.
    pub fn writes(&self) -> u64 {
        [Operation::PutItem, Operation::UpdateItem, Operation::DeleteItem]
            .into_iter()
            .map(|operation| self.of(operation).items)
            .sum()
    }

    /// The calls that were made after `earlier`, which is a part of these.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let less = |(operation, of): (&Operation, &UsageOf)| {
            let before = earlier.of(*operation);
            let of = UsageOf {
                calls: of.calls - before.calls,
                units: of.units - before.units,
                index_units: of.index_units - before.index_units,
                items: of.items - before.items,
                bytes: of.bytes - before.bytes,
            };
            (*operation, of)
        };
        Self(self.0.iter().map(less).collect())
    }

    pub(crate) fn add(&mut self, operation: Operation, call: UsageOf) {
        let usage = self.0.entry(operation).or_default();
        usage.calls += call.calls;
        usage.units += call.units;
        usage.index_units += call.index_units;
        usage.items += call.items;
        usage.bytes += call.bytes;
    }
}
