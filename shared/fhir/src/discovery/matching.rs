//! FHIR's rules for whether a resource matches a search, for the parameters that a gateway ignored.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::patient::Patient;
use crate::search::Parameter;

/// Returns whether a patient matches a search parameter by FHIR's rules: text has to begin with a
/// value, in any case and with any accents; codes and dates have to be equal.
pub(super) fn has(patient: &Patient, parameter: &Parameter) -> bool {
    let any = |of: &dyn Fn(&str) -> bool| parameter.values.iter().any(|value| of(value));
    match parameter.name {
        "family" => any(&|value| patient.name.iter().any(|name| begins_with(&name.family, value))),
        "given" => {
            let each = patient.name.iter().flat_map(|name| name.given.iter().cloned());
            // A search for several names as one matches a patient that has them as several.
            let joined = patient.name.iter().map(|name| name.given.join(" "));
            each.chain(joined).any(|name| any(&|value| begins_with(&name, value)))
        }
        "birthdate" => any(&|value| patient.birth_date == value),
        "gender" => any(&|value| patient.gender == value),
        "address-postalcode" => any(&|value| {
            patient.address.iter().any(|address| begins_with(&address.postal_code, value))
        }),
        _ => false,
    }
}

fn begins_with(text: &str, value: &str) -> bool {
    let value = folded(value);
    !value.is_empty() && folded(text).starts_with(&value)
}

/// Returns text in lower case, without accents and punctuation. A hyphen separates words, as a
/// space does.
fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.nfkd().filter(|&c| !is_combining_mark(c)) {
        if c.is_alphanumeric() {
            folded.extend(c.to_lowercase());
        } else if (c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2015}'))
            && !folded.is_empty()
            && !folded.ends_with(' ')
        {
            folded.push(' ');
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_fhir_compares_text() {
        for (text, value, begins) in [
            ("MOHR", "mohr", true),
            ("Mohr-Schmidt", "Mohr", true),
            ("Mohr Schmidt", "Mohr-Schmidt", true),
            ("Müller", "Muller", true),
            ("Muller", "Mu\u{308}ller", true),
            ("O\u{2019}Neil", "O'Neil", true),
            ("  de  la Cruz", "de la Cruz", true),
            ("Mohr", "Mohring", false),
            ("Schmidt-Mohr", "Mohr", false),
            ("", "Mohr", false),
            ("Mohr", "", false),
            ("Mohr", "--", false),
        ] {
            assert_eq!(begins_with(text, value), begins, "{text:?} {value:?}");
        }
    }
}
