//! What the calls of `import-rows` are for.

use bulk_memory::{LoggedCall, Operation, QueueName, Resource};

/// The purpose of a call, in the order in which a chunk makes them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Purpose {
    /// Reads the item of the job.
    LoadJob,
    /// Reads the chunk's line of the plan.
    Plan,
    /// Reads the customer's facilities and cohorts.
    Directory,
    /// Reads the chunk's rows from the upload.
    Upload,
    /// Reads the persons of the rows.
    LoadPeople,
    /// Stores an event of the audit trail.
    Audit,
    /// Stores an entry of a roster.
    Roster,
    /// Stores an entry of an external id.
    StoreExternalId,
    /// Stores the item of a person.
    StorePerson,
    /// Stores the outcomes of the rows.
    Outcomes,
    /// Removes the chunk from the pending chunks of the job's item.
    EndChunk,
    /// Sends the message that all chunks of the job are complete.
    Finished,
}

impl Purpose {
    /// Returns the purpose of a call.
    pub fn of(call: &LoggedCall) -> Self {
        match (call.resource, call.operation) {
            (Resource::JOBS, Operation::GetItem) => Self::LoadJob,
            (Resource::JOBS, Operation::UpdateItem) => Self::EndChunk,
            (Resource::FACILITIES, Operation::Query) => Self::Directory,
            (Resource::PLANS, Operation::GetObject) => Self::Plan,
            (Resource::UPLOADS, Operation::GetObject) => Self::Upload,
            (Resource::OUTCOMES, Operation::GetObject | Operation::PutObject) => Self::Outcomes,
            (Resource::PEOPLE, Operation::BatchGetItem) => Self::LoadPeople,
            (Resource::PEOPLE, Operation::PutItem) => Self::StorePerson,
            (Resource::EXTERNAL_IDS, Operation::PutItem) => Self::StoreExternalId,
            (Resource::ROSTERS, Operation::PutItem) => Self::Roster,
            (_, Operation::PutLogEvents) => Self::Audit,
            (Resource::Queue(QueueName::Finished), Operation::SendMessage) => Self::Finished,
            _ => panic!("a chunk makes no such call: {call:?}"),
        }
    }
}
