//! Date of birth.

use std::fmt;

use jiff::civil::Date;

use crate::patient::value::{Value, value};
use crate::problem::Problem;

/// The first year that a patient can be born in.
const FIRST_YEAR: i16 = 1900;

/// A date of birth: a day that exists, in 1900 or later.
///
/// Read from `YYYY-MM-DD`, `YYYY/M/D`, `M/D/YYYY`, `M-D-YYYY` (each also with or without leading
/// zeros) and `YYYYMMDD`. A time may follow, as exports write one; it is checked to be one and ignored:
/// the date counts as written, in whatever time zone. Whether the day is in the future is not a
/// property of the value; [`check_not_after`](Self::check_not_after) tells.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dob(Date);

impl Dob {
    /// The day.
    pub const fn date(self) -> Date {
        self.0
    }

    /// The day as `YYYY-MM-DD`.
    pub fn to_iso(self) -> String {
        self.0.to_string()
    }

    /// Refuses a day that is after tomorrow, `today` being the day it is in UTC: somewhere on earth it
    /// is already tomorrow.
    pub fn check_not_after(self, today: Date) -> Result<Self, Problem> {
        match today.tomorrow() {
            Ok(tomorrow) if self.0 > tomorrow => Err(Problem::InTheFuture),
            _ => Ok(self),
        }
    }
}

impl Value for Dob {
    fn from_tidy(text: &str) -> Result<Self, Problem> {
        let (date, time) = match text.bytes().position(|b| matches!(b, b' ' | b'T' | b't' | b',')) {
            None => (text, None),
            Some(end) => (&text[..end], Some(&text[end..])),
        };
        if let Some(time) = time {
            let time = time.strip_prefix([',', 'T', 't']).unwrap_or(time);
            if !is_time(time.strip_prefix(' ').unwrap_or(time)) {
                return Err(Problem::NotADate);
            }
        }
        let (year, month, day) = parts(date)?;
        let date = Date::new(year, month, day).map_err(|_| Problem::NoSuchDay)?;
        if date.year() < FIRST_YEAR { Err(Problem::YearBefore1900) } else { Ok(Self(date)) }
    }
}

value!(Dob, to_iso);

impl fmt::Display for Dob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Year, month and day of a date, in the order that its form says.
fn parts(date: &str) -> Result<(i16, i8, i8), Problem> {
    let number = |digits: &str| digits.parse::<i16>().map_err(|_| Problem::NotADate);
    // Two digits always fit.
    let small = |digits: &str| digits.parse::<i8>().map_err(|_| Problem::NotADate);
    let separator = date.bytes().find(|b| !b.is_ascii_digit());
    let Some(separator) = separator else {
        if date.len() != 8 {
            return Err(Problem::NotADate);
        }
        return Ok((number(&date[..4])?, small(&date[4..6])?, small(&date[6..])?));
    };
    let mut parts = date.split(char::from(separator));
    let (Some(a), Some(b), Some(c), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(Problem::NotADate);
    };
    let digits = [a, b, c].iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()));
    if !digits || !matches!(separator, b'-' | b'/') {
        return Err(Problem::NotADate);
    }
    match (a.len(), b.len(), c.len()) {
        (4, 1 | 2, 1 | 2) => Ok((number(a)?, small(b)?, small(c)?)),
        (1 | 2, 1 | 2, 4) => Ok((number(c)?, small(a)?, small(b)?)),
        (1 | 2, 1 | 2, 1 | 2) => Err(Problem::TwoDigitYear),
        _ => Err(Problem::NotADate),
    }
}

/// Whether text is a time of day: hours and minutes, or more, or hours with AM or PM; then perhaps an
/// offset from UTC.
fn is_time(text: &str) -> bool {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.').unwrap_or(text.len());
    let (clock, rest) = text.split_at(end);
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    let meridiem =
        rest.get(..2).is_some_and(|word| ["am", "pm"].iter().any(|m| m.eq_ignore_ascii_case(word)));
    let zone = if meridiem { &rest[2..] } else { rest };
    is_clock(clock, meridiem) && is_zone(zone.strip_prefix(' ').unwrap_or(zone))
}

/// Whether text, which consists of digits, colons and points, is a time without its surroundings.
fn is_clock(clock: &str, meridiem: bool) -> bool {
    let (clock, fraction) = match clock.split_once('.') {
        None => (clock, false),
        Some((clock, fraction)) => {
            if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
                return false;
            }
            (clock, true)
        }
    };
    let at_most = |digits: &str, max: u8| {
        (1..=2).contains(&digits.len()) && digits.parse::<u8>().is_ok_and(|value| value <= max)
    };
    let hours = |digits: &str| at_most(digits, if meridiem { 12 } else { 24 });
    let two = |digits: &str, max: u8| digits.len() == 2 && at_most(digits, max);
    let mut parts = clock.split(':');
    // 60 is a leap second.
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(h), Some(m), Some(s), None) => hours(h) && two(m, 59) && two(s, 60),
        (Some(h), Some(m), None, None) => hours(h) && two(m, 59) && !fraction,
        (Some(h), None, None, None) if meridiem => hours(h) && !fraction,
        (Some(hms), None, None, None) if hms.len() == 6 => {
            hours(&hms[..2]) && two(&hms[2..4], 59) && two(&hms[4..], 60)
        }
        (Some(hm), None, None, None) if hm.len() == 4 => hours(&hm[..2]) && two(&hm[2..], 59) && !fraction,
        _ => false,
    }
}

