//! The URL of a request, as the caller sent it: the link to the next page of a list is made from
//! it.

use std::fmt::Display;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use url::Url;

use crate::error::ApiError;
use crate::page::Meta;

/// The URL of the request, without its query. The server sets it as an extension of the request,
/// because the router sees neither the host nor a base path. None if it is not a URL, for example
/// because of an unusual `Host` header: such an answer has no link to a next page.
#[derive(Clone, Debug)]
pub struct RequestUrl(pub Option<Url>);

impl<S: Send + Sync> FromRequestParts<S> for RequestUrl {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or(ApiError::Bug("the request has no URL"))
    }
}

impl RequestUrl {
    /// Returns the `meta` of a page. Its link has the `filters` of the request and begins at
    /// `next`.
    pub fn meta<P: Display>(
        &self,
        items_on_page: usize,
        next: Option<P>,
        count: usize,
        filters: &[(&str, Option<String>)],
    ) -> Meta {
        let next_page = self.0.clone().zip(next).map(|(mut url, next)| {
            let mut query = url.query_pairs_mut();
            query.clear().append_pair("count", &count.to_string());
            for (name, value) in filters {
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

    #[test]
    fn the_next_page_keeps_the_filters() {
        let url = RequestUrl(Some("https://x.example/live/list".parse().unwrap()));
        let meta =
            url.meta(2, Some("p.1"), 2, &[("facilityId", Some("f".into())), ("other", None)]);
        assert_eq!(
            meta.next_page.as_deref(),
            Some("https://x.example/live/list?count=2&facilityId=f&fromItem=p.1")
        );
        assert_eq!(url.meta(2, None::<&str>, 2, &[]).next_page, None);
    }
}
