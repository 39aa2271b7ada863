//! What the calls of `import-rows` are for.

use memory::{LoggedCall, Operation, QueueName, Resource};

/// The purpose of a call, in the order in which a chunk makes them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Purpose {
    /// Reads the item of the job.
    LoadJob,
    /// Reads the chunk's line of the plan.
    Plan,
    /// Reads the customer's facilities and cohorts.
    Directory,
    /// Reads rows.
    Upload,
    /// Reads the people of the rows' identities.
    LoadPeople,
    /// Reads the patients of the rows.
    LoadPatients,
    /// Stores whose a row is.
    StorePeople,
    /// Stores an entry of a roster.
    Roster,
    /// Stores a patient.
    StorePatient,
    /// Stores the outcomes of the rows.
    Outcomes,
    /// Takes the chunk out of the job's item.
    EndChunk,
    /// Tells `finalize` about the job.
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
            (Resource::IDENTITIES, Operation::BatchGetItem) => Self::LoadPeople,
            (Resource::IDENTITIES, Operation::PutItem) => Self::StorePeople,
            (Resource::PATIENTS, Operation::BatchGetItem) => Self::LoadPatients,
            (Resource::PATIENTS, Operation::PutItem) => Self::StorePatient,
            (Resource::ROSTERS, Operation::PutItem) => Self::Roster,
            (Resource::Queue(QueueName::Finished), Operation::SendMessage) => Self::Finished,
            _ => panic!("a chunk makes no such call: {call:?}"),
        }
    }
}
