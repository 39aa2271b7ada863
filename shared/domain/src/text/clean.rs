//! What every cell goes through before the rule of its column: what spreadsheets, exports and web
//! pages put around and into values is taken off.

use std::borrow::Cow;

use super::{entities, tidy};
use crate::problem::Problem;

/// Cleans the text of a cell: tidies it, unwraps `="…"`, removes one pair of quotes around all of
/// it and an apostrophe before digits, and decodes HTML's character references. Empty if nothing
/// else is in it.
///
/// # Errors
///
/// [`ControlCharacter`](Problem::ControlCharacter).
pub(crate) fn clean(text: &str) -> Result<Cow<'_, str>, Problem> {
    let trimmed = text.trim_ascii();
    if is_plain(trimmed.as_bytes()) { clean_plain(trimmed) } else { clean_any(trimmed) }
}

/// Cleans a part of a text that is plain.
///
/// # Errors
///
/// As [`clean`].
#[inline]
pub(crate) fn clean_plain(text: &str) -> Result<Cow<'_, str>, Problem> {
    let trimmed = text.trim_ascii();
    match trimmed.as_bytes().first() {
        // What is around the value may have to be taken off.
        Some(b'=' | b'\'' | b'"') => clean_any(trimmed),
        _ => Ok(Cow::Borrowed(trimmed)),
    }
}

fn clean_any(trimmed: &str) -> Result<Cow<'_, str>, Problem> {
    match tidy(trimmed)? {
        Cow::Borrowed(tidied) => clean_tidied(tidied),
        Cow::Owned(tidied) => {
            let cleaned = changed(clean_tidied(&tidied)?, &tidied);
            Ok(Cow::Owned(cleaned.unwrap_or(tidied)))
        }
    }
}

fn clean_tidied(tidied: &str) -> Result<Cow<'_, str>, Problem> {
    match entities::decode(unwrap(tidied)) {
        Cow::Borrowed(same) if same.len() == tidied.len() => Ok(Cow::Borrowed(same)),
        Cow::Borrowed(inner) => tidy(inner),
        Cow::Owned(decoded) => {
            let tidied = changed(tidy(&decoded)?, &decoded);
            Ok(Cow::Owned(tidied.unwrap_or(decoded)))
        }
    }
}

/// Returns what a text was changed to; `None` if it was not.
fn changed(now: Cow<'_, str>, before: &str) -> Option<String> {
    match now {
        Cow::Borrowed(same) if same.len() == before.len() => None,
        other => Some(other.into_owned()),
    }
}

/// Whether text has no character that is tidied or decoded: nearly every row is such a text. The
/// two passes have no branch for a byte, so that the compiler makes them look at many bytes at
/// once.
pub(crate) fn is_plain(text: &[u8]) -> bool {
    let is_odd = |byte: u8| u8::from(!(b' '..=b'~').contains(&byte)) | u8::from(byte == b'&');
    let is_gap = |a: u8, b: u8| u8::from(a == b' ') & u8::from(b == b' ');
    let pairs = text.iter().zip(text.get(1..).unwrap_or_default());
    text.iter().fold(0, |odd, &byte| odd | is_odd(byte)) == 0
        && pairs.fold(0, |gap, (&a, &b)| gap | is_gap(a, b)) == 0
}

/// The quotes that programs and word processors put around a whole value.
const QUOTES: [(&str, &str); 4] =
    [("'", "'"), ("\"", "\""), ("\u{2018}", "\u{2019}"), ("\u{201c}", "\u{201d}")];

/// Takes off what is around a value.
fn unwrap(text: &str) -> &str {
    let between = |start: &str, end: &str| text.strip_prefix(start)?.strip_suffix(end);
    // A spreadsheet's formula for a text, by which exports keep leading zeros.
    if let Some(inner) = between("=\"", "\"") {
        return inner;
    }
    if let Some(inner) = QUOTES.iter().find_map(|(start, end)| between(start, end)) {
        return inner;
    }
    // A spreadsheet's mark of a number that is a text.
    match text.strip_prefix('\'') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => rest,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_around_a_value_is_taken_off() {
        for (text, cleaned) in [
            ("=\"02139\"", "02139"),
            ("=\"\"", ""),
            ("'Sample'", "Sample"),
            (" \"Sample\" ", "Sample"),
            ("\"\"", ""),
            ("\u{201c}Sample\u{201d}", "Sample"),
            ("\u{2018}Sample\u{2019}", "Sample"),
            ("'02139", "02139"),
            ("' a '", "a"),
            // Once.
            ("''a''", "'a'"),
        ] {
            assert_eq!(clean(text).unwrap(), cleaned, "{text}");
        }
    }

    #[test]
    fn quotes_that_are_a_part_of_the_value_stay() {
        for text in ["'t Hooft", "O'Brien'", "\"Bob\" Smith", "'", "=1+1", "5' 2\""] {
            assert_eq!(clean(text).unwrap(), text);
        }
    }

    #[test]
    fn character_references_are_decoded() {
        for (text, cleaned) in [
            ("O&#39;Brien", "O'Brien"),
            ("O&apos;Brien", "O'Brien"),
            ("Smith &amp; Sons", "Smith & Sons"),
            ("Jos&eacute;", "Jos\u{e9}"),
            ("&nbsp;Boston&#xa0;", "Boston"),
            ("AT&T", "AT&T"),
            ("&unknown; &#0; &;", "&unknown; &#0; &;"),
            ("a&#769;", "\u{e1}"),
        ] {
            assert_eq!(clean(text).unwrap(), cleaned, "{text}");
        }
        assert_eq!(clean("a&#7;"), Err(Problem::ControlCharacter));
    }
}
