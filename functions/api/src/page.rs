//! Pages of lists: the query parameters that ask for one, and where it ends.
//!
//! A page ends after as many items as the caller asked for, or before the item with which it would
//! hold more bytes than an answer may. The next page begins with that item, so that every item is
//! on exactly one page. A page that is asked for by its last item is filled from there back, so
//! that the page before it ends with the item that did not fit.

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
#[expect(clippy::struct_field_names, reason = "the names are those of the public API")]
pub struct Meta {
    /// Number of items on this page.
    pub items_on_page: usize,
    /// URL of the next page, ready to be fetched. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri")]
    pub next_page: Option<String>,
    /// URL of the previous page, ready to be fetched. Absent on the first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri")]
    pub prev_page: Option<String>,
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

/// A place in a list, which the query parameters `fromItem` and `toItem` name.
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

/// The page that a caller asks for, by the query parameters `count`, `fromItem` and `toItem`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageRequest<P> {
    /// The largest number of items on the page.
    pub count: usize,
    /// Which page it is.
    pub edge: Edge<P>,
}

/// Where a page begins or ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edge<P> {
    /// The page is the first one.
    First,
    /// The page begins with the item at this place.
    From(P),
    /// The page ends with the item at this place.
    To(P),
}

impl<P: Copy> Edge<P> {
    /// Returns the place that the edge names.
    pub const fn place(&self) -> Option<P> {
        match self {
            Self::First => None,
            Self::From(place) | Self::To(place) => Some(*place),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageQuery {
    count: Option<String>,
    from_item: Option<String>,
    to_item: Option<String>,
}

impl<P> PageRequest<P> {
    /// Returns the request of the first page.
    pub fn first(count: usize) -> Self {
        Self { count, edge: Edge::First }
    }

    /// Returns the request of the page that begins with the item at this place.
    pub fn from(place: P, count: usize) -> Self {
        Self { count, edge: Edge::From(place) }
    }

    /// Returns the request of the page that ends with the item at this place.
    pub fn to(place: P, count: usize) -> Self {
        Self { count, edge: Edge::To(place) }
    }
}

impl<P: Place> PageRequest<P> {
    fn parse(query: &PageQuery) -> Result<Self, ApiError> {
        const FROM_ITEM: ApiError =
            ApiError::BadRequest("fromItem must be taken from meta.nextPage");
        const TO_ITEM: ApiError = ApiError::BadRequest("toItem must be taken from meta.prevPage");
        const BOTH: ApiError = ApiError::BadRequest("fromItem and toItem cannot be given together");
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
        let edge = match (given(&query.from_item), given(&query.to_item)) {
            (None, None) => Edge::First,
            (Some(from), None) => Edge::From(from.parse().map_err(|_| FROM_ITEM)?),
            (None, Some(to)) => Edge::To(to.parse().map_err(|_| TO_ITEM)?),
            (Some(_), Some(_)) => return Err(BOTH),
        };
        Ok(Self { count, edge })
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
        let place = || ObjectBuilder::new().schema_type(Type::String).pattern(Some(P::PATTERN));
        let parameter = |name: &str, about: &str, schema: ObjectBuilder| {
            let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Query);
            parameter.description(Some(about)).schema(Some(schema)).build()
        };
        vec![
            parameter("count", &about_count, count),
            parameter(
                "fromItem",
                "First item of the page. Follow `meta.nextPage`, which contains it. Default: the first page.",
                place(),
            ),
            parameter(
                "toItem",
                "Last item of the page, instead of `fromItem`. Follow `meta.prevPage`, which contains it.",
                place(),
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
    /// Where the previous page ends; none on the first page.
    pub previous: Option<P>,
}

impl<T, P> Page<T, P> {
    /// Returns the page of a list without items.
    pub const fn empty() -> Self {
        Self { items: Vec::new(), next: None, previous: None }
    }
}

impl<T: Serialize, P: Copy + Ord> Page<T, P> {
    /// Returns a page of these items, which are in the order of the list. `place` is the place of
    /// an item.
    pub fn of(request: PageRequest<P>, items: Vec<T>, place: impl Fn(&T) -> P) -> Self {
        let places: Vec<P> = items.iter().map(place).collect();
        let edge = request.edge;
        // The page goes on from here, and the items on the other side are not on it.
        let start = match edge {
            Edge::First => 0,
            Edge::From(from) => places.partition_point(|place| *place < from),
            Edge::To(to) => places.partition_point(|place| *place <= to),
        };
        let before = start.checked_sub(1).map(|index| places[index]);
        let (mut page, mut items) = (PageBuilder::new(request.count), items);
        let after = items.split_off(start);
        match edge {
            Edge::First | Edge::From(_) => {
                let more = after
                    .into_iter()
                    .zip(&places[start..])
                    .find_map(|(item, place)| (!page.add(item)).then_some(*place));
                page.finish(&edge, more, before)
            }
            Edge::To(_) => {
                let more = items
                    .into_iter()
                    .zip(&places)
                    .rev()
                    .find_map(|(item, place)| (!page.add(item)).then_some(*place));
                page.finish(&edge, more, places.get(start).copied())
            }
        }
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

    /// Returns the page that was filled from an edge on: back, if the edge is its last item.
    /// `more` is the place of the item that did not fit, and `opposite` the one on the other side
    /// of the edge.
    pub fn finish<P>(mut self, edge: &Edge<P>, more: Option<P>, opposite: Option<P>) -> Page<T, P> {
        match edge {
            Edge::First | Edge::From(_) => {
                Page { items: self.items, next: more, previous: opposite }
            }
            Edge::To(_) => {
                self.items.reverse();
                Page { items: self.items, next: opposite, previous: more }
            }
        }
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
mod tests;
