//! A gateway's answer: its status, its media type, and its bytes up to a limit.

use std::time::SystemTime;

use bulk_retry_after::retry_after;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode};

use crate::error::Fault;

/// Returns the body of an answer that has to be FHIR JSON.
pub(crate) async fn fhir_json(answer: Response, limit: usize) -> Result<Vec<u8>, Fault> {
    if answer.status() != StatusCode::OK {
        return Err(refusal(&answer));
    }
    let content_type = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !content_type.is_some_and(is_json) {
        return Err(Fault::ContentType);
    }
    bytes(answer, limit).await
}

/// Returns the fault of an answer that is no success. The body is not read, because it may repeat
/// the search parameters.
pub(crate) fn refusal(answer: &Response) -> Fault {
    Fault::Status {
        status: answer.status().as_u16(),
        retry_after: retry_after(answer.headers(), SystemTime::now()),
    }
}

/// Returns the body of an answer, which may have up to `limit` bytes.
pub(crate) async fn bytes(mut answer: Response, limit: usize) -> Result<Vec<u8>, Fault> {
    // The announced length only saves reading: a body without one is counted below.
    if answer.content_length().is_some_and(|length| length > limit as u64) {
        return Err(Fault::TooLarge);
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| broken(&error))? {
        if chunk.len() > limit - bytes.len() {
            return Err(Fault::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Returns how a request failed that got no answer.
pub(crate) fn broken(error: &reqwest::Error) -> Fault {
    if error.is_timeout() {
        Fault::Timeout
    } else if error.is_connect() {
        Fault::Connect
    } else {
        Fault::Interrupted
    }
}

/// Returns whether a media type is FHIR JSON: by its own name, by its name before R4, or as plain
/// JSON.
fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    ["application/fhir+json", "application/json+fhir", "application/json", "text/json"]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(media_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fhir_json_goes_by_several_names() {
        for name in [
            "application/fhir+json",
            "application/fhir+json; charset=utf-8; fhirVersion=4.0",
            "Application/FHIR+JSON",
            "application/json+fhir;charset=UTF-8",
            "application/json",
            "text/json",
        ] {
            assert!(is_json(name), "{name}");
        }
        for name in
            ["application/fhir+xml", "text/html", "text/plain", "", "application/jsonp", "json"]
        {
            assert!(!is_json(name), "{name}");
        }
    }
}
