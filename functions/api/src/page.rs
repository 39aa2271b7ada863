//! Pages of lists: the query parameters that ask for one, and where it ends.
//!
//! A page ends after as many items as the caller asked for, or before the item with which it would
//! hold more bytes than an answer may. The next page begins with that item, so that every item is
//! on exactly one page.

use std::fmt::Display;
use std::io;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use bulk_domain::ids::{CohortId, FacilityId, JobId};
use bulk_domain::roster::RosterPlace;
use serde::{Deserialize, Serialize};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};

use crate::error::ApiError;
use crate::request::Parameters;

/// The `meta` of a page.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// Number of items on this page.
    pub items_on_page: usize,
    /// URL of the next page, ready to be fetched. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri")]
    pub next_page: Option<String>,
}

/// How many items are on a page of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Items on a page unless the caller asks for another number.
    default: usize,
    /// The largest number that a caller can ask for.
    limit: usize,
    /// The error for another number.
    problem: &'static str,
}

impl Counts {
    /// Of a list that callers expect to read page by page.
    pub const PAGED: Self =
        Self { default: 100, limit: 500, problem: "count must be a number from 1 to 500" };

    /// Of a list that callers expect to read in one go, because clients of the public API know no
    /// pages of it. It has a second page only if the first would be too large. 20,000 is the
    /// largest number of documents that a patient can have (`GatewayDocuments`).
    pub const WHOLE: Self =
        Self { default: 20_000, limit: 20_000, problem: "count must be a number from 1 to 20000" };
}

/// A place in a list, which the query parameter `fromItem` names.
pub trait Place: FromStr + Display {
    /// The numbers of items on a page of the list.
    const COUNTS: Counts;
    /// The texts that name a place, as a regular expression.
    const PATTERN: &'static str;
}

/// The pattern of a place that is an id, or blank.
const ID: &str = "^(|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})$";

/// The pattern of a place that is an id and two numbers, or blank.
pub const ID_AND_NUMBERS: &str = "^(|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\
    [.][0-9]{1,9}[.][0-9]{1,9})$";

impl Place for JobId {
    const COUNTS: Counts = Counts::PAGED;
    const PATTERN: &'static str = ID;
}

impl Place for RosterPlace {
    const COUNTS: Counts = Counts::PAGED;
    const PATTERN: &'static str = ID_AND_NUMBERS;
}

impl Place for FacilityId {
    const COUNTS: Counts = Counts::WHOLE;
    const PATTERN: &'static str = ID;
}

impl Place for CohortId {
    const COUNTS: Counts = Counts::WHOLE;
    const PATTERN: &'static str = ID;
}

/// The page that a caller asks for, by the query parameters `count` and `fromItem`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageRequest<P> {
    /// The largest number of items on the page.
    pub count: usize,
    /// Where the page begins; none for the first page.
    pub from: Option<P>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageQuery {
    count: Option<String>,
    from_item: Option<String>,
}

impl<P: Place> PageRequest<P> {
    fn parse(query: &PageQuery) -> Result<Self, ApiError> {
        const FROM_ITEM: ApiError =
            ApiError::BadRequest("fromItem must be taken from meta.nextPage");
        let given = |text: &Option<String>| {
            text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let Counts { default, limit, problem } = P::COUNTS;
        let count = match given(&query.count) {
            None => default,
            Some(count) => count
                .parse()
                .ok()
                .filter(|count| (1..=limit).contains(count))
                .ok_or(ApiError::BadRequest(problem))?,
        };
        let from =
            given(&query.from_item).map(|from| from.parse().map_err(|_| FROM_ITEM)).transpose()?;
        Ok(Self { count, from })
    }
}

impl<S: Send + Sync, P: Place> FromRequestParts<S> for PageRequest<P> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Parameters(query) = Parameters::from_request_parts(parts, state).await?;
        Self::parse(&query)
    }
}

impl<P: Place> IntoParams for PageRequest<P> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let Counts { default, limit, .. } = P::COUNTS;
        let about_count = if default == limit {
            format!("Page size. Default: all items that fit into an answer. Limit {limit}.")
        } else {
            format!("Page size. Default {default}, limit {limit}.")
        };
        let count = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(limit))
            .default(Some(default.into()));
        let from_item = ObjectBuilder::new().schema_type(Type::String).pattern(Some(P::PATTERN));
        let parameter = |name: &str, about: &str, schema: ObjectBuilder| {
            let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Query);
            parameter.description(Some(about)).schema(Some(schema)).build()
        };
        vec![
            parameter("count", &about_count, count),
            parameter(
                "fromItem",
                "First item of the page. Follow `meta.nextPage`, which contains it. Default: the first page.",
                from_item,
            ),
        ]
    }
}

/// A page of a list.
#[derive(Clone, PartialEq, Debug)]
pub struct Page<T, P> {
    /// The items on the page.
    pub items: Vec<T>,
    /// Where the next page begins; none on the last page.
    pub next: Option<P>,
}

impl<T: Serialize, P> Page<T, P> {
    /// Returns the page that begins with the first of these items, which are in the order of the
    /// list. `place` is the place of an item.
    pub fn of(count: usize, items: impl IntoIterator<Item = T>, place: impl Fn(&T) -> P) -> Self {
        let mut page = PageBuilder::new(count);
        for item in items {
            let next = place(&item);
            if !page.add(item) {
                return page.before(Some(next));
            }
        }
        page.before(None)
    }
}

