//! Lists that are read page by page.

use std::str::FromStr;

use crate::api::ApiError;

/// Items on a page where nobody says how many.
const DEFAULT_COUNT: usize = 100;

/// The most items on a page.
const MAX_COUNT: usize = 500;

/// Which page is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageRequest<P> {
    /// Items on it at most, from 1 to 500.
    pub count: usize,
    /// Where it begins; none for the first page.
    pub from: Option<P>,
}

impl<P: FromStr> PageRequest<P> {
    /// Reads the query parameters `count` and `fromItem`.
    pub fn parse(count: Option<&str>, from_item: Option<&str>) -> Result<Self, ApiError> {
        const COUNT: ApiError = ApiError::BadRequest("count must be a number from 1 to 500");
        const FROM_ITEM: ApiError = ApiError::BadRequest("fromItem must be taken from meta.nextPage");
        let given =
            |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let count = match given(count) {
            None => DEFAULT_COUNT,
            Some(count) => count.parse().ok().filter(|count| (1..=MAX_COUNT).contains(count)).ok_or(COUNT)?,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_hundred_items_unless_another_number_up_to_500_is_asked_for() {
        let count = |text: &str| PageRequest::<u32>::parse(Some(text), None).map(|page| page.count).ok();
        assert_eq!(PageRequest::<u32>::parse(None, None).unwrap(), PageRequest { count: 100, from: None });
        assert_eq!((count(""), count("1"), count(" 500 ")), (Some(100), Some(1), Some(500)));
        for text in ["0", "501", "-1", "1.5", "x"] {
            assert_eq!(count(text), None, "{text}");
        }
        assert!(PageRequest::<u32>::parse(None, Some("x")).is_err());
    }
}
