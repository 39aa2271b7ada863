use std::collections::HashSet;

use super::*;
use crate::limits::{COLUMNS, Limits};

fn name(field: Field) -> ColumnName {
    ColumnName::new(field, None)
}

/// Every error with the values that the documentation shows.
fn examples() -> Vec<FileError> {
    let limits = Limits::default();
    let missing = |columns: &[Field], header_line| FileError::MissingColumns {
        columns: columns.iter().copied().map(name).collect(),
        header_line,
    };
    let place = |row, byte| RowPlace::Data { number: RowNumber::new(row), byte };
    vec![
        FileError::Empty,
        FileError::NoDataRows,
        missing(&[Field::FirstName, Field::Zip], None),
        missing(&[Field::Dob], Some(5)),
        FileError::NoHeader,
        FileError::HeaderQuote,
        FileError::LineBreaksLost,
        FileError::MappedHeaderMissing { column: name(Field::Dob), header: "Born On".into() },
        FileError::OptOutIgnored { position: 9 },
        FileError::DayBeforeMonth { row: RowNumber::new(3) },
        FileError::DuplicateColumn { column: name(Field::Zip), first: 8, second: 9 },
        FileError::IndexOutOfRange { field: Field::Zip, position: 9 },
        FileError::TooManyColumns { limit: COLUMNS },
        FileError::TooManyRows { limit: limits.rows },
        FileError::TooManyBytes { limit: limits.bytes.into() },
        FileError::RowTooLong { place: place(7, 812), limit: limits.row_bytes },
        FileError::Nul { byte: 61, place: place(1, 58) },
        FileError::Format(FileFormat::Gzip),
        FileError::Format(FileFormat::PortableNetworkGraphics),
        FileError::Zip,
        FileError::Xls,
        FileError::Pdf,
        FileError::Rtf,
        FileError::Html,
        FileError::Xml,
        FileError::Json,
        FileError::PercentEncoded,
        FileError::QuotedLines,
        FileError::Multipart,
        FileError::Pgp,
        FileError::X12,
        FileError::Edifact,
        FileError::Hl7,
        FileError::Base64,
        FileError::Binary,
        FileError::Utf16,
        FileError::Separator(OtherSeparator::Caret),
    ]
}

#[test]
fn the_documentation_lists_every_reason() {
    let documented = include_str!("../../../PROBLEMS.md");
    for error in examples() {
        assert!(
            documented.contains(&format!("\n| `{error}` | ")),
            "PROBLEMS.md should have a line for `{error}`"
        );
    }
    // And none that does not exist.
    let table = documented.split("| reason | what to do |").last().unwrap();
    let lines = table.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(lines, examples().len());
}

#[test]
fn every_error_has_an_example_and_a_code_of_its_own() {
    let codes: HashSet<&str> = examples().iter().map(FileError::code).collect();
    // Two of the examples are about missing columns, and two about other formats.
    assert_eq!(codes.len(), examples().len() - 2);
    // The codes stand in one `match` without a wildcard.
    let source = include_str!("../error.rs");
    let code = source
        .split("pub fn code(")
        .nth(1)
        .and_then(|rest| rest.split("\n    }\n").next())
        .unwrap();
    assert_eq!(code.matches("=> \"").count(), codes.len());
}
