//! Errors of the API: what the caller is told, and what only the log is told.

use std::fmt;
use std::time::Duration;

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
    /// A header cannot be understood. Says which and why, never what was in it.
    #[error("{0}")]
    BadHeader(String),
    /// Fields of the request hold what they cannot hold.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<FieldProblem>),
    /// The API key is missing or unknown.
    #[error("Missing or unknown API key")]
    Forbidden,
    /// The request does not go with what is there.
    #[error("{0}")]
    Conflict(&'static str),
    /// The API key has been used too often; it may be used again after this time.
    #[error("Too many requests, please slow down")]
    TooManyRequests(Duration),
    /// The customer has as many waiting jobs as it may have.
    #[error(
        "1,000 requests are waiting for their files. Upload the files or cancel requests; an unused request expires \
         after 10 minutes"
    )]
    TooManyWaiting,
    /// It is our fault; the cause is for the log.
    #[error("Internal server error, please try again")]
    Internal(#[source] PortError),
}

impl From<PortError> for ApiError {
    fn from(error: PortError) -> Self {
        Self::Internal(error)
    }
}

/// What is wrong with one field. Holds its name and a phrase, never what was in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldProblem {
    /// The field, as a path: `address[0].zip`.
    pub field: String,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for FieldProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.problem)
    }
}
