//! Errors as the caller gets them: `{status, title, detail, name}`, with a stable name.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use pipeline::api::ApiError;
use serde::Serialize;
use tracing::error;

/// An answer that is not a success.
#[derive(Debug, Serialize)]
pub struct Problem {
    status: u16,
    title: &'static str,
    detail: String,
    name: &'static str,
}

impl Problem {
    fn new(status: StatusCode, name: &'static str, detail: String) -> Self {
        Self { status: status.as_u16(), title: status.canonical_reason().unwrap_or("Error"), detail, name }
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
            ApiError::BadRequest(_) => Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", detail),
            ApiError::Forbidden => Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", detail),
            ApiError::Conflict(_) => Self::new(StatusCode::CONFLICT, "CONFLICT", detail),
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
        (status, Json(self)).into_response()
    }
}
