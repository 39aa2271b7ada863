//! The search terms by which a list of patients is filtered, in the syntax of the public API:
//! words, quoted phrases, `or`, and `-` before what a patient must not have.
//!
//! A term of a filter is compared with whole words, and as names are compared everywhere: by
//! letters and digits alone, without case and diacritics. The letters of consecutive words count as
//! well, so that `obrien` finds `O'Brien`, and `garcia-lopez` finds `Garcia Lopez`.

use crate::hidden_debug;
use crate::patient::{Dob, Patient, Value as _};
use crate::text::{fold, is_dash, tidy};

/// The longest filter, in characters.
pub const LONGEST_FILTER: usize = 255;

/// The filter is longer than [`LONGEST_FILTER`], or it has a control character.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("filters must have up to 255 characters, and no control characters")]
pub struct NotAFilter;

/// A filter of patients. A patient passes if all terms of one of the alternatives apply to it.
#[derive(Clone, PartialEq, Eq)]
pub struct PatientFilter {
    alternatives: Vec<Vec<Term>>,
}

/// A word or a quoted phrase.
#[derive(Clone, PartialEq, Eq)]
struct Term {
    /// Whether the patient must not have it.
    is_excluded: bool,
    /// The text in lower case, which is compared with ids.
    text: String,
    /// The letters and digits of the text; at least one.
    letters: String,
    /// The date that the text is, if it is one.
    date: Option<Dob>,
}

hidden_debug!(PatientFilter, Term);

impl PatientFilter {
    /// Reads a filter. Returns `None` for blank text, which filters nothing.
    ///
    /// # Errors
    ///
    /// [`NotAFilter`]. All other text is a filter: a quote that is never closed ends with the text,
    /// and text without any letter or digit is in no patient.
    pub fn parse(text: &str) -> Result<Option<Self>, NotAFilter> {
        if text.chars().count() > LONGEST_FILTER {
            return Err(NotAFilter);
        }
        let text = tidy(text).map_err(|_| NotAFilter)?;
        if text.is_empty() {
            return Ok(None);
        }
        let mut alternatives = vec![Vec::new()];
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let term = rest.trim_start_matches('-');
            let is_excluded = term.len() < rest.len();
            let (text, after) = match term.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => term.split_at(term.find([' ', '"']).unwrap_or(term.len())),
            };
            let is_word = !term.starts_with('"') && !is_excluded;
            if is_word && text.eq_ignore_ascii_case("or") {
                alternatives.push(Vec::new());
            } else if let (Some(term), Some(last)) =
                (Term::new(text, is_excluded), alternatives.last_mut())
            {
                last.push(term);
            }
            rest = after.trim_start();
        }
        alternatives.retain(|terms| !terms.is_empty());
        Ok(Some(Self { alternatives }))
    }

    /// Returns whether a patient passes. `facility_names` are the names of the patient's
    /// facilities.
    pub fn passes<'a>(
        &self,
        patient: &Patient,
        facility_names: impl Iterator<Item = &'a str>,
    ) -> bool {
        let searched = Searched::new(patient, facility_names);
        let applies = |term: &Term| searched.has(term) != term.is_excluded;
        self.alternatives.iter().any(|terms| terms.iter().all(applies))
    }
}

impl Term {
    fn new(text: &str, is_excluded: bool) -> Option<Self> {
        let mut letters = String::with_capacity(text.len());
        fold(text, &mut letters);
        let date = Dob::from_tidy(text.trim()).ok();
        let term = Self { is_excluded, text: text.trim().to_lowercase(), letters, date };
        (!term.letters.is_empty()).then_some(term)
    }
}

/// What the terms of a filter are searched in.
struct Searched<'a> {
    patient: &'a Patient,
    /// The words of the names of the patient, and of the name of each facility.
    names: Vec<Vec<String>>,
    /// The ids in lower case.
    ids: Vec<String>,
}

impl<'a> Searched<'a> {
    fn new<'b>(patient: &'a Patient, facility_names: impl Iterator<Item = &'b str>) -> Self {
        let mut own_names = words(patient.first_name.as_str());
        own_names.extend(words(patient.last_name.as_str()));
        let mut names = vec![own_names];
        names.extend(facility_names.map(words));
        let mut ids = vec![patient.id.to_string()];
        ids.extend(patient.external_id.as_ref().map(|id| id.as_str().to_lowercase()));
        ids.extend(patient.facility_ids.iter().map(ToString::to_string));
        Self { patient, names, ids }
    }

    fn has(&self, term: &Term) -> bool {
        self.ids.contains(&term.text)
            || term.date == Some(self.patient.dob)
            || self.is_start_of_date(&term.letters)
            || self.names.iter().any(|words| has_words(words, &term.letters))
    }

    /// Returns whether the text is the year of the date of birth, its year and month, or all of it.
    fn is_start_of_date(&self, letters: &str) -> bool {
        const LENGTHS: [usize; 3] = ["YYYY".len(), "YYYYMM".len(), "YYYYMMDD".len()];
        LENGTHS.contains(&letters.len())
            && self.patient.dob.to_iso().replace('-', "").starts_with(letters)
    }
}

/// Returns the words of a text, each as names are compared.
fn words(text: &str) -> Vec<String> {
    let parts_words = |c: char| {
        c.is_whitespace() || is_dash(c) || matches!(c, ',' | ';' | '.' | '/' | '&' | '(' | ')')
    };
    let words = text.split(parts_words).map(|word| {
        let mut folded = String::with_capacity(word.len());
        fold(word, &mut folded);
        folded
    });
    words.filter(|word| !word.is_empty()).collect()
}

