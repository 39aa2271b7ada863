//! What the calls of a cloud cost, counted in the units that AWS bills.

use std::collections::BTreeMap;

/// A call of a service that AWS bills, or of a customer's server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Operation {
    /// DynamoDB's `GetItem`: one item by its key.
    GetItem,
    /// DynamoDB's `BatchGetItem`: up to 100 items by their keys.
    BatchGetItem,
    /// DynamoDB's `PutItem`: one item is added or replaced as a whole.
    PutItem,
    /// DynamoDB's `UpdateItem`: some attributes of one item are changed.
    UpdateItem,
    /// DynamoDB's `DeleteItem`: one item is deleted by its key.
    DeleteItem,
    /// DynamoDB's `BatchExecuteStatement`: up to 25 new items.
    BatchExecuteStatement,
    /// DynamoDB's `Query`: the items of a partition or of an index, in their order.
    Query,
    /// S3's `GetObject`: an object, or a range of it.
    GetObject,
    /// S3's `PutObject`, and every part and step of a multipart upload.
    PutObject,
    /// S3's `ListObjectVersions`: the versions of a file that was uploaded several times, or of all
    /// files of a folder.
    ListObjectVersions,
    /// S3's `DeleteObjects` with versions, which AWS does not bill.
    DeleteObjects,
    /// SQS's `SendMessage` and `SendMessageBatch`, both billed by their size.
    SendMessage,
    /// `PutLogEvents` of CloudWatch Logs, billed by its bytes.
    PutLogEvents,
    /// An HTTP request to a customer's webhook server, which AWS does not bill.
    Post,
}

/// A service of AWS that a test can make unreachable as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Service {
    /// DynamoDB, with all tables and their indexes.
    DynamoDb,
    /// S3, with all objects and the pieces of their bodies.
    S3,
    /// SQS, with all queues.
    Sqs,
    /// CloudWatch Logs, with the audit trail.
    CloudWatchLogs,
}

impl Operation {
    /// The operations that write items of DynamoDB.
    pub const WRITES: [Self; 4] =
        [Self::PutItem, Self::UpdateItem, Self::DeleteItem, Self::BatchExecuteStatement];

    /// Returns the service that is called, or none for a customer's server.
    pub const fn service(self) -> Option<Service> {
        match self {
            Self::GetItem
            | Self::BatchGetItem
            | Self::PutItem
            | Self::UpdateItem
            | Self::DeleteItem
            | Self::BatchExecuteStatement
            | Self::Query => Some(Service::DynamoDb),
            Self::GetObject | Self::PutObject | Self::ListObjectVersions | Self::DeleteObjects => {
                Some(Service::S3)
            }
            Self::SendMessage => Some(Service::Sqs),
            Self::PutLogEvents => Some(Service::CloudWatchLogs),
            Self::Post => None,
        }
    }

    /// Returns the name that `aws` gives the call in errors.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GetItem => "dynamodb.GetItem",
            Self::BatchGetItem => "dynamodb.BatchGetItem",
            Self::PutItem => "dynamodb.PutItem",
            Self::UpdateItem => "dynamodb.UpdateItem",
            Self::DeleteItem => "dynamodb.DeleteItem",
            Self::BatchExecuteStatement => "dynamodb.BatchExecuteStatement",
            Self::Query => "dynamodb.Query",
            Self::GetObject => "s3.GetObject",
            Self::PutObject => "s3.PutObject",
            Self::ListObjectVersions => "s3.ListObjectVersions",
            Self::DeleteObjects => "s3.DeleteObjects",
            Self::SendMessage => "sqs.SendMessage",
            Self::PutLogEvents => "logs.PutLogEvents",
            Self::Post => "http.post",
        }
    }
}

/// The number of calls of one operation, and what they are billed for.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct UsageOf {
    /// The requests that were made, those with an error included, unless the service refused them.
    pub calls: u64,
    /// The units that are billed: DynamoDB's request units (writes of 1 KiB, strongly consistent
    /// reads of 4 KiB), SQS's requests of 64 KiB, S3's requests.
    pub units: u64,
    /// Items that DynamoDB read or wrote, and messages that were sent to SQS.
    pub items: u64,
    /// Bytes of patients' documents, of files in S3 and of messages. Small records of one size are
    /// counted by their units only, because a chunk has a few of them at most.
    pub bytes: u64,
}

/// The calls that were made, by their operation.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Usage(BTreeMap<Operation, UsageOf>);

impl Usage {
    /// Returns the calls of one operation, all zero if it was not called.
    pub fn of(&self, operation: Operation) -> UsageOf {
        self.0.get(&operation).copied().unwrap_or_default()
    }

    /// Returns every operation that was called, with its calls.
    pub fn iter(&self) -> impl Iterator<Item = (Operation, UsageOf)> {
        self.0.iter().map(|(operation, usage)| (*operation, *usage))
    }

    /// Returns the number of items that were written to DynamoDB or deleted from it.
    pub fn writes(&self) -> u64 {
        Operation::WRITES.into_iter().map(|operation| self.of(operation).items).sum()
    }

    /// Returns the calls that were made after `earlier`, which must be an earlier state of the same
    /// usage.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let less = |(operation, of): (&Operation, &UsageOf)| {
            let before = earlier.of(*operation);
            let of = UsageOf {
                calls: of.calls - before.calls,
                units: of.units - before.units,
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
        usage.items += call.items;
        usage.bytes += call.bytes;
    }
}
