//! Request bodies: JSON whatever the `Content-Type` says, with our own error shape.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use pipeline::api::ApiError;
use serde::de::DeserializeOwned;

use crate::error::Problem;

/// A request body of this form.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let unreadable = || ApiError::BadRequest("The body is not JSON of the expected form");
        let bytes = Bytes::from_request(request, state).await.map_err(|refused| match refused.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(),
            _ => unreadable().into(),
        })?;
        Ok(Self(serde_json::from_slice(&bytes).map_err(|_| unreadable())?))
    }
}
