//! Request headers as text.

use axum::http::HeaderMap;
use pipeline::api::ApiError;

/// A header's value, if it is sent. One that is sent twice, or is no text, is refused with `problem`.
pub fn one<'a>(
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
