//! Why a use case could not finish. A bad file or a bad row is never an error: it is an outcome.

use bulk_domain::ids::JobId;

use crate::conflicts::Contended;
use crate::ports::PortError;

/// The reason why a use case could not finish.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A call of a port failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// Stored data contradict each other: the plan, the upload or the outcomes are not those of the
    /// job.
    #[error("job {job}: {what}")]
    Inconsistent {
        /// The job that the data belong to.
        job: JobId,
        /// What does not fit the job, in words for the log.
        what: &'static str,
    },
    /// Every attempt to change a stored value met a conflict with another worker.
    #[error(transparent)]
    Contended(#[from] Contended),
    /// A document query that is to be abandoned is leased to a worker.
    #[error("a document query that is to be abandoned is leased to a worker")]
    QueryLeased,
    /// A patient was deleted while the job ran, and an earlier attempt of the chunk may still
    /// answer for a row about it.
    #[error("a patient was just deleted, and an earlier attempt may answer for a row about it")]
    PatientDeleted,
    /// A worker that began to import a chunk before its job ended may still create a patient.
    #[error("an attempt to import the chunk may still create a patient")]
    AttemptAlive,
}

impl Error {
    /// Returns whether a retry may succeed.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Port(error) => error.transient,
            Self::Contended(_) | Self::QueryLeased | Self::PatientDeleted | Self::AttemptAlive => {
                true
            }
            Self::Inconsistent { .. } => false,
        }
    }
}
