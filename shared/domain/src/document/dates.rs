//! The dates of documents, and the filter of a list by them.
//!
//! An exchange may know of a document's date the year only, so that a date here is the days that it
//! covers, in UTC.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::document::DocumentRecord;

/// The days that a date covers: the first and the last one.
type Days = (Date, Date);

/// Returns the days of FHIR's `dateTime`: a year, a month, a day, or a time with its offset.
pub(super) fn days_of(text: &str) -> Option<Days> {
    let day = |text: &str| text.parse::<Date>().ok();
    let is_date = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let (first, last) = match text.len() {
        4 if is_date => {
            let first = day(&format!("{text}-01-01"))?;
            (first, first.last_of_year())
        }
        7 if is_date => {
            let first = day(&format!("{text}-01"))?;
            (first, first.last_of_month())
        }
        10 if is_date => (day(text)?, day(text)?),
        17.. => {
            let time: jiff::Timestamp = text.parse().ok()?;
            let day = TimeZone::UTC.to_datetime(time).date();
            (day, day)
        }
        _ => return None,
    };
    // FHIR has no year 0.
    (first.year() > 0).then_some((first, last))
}

/// A filter of documents by their dates, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DateFilter {
    from: Option<Date>,
    to: Option<Date>,
}

/// Why a filter is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadDateFilter {
    /// The first date is none.
    #[error("dateFrom must be a date (YYYY-MM-DD)")]
    From,
    /// The last date is none.
    #[error("dateTo must be a date (YYYY-MM-DD)")]
    To,
    /// No document could pass the filter.
    #[error("dateFrom is after dateTo")]
    Reversed,
}

impl DateFilter {
    /// Parses the first and the last date, each of which may be blank.
    ///
    /// # Errors
    ///
    /// The first rule that they break.
    pub fn parse(from: Option<&str>, to: Option<&str>) -> Result<Self, BadDateFilter> {
        let days = |text: Option<&str>, problem| {
            let text = text.map(str::trim).filter(|text| !text.is_empty());
            text.map(|text| days_of(text).ok_or(problem)).transpose()
        };
        let from = days(from, BadDateFilter::From)?.map(|(first, _)| first);
        let to = days(to, BadDateFilter::To)?.map(|(_, last)| last);
        match (from, to) {
            (Some(from), Some(to)) if from > to => Err(BadDateFilter::Reversed),
            _ => Ok(Self { from, to }),
        }
    }

    /// Returns whether a document passes: it was created, or else registered, on one of the days. A
    /// document without a date passes only where there is no filter.
    pub fn includes(&self, record: &DocumentRecord) -> bool {
        if *self == Self::default() {
            return true;
        }
        let created = record.date.as_deref().and_then(days_of);
        let registered = || days_of(&record.document.indexed?.to_string());
        created.or_else(registered).is_some_and(|(first, last)| {
            self.from.is_none_or(|from| from <= last) && self.to.is_none_or(|to| first <= to)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn passes(filter: (&str, &str), date: Option<&str>, indexed: Option<&str>) -> bool {
        let mut record = json!({"id": "1", "fileName": "a"});
        for (name, value) in [("date", date), ("indexed", indexed)] {
            if let Some(value) = value {
                record[name] = value.into();
            }
        }
        let record: DocumentRecord = serde_json::from_str(&record.to_string()).unwrap();
        DateFilter::parse(Some(filter.0), Some(filter.1)).unwrap().includes(&record)
    }

    #[test]
    fn a_document_passes_by_the_days_that_its_date_covers() {
        let march = ("2024-03-01", "2024-03-31");
        for (date, is_in) in [
            ("2024-03-01", true),
            ("2024-03-31", true),
            ("2024-04-01", false),
            ("2024-02-29", false),
            ("2024-03", true),
            ("2024", true),
            ("2023", false),
            ("2024-03-31T23:30:00-05:00", false),
            ("2024-02-29T23:30:00-05:00", true),
        ] {
            assert_eq!(passes(march, Some(date), None), is_in, "{date}");
        }
    }

    #[test]
    fn a_document_of_no_date_passes_by_its_registration_or_without_a_filter() {
        let indexed = Some("2024-03-05T10:00:00.000Z");
        assert!(passes(("2024-03-05", ""), None, indexed));
        assert!(!passes(("2024-03-06", ""), None, indexed));
        assert!(passes(("", "2024-03-05T00:00:00Z"), Some("no date"), indexed));
        assert!(!passes(("", "2024"), None, None));
        assert!(passes(("", ""), None, None));
    }

    #[test]
    fn a_filter_is_of_dates_in_their_order() {
        let parse = |from, to| DateFilter::parse(Some(from), Some(to)).map(drop);
        assert_eq!(parse("2024-03", "2024-03"), Ok(()));
        assert_eq!(parse("yesterday", ""), Err(BadDateFilter::From));
        assert_eq!(parse("", "2024-02-30"), Err(BadDateFilter::To));
        assert_eq!(parse("03/01/2024", ""), Err(BadDateFilter::From));
        assert_eq!(parse("0000", ""), Err(BadDateFilter::From));
        assert_eq!(parse("2024-04-01", "2024-03-31"), Err(BadDateFilter::Reversed));
    }
}
