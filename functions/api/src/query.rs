//! Query parameters and ids in paths, with our own answers where they cannot be understood.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use domain::ids::{CohortId, FacilityId, JobId, PatientId};
use pipeline::api::{ApiError, facilities, find_patient, get_cohort, get_job};
use serde::de::DeserializeOwned;

use crate::error::Problem;

/// Query parameters of this form.
#[derive(Debug)]
pub struct Parameters<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = Query::from_request_parts(parts, state).await;
        let Query(parameters) = read.map_err(|_| {
            ApiError::BadRequest("The query is not one of name=value pairs in which no name comes twice")
        })?;
        Ok(Self(parameters))
    }
}

/// The id in the path. What is no id is nobody's: it is not found.
#[derive(Debug)]
pub struct Id<T>(pub T);

/// An id of something that a path can name.
pub trait InPath: FromStr {
    /// What is said where it is not there.
    const NOT_FOUND: ApiError;
}

impl InPath for JobId {
    const NOT_FOUND: ApiError = get_job::NOT_FOUND;
}

impl InPath for PatientId {
    const NOT_FOUND: ApiError = find_patient::NOT_FOUND;
}

impl InPath for FacilityId {
    const NOT_FOUND: ApiError = facilities::NOT_FOUND;
}

impl InPath for CohortId {
    const NOT_FOUND: ApiError = get_cohort::NOT_FOUND;
}

impl<S: Send + Sync, T: InPath> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let id = text.ok().and_then(|Path(text)| text.parse().ok());
        Ok(Self(id.ok_or(T::NOT_FOUND)?))
    }
}

/// The patient that a query has to name. What is no id is nobody's patient.
pub fn patient(text: Option<&str>) -> Result<PatientId, ApiError> {
    match text.map(str::trim) {
        None | Some("") => Err(ApiError::BadRequest("patientId is missing")),
        Some(id) => id.parse().map_err(|_| find_patient::NOT_FOUND),
    }
}

/// The facility that a query asks for; none if it asks for none. What is no id is nobody's facility.
pub fn facility(text: Option<&str>) -> Result<Option<FacilityId>, ApiError> {
    match text {
        None | Some("") => Ok(None),
        Some(id) => id.trim().parse().map(Some).map_err(|_| facilities::NOT_FOUND),
    }
}
