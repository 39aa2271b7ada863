//! Headers that every answer has, and answers to browsers that ask whether they may ask.

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, CACHE_CONTROL, CONTENT_SECURITY_POLICY,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// The one site whose pages may call the API, if any.
#[derive(Clone, Debug, Default)]
pub struct AllowedOrigin(Option<HeaderValue>);

impl AllowedOrigin {
    /// From `CORS_ORIGIN`; nobody where it is not set.
    pub fn from_environment() -> Self {
        let origin = std::env::var("CORS_ORIGIN").unwrap_or_default();
        Self(Some(origin.trim()).filter(|origin| !origin.is_empty()).and_then(|origin| origin.parse().ok()))
    }
}

/// Nothing that the API answers is to be kept, guessed at, framed or run.
const ALWAYS: [(axum::http::HeaderName, &str); 5] = [
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (STRICT_TRANSPORT_SECURITY, "max-age=63072000"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
];

/// Headers that a page may send.
const SENT: &str = "content-type,idempotency-key,x-api-key,x-upload-checksum-sha256,x-upload-content-length";

/// A day: nothing of this changes in a shorter time, and browsers ask again sooner anyway.
const PREFLIGHT_KEPT: &str = "86400";

/// Adds the headers. What a route sets itself stays.
pub async fn with_headers(State(allowed): State<AllowedOrigin>, request: Request, next: Next) -> Response {
    let is_preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
        && allowed.0.is_some();
    let mut response = if is_preflight { preflight() } else { next.run(request).await };
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Some(origin) = allowed.0 {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(VARY, HeaderValue::from_static("origin"));
    }
    response
}

fn preflight() -> Response {
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET,POST"),
        (ACCESS_CONTROL_ALLOW_HEADERS, SENT),
        (ACCESS_CONTROL_MAX_AGE, PREFLIGHT_KEPT),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}
