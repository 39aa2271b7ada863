use super::*;
use proptest::prelude::*;

fn names(text: &str) -> Names {
    text.parse().unwrap()
}

fn identity(first: &str, last: &str) -> Identity {
    Identity::of(&names(first), &names(last), "1980-02-03".parse().unwrap(), Gender::Female)
}

#[test]
fn only_letters_and_digits_matter_without_case_and_diacritics() {
    for (a, b) in [
        ("O'Brien", "O\u{2019}Brien"),
        ("O'Brien", "OBRIEN"),
        ("Garcia-Lopez", "Garcia Lopez"),
        ("Jos\u{e9}", "Jose"),
        ("Mary Ann", "MARY,ANN"),
        ("Mary Ann", "maryann"),
        ("Jos\u{e9}", "JOSE\u{301}"),
        ("Groß", "GROSS"),
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("\u{212b}sa", "\u{e5}sa"),
        ("ﬁona", "Fiona"),
    ] {
        assert_eq!(identity(a, "X"), identity(b, "X"), "{a} {b}");
    }
}

#[test]
fn everything_else_matters() {
    let base = identity("Mary", "Ann");
    for (first, last) in [("Mary", "Anne"), ("Mar", "yAnn"), ("Ann", "Mary"), ("Mary Q", "Ann")] {
        assert_ne!(identity(first, last), base, "{first} {last}");
    }
    let (first, last) = (names("Mary"), names("Ann"));
    let of = |dob: &str, gender| Identity::of(&first, &last, dob.parse().unwrap(), gender);
    assert_eq!(of("1980-02-03", Gender::Female), base);
    assert_ne!(of("1980-02-04", Gender::Female), base);
    assert_ne!(of("1980-02-03", Gender::Unknown), base);
}

#[test]
fn an_identity_is_the_same_on_every_machine_and_in_every_version() {
    assert_eq!(
        identity("José, Maria", "de la Cruz").as_bytes(),
        b"josemaria\0delacruz\0\x07\xbc\x02\x03F"
    );
    let row = of_cells(b"Mary", b"Ann", "1980-02-03", b"F").unwrap();
    assert_eq!(row.get(), 17_890_466_545_376_342_587);
}

fn of_cells(first: &[u8], last: &[u8], dob: &str, gender: &[u8]) -> Option<RowIdentity> {
    RowIdentity::of_cells(Encoding::Utf8, first, last, dob, gender)
}

#[test]
fn folding_does_not_see_case() {
    // What title case does to a letter must not change the identity.
    let folded = |text: String| {
        let names = text.parse::<Names>().ok()?;
        let mut folded = String::new();
        fold(names.as_str(), &mut folded);
        Some(folded)
    };
    for c in '\0'..=char::MAX {
        if c.is_alphanumeric() {
            let plain = folded(c.into());
            // All people with such a name would be one.
            assert_ne!(plain.as_deref(), Some(""), "{c}");
            assert_eq!(folded(c.to_uppercase().collect()), plain, "{c}");
            assert_eq!(folded(c.to_lowercase().collect()), plain, "{c}");
        }
    }
}

proptest! {
    #[test]
    fn cells_and_what_they_are_read_to_have_the_same_identity(
        first in "[a-zA-Z,' \u{b}\t\u{a0}\u{200b}é\u{301}ß-]{0,8}|\\PC{0,8}",
        last in "[a-zA-Z,'. -]{0,8}|\\PC{0,8}",
        dob in " ?(1980-02-03|2/3/1980|19800203|1980-02-30)( 0:00)?",
        gender in "[mMfX]|female|UNK",
    ) {
        let cells = of_cells(first.as_bytes(), last.as_bytes(), dob.trim(), gender.as_bytes());
        if let (Ok(first), Ok(last), Ok(dob), Ok(gender)) = (first.parse(), last.parse(), dob.parse(), gender.parse()) {
            prop_assert_eq!(cells, Some(RowIdentity::of(&first, &last, dob, gender)));
        }
    }

    #[test]
    fn the_same_identity_means_the_same_row_identity(first in "[aA, ßſs]{1,4}", other in "[aA, ßſs]{1,4}") {
        let (Ok(first), Ok(other)) = (first.parse::<Names>(), other.parse::<Names>()) else { return Ok(()) };
        let last = names("x");
        let dob: Dob = "1980-02-03".parse().unwrap();
        let whole = |first| Identity::of(first, &last, dob, Gender::Other);
        let short = |first| RowIdentity::of(first, &last, dob, Gender::Other);
        prop_assert_eq!(whole(&first) == whole(&other), short(&first) == short(&other));
    }
}
