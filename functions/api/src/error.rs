//! Errors as the caller gets them: `{status, title, detail, name}`, with a stable name.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{AppendHeaders, IntoResponse, Response};
use pipeline::api::ApiError;
use serde::Serialize;
use tracing::{error, warn};
use utoipa::ToSchema;

/// Seconds after which a customer with too many waiting jobs may try again: within a minute some of them expire, if
/// they were made over the ten minutes that a job waits.
const WAITING_RETRY_AFTER: u64 = 60;

/// Seconds after which to try again what AWS did not do for us. The SDK's own retries have been used up by then, so
/// that an immediate one would meet the same trouble.
const PAUSE: u64 = 5;

/// An answer that is not a success.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    status: u16,
    title: &'static str,
    detail: String,
    /// A stable code.
    name: &'static str,
    /// After how many seconds to come again.
    #[serde(skip)]
    #[schema(ignore)]
    retry_after: Option<u64>,
}

impl Problem {
    fn new(status: StatusCode, name: &'static str, detail: String) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self { status: status.as_u16(), title, detail, name, retry_after: None }
    }

    /// The answer where something is wrong with us.
    pub fn internal() -> Self {
        let detail = "Internal server error, please try again".to_owned();
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR", detail)
    }

    /// The answer where the same call may succeed in a moment.
    pub fn unavailable() -> Self {
        let detail = "The service is busy, please try again".to_owned();
        Self {
            retry_after: Some(PAUSE),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE", detail)
        }
    }

    /// The answer to a body that is larger than any that a route reads.
    pub fn too_large() -> Self {
        let detail = "The body is larger than 64 KiB".to_owned();
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", detail)
    }

    /// The answer to a path that nothing lives at.
    pub fn no_such_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "There is nothing at this path".to_owned())
    }

    /// The answer to a method that a path does not take.
    pub fn no_such_method() -> Self {
        let detail = "This path does not take this method".to_owned();
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", detail)
    }
}

impl From<ApiError> for Problem {
    fn from(cause: ApiError) -> Self {
        let detail = cause.to_string();
        match cause {
            ApiError::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", detail),
            ApiError::BadRequest(_) | ApiError::BadHeader(_) | ApiError::Invalid(_) => {
                Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", detail)
            }
            ApiError::Forbidden => Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", detail),
            ApiError::Conflict(_) => Self::new(StatusCode::CONFLICT, "CONFLICT", detail),
            ApiError::TooManyRequests(wait) => Self {
                retry_after: Some(wait.as_secs()),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", detail)
            },
            ApiError::TooManyWaiting => Self {
                retry_after: Some(WAITING_RETRY_AFTER),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", detail)
            },
            ApiError::Internal(cause) if cause.transient => {
                warn!("A request failed, the caller is asked to try again: {cause}");
                Self::unavailable()
            }
            ApiError::Internal(cause) => {
                error!("A request failed: {cause}");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR", detail)
            }
            other => {
                error!("A request failed: {other}");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR", detail)
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after.map(|seconds| (RETRY_AFTER, seconds.to_string()));
        (status, AppendHeaders(retry_after), Json(self)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use pipeline::ports::PortError;

    use super::*;

    fn answer(transient: bool) -> Response {
        let cause =
            PortError { operation: "dynamodb.Query", code: "ThrottlingException".to_owned(), transient };
        Problem::from(ApiError::from(cause)).into_response()
    }

    #[test]
    fn trouble_that_passes_is_answered_503_with_a_pause() {
        let response = answer(true);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[RETRY_AFTER], "5");
    }

    #[test]
    fn trouble_that_stays_is_answered_500() {
        let response = answer(false);
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!response.headers().contains_key(RETRY_AFTER));
    }
}
