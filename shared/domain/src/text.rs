//! How the text of a cell is cleaned before a field looks at it.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::csv::CELL_CHARS;
use crate::problem::Problem;

/// A cell's bytes as text.
///
/// # Errors
///
/// [`NotUtf8`](Problem::NotUtf8), or [`CellTooLong`](Problem::CellTooLong).
pub(crate) fn decode(cell: &[u8]) -> Result<&str, Problem> {
    let text = std::str::from_utf8(cell).map_err(|_| Problem::NotUtf8)?;
    // Counting is only needed where there may be fewer characters than bytes.
    if text.len() > CELL_CHARS && text.chars().count() > CELL_CHARS {
        return Err(Problem::CellTooLong);
    }
    Ok(text)
}

/// Tidy text: NFC, without white space around it, every run of white space inside made one space,
/// invisible characters removed. Empty if there is nothing else in it.
///
/// White space is what Unicode calls so: tabs, line breaks and non-breaking spaces too.
///
/// # Errors
///
/// [`ControlCharacter`](Problem::ControlCharacter).
pub(crate) fn tidy(text: &str) -> Result<Cow<'_, str>, Problem> {
    let trimmed = text.trim_ascii();
    if is_tidy_ascii(trimmed.as_bytes()) {
        return Ok(Cow::Borrowed(trimmed));
    }
    let mut tidy = String::with_capacity(trimmed.len());
    let mut gap = false;
    for c in trimmed.chars() {
        if c.is_whitespace() {
            gap = !tidy.is_empty();
        } else if c.is_control() {
            return Err(Problem::ControlCharacter);
        } else if !is_invisible(c) {
            if gap {
                tidy.push(' ');
                gap = false;
            }
            tidy.push(c);
        }
    }
    Ok(Cow::Owned(nfc(tidy)))
}

/// Text without white space and invisible characters around it, and otherwise as it is.
///
/// # Errors
///
/// [`ControlCharacter`](Problem::ControlCharacter).
pub(crate) fn trim(text: &str) -> Result<&str, Problem> {
    let trimmed = text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c));
    if trimmed.chars().any(char::is_control) {
        return Err(Problem::ControlCharacter);
    }
    Ok(trimmed)
}

/// The text in Unicode's normal form C.
pub(crate) fn nfc(text: String) -> String {
    if is_nfc_quick(text.chars()) == IsNormalized::Yes { text } else { text.nfc().collect() }
}

/// Whether a character is one of the hyphens and dashes that programs put in the place of `-`.
pub(crate) fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}')
}

fn is_tidy_ascii(trimmed: &[u8]) -> bool {
    let mut previous = 0;
    trimmed.iter().all(|&b| {
        let tidy = (0x20..0x7f).contains(&b) && !(b == b' ' && previous == b' ');
        previous = b;
        tidy
    })
}

/// Characters that copying from web pages and chats leaves behind, and that nobody can see: zero-width
/// spaces, byte order marks and marks of writing direction. The joiners U+200C and U+200D stay, they
/// are a part of spelling in some scripts.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_around_goes_and_inside_becomes_one_space() {
        for (text, tidied) in [
            ("", ""),
            (" \t\r\n\u{a0}\u{3000} ", ""),
            ("a", "a"),
            ("a b", "a b"),
            ("  a \u{a0}\u{2003}b\nc ", "a b c"),
            ("\u{feff}a\u{200b}b\u{202c}", "ab"),
            ("a \u{200b} b", "a b"),
        ] {
            assert_eq!(tidy(text).unwrap(), tidied, "{text:?}");
        }
    }

    #[test]
    fn text_is_composed() {
        assert_eq!(tidy("Jose\u{301}").unwrap(), "Jos\u{e9}");
        assert_eq!(tidy("\u{212b}").unwrap(), "\u{c5}");
    }

    #[test]
    fn control_characters_are_refused() {
        for text in ["a\u{1}b", "\u{7f}", "O\u{92}Neil", "\u{1b}[31m"] {
            assert_eq!(tidy(text), Err(Problem::ControlCharacter), "{text:?}");
            assert_eq!(trim(text), Err(Problem::ControlCharacter), "{text:?}");
        }
        assert_eq!(trim("a\nb"), Err(Problem::ControlCharacter));
    }

    #[test]
    fn the_length_of_a_cell_counts_characters() {
        let long = "é".repeat(CELL_CHARS);
        assert_eq!(decode(long.as_bytes()), Ok(&*long));
        assert_eq!(decode((long + "e").as_bytes()), Err(Problem::CellTooLong));
    }

    #[test]
    fn trimming_keeps_what_is_inside() {
        assert_eq!(trim(" \u{feff}A  1\u{a0}").unwrap(), "A  1");
    }
}
