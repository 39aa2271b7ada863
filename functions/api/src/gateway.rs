//! Requests of API Gateway: the path to route by, the URL that the caller sent, and the address
//! that it sent it from.
//!
//! A custom domain can serve the API below a base path, for example
//! `https://api.example.com/import`. API Gateway then keeps the base path in `path`. The path
//! parameter `proxy` holds what its route matched, which is the same on every domain ("API Gateway
//! mapping template reference": `$context.path`; "Set up a proxy integration with a proxy
//! resource": `{proxy+}`).

use axum::http::header::HOST;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Uri};
use bulk_api::{Origin, RequestUrl};
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt as _};

/// Returns the request with the path that the router knows, and with the URL that the caller sent
/// and its origin as extensions. An event that is not of API Gateway gets neither.
pub fn received(mut request: Request) -> Request {
    if let Some(uri) = routed(&request) {
        *request.uri_mut() = uri;
    }
    if let Some(url) = request_url(&request) {
        request.extensions_mut().insert(url);
    }
    if let Some(RequestContext::ApiGatewayV1(context)) = request.request_context_ref() {
        let source_address = context.identity.source_ip.as_deref();
        let origin = Origin {
            source_address: source_address.and_then(|address| address.parse().ok()),
            call_id: context.request_id.clone(),
        };
        request.extensions_mut().insert(origin);
    }
    request
}

/// Returns the URI without a base path; none if the event's path is not part of a URI.
fn routed(request: &Request) -> Option<Uri> {
    let path = request.raw_http_path();
    let parameters = request.path_parameters_ref();
    let base = parameters
        .and_then(|parameters| base_path(path, parameters.first("proxy")?))
        .unwrap_or_default();
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

fn request_url(request: &Request) -> Option<RequestUrl> {
    let RequestContext::ApiGatewayV1(context) = request.request_context_ref()? else { return None };
    let destination = Destination {
        domain: context.domain_name.as_deref(),
        stage_path: context.path.as_deref(),
        api: context.apiid.as_deref(),
        stage: context.stage.as_deref(),
        headers: request.headers(),
        path: request.uri().path(),
    };
    Some(RequestUrl(destination.url().parse().ok()))
}

/// The parts of an event that say which URL the caller sent the request to.
struct Destination<'a> {
    domain: Option<&'a str>,
    stage_path: Option<&'a str>,
    api: Option<&'a str>,
    stage: Option<&'a str>,
    headers: &'a HeaderMap,
    path: &'a str,
}

impl Destination<'_> {
    /// API Gateway names its own domain or the custom one, and a path that includes the stage or
    /// the base path. Emulators that serve many APIs at one address name no domain, and have the
    /// API in the path.
    fn url(&self) -> String {
        let Self { domain, stage_path, api, stage, headers, path } = *self;
        if let Some(domain) = domain {
            return format!("https://{domain}{}", stage_path.unwrap_or(path));
        }
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        let (api, stage) = (api.unwrap_or_default(), stage.unwrap_or_default());
        if host.starts_with(api) {
            return format!("http://{host}{}", stage_path.unwrap_or(path));
        }
        format!("http://{host}/restapis/{api}/{stage}/_user_request_{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(event: &str) -> Request {
        received(lambda_http::request::from_str(event).unwrap())
    }

    #[test]
    fn every_domain_leads_to_the_same_route_and_keeps_its_own_url() {
        for (event, url) in [
            (
                include_str!("../../../tests/events/api.json"),
                "https://abc123.execute-api.us-east-1.amazonaws.com/live/health",
            ),
            (
                include_str!("../../../tests/events/api-custom-domain.json"),
                "https://api.example.com/health",
            ),
            (
                include_str!("../../../tests/events/api-base-path.json"),
                "https://api.example.com/import/health",
            ),
        ] {
            let request = request(event);
            assert_eq!(request.uri().path(), "/health");
            let RequestUrl(sent) = request.extensions().get::<RequestUrl>().unwrap();
            assert_eq!(sent.as_ref().unwrap().as_str(), url);
        }
    }

    #[test]
    fn a_query_stays() {
        let event = include_str!("../../../tests/events/api-base-path.json").replace(
            "\"multiValueQueryStringParameters\": null",
            "\"multiValueQueryStringParameters\": {\"count\": [\"2\"]}",
        );
        let uri = request(&event).uri().clone();
        assert_eq!(uri.path_and_query().unwrap(), "/health?count=2");
    }

    #[test]
    fn a_base_path_is_what_the_route_did_not_match() {
        assert_eq!(base_path("/import/v2/health", "health"), Some("/import/v2"));
        assert_eq!(base_path("/health", "health"), Some(""));
        // The router answers a path of another form than the parameter.
        assert_eq!(base_path("/import/a%20b", "a b"), None);
        assert_eq!(base_path("/importhealth", "health"), None);
    }

    #[test]
    fn emulators_that_name_no_domain_have_the_api_in_the_host_or_in_the_path() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "127.0.0.1:4566".parse().unwrap());
        let url = |headers: &HeaderMap| {
            let (stage_path, path) = (Some("/live/a/b"), "/a/b");
            Destination {
                domain: None,
                stage_path,
                api: Some("abc"),
                stage: Some("live"),
                headers,
                path,
            }
            .url()
        };
        assert_eq!(url(&headers), "http://127.0.0.1:4566/restapis/abc/live/_user_request_/a/b");
        headers.insert(HOST, "abc.execute-api.localhost:4566".parse().unwrap());
        assert_eq!(url(&headers), "http://abc.execute-api.localhost:4566/live/a/b");
    }
}
