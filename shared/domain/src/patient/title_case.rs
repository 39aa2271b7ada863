//! Title case for names that came in upper or in lower case only.

use crate::text::{is_dash, nfc};

/// Numbers of a person among those of one name. Alone they are letters of a name (`Vi`), so that
/// they count from the second word on.
const NUMERALS: [&str; 8] = ["II", "III", "IV", "VI", "VII", "VIII", "IX", "XI"];

/// Writes names in title case: `McDonald`, `O'Brien`, `Garcia-Lopez`, `Smith III`.
pub(super) fn title_case(text: &str) -> String {
    let mut title = String::with_capacity(text.len());
    let mut is_first = true;
    for word in text.split_inclusive([',', ' ']) {
        let letters = word.trim_end_matches([',', ' ']);
        if !is_first && NUMERALS.iter().any(|numeral| numeral.eq_ignore_ascii_case(letters)) {
            title.push_str(&word.to_ascii_uppercase());
        } else {
            push_word(word, &mut title);
        }
        is_first &= letters.is_empty();
    }
    // Title case can take composed letters apart.
    if title.is_ascii() { title } else { nfc(title) }
}

fn push_word(word: &str, title: &mut String) {
    let mut begins = true;
    for (at, c) in word.char_indices() {
        if !begins && !parts_words(c) {
            if is_after_mc(word, at) {
                title.extend(c.to_uppercase());
            } else if c.is_ascii() {
                title.push(c.to_ascii_lowercase());
            } else {
                title.extend(c.to_lowercase());
            }
            continue;
        }
        if c.is_ascii() {
            title.push(c.to_ascii_uppercase());
            begins = parts_words(c);
            continue;
        }
        // Some letters become two in upper case (ß, ﬁ); only the first of them is the word's first.
        for upper in c.to_uppercase() {
            if parts_words(upper) {
                title.push(upper);
                begins = true;
            } else if begins {
                title.push(upper);
                begins = false;
            } else {
                title.extend(upper.to_lowercase());
            }
        }
    }
}

/// Whether the letter at a place follows the `Mc` of a name, with at least one more letter behind
/// it.
fn is_after_mc(word: &str, at: usize) -> bool {
    let (before, after) = word.split_at(at);
    let Some(start) = before.len().checked_sub(2) else { return false };
    if !before.ends_with(['c', 'C']) {
        return false;
    }
    let begins_word =
        before.get(..start).is_some_and(|rest| rest.chars().next_back().is_none_or(parts_words));
    let mut letters = after.chars();
    begins_word
        && before.get(start..).is_some_and(|mc| mc.eq_ignore_ascii_case("mc"))
        && letters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && letters.next().is_some_and(char::is_alphabetic)
}

/// Whether the letter after this character is the first of a word: O'Neil, Smith-Jones, J.R.
fn parts_words(c: char) -> bool {
    matches!(
        c,
        '\'' | '`' | '.' | '/' | '(' | '"' | '&' | '\u{2018}' | '\u{2019}' | '\u{2bc}' | '\u{b4}'
    ) || is_dash(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_names_are() {
        for (text, title) in [
            ("MCDONALD", "McDonald"),
            ("mcgee", "McGee"),
            ("SMITH-MCKAY", "Smith-McKay"),
            ("MACDONALD", "Macdonald"),
            ("MACK", "Mack"),
            ("MC", "Mc"),
            ("MCX", "Mcx"),
            ("o'neil", "O'Neil"),
            ("O\u{2019}BRIEN", "O\u{2019}Brien"),
            ("GARCIA-LOPEZ", "Garcia-Lopez"),
            ("DE LA CRUZ", "De La Cruz"),
            ("SMITH III", "Smith III"),
            ("smith iv", "Smith IV"),
            ("SMITH,II", "Smith,II"),
            ("VI", "Vi"),
            ("SMITH JR.", "Smith Jr."),
            ("MARY ANN", "Mary Ann"),
            ("j.r.", "J.R."),
            ("j", "J"),
            ("ÉLODIE", "Élodie"),
            ("ßen", "Ssen"),
            ("3rd", "3rd"),
            ("李", "李"),
        ] {
            assert_eq!(title_case(text), title, "{text:?}");
        }
    }
}