/// Whether text is an offset from UTC, or nothing.
fn is_zone(zone: &str) -> bool {
    if ["", "Z", "UTC", "GMT"].iter().any(|name| name.eq_ignore_ascii_case(zone)) {
        return true;
    }
    let Some(offset) = zone.strip_prefix(['+', '-']) else { return false };
    let digits = |from: &str| from.bytes().all(|b| b.is_ascii_digit());
    match offset.split_once(':') {
        Some((h, m)) => h.len() == 2 && m.len() == 2 && digits(h) && digits(m),
        None => matches!(offset.len(), 2 | 4) && digits(offset),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_documented_forms_are_read() {
        for text in [
            "1980-02-03",
            " 1980-02-03 ",
            "1980/2/3",
            "1980/02/03",
            "1980-2-3",
            "2/3/1980",
            "02/03/1980",
            "2-3-1980",
            "02-03-1980",
            "19800203",
        ] {
            assert_eq!(text.parse::<Dob>().unwrap().to_iso(), "1980-02-03", "{text:?}");
        }
    }

    #[test]
    fn a_time_may_follow_and_the_date_counts_as_written() {
        for text in [
            "1980-02-03T23:30:00-08:00",
            "1980-02-03T00:30:00+14:00",
            "1980-02-03T00:00:00.000Z",
            "1980-02-03t00:00z",
            "1980-02-03 00:00:00",
            "1980-02-03 00:00:00.0000000",
            "1980-02-03 00:00:00 +0000",
            "1980-02-03 00:00:00+00",
            "1980-02-03 00:00:00 UTC",
            "2/3/1980 0:00",
            "2/3/1980 12:00:00 AM",
            "2/3/1980 12:00:00AM",
            "2/3/1980 5 pm",
            "2/3/1980, 12:00:00\u{202f}AM",
            "2-3-1980 24:00",
            "19800203T233000Z",
            "19800203 2330",
            "1980/2/3 23:59:60",
        ] {
            assert_eq!(text.parse::<Dob>().unwrap().date(), date(1980, 2, 3), "{text:?}");
        }
    }

    #[test]
    fn what_follows_a_date_must_be_a_time() {
        for text in [
            "1980-02-03T",
            "1980-02-03 noon",
            "1980-02-03 25:00",
            "1980-02-03 10:60",
            "1980-02-03 10",
            "1980-02-03 1:2",
            "1980-02-03 10:00 CET",
            "1980-02-03 13:00 PM",
            "1980-02-03,",
            "1980-02-03 10:00:00.",
            "1980-02-03 10:00.5",
            "1980-02-03 1980-02-03",
            "1980-02-03 10:00 +1",
            "1980-02-03 10:00:00:00",
            "1980-02-03 é:00",
            "1980-02-03 ١٠:٠٠",
        ] {
            assert_eq!(text.parse::<Dob>(), Err(Problem::NotADate), "{text:?}");
        }
    }

    #[test]
    fn a_day_that_does_not_exist_is_never_rolled_over() {
        for text in
            ["1981-02-29", "1900-02-29", "2/30/1980", "13/1/1980", "1980-00-10", "1980-1-0", "19800431"]
        {
            assert_eq!(text.parse::<Dob>(), Err(Problem::NoSuchDay), "{text:?}");
        }
        assert!("2000-02-29".parse::<Dob>().is_ok());
    }

    #[test]
    fn years_have_four_digits_from_1900() {
        for text in ["2/3/80", "80-02-03", "80/2/3", "02-03-80"] {
            assert_eq!(text.parse::<Dob>(), Err(Problem::TwoDigitYear), "{text:?}");
        }
        for text in ["1899-12-31", "12/31/1899", "0000-01-01", "02031231"] {
            assert_eq!(text.parse::<Dob>(), Err(Problem::YearBefore1900), "{text:?}");
        }
        assert!("1900-01-01".parse::<Dob>().is_ok());
    }

    #[test]
    fn words_and_numbers_are_no_date() {
        for text in [
            "Feb 3 1980",
            "3 February 1980",
            "Oct 3",
            "29254",
            "1980",
            "1980-02",
            "1980-02/03",
            "1980.02.03",
            "1980-002-03",
            "198-02-03",
            "1980-02-03-04",
            "--",
            "1980--03",
            "-1980-02-03",
            "１９８０-02-03",
            "é",
            "1980é02é03",
        ] {
            assert_eq!(text.parse::<Dob>(), Err(Problem::NotADate), "{text:?}");
        }
    }

    #[test]
    fn tomorrow_is_the_last_day_that_is_not_in_the_future() {
        let today = date(2024, 2, 28);
        let check = |text: &str| text.parse::<Dob>().unwrap().check_not_after(today);
        assert!(check("2024-02-29").is_ok());
        assert_eq!(check("2024-03-01"), Err(Problem::InTheFuture));
    }
}
