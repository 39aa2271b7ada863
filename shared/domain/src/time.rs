//! Points in time, as the API writes them: ISO-8601, UTC, milliseconds.

use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time with the API's resolution of a millisecond.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// Returns the time of these milliseconds since 1970-01-01T00:00:00Z. Values past the year 9999
    /// become its end, and values before the year -9999 its beginning.
    pub fn from_millis(millis: i64) -> Self {
        let limit = if millis < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        Self(jiff::Timestamp::from_millisecond(millis).unwrap_or(limit))
    }

    /// Returns the milliseconds since 1970-01-01T00:00:00Z.
    pub fn as_millis(self) -> i64 {
        self.0.as_millisecond()
    }

    /// Returns the whole seconds since 1970-01-01T00:00:00Z, as DynamoDB's time to live expects
    /// them.
    pub fn as_seconds(self) -> i64 {
        self.0.as_second()
    }

    /// Returns the UTC day of this time.
    pub fn date(self) -> Date {
        TimeZone::UTC.to_datetime(self.0).date()
    }

    /// Returns this time plus a duration in whole milliseconds. A time past the year 9999 becomes
    /// its end.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        let time = self.0.checked_add(by).unwrap_or(jiff::Timestamp::MAX);
        Self::from_millis(time.as_millisecond())
    }

    /// Returns this time minus a duration in whole milliseconds. A time before the year -9999
    /// becomes its beginning.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        let time = self.0.checked_sub(by).unwrap_or(jiff::Timestamp::MIN);
        Self::from_millis(time.as_millisecond())
    }

    /// Returns the duration from this time to a later one. Zero if the other time is not later.
    pub fn until(self, later: Self) -> Duration {
        later.0.duration_since(self.0).max(SignedDuration::ZERO).unsigned_abs()
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(time: jiff::Timestamp) -> Self {
        Self::from_millis(time.as_millisecond())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: jiff::Timestamp = text.parse().map_err(D::Error::custom)?;
        Ok(time.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_written_in_utc_with_milliseconds() {
        let time = Timestamp::from_millis(1_700_000_000_005);
        assert_eq!(time.to_string(), "2023-11-14T22:13:20.005Z");
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"2023-11-14T22:13:20.005Z\"");
        assert_eq!(
            serde_json::from_str::<Timestamp>("\"2023-11-14T22:13:20.005Z\"").unwrap(),
            time
        );
    }

    #[test]
    fn a_time_never_leaves_the_years_that_can_be_written() {
        let end = Timestamp::from_millis(i64::MAX);
        assert_eq!(end.to_string(), "9999-12-30T22:00:00.999Z");
        assert_eq!(Timestamp::from_millis(0).plus(Duration::MAX), end);
        assert!(Timestamp::from_millis(i64::MIN) < Timestamp::from_millis(0));
    }

    #[test]
    fn a_time_that_is_not_later_is_no_duration_away() {
        let (early, late) = (Timestamp::from_millis(-1_500), Timestamp::from_millis(2_000));
        assert_eq!(early.until(late), Duration::from_millis(3_500));
        assert_eq!(late.until(early), Duration::ZERO);
    }
}
