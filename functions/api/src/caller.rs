//! Authentication: the customer that the API key of a request belongs to, and what the key may do.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use bulk_domain::api_key::ApiKey;
use bulk_domain::ids::CustomerId;
use bulk_domain::key_rights::Scope;
use bulk_pipeline::ports::Admission;
use bulk_pipeline::ports::prelude::*;

use crate::audit::{Origin, Trail};
use crate::backend::Backend;
use crate::error::ApiError;
use crate::query_parameters::refuse_unknown;

/// Header that carries the API key.
const API_KEY: &str = "x-api-key";

/// The customer that the API key of the request belongs to. A handler with this argument runs only
/// for a valid key with a scope of `S` and for known query parameters, and reads and writes this
/// customer's objects only.
#[derive(Clone, Copy, Debug)]
pub struct Caller<S>(pub CustomerId, pub PhantomData<S>);

/// Which scopes allow an operation: the key has to have any of them.
pub trait Allows: Send + Sync {
    /// The scopes that allow the operation.
    const SCOPES: &'static [Scope];
}

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident: $($scope:ident)|+;)+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub enum $name {}

            impl Allows for $name {
                const SCOPES: &'static [Scope] = &[$(Scope::$scope),+];
            }
        )+
    };
}

scopes! {
    /// Imports and the links to their files.
    Import: Import;
    /// Patients and their documents.
    ReadPatients: ReadPatients;
    /// Webhook settings, and new facilities and cohorts.
    ManageSettings: Settings;
    /// What deletes patients for good.
    DeletePatients: Delete;
    /// What every key may read: names of facilities and cohorts.
    AnyScope: Import | ReadPatients | Settings | Delete;
}

impl<B: Backend, S: Allows> FromRequestParts<B> for Caller<S> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, backend: &B) -> Result<Self, ApiError> {
        let trail = parts.extensions.get::<Trail>().cloned();
        let trail = trail.ok_or(ApiError::Bug("the request has no audit trail"))?;
        trail.asks_for_caller();
        let key = parts.headers.get(API_KEY).and_then(|key| key.to_str().ok());
        // A text of another shape costs a stranger's call no read of a table.
        let Some(key) = key.and_then(|key| key.parse::<ApiKey>().ok()) else {
            return Err(ApiError::Forbidden);
        };
        let now = backend.ports().environment().now();
        let admission = backend.ports().directory().admit_call(&key, now).await?;
        let (customer, rights) = match admission {
            Admission::UnknownKey => return Err(ApiError::Forbidden),
            Admission::TooMany(customer, wait) => {
                trail.note_caller(customer, key.id());
                return Err(ApiError::TooManyRequests(wait));
            }
            Admission::Admitted(customer, rights) => (customer, rights),
        };
        trail.note_caller(customer, key.id());
        let source = parts.extensions.get::<Origin>().and_then(|origin| origin.source_address);
        if let Some(refusal) = rights.refusal(S::SCOPES, now, source) {
            return Err(ApiError::Refused(refusal));
        }
        refuse_unknown(parts)?;
        trail.begin(&parts.method, backend).await?;
        Ok(Self(customer, PhantomData))
    }
}
