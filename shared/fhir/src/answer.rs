//! A gateway's answer: its status, when to come back, and its bytes up to a limit.

use std::time::{Duration, SystemTime};

use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::{Response, StatusCode};

use crate::error::Fault;

/// The bytes of an answer of FHIR JSON.
pub(crate) async fn fhir_json(answer: Response, limit: usize) -> Result<Vec<u8>, Fault> {
    if answer.status() != StatusCode::OK {
        let status = answer.status().as_u16();
        // What the body says of the failure is not read: it may repeat what was searched for.
        return Err(Fault::Status { status, retry_after: retry_after(answer.headers(), SystemTime::now()) });
    }
    let content_type = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !content_type.is_some_and(is_json) {
        return Err(Fault::ContentType);
    }
    bytes(answer, limit).await
}

/// The bytes of an answer.
pub(crate) async fn bytes(mut answer: Response, limit: usize) -> Result<Vec<u8>, Fault> {
    // What the answer says of its length saves us reading it in vain, no more.
    if answer.content_length().is_some_and(|length| usize::try_from(length).is_ok_and(|it| it > limit)) {
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

/// How a request without an answer failed.
pub(crate) fn broken(error: &reqwest::Error) -> Fault {
    if error.is_timeout() {
        Fault::Timeout
    } else if error.is_connect() {
        Fault::Connect
    } else {
        Fault::Interrupted
    }
}

/// Whether a media type is FHIR JSON, by its own name, by the one it had before R4, or as plain JSON.
fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    ["application/fhir+json", "application/json+fhir", "application/json", "text/json"]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(media_type))
}

/// How long an answer asks us to wait: a number of seconds, or a time, which is one of the gateway's
/// clock.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let asked = text(RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(asked).ok()?;
    let theirs = text(DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    // A time that has passed asks for no wait.
    Some(until.duration_since(theirs.unwrap_or(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_time_of_the_gateways_clock() {
        // 1994-11-06T08:49:37Z
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (asked, date, wait) in [
            ("120", None, Some(120)),
            (" 0 ", None, Some(0)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", None, Some(60)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", None, Some(60)),
            ("Sun Nov  6 08:50:37 1994", None, Some(60)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some("Sun, 06 Nov 1994 08:50:30 GMT"), Some(7)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some("yesterday"), Some(60)),
            ("Sun, 06 Nov 1994 07:00:00 GMT", None, Some(0)),
            ("-1", None, None),
            ("1.5", None, None),
            ("soon", None, None),
            ("", None, None),
            ("99999999999999999999999", None, None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_str(asked).unwrap());
            if let Some(date) = date {
                headers.insert(DATE, HeaderValue::from_str(date).unwrap());
            }
            assert_eq!(retry_after(&headers, now), wait.map(Duration::from_secs), "{asked:?} {date:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

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
        for name in ["application/fhir+xml", "text/html", "text/plain", "", "application/jsonp", "json"] {
            assert!(!is_json(name), "{name}");
        }
    }
}
