//! Pages of lists: the query that asks for one, and the link to the next.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::http::request::Parts;
use lambda_http::request::RequestContext;
use pipeline::api::ApiError;
use pipeline::api::page::{Counts, PageRequest};
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use crate::error::Problem;

/// The query of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageQuery {
    pub count: Option<String>,
    pub from_item: Option<String>,
}

impl PageQuery {
    /// The page that is asked for.
    pub fn parse<P: FromStr>(&self, counts: Counts) -> Result<PageRequest<P>, ApiError> {
        PageRequest::parse(counts, self.count.as_deref(), self.from_item.as_deref())
    }
}

/// What comes with the items of a page.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    pub items_on_page: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// The next page: a URL that can be fetched as it is. Absent on the last page.
    #[schema(format = "uri")]
    pub next_page: Option<String>,
}

/// The address that the caller asked, without its query.
#[derive(Debug)]
pub struct Here(Option<Url>);

impl<S: Send + Sync> FromRequestParts<S> for Here {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let RequestContext::ApiGatewayV1(context) =
            parts.extensions.get::<RequestContext>().ok_or_else(unknown_place)?
        else {
            return Err(unknown_place());
        };
        let address = address(&Asked {
            domain: context.domain_name.as_deref(),
            stage_path: context.path.as_deref(),
            api: context.apiid.as_deref(),
            stage: context.stage.as_deref(),
            headers: &parts.headers,
            path: parts.uri.path(),
        });
        Ok(Self(address.parse().ok()))
    }
}

fn unknown_place() -> Problem {
    tracing::error!("A request came from elsewhere than API Gateway");
    Problem::internal()
}

/// What API Gateway says about where a request went.
struct Asked<'a> {
    domain: Option<&'a str>,
    stage_path: Option<&'a str>,
    api: Option<&'a str>,
    stage: Option<&'a str>,
    headers: &'a HeaderMap,
    path: &'a str,
}

/// API Gateway names its own domain or the custom one, and the path with the stage or the base path in it.
/// Stand-ins that serve many APIs at one address name no domain, and have the API in the path.
fn address(asked: &Asked<'_>) -> String {
    let Asked { domain, stage_path, api, stage, headers, path } = *asked;
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

impl Here {
    /// The link to the page that begins at `next`, with everything else as it was asked for.
    pub fn meta<P: Display>(
        &self,
        items_on_page: usize,
        next: Option<P>,
        count: usize,
        others: &[(&str, Option<String>)],
    ) -> Meta {
        let next_page = self.0.clone().zip(next).map(|(mut url, next)| {
            let mut query = url.query_pairs_mut();
            query.clear().append_pair("count", &count.to_string());
            for (name, value) in others {
                if let Some(value) = value {
                    query.append_pair(name, value);
                }
            }
            query.append_pair("fromItem", &next.to_string());
            drop(query);
            url.into()
        });
        Meta { items_on_page, next_page }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base_path::without_base_path;

    fn asked<'a>(domain: Option<&'a str>, headers: &'a HeaderMap) -> Asked<'a> {
        Asked {
            domain,
            stage_path: Some("/live/a/b"),
            api: Some("abc"),
            stage: Some("live"),
            headers,
            path: "/a/b",
        }
    }

    #[test]
    fn the_address_is_the_one_that_was_asked() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "127.0.0.1:4566".parse().unwrap());
        let local = address(&asked(None, &headers));
        assert_eq!(local, "http://127.0.0.1:4566/restapis/abc/live/_user_request_/a/b");
        let aws = address(&asked(Some("abc.execute-api.us-east-1.amazonaws.com"), &headers));
        assert_eq!(aws, "https://abc.execute-api.us-east-1.amazonaws.com/live/a/b");
        headers.insert(HOST, "abc.execute-api.localhost:4566".parse().unwrap());
        assert_eq!(address(&asked(None, &headers)), "http://abc.execute-api.localhost:4566/live/a/b");
    }

    #[tokio::test]
    async fn the_next_page_is_on_the_domain_and_below_the_base_path_that_was_asked() {
        for (event, next_page) in [
            (
                include_str!("../../../tests/events/api.json"),
                "https://abc123.execute-api.us-east-1.amazonaws.com/live/health?count=2&fromItem=p.1",
            ),
            (
                include_str!("../../../tests/events/api-custom-domain.json"),
                "https://api.example.com/health?count=2&fromItem=p.1",
            ),
            (
                include_str!("../../../tests/events/api-base-path.json"),
                "https://api.example.com/import/health?count=2&fromItem=p.1",
            ),
        ] {
            let request = without_base_path(lambda_http::request::from_str(event).unwrap());
            let here = Here::from_request_parts(&mut request.into_parts().0, &()).await.unwrap();
            assert_eq!(here.meta(2, Some("p.1"), 2, &[]).next_page.as_deref(), Some(next_page));
        }
    }

    #[test]
    fn the_next_page_keeps_what_was_asked_for() {
        let here = Here(Some("https://x.example/live/list".parse().unwrap()));
        let meta = here.meta(2, Some("p.1"), 2, &[("facilityId", Some("f".into())), ("other", None)]);
        assert_eq!(
            meta.next_page.as_deref(),
            Some("https://x.example/live/list?count=2&facilityId=f&fromItem=p.1")
        );
        assert_eq!(here.meta(2, None::<&str>, 2, &[]).next_page, None);
    }
}
