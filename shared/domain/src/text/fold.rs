//! Names as they are compared: by their letters and digits alone, without case and diacritics.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

use crate::mutants::{Bug, has};

/// Appends the letters and digits of a name to `to`, in lower case and without diacritics:
/// `O’Brien`, `OBRIEN` and `o'brien` are the same, and so are `José` and `JOSE`.
///
/// Diacritics are removed in the Latin, Greek and Cyrillic alphabets. In other scripts marks tell
/// vowels and letters apart. Going to lower case by way of upper case folds letters that have two
/// lower-case forms (`ς`, `σ`) or more than one letter in upper case (`ß`, `ss`).
pub(crate) fn fold(name: &str, to: &mut String) {
    if name.is_ascii() {
        let is_kept = |c: &char| c.is_ascii_alphanumeric() || has(Bug::PunctuationCompared);
        to.extend(name.chars().filter(is_kept).map(|c| c.to_ascii_lowercase()));
        return;
    }
    let lower = name.chars().flat_map(char::to_lowercase);
    let folded = lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    for c in folded.nfd() {
        match c {
            // Letters with a stroke, which no decomposition takes off, and letters that are two.
            'ø' => to.push('o'),
            'ł' => to.push('l'),
            'đ' | 'ð' => to.push('d'),
            'ħ' => to.push('h'),
            'ŧ' => to.push('t'),
            'ı' => to.push('i'),
            'æ' => to.push_str("ae"),
            'œ' => to.push_str("oe"),
            'þ' => to.push_str("th"),
            // Combining diacritical marks, and the letter-like apostrophes.
            '\u{300}'..='\u{36f}' | '\u{2b0}'..='\u{2ff}' if !has(Bug::DiacriticsCompared) => {}
            c if c.is_alphanumeric() || canonical_combining_class(c) != 0 => to.push(c),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(name: &str) -> String {
        let mut folded = String::new();
        fold(name, &mut folded);
        folded
    }

    #[test]
    fn case_marks_and_diacritics_do_not_tell_names_apart() {
        for (names, expected) in [
            (
                &[
                    "O'Brien",
                    "O\u{2019}Brien",
                    "O`BRIEN",
                    "O\u{2bc}Brien",
                    "obrien",
                    "O\u{b4}Brien",
                ][..],
                "obrien",
            ),
            (
                &["Garcia-Lopez", "García López", "Garcia\u{2011}Lopez", "garcialopez"],
                "garcialopez",
            ),
            (&["José", "JOSE\u{301}", "jose"], "jose"),
            (&["Groß", "GROSS"], "gross"),
            (&["Søren", "SOREN"], "soren"),
            (&["Łukasz", "lukasz"], "lukasz"),
            (&["Σίσυφος", "ΣΙΣΥΦΟΣ"], "σισυφοσ"),
            (&["İpek", "ipek"], "ipek"),
            (&["ﬁona", "Fiona"], "fiona"),
        ] {
            for name in names {
                assert_eq!(folded(name), expected, "{name}");
            }
        }
    }

    #[test]
    fn letters_of_scripts_without_diacritics_stay_apart() {
        assert_ne!(folded("राम"), folded("रम"));
        assert_ne!(folded("が"), folded("か"));
        assert_ne!(folded("Mary"), folded("Marie"));
    }
}
