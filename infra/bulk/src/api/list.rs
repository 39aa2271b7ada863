//! Lists of the API, which are read page by page.

use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::api::client::{Call, pairs};
use crate::api::{ApiError, Client};

/// A page of a list.
#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    meta: Meta,
    /// The items, under the name of the list.
    #[serde(flatten)]
    items: Map<String, Value>,
}

/// The part of a page that links to the next one.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    next_page: Option<String>,
}

impl Meta {
    /// Returns the query string of the next page. The rest of the link is ignored, because the key
    /// is sent to the configured address only.
    fn next_query(&self) -> Option<Vec<(String, String)>> {
        let (_, query) = self.next_page.as_deref()?.split_once('?')?;
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        Some(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }
}

/// A list of the API.
#[derive(Clone, Copy, Debug)]
pub struct List {
    pub path: &'static str,
    /// The name under which a page has its items.
    pub name: &'static str,
}

impl Client {
    /// Reads a list page by page, and calls `visit` with each item, up to `limit` of them. An error
    /// of `visit` ends the reading.
    pub async fn each<T: DeserializeOwned>(
        &self,
        list: List,
        query: &[(&str, String)],
        limit: usize,
        mut visit: impl FnMut(T) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let (mut query, mut left) = (pairs(query), limit);
        while left > 0 {
            let call = Call { query: query.clone(), ..Call::default() };
            let mut page: Page = self.repeated(Method::GET, list.path, call).await?;
            let items = page.items.remove(list.name).ok_or(ApiError::Unintelligible)?;
            let items: Vec<T> =
                serde_json::from_value(items).map_err(|_| ApiError::Unintelligible)?;
            for item in items.into_iter().take(left) {
                visit(item)?;
                left -= 1;
            }
            match page.meta.next_query() {
                // An empty page may have a next one, but a page that links to itself would be read
                // for ever.
                Some(next) if next != query => query = next,
                _ => break,
            }
        }
        Ok(())
    }

    /// Returns all items of a list.
    pub async fn get_all<T: DeserializeOwned>(
        &self,
        list: List,
        query: &[(&str, String)],
    ) -> anyhow::Result<Vec<T>> {
        let mut items = Vec::new();
        self.each(list, query, usize::MAX, |item| {
            items.push(item);
            Ok(())
        })
        .await?;
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_link_to_the_next_page_only_the_query_is_used() {
        let meta =
            Meta { next_page: Some("https://elsewhere.example/x?count=2&fromItem=a%2Fb".into()) };
        assert_eq!(
            meta.next_query(),
            Some(vec![("count".into(), "2".into()), ("fromItem".into(), "a/b".into())])
        );
        assert_eq!(Meta::default().next_query(), None);
    }
}
