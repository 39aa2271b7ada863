//! Why a use case could not finish. A bad file or a bad row is never an error: it is an outcome.

use domain::ids::JobId;
use domain::plan::ChunkNumber;

use crate::ports::PortError;

/// A use case that could not finish.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A call to the outside failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// A message speaks of a job that does not exist.
    #[error("job {0} does not exist")]
    NoSuchJob(JobId),
    /// Stored data does not fit together: the plan, the upload or the outcomes are not those of the job.
    #[error("chunk {chunk} of job {job}: {what}")]
    Inconsistent {
        /// The job.
        job: JobId,
        /// The chunk.
        chunk: ChunkNumber,
        /// What does not fit.
        what: &'static str,
    },
    /// Other workers changed the same patient again and again while this one tried to.
    #[error("gave up after {attempts} conflicting writes to one identity")]
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
    /// A dead letter asks for a query that somebody is still at.
    #[error("a query that is to be given up is still under way")]
    QueryUnderWay,
}

impl Error {
    /// Whether trying the same again may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Port(error) => error.transient,
            Self::Contended { .. } | Self::QueryUnderWay => true,
            Self::NoSuchJob(_) | Self::Inconsistent { .. } => false,
        }
    }
}
