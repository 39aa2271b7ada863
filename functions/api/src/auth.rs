//! Who is calling: the `x-api-key` header, looked up by its hash.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use domain::ids::CustomerId;
use pipeline::api::ApiError;
use pipeline::ports::prelude::*;
use pipeline::ports::{Admission, Ports as _};

use crate::app::App;
use crate::error::Problem;
use crate::known::refuse_unknown;

/// Header that carries the API key.
const API_KEY: &str = "x-api-key";

/// The customer whose API key came with the request. A handler that takes this cannot be reached
/// without a key, nor with query parameters that it does not know, and reads and writes nothing but this
/// customer's.
#[derive(Clone, Copy, Debug)]
pub struct Caller(pub CustomerId);

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let key = parts.headers.get(API_KEY).and_then(|key| key.to_str().ok()).unwrap_or_default();
        if key.is_empty() {
            return Err(ApiError::Forbidden.into());
        }
        match app
            .ports
            .directory()
            .admit_call(key, app.ports.environment().now())
            .await
            .map_err(ApiError::from)?
        {
            Admission::Admitted(customer) => {
                refuse_unknown(parts)?;
                Ok(Self(customer))
            }
            Admission::UnknownKey => Err(ApiError::Forbidden.into()),
            Admission::TooMany(wait) => Err(ApiError::TooManyRequests(wait).into()),
        }
    }
}
