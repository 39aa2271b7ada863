//! First and last names.

use crate::patient::value::{Value, value};
use crate::problem::Problem;
use crate::text::nfc;

/// One or more names of one kind (first or last), such as `John, Jonathan`.
///
/// Commas and white space part names, so no name holds one. A name has a letter or a digit: what
/// consists of punctuation only is dropped. Where the whole text is in lower or in upper case it
/// becomes title case; `de la Cruz` and `McDonald` stay as they are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Names(String);

/// What is between names where several are one string. It cannot be a part of a name.
const SEPARATOR: &str = ", ";

impl Names {
    /// The names in order; at least one.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(SEPARATOR)
    }

    /// The names as one string, `John, Jonathan`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for Names {
    fn from_tidy(text: &str) -> Result<Self, Problem> {
        let title_case = !(text.contains(char::is_lowercase) && text.contains(char::is_uppercase));
        let mut names = String::with_capacity(text.len() + 8);
        for name in split(text) {
            if !names.is_empty() {
                names.push_str(SEPARATOR);
            }
            if title_case {
                push_title_case(name, &mut names);
            } else {
                names.push_str(name);
            }
        }
        if names.is_empty() {
            return Err(Problem::Missing);
        }
        // Title case can take composed letters apart.
        Ok(Self(if names.is_ascii() { names } else { nfc(names) }))
    }
}

value!(Names, as_str);

/// The names in tidy text.
fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ']).filter(|name| name.contains(char::is_alphanumeric))
}

fn push_title_case(name: &str, to: &mut String) {
    let mut begins = true;
    for c in name.chars() {
        if !begins && !parts_words(c) {
            to.extend(c.to_lowercase());
            continue;
        }
        // Some letters become two in upper case (ß, ﬁ); only the first of them is the word's first.
        for upper in c.to_uppercase() {
            if parts_words(upper) {
                to.push(upper);
                begins = true;
            } else if begins {
                to.push(upper);
                begins = false;
            } else {
                to.extend(upper.to_lowercase());
            }
        }
    }
}

/// Whether the letter after this character is the first of a word: O'Neil, Smith-Jones, J.R.
fn parts_words(c: char) -> bool {
    matches!(c, '\'' | '`' | '.' | '/' | '(' | '"' | '&' | '\u{2018}' | '\u{2019}' | '\u{2bc}' | '\u{b4}')
        || crate::text::is_dash(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> String {
        text.parse::<Names>().unwrap().as_str().to_owned()
    }

    #[test]
    fn commas_and_spaces_part_names() {
        for text in ["John,Jonathan", "John Jonathan", " John ,, \u{a0} Jonathan, ", "John\tJonathan"] {
            assert_eq!(names(text), "John, Jonathan", "{text:?}");
            assert_eq!(text.parse::<Names>().unwrap().iter().collect::<Vec<_>>(), ["John", "Jonathan"]);
        }
    }

    #[test]
    fn text_in_one_case_becomes_title_case() {
        for (text, title) in [
            ("MCDONALD", "Mcdonald"),
            ("o'neil", "O'Neil"),
            ("O\u{2019}NEIL", "O\u{2019}Neil"),
            ("smith-jones", "Smith-Jones"),
            ("MARY ANN", "Mary, Ann"),
            ("j.r.", "J.R."),
            ("j", "J"),
            ("J", "J"),
            ("ÉLODIE", "Élodie"),
            ("ßen", "Ssen"),
            ("ǰo", "ǰo".to_uppercase().replace('O', "o").as_str()),
            ("3rd", "3rd"),
            ("李", "李"),
        ] {
            assert_eq!(names(text), title, "{text:?}");
        }
    }

    #[test]
    fn text_in_mixed_case_stays() {
        for text in ["McDonald", "d'Artagnan", "iPhone"] {
            assert_eq!(names(text), text);
        }
        assert_eq!(names("de la Cruz"), "de, la, Cruz");
    }

    #[test]
    fn punctuation_alone_is_no_name() {
        for text in ["", " ", ",", " , ", "-", ".", "\u{2014}", "\"\"", "🙂"] {
            assert_eq!(text.parse::<Names>(), Err(Problem::Missing), "{text:?}");
        }
        assert_eq!(names("John - ."), "John");
    }

    #[test]
    fn reading_what_was_written_changes_nothing() {
        for text in ["JOHN,JONATHAN", "de la Cruz", "ßen", "ﬁona", "J.R.", "ŉ", "x ǆ", "ΣΊΣΥΦΟΣ"]
        {
            let once = names(text);
            assert_eq!(names(&once), once, "{text:?}");
        }
    }
}
