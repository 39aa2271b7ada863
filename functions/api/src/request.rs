//! Parts of a request: query parameters, the id in the path, headers and the JSON body.

use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use bulk_domain::ids::{FacilityId, PatientId};
use serde::de::DeserializeOwned;
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, Type};

use crate::error::{ApiError, Named};

/// Query parameters, read into a struct of texts.
#[derive(Debug)]
pub struct Parameters<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = Query::from_request_parts(parts, state).await;
        let Query(parameters) = read.map_err(|_| {
            ApiError::BadRequest("The query string is not a list of name=value pairs")
        })?;
        Ok(Self(parameters))
    }
}

/// The id in the path. A text that is not an id names no object.
#[derive(Debug)]
pub struct Id<T>(pub T);

impl<S: Send + Sync, T: Named + FromStr> FromRequestParts<S> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let id = text.ok().and_then(|Path(text)| text.parse().ok());
        Ok(Self(id.ok_or(T::NOT_FOUND)?))
    }
}

impl<T: Named> IntoParams for Id<T> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let uuid = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::Custom("uuid".to_owned())));
        let id = ParameterBuilder::new().name("id").parameter_in(ParameterIn::Path);
        let id = id.required(Required::True).description(Some(T::ABOUT)).schema(Some(uuid));
        vec![id.build()]
    }
}

/// Returns the patient of the query parameter `patientId`, which is required.
pub fn patient_id(text: Option<&str>) -> Result<PatientId, ApiError> {
    match text.map(str::trim) {
        None | Some("") => Err(ApiError::BadRequest("patientId is missing")),
        Some(id) => id.parse().map_err(|_| PatientId::NOT_FOUND),
    }
}

/// Returns the facility of the query parameter `facilityId`. A blank one is the same as none.
pub fn facility_id(text: Option<&str>) -> Result<Option<FacilityId>, ApiError> {
    match text {
        None | Some("") => Ok(None),
        Some(id) => id.trim().parse().map(Some).map_err(|_| FacilityId::NOT_FOUND),
    }
}

/// Returns the query parameter `hieOptOut`, which is required.
pub fn opt_out(text: Option<&str>) -> Result<bool, ApiError> {
    match text.unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(ApiError::BadRequest("hieOptOut must be true or false")),
    }
}

/// Returns a header's value, or none if the header is absent. A header that is sent twice, or is
/// not a text, is refused with `problem`.
pub fn header<'a>(
    headers: &'a HeaderMap,
    name: &str,
    problem: &'static str,
) -> Result<Option<&'a str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ApiError::BadRequest(problem)),
        (Some(_), Some(_)) => Err(ApiError::BadRequest(problem)),
    }
}

const MALFORMED: ApiError = ApiError::BadRequest("The body is not JSON of the expected form");

/// A body that is a JSON object. Its `Content-Type` is not checked, because clients of the public
/// API may omit it.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let RawBody(bytes) = RawBody::from_request(request, state).await?;
        json_object(&bytes).map(Self).ok_or(MALFORMED)
    }
}

/// The bytes of a body, which an operation reads itself, because the body is optional there.
#[derive(Debug)]
pub struct RawBody(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let read = Bytes::from_request(request, state).await;
        read.map(Self).map_err(|refused| match refused.status() {
            StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge,
            _ => MALFORMED,
        })
    }
}

/// Reads a JSON object. Returns `None` for other JSON: serde reads the fields of a structure from a
/// list, too.
pub fn json_object<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let is_object = bytes.trim_ascii_start().first() == Some(&b'{');
    if is_object { serde_json::from_slice(bytes).ok() } else { None }
}
