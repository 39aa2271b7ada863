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
    if is_clean(trimmed.as_bytes()) {
        return Ok(Cow::Borrowed(trimmed));
    }
    let tidied = tidy(trimmed)?;
    let inner = unwrap(&tidied);
    let decoded = entities::decode(inner);
    if matches!(decoded, Cow::Borrowed(same) if same.len() == tidied.len()) {
        return Ok(tidied);
    }
    tidy(&decoded).map(|clean| Cow::Owned(clean.into_owned()))
}

/// Whether trimmed text has nothing to be cleaned. One pass over the bytes, and that of nearly
/// every cell.
fn is_clean(trimmed: &[u8]) -> bool {
    let mut previous = 0;
    !matches!(trimmed.first(), Some(b'=' | b'\'' | b'"'))
        && trimmed.iter().all(|&b| {
            let clean = (0x20..0x7f).contains(&b) && b != b'&' && !(b == b' ' && previous == b' ');
            previous = b;
            clean
        })
}

/// Takes off what is around a value.
fn unwrap(text: &str) -> &str {
    let between = |start: &str, end: &str| text.strip_prefix(start)?.strip_suffix(end);
    // A spreadsheet's formula for a text, by which exports keep leading zeros.
    if let Some(inner) = between("=\"", "\"") {
        return inner;
    }
    if let Some(inner) = between("'", "'").or_else(|| between("\"", "\"")) {
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
