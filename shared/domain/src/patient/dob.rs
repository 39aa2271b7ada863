//! Dates of birth, in every form that files use.

use std::fmt;

use jiff::civil::Date;

use crate::patient::date_text::{self, FIRST_YEAR, Parts};
use crate::patient::value::{Value, value};
use crate::problem::Problem;

/// A date of birth: a day that exists, in 1900 or later.
///
/// The module `date_text` says in which forms it is read. Whether the day is in the future is not a
/// property of the value; [`check_not_after`](Self::check_not_after) tells.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dob(Date);

impl Dob {
    /// Returns the day of birth.
    pub const fn date(self) -> Date {
        self.0
    }

    /// The day as `YYYY-MM-DD`.
    pub fn to_iso(self) -> String {
        self.0.to_string()
    }

    /// Refuses a day that is after tomorrow, `today` being the day it is in UTC: somewhere on earth
    /// it is already tomorrow.
    pub fn check_not_after(self, today: Date) -> Result<Self, Problem> {
        match today.tomorrow() {
            Ok(tomorrow) if self.0 > tomorrow => Err(Problem::InTheFuture),
            _ => Ok(self),
        }
    }
}

impl Value for Dob {
    fn from_tidy(text: &str) -> Result<Self, Problem> {
        let Parts { year, month, day } = date_text::read(text)?;
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
            "2.3.1980",
            "1980.02.03",
            "02031980",
            "3-Feb-1980",
            "03 February 1980",
            "Feb 3, 1980",
            "FEB. 3 1980",
            "February 3rd, 1980",
            "1980-Feb-03",
            "3Feb1980",
            "1980\u{2011}02\u{2013}03",
            "2\u{2013}3\u{2013}1980",
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
            "19800203000000",
            "198002032330",
            "19800203000000.000-0500",
            "Feb 3, 1980 12:00 AM",
            "3-Feb-1980 00:00:00",
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
        for text in [
            "1981-02-29",
            "1900-02-29",
            "2/30/1980",
            "13/1/1980",
            "1980-00-10",
            "1980-1-0",
            "19800431",
        ] {
            assert_eq!(text.parse::<Dob>(), Err(Problem::NoSuchDay), "{text:?}");
        }
        assert!("2000-02-29".parse::<Dob>().is_ok());
    }

    #[test]
    fn years_have_four_digits_from_1900() {
        for text in ["2/3/80", "80-02-03", "80/2/3", "02-03-80", "31-Dec-90", "Dec 31, 90"] {
            assert_eq!(text.parse::<Dob>(), Err(Problem::TwoDigitYear), "{text:?}");
        }
        for text in ["1899-12-31", "12/31/1899", "0000-01-01", "02031231", "18991231"] {
            assert_eq!(text.parse::<Dob>(), Err(Problem::YearBefore1900), "{text:?}");
        }
        assert!("1900-01-01".parse::<Dob>().is_ok());
    }

    #[test]
    fn words_and_numbers_are_no_date() {
        for text in [
            "Oct 3",
            "3 Brumaire 1980",
            "Monday, February 3, 1980",
            "1980",
            "1980-02",
            "1980-02/03",
            "1980-002-03",
            "198-02-03",
            "1980-02-03-04",
            "--",
            "1980--03",
            "-1980-02-03",
            "１９８０-02-03",
            "é",
            "1980é02é03",
            "2 3 1980",
            "198002030",
        ] {
            assert_eq!(text.parse::<Dob>(), Err(Problem::NotADate), "{text:?}");
        }
    }

    #[test]
    fn eight_digits_begin_with_the_month_where_they_cannot_begin_with_the_year() {
        for (text, iso) in
            [("12311999", "1999-12-31"), ("19801231", "1980-12-31"), ("01011900", "1900-01-01")]
        {
            assert_eq!(text.parse::<Dob>().unwrap().to_iso(), iso);
        }
        for text in ["02301980", "19801340", "13011980"] {
            assert_eq!(text.parse::<Dob>(), Err(Problem::NoSuchDay), "{text:?}");
        }
    }

    #[test]
    fn the_number_of_a_day_is_named_as_such() {
        for text in ["29254", "29254.0", "41275.5"] {
            assert_eq!(text.parse::<Dob>(), Err(Problem::DayNumber), "{text:?}");
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
