//! The path of a request without the base path that a custom domain has in front of it.
//!
//! A base path mapping serves the API below, for example, `https://api.example.com/import`. API Gateway then sends
//! that base path along in `path`; what its route matched, which is the same on every domain, is the path parameter
//! `proxy` ("API Gateway mapping template reference": `$context.path`; "Set up a proxy integration with a proxy
//! resource": `{proxy+}`).

use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use lambda_http::{Request, RequestExt as _};

/// Returns the request with the path that the router knows. The extensions still say what was asked.
pub fn without_base_path(mut request: Request) -> Request {
    if let Some(uri) = routed(&request) {
        *request.uri_mut() = uri;
    }
    request
}

/// The URI to route by; none if the event's path is none.
fn routed(request: &Request) -> Option<Uri> {
    let path = request.raw_http_path();
    let parameters = request.path_parameters_ref();
    let base =
        parameters.and_then(|parameters| base_path(path, parameters.first("proxy")?)).unwrap_or_default();
    let path = path.strip_prefix(base)?;
    let path_and_query = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path_and_query).ok()?);
    Uri::from_parts(parts).ok()
}

fn base_path<'a>(path: &'a str, proxy: &str) -> Option<&'a str> {
    path.strip_suffix(proxy)?.strip_suffix('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(event: &str) -> Request {
        lambda_http::request::from_str(event).unwrap()
    }

    #[test]
    fn every_domain_leads_to_the_same_route() {
        for event in [
            include_str!("../../../tests/events/api.json"),
            include_str!("../../../tests/events/api-custom-domain.json"),
            include_str!("../../../tests/events/api-base-path.json"),
        ] {
            assert_eq!(without_base_path(request(event)).uri().path(), "/health");
        }
    }

    #[test]
    fn a_query_stays() {
        let event = include_str!("../../../tests/events/api-base-path.json").replace(
            "\"multiValueQueryStringParameters\": null",
            "\"multiValueQueryStringParameters\": {\"count\": [\"2\"]}",
        );
        let uri = without_base_path(request(&event)).uri().clone();
        assert_eq!(uri.path_and_query().unwrap(), "/health?count=2");
    }

    #[test]
    fn a_base_path_is_what_the_route_did_not_match() {
        assert_eq!(base_path("/import/v2/health", "health"), Some("/import/v2"));
        assert_eq!(base_path("/health", "health"), Some(""));
        // A path of another form than the parameter is left to the router.
        assert_eq!(base_path("/import/a%20b", "a b"), None);
        assert_eq!(base_path("/importhealth", "health"), None);
    }
}