/// Bytes of a page's items, as [`answer_bytes`] counts them.
///
/// Lambda refuses to return more than 6 MB (AWS Lambda Developer Guide, "Lambda quotas": invocation
/// payload), of the function's result for API Gateway: headers, and the body as a string in JSON. A
/// single item, which is on a page even if it is larger, fits as well, because it comes from one
/// item of a table, which is at most 400 KB.
pub const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// A page that is being filled with the items of a list, in their order.
#[derive(Debug)]
pub struct PageBuilder<T> {
    items: Vec<T>,
    count: usize,
    bytes_left: usize,
}

impl<T: Serialize> PageBuilder<T> {
    /// Returns an empty page for at most `count` items.
    pub fn new(count: usize) -> Self {
        Self::with_bytes(count, PAGE_BYTES)
    }

    fn with_bytes(count: usize, bytes: usize) -> Self {
        Self { items: Vec::new(), count, bytes_left: bytes }
    }

    /// Adds the next item of the list. Returns whether the page has room for it; it always has for
    /// the first item.
    #[must_use]
    pub fn add(&mut self, item: T) -> bool {
        if self.items.len() == self.count {
            return false;
        }
        let left = self.bytes_left.checked_sub(answer_bytes(&item));
        if left.is_none() && !self.items.is_empty() {
            return false;
        }
        self.bytes_left = left.unwrap_or(0);
        self.items.push(item);
        true
    }

    /// Returns the page; `next` is where the next page begins.
    pub fn before<P>(self, next: Option<P>) -> Page<T, P> {
        Page { items: self.items, next }
    }
}

/// Returns the bytes that an item of a list adds to an answer as Lambda counts it: its JSON within
/// a string of JSON, in which every quote and backslash is escaped, and a comma.
pub fn answer_bytes(item: &impl Serialize) -> usize {
    let mut counted = EscapedBytes(1);
    match serde_json::to_writer(&mut counted, item) {
        Ok(()) => counted.0,
        // Counting does not fail, and an item that does not serialize cannot be answered on any
        // page.
        Err(_) => usize::MAX,
    }
}

struct EscapedBytes(usize);

impl io::Write for EscapedBytes {
    fn write(&mut self, json: &[u8]) -> io::Result<usize> {
        self.0 += json.len() + json.iter().filter(|byte| matches!(byte, b'"' | b'\\')).count();
        Ok(json.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse<P: Place>(
        count: Option<&str>,
        from_item: Option<&str>,
    ) -> Result<PageRequest<P>, ApiError> {
        let query =
            PageQuery { count: count.map(str::to_owned), from_item: from_item.map(str::to_owned) };
        PageRequest::parse(&query)
    }

    #[test]
    fn a_page_has_a_hundred_items_unless_another_number_up_to_500_is_asked_for() {
        let count = |text: &str| parse::<JobId>(Some(text), None).map(|page| page.count).ok();
        assert_eq!(parse::<JobId>(None, None).unwrap(), PageRequest { count: 100, from: None });
        assert_eq!((count(""), count("1"), count(" 500 ")), (Some(100), Some(1), Some(500)));
        for text in ["0", "501", "-1", "1.5", "x"] {
            assert_eq!(count(text), None, "{text}");
        }
        assert!(parse::<JobId>(None, Some("x")).is_err());
    }

    #[test]
    fn a_list_that_is_read_in_one_go_has_all_items_unless_fewer_are_asked_for() {
        assert_eq!(parse::<CohortId>(None, None).unwrap().count, 20_000);
        assert_eq!(parse::<CohortId>(Some("7"), None).unwrap().count, 7);
        let refused = parse::<CohortId>(Some("20001"), None).unwrap_err().to_string();
        assert_eq!(refused, "count must be a number from 1 to 20000");
    }

    #[test]
    fn bytes_are_counted_as_of_a_string_of_json_in_json() {
        for item in ["", "plain", "Zoë \"李\" C:\\ \u{7}\n", "\\\"\\\""] {
            let body = serde_json::to_string(&[item, item]).unwrap();
            let without_quotes = serde_json::to_string(&body).unwrap().len() - 2;
            assert_eq!(2 * answer_bytes(&item), without_quotes - "[]".len() + 1, "{item}");
        }
    }

    #[test]
    fn a_page_ends_before_the_item_that_does_not_fit_and_the_next_begins_with_it() {
        let fill = |count, bytes, items: &[&'static str]| {
            let mut page = PageBuilder::with_bytes(count, bytes);
            let rest = items.iter().position(|item| !page.add(*item));
            (page.before::<usize>(None).items.len(), rest)
        };
        // "ab" is 2 bytes, its escaped quotes are 4 and the comma is 1.
        assert_eq!(fill(9, 14, &["ab", "cd", "ef"]), (2, Some(2)), "by bytes");
        assert_eq!(fill(2, 99, &["ab", "cd", "ef"]), (2, Some(2)), "by count");
        assert_eq!(fill(9, 99, &["ab", "cd", "ef"]), (3, None), "all of them");
        assert_eq!(fill(9, 6, &["ab", "cd"]), (1, Some(1)), "one that does not fit is alone");
        assert_eq!(fill(9, 6, &["", "ab", ""]), (1, Some(1)), "none is skipped for a smaller one");
    }

    #[test]
    fn every_item_of_a_list_is_on_one_page() {
        let list: Vec<String> = (0..200_u32).map(|number| format!("{number:0>60000}")).collect();
        let place = |item: &String| item.trim_start_matches('0').parse::<usize>().unwrap_or(0);
        let (mut from, mut seen) = (Some(0), Vec::new());
        while let Some(first) = from {
            let page = Page::of(500, list[first..].iter().cloned(), place);
            assert!(page.items.iter().map(answer_bytes).sum::<usize>() <= PAGE_BYTES);
            seen.extend(page.items);
            from = page.next;
        }
        assert_eq!(seen, list);
    }
}
