//! Errors of the API: what the caller is told, and what only the log is told.

use crate::ports::PortError;

/// An operation that was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// The object does not exist, or is another customer's: nobody can tell which.
    #[error("{0}")]
    NotFound(&'static str),
    /// The request cannot be understood.
    #[error("{0}")]
    BadRequest(&'static str),
    /// The API key is missing or unknown.
    #[error("Missing or unknown API key")]
    Forbidden,
    /// The request does not go with what is there.
    #[error("{0}")]
    Conflict(&'static str),
    /// It is our fault; the cause is for the log.
    #[error("Internal server error, please try again")]
    Internal(#[source] PortError),
}

impl From<PortError> for ApiError {
    fn from(error: PortError) -> Self {
        Self::Internal(error)
    }
}