/// Returns whether a text consists of consecutive words.
fn has_words(words: &[String], letters: &str) -> bool {
    (0..words.len()).any(|first| {
        let mut rest = letters;
        for word in &words[first..] {
            match rest.strip_prefix(word.as_str()) {
                Some("") => return true,
                Some(next) => rest = next,
                None => return false,
            }
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn passes(filter: &str, first_name: &str, last_name: &str) -> bool {
        let patient = json!({
            "id": "6496bec1-d4cd-879b-9f0b-e62698adc474", "externalId": "MRN-1001", "firstName": first_name,
            "lastName": last_name, "dob": "2000-02-03", "genderAtBirth": "F", "address": [],
            "facilityIds": ["019b76da-a800-7000-8000-00000000000f"],
            "dateCreated": "2026-01-15T10:00:00.000Z", "dateUpdated": "2026-01-15T10:00:00.000Z",
        });
        let patient: Patient = serde_json::from_str(&patient.to_string()).unwrap();
        let filter = PatientFilter::parse(filter).unwrap().unwrap();
        filter.passes(&patient, ["North Clinic"].into_iter())
    }

    #[test]
    fn all_words_have_to_be_there_in_any_order() {
        assert!(passes("john doe", "John", "Doe"));
        assert!(passes("DOE john", "John Gray", "Doe"));
        assert!(!passes("john doe", "John", "Gray"));
        assert!(!passes("joh", "John", "Doe"), "a part of a word");
    }

    #[test]
    fn a_quoted_phrase_has_its_order() {
        assert!(passes("\"john doe\"", "John", "Doe"));
        assert!(!passes("\"john doe\"", "John Gray", "Doe"));
        assert!(!passes("\"doe john\"", "John", "Doe"));
        assert!(passes("doe \"john gray", "John Gray", "Doe"), "a quote that is not closed");
        assert!(passes("\"or\"", "Or", "Levi"));
    }

    #[test]
    fn one_of_several_alternatives_is_enough() {
        for (first, last, expected) in
            [("John", "Gray", true), ("Jane", "Doe", true), ("Jane", "Gray", false)]
        {
            assert_eq!(passes("john or doe", first, last), expected, "{first} {last}");
        }
        assert!(passes("or john OR", "John", "Gray"));
        assert!(passes("jane gray or john doe", "John", "Doe"));
        assert!(!passes("jane gray or john doe", "John", "Gray"), "`or` binds weaker than words");
    }

    #[test]
    fn an_excluded_term_must_not_be_there() {
        assert!(passes("john -doe", "John", "Gray"));
        assert!(!passes("john -doe", "John", "Doe"));
        assert!(!passes("-\"john doe\"", "John", "Doe"));
        assert!(passes("-smith", "John", "Doe"));
        assert!(!passes("john -2000", "John", "Doe"));
    }

    #[test]
    fn names_are_compared_by_their_letters() {
        for (filter, last) in [
            ("obrien", "O'Brien"),
            ("o'brien", "OBrien"),
            ("jose", "José"),
            ("garcia", "Garcia-Lopez"),
            ("garcia-lopez", "Garcia Lopez"),
            ("garcialopez", "Garcia-Lopez"),
            ("\"garcia lopez\"", "Garcia-Lopez"),
            ("lopez,", "Garcia-Lopez"),
        ] {
            assert!(passes(filter, "Ana", last), "{filter} {last}");
        }
        assert!(!passes("garcialo", "Ana", "Garcia-Lopez"));
        assert!(!passes("opez", "Ana", "Garcia-Lopez"));
    }

    #[test]
    fn a_date_of_birth_is_found_by_its_day_month_or_year() {
        for filter in ["2000", "2000-02", "2000-02-03", "20000203", "02/03/2000", "\"Feb 3, 2000\""]
        {
            assert!(passes(filter, "John", "Doe"), "{filter}");
        }
        for filter in ["2001", "2000-03", "2000-02-04", "02", "03/02/2000", "200"] {
            assert!(!passes(filter, "John", "Doe"), "{filter}");
        }
        assert!(passes("john 2000", "John", "Doe"));
    }

    #[test]
    fn ids_are_found_whole_and_facilities_by_their_names() {
        for filter in [
            "MRN-1001",
            "mrn-1001",
            "6496bec1-d4cd-879b-9f0b-e62698adc474",
            "019b76da-a800-7000-8000-00000000000f",
            "north",
            "\"north clinic\"",
        ] {
            assert!(passes(filter, "John", "Doe"), "{filter}");
        }
        for filter in ["MRN1001", "1001", "6496bec1", "south"] {
            assert!(!passes(filter, "John", "Doe"), "{filter}");
        }
    }

    #[test]
    fn blank_text_filters_nothing_and_text_without_letters_finds_no_patient() {
        for blank in ["", "  ", "\u{a0}\t"] {
            assert_eq!(PatientFilter::parse(blank), Ok(None));
        }
        for filter in ["!!!", "-", "or", "\"\"", "- -", "\""] {
            assert!(!passes(filter, "John", "Doe"), "{filter}");
        }
        assert!(passes("john !!!", "John", "Doe"));
        assert_eq!(PatientFilter::parse(&"x".repeat(256)), Err(NotAFilter));
        assert_eq!(PatientFilter::parse("a\u{7}b"), Err(NotAFilter));
    }

    #[test]
    fn a_filter_is_not_shown() {
        let filter = PatientFilter::parse("john").unwrap();
        assert_eq!(format!("{filter:?}"), "Some(PatientFilter(…))");
    }
}
