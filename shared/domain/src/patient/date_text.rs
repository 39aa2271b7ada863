//! The forms in which dates are written.
//!
//! `YYYY-MM-DD`, `YYYY/M/D`, `M/D/YYYY`, `M-D-YYYY` and the same with dots, each also with or
//! without leading zeros; `YYYYMMDD`, and `MMDDYYYY` where the eight digits are no day of 1900 or
//! later as `YYYYMMDD`; a month by its English name (`31-Dec-1990`, `Dec 31, 1990`, `December 31st,
//! 1990`). A time may follow, as exports write one: the date counts as written, in any time zone.

use std::borrow::Cow;

use crate::patient::time_text::is_time;
use crate::problem::Problem;
use crate::text::is_dash;

/// The first year that a patient can be born in. It tells which of the eight digits of a date are
/// its year.
pub(super) const FIRST_YEAR: i16 = 1900;

/// The months by their names. The first three letters are enough, and `Sept`.
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Year, month and day as they are written; no calendar has been asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Parts {
    pub(super) year: i16,
    pub(super) month: i8,
    pub(super) day: i8,
}

/// Reads tidy text.
///
/// # Errors
///
/// [`NotADate`](Problem::NotADate), [`TwoDigitYear`](Problem::TwoDigitYear), or
/// [`DayNumber`](Problem::DayNumber).
pub(super) fn read(text: &str) -> Result<Parts, Problem> {
    let text = &*with_plain_dashes(text);
    let (digits, rest) = split_digits(text);
    let (parts, time) = match digits.len() {
        0 => month_first(text)?,
        8 => (eight_digits(text)?, rest),
        12 | 14 => (eight_digits(&text[..8])?, &text[8..]),
        5 if is_day_number(rest) => return Err(Problem::DayNumber),
        _ => parted(digits, rest)?,
    };
    if !time.is_empty() {
        let is_joined = matches!(digits.len(), 12 | 14);
        let after = time.strip_prefix([',', 'T', 't']).unwrap_or(time);
        let after = after.strip_prefix(' ').unwrap_or(after);
        if !(is_joined || after.len() < time.len()) || !is_time(after) {
            return Err(Problem::NotADate);
        }
    }
    Ok(parts)
}

/// Returns the first two numbers of a date with slashes, dashes or dots, and with the year at its
/// end: one is the month, and the other the day.
pub(crate) fn first_two_numbers(text: &str) -> Option<(u8, u8)> {
    let text = &*with_plain_dashes(text);
    let (first, rest) = split_digits(text);
    let separator = rest.chars().next().filter(|c| matches!(c, '/' | '-' | '.'))?;
    let (second, rest) = split_digits(rest.strip_prefix(separator)?);
    let (year, _) = split_digits(rest.strip_prefix(separator)?);
    let is_small = |digits: &str| matches!(digits.len(), 1 | 2);
    (is_small(first) && is_small(second) && year.len() == 4).then_some(())?;
    Some((first.parse().ok()?, second.parse().ok()?))
}

/// Writes the dashes of word processors as the one of keyboards.
fn with_plain_dashes(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { text.into() } else { text.replace(is_dash, "-").into() }
}

/// Splits off the digits that a text begins with.
fn split_digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

fn number(digits: &str) -> Result<i16, Problem> {
    digits.parse().map_err(|_| Problem::NotADate)
}

/// Reads a number of one or two digits.
fn small(digits: &str) -> Result<i8, Problem> {
    if digits.len() > 2 {
        Err(Problem::NotADate)
    } else {
        digits.parse().map_err(|_| Problem::NotADate)
    }
}

/// Whether what follows five digits leaves them a spreadsheet's number of a day: nothing, or a part
/// of the day.
fn is_day_number(rest: &str) -> bool {
    rest.strip_prefix('.')
        .map_or(rest.is_empty(), |part| part.bytes().all(|byte| byte.is_ascii_digit()))
}

fn eight_digits(text: &str) -> Result<Parts, Problem> {
    let year_first =
        Parts { year: number(&text[..4])?, month: small(&text[4..6])?, day: small(&text[6..8])? };
    let month_first =
        Parts { month: small(&text[..2])?, day: small(&text[2..4])?, year: number(&text[4..8])? };
    let exists = |parts: Parts| jiff::civil::Date::new(parts.year, parts.month, parts.day).is_ok();
    let is_year = |parts: Parts| parts.year >= FIRST_YEAR;
    Ok(if is_year(year_first) || (exists(year_first) && !is_year(month_first)) {
        year_first
    } else {
        month_first
    })
}

