//! Lists that are read page by page.
//!
//! A page ends after as many items as were asked for, or before the item with which it would hold more bytes than
//! an answer may. The next page begins with that item, so that every item is on exactly one page.

use std::io;
use std::str::FromStr;

use serde::Serialize;

use crate::api::ApiError;

/// How many items are on a page of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Items if the caller asks for no number.
    default: usize,
    /// The most that a caller can ask for.
    most: usize,
    /// What a caller is told who asks for another number.
    problem: &'static str,
}

impl Counts {
    /// Of a list that callers expect to read page by page.
    pub const PAGED: Self = Self { default: 100, most: 500, problem: "count must be a number from 1 to 500" };

    /// Of a list that callers expect to read in one go, as clients of the public API do that know no pages of it:
    /// it has a second page only if the first would be too large. 20,000 documents is the most that a patient can
    /// have (`GatewayDocuments`).
    pub const WHOLE: Self =
        Self { default: 20_000, most: 20_000, problem: "count must be a number from 1 to 20000" };
}

/// Which page is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageRequest<P> {
    /// Items on it at most.
    pub count: usize,
    /// Where it begins; none for the first page.
    pub from: Option<P>,
}

impl<P: FromStr> PageRequest<P> {
    /// Reads the query parameters `count` and `fromItem`.
    pub fn parse(counts: Counts, count: Option<&str>, from_item: Option<&str>) -> Result<Self, ApiError> {
        const FROM_ITEM: ApiError = ApiError::BadRequest("fromItem must be taken from meta.nextPage");
        let given =
            |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let count = match given(count) {
            None => counts.default,
            Some(count) => count
                .parse()
                .ok()
                .filter(|count| (1..=counts.most).contains(count))
                .ok_or(ApiError::BadRequest(counts.problem))?,
        };
        let from = given(from_item).map(|from| from.parse().map_err(|_| FROM_ITEM)).transpose()?;
        Ok(Self { count, from })
    }
}

/// A page.
#[derive(Clone, PartialEq, Debug)]
pub struct Page<T, P> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next page begins, if there is one.
    pub next: Option<P>,
}

impl<T: Serialize, P> Page<T, P> {
    /// The page that these items begin with, which are in the order of the list. `place` is where a page begins
    /// that has the item as its first.
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
/// Lambda refuses to return more than 6 MB (AWS Lambda Developer Guide, "Lambda quotas": invocation payload), of
/// what the function hands over to API Gateway: headers, and the body as a string in JSON. The largest single item,
/// which is on a page whatever its size, fits as well: it comes from one item of a table, which is 400 KB at most.
pub const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// A page that is being filled with the items of a list, in their order.
#[derive(Debug)]
pub struct PageBuilder<T> {
    items: Vec<T>,
    count: usize,
    bytes_left: usize,
}

impl<T: Serialize> PageBuilder<T> {
    /// A page of so many items at most.
    pub fn new(count: usize) -> Self {
        Self::with_bytes(count, PAGE_BYTES)
    }

    fn with_bytes(count: usize, bytes: usize) -> Self {
        Self { items: Vec::new(), count, bytes_left: bytes }
    }

    /// Adds the next item of the list. Returns whether the page has room for it; it always has for the first one.
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

    /// The page, with the place where the next one begins.
    pub fn before<P>(self, next: Option<P>) -> Page<T, P> {
        Page { items: self.items, next }
    }
}

/// Returns the bytes that an item of a list adds to an answer as Lambda counts it: its JSON within a string of JSON,
/// in which every quote and backslash is escaped, and a comma.
pub fn answer_bytes(item: &impl Serialize) -> usize {
    let mut counted = EscapedBytes(1);
    match serde_json::to_writer(&mut counted, item) {
        Ok(()) => counted.0,
        // Counting does not fail; an item that cannot be written cannot be answered either, wherever it is.
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

    #[test]
    fn a_page_has_a_hundred_items_unless_another_number_up_to_500_is_asked_for() {
        let parse = |count: Option<&str>| PageRequest::<u32>::parse(Counts::PAGED, count, None);
        let count = |text: &str| parse(Some(text)).map(|page| page.count).ok();
        assert_eq!(parse(None).unwrap(), PageRequest { count: 100, from: None });
        assert_eq!((count(""), count("1"), count(" 500 ")), (Some(100), Some(1), Some(500)));
        for text in ["0", "501", "-1", "1.5", "x"] {
            assert_eq!(count(text), None, "{text}");
        }
        assert!(PageRequest::<u32>::parse(Counts::PAGED, None, Some("x")).is_err());
    }

    #[test]
    fn a_list_that_is_read_in_one_go_has_all_items_unless_fewer_are_asked_for() {
        let parse = |count| PageRequest::<u32>::parse(Counts::WHOLE, count, None);
        assert_eq!(parse(None).unwrap().count, 20_000);
        assert_eq!(parse(Some("7")).unwrap().count, 7);
        let refused = parse(Some("20001")).unwrap_err().to_string();
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
