//! What the calls of `import-rows` and `undo-chunk` are for.

use bulk_memory::{LoggedCall, Operation, QueueName, Resource};

/// The purpose of a call, in the order in which a chunk makes them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Purpose {
    /// Reads the item of the job.
    LoadJob,
    /// Reads the chunk's line of the plan.
    Plan,
    /// Reads the customer's facilities and cohorts, or the key of its hashes.
    Directory,
    /// Reads the chunk's rows from the upload.
    Upload,
    /// Reads the persons of the rows.
    LoadPeople,
    /// Stores an event of the audit trail.
    Audit,
    /// Stores an entry of a roster.
    Roster,
    /// Stores the first entries of several external ids, each on its own.
    InsertExternalIds,
    /// Stores an entry of an external id.
    StoreExternalId,
    /// Stores the items of several new persons, each on its own.
    InsertPeople,
    /// Stores the item of a person.
    StorePerson,
    /// Stores the outcomes of the rows.
    Outcomes,
    /// Looks whether the chunk has outcomes.
    LookForOutcomes,
    /// Reads the chunk's entry of a roster.
    LoadRoster,
    /// Reads the document queries of deleted patients.
    LoadQueries,
    /// Reads the entries of an external id.
    LoadExternalIds,
    /// Deletes the entry of a deleted patient's external id.
    DeleteExternalId,
    /// Removes the chunk from the pending chunks of the job's item.
    EndChunk,
    /// Sends the message that all chunks of the job are complete.
    Finished,
}

impl Purpose {
    /// Returns the purpose of the calls that store what a batch of this purpose did not store.
    pub const fn one_by_one(self) -> Option<Self> {
        match self {
            Self::InsertExternalIds => Some(Self::StoreExternalId),
            Self::InsertPeople => Some(Self::StorePerson),
            _ => None,
        }
    }

    /// Returns the purpose of a call.
    pub fn of(call: &LoggedCall) -> Self {
        match (call.resource, call.operation) {
            (Resource::JOBS, Operation::GetItem) => Self::LoadJob,
            (Resource::JOBS, Operation::UpdateItem) => Self::EndChunk,
            (Resource::FACILITIES, Operation::Query)
            | (Resource::CUSTOMERS, Operation::GetItem) => Self::Directory,
            (Resource::PLANS, Operation::GetObject) => Self::Plan,
            (Resource::UPLOADS, Operation::GetObject) => Self::Upload,
            (Resource::OUTCOMES, Operation::GetObject | Operation::PutObject) => Self::Outcomes,
            (Resource::OUTCOMES, Operation::ListObjectVersions) => Self::LookForOutcomes,
            (Resource::ROSTERS, Operation::Query | Operation::BatchGetItem) => Self::LoadRoster,
            (Resource::QUERIES, Operation::BatchGetItem) => Self::LoadQueries,
            (Resource::EXTERNAL_IDS, Operation::Query) => Self::LoadExternalIds,
            (Resource::EXTERNAL_IDS, Operation::DeleteItem) => Self::DeleteExternalId,
            (Resource::PEOPLE, Operation::BatchGetItem) => Self::LoadPeople,
            (Resource::PEOPLE, Operation::BatchExecuteStatement) => Self::InsertPeople,
            (Resource::EXTERNAL_IDS, Operation::BatchExecuteStatement) => Self::InsertExternalIds,
            (Resource::PEOPLE, Operation::PutItem) => Self::StorePerson,
            (Resource::EXTERNAL_IDS, Operation::PutItem) => Self::StoreExternalId,
            (Resource::ROSTERS, Operation::PutItem | Operation::DeleteItem) => Self::Roster,
            (_, Operation::PutLogEvents) => Self::Audit,
            (Resource::Queue(QueueName::Finished), Operation::SendMessage) => Self::Finished,
            _ => panic!("a chunk makes no such call: {call:?}"),
        }
    }
}