/// Reads a date that begins with one of its three numbers, `first`.
fn parted<'a>(first: &str, rest: &'a str) -> Result<(Parts, &'a str), Problem> {
    let separator = rest.chars().next().ok_or(Problem::NotADate)?;
    let after = rest.strip_prefix(separator).unwrap_or(rest);
    if matches!(separator, '/' | '-' | '.') && after.starts_with(|c: char| c.is_ascii_digit()) {
        let (second, rest) = split_digits(after);
        let (third, rest) = split_digits(rest.strip_prefix(separator).ok_or(Problem::NotADate)?);
        let parts = match (first.len(), second.len(), third.len()) {
            (4, 1 | 2, 1 | 2) => {
                Parts { year: number(first)?, month: small(second)?, day: small(third)? }
            }
            (1 | 2, 1 | 2, 4) => {
                Parts { month: small(first)?, day: small(second)?, year: number(third)? }
            }
            (1 | 2, 1 | 2, 1 | 2) => return Err(Problem::TwoDigitYear),
            _ => return Err(Problem::NotADate),
        };
        return Ok((parts, rest));
    }
    // A month by its name comes second: `31-Dec-1990`, `1990 Dec 31`.
    let rest = if first.len() <= 2 { without_ordinal(rest) } else { rest };
    let (month, rest) = month_name(skip_punctuation(rest))?;
    let (last, rest) = split_digits(skip_punctuation(rest));
    match (first.len(), last.len()) {
        (1 | 2, 4) => Ok((Parts { year: number(last)?, month, day: small(first)? }, rest)),
        (4, 1 | 2) => {
            Ok((Parts { year: number(first)?, month, day: small(last)? }, without_ordinal(rest)))
        }
        (1 | 2, 1 | 2) => Err(Problem::TwoDigitYear),
        _ => Err(Problem::NotADate),
    }
}

/// Reads a date that begins with the name of its month: `Dec 31, 1990`.
fn month_first(text: &str) -> Result<(Parts, &str), Problem> {
    let (month, rest) = month_name(text)?;
    let (day, rest) = split_digits(skip_punctuation(rest));
    let (year, rest) = split_digits(skip_punctuation(without_ordinal(rest)));
    match (day.len(), year.len()) {
        (1 | 2, 4) => Ok((Parts { year: number(year)?, month, day: small(day)? }, rest)),
        (1 | 2, 1 | 2) => Err(Problem::TwoDigitYear),
        _ => Err(Problem::NotADate),
    }
}

/// Reads the English name of a month, and the dot of an abbreviation.
fn month_name(text: &str) -> Result<(i8, &str), Problem> {
    let end = text.bytes().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let is = |month: &&str| {
        let abbreviation = month.get(..3).unwrap_or_default();
        [*month, abbreviation].iter().any(|known| known.eq_ignore_ascii_case(name))
            || (abbreviation == "sep" && name.eq_ignore_ascii_case("sept"))
    };
    let month = (1..).zip(MONTHS).find(|(_, month)| is(month));
    month.map(|(number, _)| (number, rest)).ok_or(Problem::NotADate)
}

fn skip_punctuation(text: &str) -> &str {
    text.trim_start_matches([' ', '-', '/', '.', ','])
}

/// Drops the letters of an ordinal number: `31st`.
fn without_ordinal(text: &str) -> &str {
    let is = |ending: &&str| text.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(ending));
    let follows = |text: &str| !text.starts_with(|c: char| c.is_alphabetic());
    match ["st", "nd", "rd", "th"].iter().find(|ending| is(ending)) {
        Some(_) if follows(&text[2..]) => &text[2..],
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_two_numbers_are_those_before_a_year() {
        for (text, numbers) in [
            ("25/12/1980", Some((25, 12))),
            ("5-4-1962 0:00", Some((5, 4))),
            ("25.12.1980", Some((25, 12))),
            ("1980-12-25", None),
            ("25/12/80", None),
            ("25/12-1980", None),
            ("25-Dec-1980", None),
            ("", None),
        ] {
            assert_eq!(first_two_numbers(text), numbers, "{text}");
        }
    }
}
