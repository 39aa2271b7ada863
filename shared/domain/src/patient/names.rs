//! First and last names.

use std::borrow::Cow;

use crate::patient::title_case::title_case;
use crate::patient::value::{Value, value};
use crate::problem::Problem;
use crate::text::{fold, is_in_one_case};

/// One or more names of one kind (first or last), as they were written: `John, Jonathan`, `de la
/// Cruz`.
///
/// Commas and spaces part the names that matching and discovery work with. There is a letter in
/// them, and no `@`. Where the whole text is in lower or in upper case it is title case here.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Names(String);

impl Names {
    /// Returns the names one by one, in order; at least one.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split([',', ' ']).filter(|name| name.contains(char::is_alphanumeric))
    }

    /// Returns the names as one string, as they were written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the names as a row in one case gives them.
    pub(crate) fn in_title_case(&self) -> Self {
        Self(title_case(&self.0.to_lowercase()))
    }

    /// Whether both are the same but for upper and lower case.
    pub(crate) fn differs_in_case_only(&self, other: &Self) -> bool {
        let lower = |names: &Self| names.0.to_lowercase();
        lower(self) == lower(other)
    }
}

impl Names {
    /// Reads text that is tidy and not blank. Returns as well whether it is in one case only.
    ///
    /// # Errors
    ///
    /// [`NotAName`](Problem::NotAName), [`Damaged`](Problem::Damaged), or
    /// [`Missing`](Problem::Missing) for punctuation alone.
    pub(crate) fn with_case(text: Cow<'_, str>) -> Result<(Self, bool), Problem> {
        let names = text.trim_matches([',', ' ']);
        match names.bytes().find(|byte| matches!(byte, b'@' | b'?')) {
            Some(b'@') => return Err(Problem::NotAName),
            Some(_) => return Err(Problem::Damaged),
            None => {}
        }
        if !has_letter(names) {
            let has_digits = names.contains(char::is_numeric);
            return Err(if has_digits { Problem::NotAName } else { Problem::Missing });
        }
        if is_in_one_case(names) {
            return Ok((Self(title_case(names)), true));
        }
        let names = if names.len() < text.len() { names.to_owned() } else { text.into_owned() };
        Ok((Self(names), false))
    }
}

/// Whether a name has a letter by which it can be compared. Accents and apostrophes that Unicode
/// counts as letters are none, because all people with names of these alone would match.
fn has_letter(names: &str) -> bool {
    if names.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return true;
    }
    let mut compared = String::with_capacity(names.len());
    fold(names, &mut compared);
    compared.contains(char::is_alphabetic)
}

impl Value for Names {
    fn from_tidy(text: &str) -> Result<Self, Problem> {
        Self::from_owned(Cow::Borrowed(text))
    }

    fn from_owned(text: Cow<'_, str>) -> Result<Self, Problem> {
        Self::with_case(text).map(|(names, _)| names)
    }
}

value!(Names, as_str);

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> String {
        text.parse::<Names>().unwrap().as_str().to_owned()
    }

    #[test]
    fn names_travel_as_they_were_written() {
        for text in
            ["de la Cruz", "John,Jonathan", "John, Jonathan", "McDonald", "d'Artagnan", "iPhone"]
        {
            assert_eq!(names(text), text);
        }
        assert_eq!(names(" John ,, \u{a0} Jonathan, "), "John ,, Jonathan");
    }

    #[test]
    fn commas_and_spaces_part_names() {
        for text in ["John,Jonathan", "John Jonathan", "John - Jonathan.", "John\tJonathan"] {
            let names = text.parse::<Names>().unwrap();
            assert_eq!(
                names.iter().map(|name| name.trim_matches('.')).collect::<Vec<_>>(),
                ["John", "Jonathan"]
            );
        }
    }

    #[test]
    fn text_in_one_case_becomes_title_case() {
        for (text, title) in
            [("MARY ANN", "Mary Ann"), ("MARY,ANN", "Mary,Ann"), ("o'neil", "O'Neil")]
        {
            assert_eq!(names(text), title);
        }
    }

    #[test]
    fn punctuation_alone_is_nothing() {
        let punctuation = ["", " ", ",", " , ", "-", ".", "\u{2014}", "\"\"", "🙂"];
        let letter_like = ["\u{2c6}", "\u{2bc}", "\u{363}"];
        for text in punctuation.into_iter().chain(letter_like) {
            assert_eq!(text.parse::<Names>(), Err(Problem::Missing), "{text:?}");
        }
    }

    #[test]
    fn a_name_has_a_letter_and_is_no_email_address() {
        for text in ["12345", "617-555-0100", "test@example.com", "@"] {
            assert_eq!(text.parse::<Names>(), Err(Problem::NotAName), "{text:?}");
        }
        assert_eq!(names("李"), "李");
        assert_eq!(names("X Æ A-12"), "X Æ A-12");
    }

    #[test]
    fn a_question_mark_stands_for_a_letter_that_was_lost() {
        assert_eq!("Jos?".parse::<Names>(), Err(Problem::Damaged));
    }

    #[test]
    fn reading_what_was_written_changes_nothing() {
        for text in [
            "JOHN,JONATHAN",
            "de la Cruz",
            "ßen",
            "ﬁona",
            "J.R.",
            "ŉ",
            "x ǆ",
            "ΣΊΣΥΦΟΣ",
            "SMITH III",
            "MCDONALD",
        ] {
            let once = names(text);
            assert_eq!(names(&once), once, "{text:?}");
        }
    }
}
