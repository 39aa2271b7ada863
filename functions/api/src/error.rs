//! Errors of the operations, and the answers that they become: `{status, title, detail, name}`.
//!
//! Each error has two messages: its `Display` is for the caller, its source is for the log.

use std::fmt;
use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{AppendHeaders, IntoResponse, Response};
use bulk_domain::ids::{CohortId, FacilityId, JobId, PatientId};
use bulk_domain::key_rights::Refusal;
use bulk_pipeline::Error;
use bulk_pipeline::conflicts::Contended;
use bulk_pipeline::ports::PortError;
use serde::Serialize;
use tracing::{error, warn};
use utoipa::ToSchema;

/// Pause that a customer with too many waiting jobs is asked for, in seconds. Some of these jobs
/// expire within a minute if they were created over the ten minutes that a job waits.
const WAITING_RETRY_AFTER: u64 = 60;

/// Pause that a caller is asked for after a transient failure, in seconds. The SDK has used its own
/// retries by then, so that an immediate retry would meet the same failure.
const PAUSE: u64 = 5;

/// An operation that was refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// The object does not exist, or belongs to another customer. The caller cannot tell which.
    #[error("{0}")]
    NotFound(&'static str),
    /// The request is malformed.
    #[error("{0}")]
    BadRequest(&'static str),
    /// A header is malformed. Names the header and the problem, never the header's value.
    #[error("{0}")]
    BadHeader(String),
    /// A query parameter is malformed. Names the parameter and the problem, never its value.
    #[error("{0}")]
    BadParameter(String),
    /// Fields of the body, or query parameters, have invalid values.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<FieldProblem>),
    /// The API key is missing or unknown.
    #[error("Missing or unknown API key")]
    Forbidden,
    /// The API key does not allow this call.
    #[error("{0}")]
    Refused(Refusal),
    /// The link does not open its document. Says why.
    #[error("{0}")]
    BadLink(&'static str),
    /// The request contradicts the state of the object.
    #[error("{0}")]
    Conflict(&'static str),
    /// The object is in another state than the one that the caller names.
    #[error("The object has changed since its eTag was read")]
    PreconditionFailed,
    /// No operation has this path.
    #[error("There is nothing at this path")]
    NoSuchPath,
    /// No operation has this path and method.
    #[error("This path does not take this method")]
    NoSuchMethod,
    /// The body is larger than the limit of all operations.
    #[error("The body is larger than 64 KiB")]
    TooLarge,
    /// The API key has reached its rate limit; it is valid again after this time.
    #[error("Too many requests, please slow down")]
    TooManyRequests(Duration),
    /// The customer has reached its limit of waiting jobs.
    #[error(
        "1,000 requests are waiting for their files. Upload the files or cancel requests; an unused request expires \
         after 10 minutes"
    )]
    TooManyWaiting,
    /// The gateway did not answer with the document. Says what it answered instead.
    #[error("{0}")]
    BadGateway(&'static str),
    /// The document cannot be downloaded yet; the same call may succeed after this time.
    #[error("{0}, please try again")]
    NotYet(&'static str, Duration),
    /// The operation took longer than API Gateway waits.
    #[error("The service is busy, please try again")]
    TimedOut,
    /// A call to AWS failed. A transient failure is answered as [`ApiError::TimedOut`] is.
    #[error("Internal server error, please try again")]
    Internal(#[source] PortError),
    /// The event of the call could not be added to the audit trail, so that the call is refused or
    /// its answer is withheld.
    #[error("The service is busy, please try again")]
    Unrecorded(#[source] PortError),
    /// Every attempt to change a stored value met a conflict with another call.
    #[error("The service is busy, please try again")]
    Contended(#[from] Contended),
    /// The service violated one of its own assumptions, which this names for the log.
    #[error("Internal server error, please try again")]
    Bug(&'static str),
}

impl From<PortError> for ApiError {
    fn from(error: PortError) -> Self {
        Self::Internal(error)
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error {
            Error::Port(error) => Self::Internal(error),
            Error::Contended(contended) => Self::Contended(contended),
            other => Self::Internal(PortError {
                operation: "use case",
                code: other.to_string(),
                transient: other.is_transient(),
            }),
        }
    }
}

/// An id of an object that a request can name.
pub trait Named {
    /// The error if the customer has no object with this id.
    const NOT_FOUND: ApiError;
    /// What the id is, in the description of the API.
    const ABOUT: &'static str;
}

impl Named for JobId {
    const NOT_FOUND: ApiError = ApiError::NotFound("Could not find bulk patient create request");
    const ABOUT: &'static str = "The `requestId` of the import.";
}

impl Named for PatientId {
    const NOT_FOUND: ApiError = ApiError::NotFound("Could not find patient");
    const ABOUT: &'static str =
        "The patient's id: `metriportId` in result files. A UUID of version 8.";
}

impl Named for FacilityId {
    const NOT_FOUND: ApiError = ApiError::NotFound("Could not find facility");
    const ABOUT: &'static str = "The facility's id.";
}

impl Named for CohortId {
    const NOT_FOUND: ApiError = ApiError::NotFound("Could not find cohort");
    const ABOUT: &'static str = "The cohort's id.";
}

/// The problem of one field: its name and a phrase, never its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldProblem {
    /// The field as a path, for example `address[0].zip`.
    pub field: String,
    /// The problem as a phrase, for example `not a zip code`.
    pub problem: String,
}

impl fmt::Display for FieldProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.problem)
    }
}

/// The body of every answer that is not a success.
#[derive(Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Problem {
    /// HTTP status, the same as that of the answer.
    #[schema(example = 404)]
    status: u16,
    /// The status in words.
    #[schema(example = "Not Found")]
    title: String,
    /// What is wrong, in words for people.
    #[schema(example = "Could not find patient")]
    detail: String,
    /// Stable code, for programs.
    #[schema(example = "NOT_FOUND")]
    name: String,
}

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) | Self::NoSuchPath => StatusCode::NOT_FOUND,
            Self::BadRequest(_) | Self::BadHeader(_) | Self::BadParameter(_) | Self::Invalid(_) => {
                StatusCode::BAD_REQUEST
            }
            Self::Forbidden | Self::Refused(_) | Self::BadLink(_) => StatusCode::FORBIDDEN,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::NoSuchMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyRequests(_) | Self::TooManyWaiting => StatusCode::TOO_MANY_REQUESTS,
            Self::BadGateway(_) => StatusCode::BAD_GATEWAY,
            Self::TimedOut | Self::NotYet(..) | Self::Unrecorded(_) | Self::Contended(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Internal(_) | Self::Bug(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Returns the pause before the next attempt, in seconds.
    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooManyRequests(wait) => Some(wait.as_secs()),
            // Rounded up, because a call that comes too early is refused again.
            Self::NotYet(_, wait) => Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)),
            Self::TooManyWaiting => Some(WAITING_RETRY_AFTER),
            Self::TimedOut => Some(PAUSE),
            _ => None,
        }
    }

    /// Logs what the caller is not told. Returns the error to answer.
    fn logged(self) -> Self {
        match self {
            Self::Internal(cause) if cause.transient => {
                warn!("Request failed, caller is asked to retry: {cause}");
                Self::TimedOut
            }
            Self::Unrecorded(cause) => {
                error!("Request not answered, because its audit event is not stored: {cause}");
                Self::TimedOut
            }
            Self::Contended(cause) => {
                warn!("Request failed, caller is asked to retry: {cause}");
                Self::TimedOut
            }
            Self::Internal(cause) => {
                error!("Request failed: {cause}");
                Self::Internal(cause)
            }
            Self::Bug(cause) => {
                error!("Request failed: {cause}");
                Self::Bug(cause)
            }
            Self::NotYet(about, _) | Self::BadGateway(about) => {
                warn!(metric.DocumentsNotAnswered = 1, "Document not answered: {about}");
                self
            }
            other => other,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let error = self.logged();
        let status = error.status();
        let title = status.canonical_reason().unwrap_or("Error").to_owned();
        // The code of a status is its title in capitals.
        let name = title.to_uppercase().replace(' ', "_");
        let retry_after = error.retry_after().map(|seconds| (RETRY_AFTER, seconds.to_string()));
        let problem = Problem { status: status.as_u16(), title, detail: error.to_string(), name };
        (status, AppendHeaders(retry_after), Json(problem)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    fn answer(transient: bool) -> Response {
        let cause = PortError {
            operation: "dynamodb.Query",
            code: "ThrottlingException".to_owned(),
            transient,
        };
        ApiError::from(cause).into_response()
    }

    #[test]
    fn a_transient_failure_is_answered_503_with_a_pause() {
        let response = answer(true);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[RETRY_AFTER], "5");
    }

    #[test]
    fn a_permanent_failure_is_answered_500() {
        let response = answer(false);
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!response.headers().contains_key(RETRY_AFTER));
    }

    #[tokio::test]
    async fn every_status_has_its_stable_code() {
        for (error, name) in [
            (PatientId::NOT_FOUND, "NOT_FOUND"),
            (ApiError::BadRequest("x"), "BAD_REQUEST"),
            (ApiError::Forbidden, "FORBIDDEN"),
            (ApiError::Conflict("x"), "CONFLICT"),
            (ApiError::PreconditionFailed, "PRECONDITION_FAILED"),
            (ApiError::NoSuchMethod, "METHOD_NOT_ALLOWED"),
            (ApiError::TooLarge, "PAYLOAD_TOO_LARGE"),
            (ApiError::TooManyWaiting, "TOO_MANY_REQUESTS"),
            (ApiError::TimedOut, "SERVICE_UNAVAILABLE"),
            (ApiError::NotYet("x", Duration::from_millis(1)), "SERVICE_UNAVAILABLE"),
            (ApiError::BadGateway("x"), "BAD_GATEWAY"),
            (ApiError::Bug("x"), "INTERNAL_SERVER_ERROR"),
        ] {
            let body = to_bytes(error.into_response().into_body(), 1000).await.unwrap();
            assert_eq!(serde_json::from_slice::<Problem>(&body).unwrap().name, name);
        }
    }
}
