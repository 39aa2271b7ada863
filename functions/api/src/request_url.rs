//! The URL of a request, as the caller sent it: the links to other pages of a list are
//! made from it.

use std::fmt::Display;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use url::Url;

use crate::error::ApiError;
use crate::page::{Meta, Page};

/// The URL of the request, without its query. The server sets it as an extension of the request,
/// because the router sees neither the host nor a base path. None if it is not a URL, for example
/// because of an unusual `Host` header: such an answer has no link to another page.
#[derive(Clone, Debug)]
pub struct RequestUrl(pub Option<Url>);

impl<S: Send + Sync> FromRequestParts<S> for RequestUrl {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or(ApiError::Bug("the request has no URL"))
    }
}

impl RequestUrl {
    /// Returns the `meta` of a page with up to `count` items. Its links have the `filters` of the
    /// request.
    pub fn meta<T, P: Display>(
        &self,
        page: &Page<T, P>,
        count: usize,
        filters: &[(&str, Option<String>)],
    ) -> Meta {
        let link = |name: &str, place: &Option<P>| {
            let (mut url, place) = self.0.clone().zip(place.as_ref())?;
            let mut query = url.query_pairs_mut();
            query.clear().append_pair("count", &count.to_string());
            for (name, value) in filters {
                if let Some(value) = value {
                    query.append_pair(name, value);
                }
            }
            query.append_pair(name, &place.to_string());
            drop(query);
            Some(url.into())
        };
        Meta {
            items_on_page: page.items.len(),
            next_page: link("fromItem", &page.next),
            prev_page: link("toItem", &page.previous),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_links_keep_the_filters() {
        let url = RequestUrl(Some("https://x.example/live/list".parse().unwrap()));
        let page = Page { items: vec![1, 2], next: Some("p.3"), previous: Some("p.0") };
        let meta = url.meta(&page, 2, &[("facilityId", Some("f".into())), ("other", None)]);
        assert_eq!(
            meta.next_page.as_deref(),
            Some("https://x.example/live/list?count=2&facilityId=f&fromItem=p.3")
        );
        assert_eq!(
            meta.prev_page.as_deref(),
            Some("https://x.example/live/list?count=2&facilityId=f&toItem=p.0")
        );
        let only: Page<u8, &str> = Page::empty();
        let meta = url.meta(&only, 2, &[]);
        assert_eq!((meta.items_on_page, meta.next_page, meta.prev_page), (0, None, None));
    }
}
