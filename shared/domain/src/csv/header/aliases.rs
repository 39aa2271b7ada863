//! The closed table of the names that columns go by in files. The integrator's guide has the same
//! table.

use crate::column::Field;

/// The names of each field besides its own, as the guide writes them. Case, spaces, `_` and
/// punctuation do not matter. Of `externalId` the first name that a file has is taken, and the
/// others are ignored columns.
pub(super) const ALIASES: [(Field, &[&str]); 13] = [
    (Field::ExternalId, &["id", "mrn", "medical record number", "patient id", "chart number"]),
    (Field::FirstName, &["first", "given name", "forename", "fname"]),
    (Field::LastName, &["last", "surname", "family name", "lname"]),
    (Field::Dob, &["date of birth", "birth date", "birthday", "birthdate"]),
    (Field::Gender, &["sex", "gender at birth", "sex at birth", "birth sex", "administrative sex"]),
    (Field::AddressLine1, &["address", "address 1", "street", "street address", "mailing address"]),
    (Field::AddressLine2, &["address 2", "apt", "unit", "suite"]),
    (Field::Zip, &["zip code", "postal code"]),
    (
        Field::Phone,
        &[
            "phone number",
            "telephone",
            "mobile",
            "mobile phone",
            "cell",
            "cell phone",
            "home phone",
            "work phone",
            "primary phone",
        ],
    ),
    (Field::Email, &["email address"]),
    (Field::Ssn, &["social security number"]),
    (
        Field::DriversLicenceNo,
        &[
            "drivers license no",
            "drivers licence number",
            "drivers license number",
            "drivers licence value",
            "drivers license value",
            "drivers licence",
            "drivers license",
        ],
    ),
    (Field::DriversLicenceState, &["drivers license state"]),
];

/// A field by one of its names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Named {
    pub(super) field: Field,
    /// 0 for the field's own name, 1 for its first alias.
    pub(super) rank: usize,
}

/// Returns every name that a column goes by, the own names of the columns first.
pub fn names() -> impl Iterator<Item = (Field, &'static str)> {
    let own = Field::ALL.into_iter().map(|field| (field, field.name()));
    let aliases =
        ALIASES.iter().flat_map(|&(field, names)| names.iter().map(move |name| (field, *name)));
    own.chain(aliases)
}

/// Finds the field that a name means. The name has letters and digits only, in lower case.
pub(super) fn named(squeezed: &str) -> Option<Named> {
    let same = |name: &str| {
        name.bytes()
            .filter(u8::is_ascii_alphanumeric)
            .map(|b| b.to_ascii_lowercase())
            .eq(squeezed.bytes())
    };
    if let Some(field) = Field::ALL.into_iter().find(|field| same(field.name())) {
        return Some(Named { field, rank: 0 });
    }
    ALIASES.iter().find_map(|&(field, names)| {
        let place = names.iter().position(|name| same(name))?;
        Some(Named { field, rank: place + 1 })
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn the_guide_lists_every_alias() {
        let mut table = String::from("| column | also known as |\n|---|---|\n");
        for (field, names) in ALIASES {
            writeln!(table, "| `{field}` | {} |", names.join(", ")).unwrap();
        }
        let guide = include_str!("../../../../../infra/docs/integrator.md");
        assert!(
            guide.contains(&table),
            "the integrator's guide should hold this table:\n\n{table}"
        );
    }

    #[test]
    fn no_alias_means_two_things() {
        let squeeze = |name: &str| name.replace(' ', "").to_lowercase();
        for (field, names) in ALIASES {
            for name in names {
                assert_eq!(named(&squeeze(name)).unwrap().field, field, "{name}");
            }
        }
    }
}
