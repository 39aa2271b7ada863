//! Text as it comes out of cells and JSON: how it is encoded, cleaned and compared.

mod clean;
mod damage;
mod encoding;
mod entities;
mod fold;
mod placeholders;

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::problem::Problem;

pub(crate) use clean::{clean, clean_plain, is_plain};
pub(crate) use damage::{is_damaged, is_scientific};
pub(crate) use encoding::Encoding;
pub(crate) use fold::fold;
pub(crate) use placeholders::{is_nothing, is_null, is_null_name, placeholder_digits};

/// Tidies text: NFC, without white space around it, every run of white space inside made one space,
/// invisible characters removed. Empty if there is nothing else in it.
///
/// White space is what Unicode calls so: tabs, line breaks and no-break spaces too.
///
/// # Errors
///
/// [`ControlCharacter`](Problem::ControlCharacter).
pub(crate) fn tidy(text: &str) -> Result<Cow<'_, str>, Problem> {
    let trimmed = text.trim_ascii();
    if is_tidy_ascii(trimmed.as_bytes()) {
        return Ok(Cow::Borrowed(trimmed));
    }
    if is_tidy(trimmed) {
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

/// Returns the text in Unicode's normal form C.
pub(crate) fn nfc(text: String) -> String {
    if is_nfc_quick(text.chars()) == IsNormalized::Yes { text } else { text.nfc().collect() }
}

/// Whether a character is one of the hyphens and dashes that programs put in the place of `-`.
pub(crate) fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}')
}

/// Whether text is written in one case only: all of its letters that have a case are upper, or all
/// are lower.
pub(crate) fn is_in_one_case(text: &str) -> bool {
    if text.is_ascii() {
        let has = |is: fn(&u8) -> bool| text.as_bytes().iter().any(is);
        return !(has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase));
    }
    !(text.contains(char::is_lowercase) && text.contains(char::is_uppercase))
}

/// Returns the text without `.0`, `.00` and the like at its end, if what remains are digits:
/// numbers that a program kept as fractions.
pub(crate) fn without_fraction(text: &str) -> &str {
    // Nearly all text is told by its last letter.
    if !text.ends_with('0') {
        return text;
    }
    let digits = text.trim_end_matches('0').strip_suffix('.');
    digits
        .filter(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
        .unwrap_or(text)
}

fn is_tidy_ascii(trimmed: &[u8]) -> bool {
    let mut previous = 0;
    trimmed.iter().all(|&b| {
        let tidy = (0x20..0x7f).contains(&b) && !(b == b' ' && previous == b' ');
        previous = b;
        tidy
    })
}

/// Whether text with letters beyond ASCII has nothing to be tidied: its only white space is single
/// spaces inside.
fn is_tidy(trimmed: &str) -> bool {
    let mut previous = ' ';
    let is_kept = trimmed.chars().all(|c| {
        let is_kept = if c == ' ' {
            previous != ' '
        } else {
            !c.is_whitespace() && !c.is_control() && !is_invisible(c)
        };
        previous = c;
        is_kept
    });
    is_kept && previous != ' ' && is_nfc_quick(trimmed.chars()) == IsNormalized::Yes
}

/// Whether a character is one that copying from web pages and documents leaves behind, and that
/// cannot be seen: soft hyphens, zero-width spaces, byte order marks and marks of writing
/// direction. The joiners U+200C and U+200D stay, they are a part of spelling in some scripts.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{feff}'
    )
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
            ("\u{feff}a\u{200b}b\u{202c}\u{ad}", "ab"),
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
        }
    }

    #[test]
    fn a_fraction_of_nothing_is_no_part_of_a_number() {
        for (text, number) in [
            ("2139.0", "2139"),
            ("1.00", "1"),
            ("1.5", "1.5"),
            ("617.555.0", "617.555.0"),
            (".0", ".0"),
        ] {
            assert_eq!(without_fraction(text), number);
        }
    }
}
