//! Headers of every answer, and answers to the preflight requests of browsers (CORS).

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// The one site that may call the API from its pages, if any.
#[derive(Clone, Debug, Default)]
pub struct AllowedOrigin(Option<HeaderValue>);

impl AllowedOrigin {
    /// Returns the site with this origin. A blank origin allows no site.
    pub fn parse(origin: &str) -> Self {
        Self(
            Some(origin.trim())
                .filter(|origin| !origin.is_empty())
                .and_then(|origin| origin.parse().ok()),
        )
    }
}

/// Browsers must not cache, frame or run an answer, nor guess its media type.
const ALWAYS: [(axum::http::HeaderName, &str); 5] = [
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (STRICT_TRANSPORT_SECURITY, "max-age=63072000"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
];

/// Methods that a page may use.
const METHODS: &str = "GET,POST,PUT,PATCH,DELETE";

/// Headers that a page may send, beside those that every page may (`accept` and the like).
const SENT: &str = "content-type,idempotency-key,if-match,x-api-key,x-upload-checksum-sha256,x-upload-content-length";

/// Headers of an answer that a page may read, beside those that every page may (`content-type` and
/// the like): the pause before a retry, and API Gateway's id of the request. The same as in the
/// template's `GatewayResponses`.
const EXPOSED: &str = "retry-after,x-amzn-requestid";

/// A day, in seconds. The lists above change with deployments only, and browsers limit the time
/// themselves.
const PREFLIGHT_KEPT: &str = "86400";

/// Adds the headers. A header that an operation sets itself stays.
pub async fn with_headers(
    State(allowed): State<AllowedOrigin>,
    request: Request,
    next: Next,
) -> Response {
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
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        headers.insert(VARY, HeaderValue::from_static("origin"));
    }
    response
}

fn preflight() -> Response {
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (ACCESS_CONTROL_ALLOW_HEADERS, SENT),
        (ACCESS_CONTROL_MAX_AGE, PREFLIGHT_KEPT),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use serde_json::Value;
    use tower::ServiceExt as _;

    use super::*;
    use crate::openapi::DOCUMENT;

    const SITE: &str = "https://app.example.com";

    async fn answer(allowed: Option<&'static str>, method: Method) -> Response {
        let allowed = AllowedOrigin(allowed.map(HeaderValue::from_static));
        let router = Router::new().route("/", get(async || "here"));
        let router = router.layer(from_fn_with_state(allowed, with_headers));
        let request = Request::builder().method(method).uri("/").header("origin", SITE);
        let request =
            request.header("access-control-request-method", "GET").body(Body::empty()).unwrap();
        router.oneshot(request).await.unwrap()
    }

    fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
        response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    #[tokio::test]
    async fn without_an_allowed_site_no_answer_is_open_to_one_and_no_preflight_is_answered() {
        let options = answer(None, Method::OPTIONS).await;
        assert_eq!(options.status(), StatusCode::METHOD_NOT_ALLOWED);
        for response in [options, answer(None, Method::GET).await] {
            let is_open =
                response.headers().keys().any(|name| name.as_str().starts_with("access-control-"));
            assert!(!is_open, "{response:?}");
        }
    }

    #[tokio::test]
    async fn a_preflight_says_what_the_allowed_site_may_send() {
        let response = answer(Some(SITE), Method::OPTIONS).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(header(&response, "access-control-allow-origin"), Some(SITE));
        assert_eq!(header(&response, "access-control-allow-methods"), Some(METHODS));
        assert_eq!(header(&response, "access-control-allow-headers"), Some(SENT));
        assert_eq!(header(&response, "vary"), Some("origin"));
    }

    #[tokio::test]
    async fn every_answer_can_be_read_by_the_allowed_site_with_the_headers_that_tell_something() {
        let response = answer(Some(SITE), Method::GET).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, "access-control-allow-origin"), Some(SITE));
        assert_eq!(header(&response, "access-control-expose-headers"), Some(EXPOSED));
        assert_eq!(header(&response, "vary"), Some("origin"));
    }

    #[test]
    fn a_page_may_use_every_method_and_send_every_header_that_is_described() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let may = |list: &str, name: &str| list.split(',').any(|listed| listed == name);
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                assert!(may(METHODS, &method.to_uppercase()), "{method} {path}");
                for parameter in operation["parameters"].as_array().into_iter().flatten() {
                    let name = parameter["name"].as_str().unwrap().to_lowercase();
                    assert!(
                        parameter["in"] != "header" || may(SENT, &name),
                        "{name} of {method} {path}"
                    );
                }
            }
        }
        assert!(may(SENT, "x-api-key") && may(SENT, "content-type"));
    }
}
