//! Authentication: the customer that the API key of a request belongs to.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use bulk_domain::ids::CustomerId;
use bulk_domain::key_id::KeyId;
use bulk_pipeline::ports::Admission;
use bulk_pipeline::ports::prelude::*;

use crate::audit::Trail;
use crate::backend::Backend;
use crate::error::ApiError;
use crate::query_parameters::refuse_unknown;

/// Header that carries the API key.
const API_KEY: &str = "x-api-key";

/// The customer that the API key of the request belongs to. A handler with this argument runs only
/// for a valid key and known query parameters, and reads and writes this customer's objects only.
#[derive(Clone, Copy, Debug)]
pub struct Caller(pub CustomerId);

impl<B: Backend> FromRequestParts<B> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, backend: &B) -> Result<Self, ApiError> {
        let trail = parts.extensions.get::<Trail>().cloned();
        let trail = trail.ok_or(ApiError::Bug("the request has no audit trail"))?;
        trail.asks_for_caller();
        let key = parts.headers.get(API_KEY).and_then(|key| key.to_str().ok()).unwrap_or_default();
        if key.is_empty() {
            return Err(ApiError::Forbidden);
        }
        let now = backend.ports().environment().now();
        let admission = backend.ports().directory().admit_call(key, now).await?;
        match admission {
            Admission::Admitted(customer) | Admission::TooMany(customer, _) => {
                trail.note_caller(customer, KeyId::of(key));
            }
            Admission::UnknownKey => {}
        }
        match admission {
            Admission::Admitted(customer) => {
                refuse_unknown(parts)?;
                trail.begin(&parts.method, backend).await?;
                Ok(Self(customer))
            }
            Admission::UnknownKey => Err(ApiError::Forbidden),
            Admission::TooMany(_, wait) => Err(ApiError::TooManyRequests(wait)),
        }
    }
}
