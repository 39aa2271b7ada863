use proptest::prelude::*;

use super::*;
use crate::csv::{RowPlace, Separator};

const HEADER: &str = "firstName,lastName,dob,gender,addressLine1,city,state,zip";
const ROW: &str = "Ada,Lovelace,1980-02-03,F,1 Main St,Boston,MA,02139";

fn small_limits() -> Limits {
    Limits { rows: 3, bytes: 1000, row_bytes: 200 }
}

/// What a scan of a file that arrives in pieces of a size finds, and the rows that it reports.
fn scan_in_pieces(
    limits: Limits,
    file: &[u8],
    size: usize,
) -> (Vec<ScannedRow>, Result<FileSummary, FileError>) {
    let mut rows = Vec::new();
    let mut scan = FileScan::new(limits);
    for piece in file.chunks(size) {
        if let Err(error) = scan.push(piece, &mut |row| rows.push(row)) {
            return (rows, Err(error));
        }
    }
    let summary = scan.finish(&mut |row| rows.push(row));
    (rows, summary)
}

fn scan(file: impl AsRef<[u8]>) -> (Vec<ScannedRow>, Result<FileSummary, FileError>) {
    scan_in_pieces(Limits::default(), file.as_ref(), 1 << 16)
}

fn error(file: impl AsRef<[u8]>) -> FileError {
    scan(file).1.unwrap_err()
}

#[test]
fn a_sound_file_is_summed_up_and_its_rows_are_reported() {
    let file = format!("\u{feff}\n{HEADER}\r\n\r\n{ROW}\r\n  \r\n\"A\nB\",x");
    let (rows, summary) = scan(&file);
    let summary = summary.unwrap();
    assert_eq!(summary.rows, 2);
    assert_eq!(summary.bytes, file.len() as u64);
    assert_eq!(summary.header, HeaderRow { start: 4, len: 57 });
    assert_eq!(summary.columns.width(), 8);
    let text = |row: &ScannedRow| {
        let start = usize::try_from(row.start).unwrap();
        &file[start..start + row.len as usize]
    };
    assert_eq!(rows.iter().map(|row| row.number.get()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(rows.iter().map(text).collect::<Vec<_>>(), [ROW, "\"A\nB\",x"]);
}

#[test]
fn rows_about_the_same_person_have_the_same_identity() {
    let rows = [
        ROW,
        "ADA,lovelace,2/3/1980,female,2 Other St,Reno,NV,89501",
        "\" Ada, \",Love Lace,19800203,f,,,,",
        "Ada,Lovelace,1980-02-04,F,1 Main St,Boston,MA,02139",
        "Ada,Lovelace,1980-02-03,O,1 Main St,Boston,MA,02139",
        "Lovelace,Ada,1980-02-03,F,1 Main St,Boston,MA,02139",
    ];
    let (rows, _) = scan(format!("{HEADER}\n{}", rows.join("\n")));
    let identities: Vec<_> = rows.iter().map(|row| row.identity.unwrap()).collect();
    assert!(identities[..3].iter().all(|identity| *identity == identities[0]));
    for other in &identities[3..] {
        assert_ne!(*other, identities[0]);
    }
    assert_ne!(identities[3], identities[4]);
}

#[test]
fn a_row_that_belongs_to_nobody_has_no_identity() {
    let rows = [
        "Ada,Lovelace,1980-02-30,F,,,,",
        "Ada,Lovelace,1980-02-03,X,,,,",
        "-,Lovelace,1980-02-03,F,,,,",
        "Ada,,1980-02-03,F,,,,",
        "Ada,Lovelace,1980-02-03,F,,,",
        "Ada,Lovelace,1980-02-03,F,,,,,",
    ];
    let (rows, _) = scan(format!("{HEADER}\n{}", rows.join("\n")));
    assert_eq!(rows.len(), 6);
    assert!(rows.iter().all(|row| row.identity.is_none()));
}

#[test]
fn a_file_without_a_header_or_rows_is_refused() {
    for file in ["", "\n\r\n \t\n", "\u{feff}", "\u{feff}\n"] {
        assert_eq!(error(file), FileError::Empty, "{file:?}");
    }
    for end in ["", "\n", "\r\n\r\n", "\n  \n\t"] {
        assert_eq!(error(format!("{HEADER}{end}")), FileError::NoDataRows);
    }
}

#[test]
fn one_row_more_than_the_limit_is_too_many() {
    let file = |rows: usize| format!("{HEADER}\n{}", "x\n".repeat(rows));
    assert_eq!(scan_in_pieces(small_limits(), file(3).as_bytes(), 7).1.unwrap().rows, 3);
    let (rows, result) = scan_in_pieces(small_limits(), file(4).as_bytes(), 7);
    assert_eq!((rows.len(), result), (3, Err(FileError::TooManyRows { limit: 3 })));
}

#[test]
fn one_byte_more_than_the_limit_is_too_much() {
    let file = |bytes: usize| format!("{HEADER}\nx{}", "\n".repeat(bytes - HEADER.len() - 2));
    assert_eq!(scan_in_pieces(small_limits(), file(1000).as_bytes(), 7).1.unwrap().bytes, 1000);
    for size in [1, 7, 2000] {
        let (rows, result) = scan_in_pieces(small_limits(), file(1001).as_bytes(), size);
        assert_eq!((rows.len(), result), (1, Err(FileError::TooManyBytes { limit: 1000 })));
    }
}

#[test]
fn other_formats_are_recognised() {
    let utf16: Vec<u8> = HEADER.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf16_be: Vec<u8> = HEADER.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (file, expected) in [
        (&b"\x1f\x8b\x08\0\0\0"[..], FileError::Gzip),
        (b"PK\x03\x04\x14\0", FileError::Zip),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0", FileError::Xls),
        (b"%PDF-1.7\n%\xe2\xe3", FileError::Pdf),
        (b"<!DOCTYPE html>\n<html>", FileError::Html),
        (b"\xef\xbb\xbf\r\n  <HTML><body>", FileError::Html),
        (b"<?xml version=\"1.0\"?><Error>", FileError::Html),
        (b"\xff\xfef\0i\0", FileError::Utf16),
        (b"\xfe\xff\0f\0i", FileError::Utf16),
        (&utf16, FileError::Utf16),
        (&utf16_be, FileError::Utf16),
    ] {
        for size in [1, 3, 1000] {
            assert_eq!(scan_in_pieces(Limits::default(), file, size).1, Err(expected.clone()), "{file:?}");
        }
    }
    assert!(matches!(error(b"a\0bc"), FileError::Nul { byte: 1, .. }));
}

#[test]
fn a_header_without_commas_and_known_columns_is_separated_by_something_else() {
    for (header, expected) in
        [("a;b", Separator::Semicolon), ("a|b;c|d", Separator::Pipe), ("a\tb", Separator::Tab)]
    {
        assert_eq!(error(format!("{header}\n1;2\n")), FileError::Separator(expected), "{header:?}");
    }
    for header in ["a", "a;b,c", "firstName"] {
        assert!(!matches!(error(format!("{header}\n1\n")), FileError::Separator(_)), "{header:?}");
    }
}

#[test]
fn another_separator_is_recognised_by_the_columns_that_it_yields() {
    for (separator, expected) in [(";", Separator::Semicolon), ("\t", Separator::Tab), ("|", Separator::Pipe)]
    {
        assert_eq!(error(HEADER.replace(',', separator)), FileError::Separator(expected));
        let quoted = format!("\"{}\"", HEADER.replace(',', &format!("\"{separator}\"")));
        assert_eq!(error(quoted), FileError::Separator(expected));
    }
    assert!(matches!(error("firstName,notes; more\n"), FileError::MissingColumns(_)));
    assert!(scan(format!("{HEADER},a;b;c\n{ROW},\n")).1.is_ok());
}

#[test]
fn an_error_is_final() {
    let mut scan = FileScan::new(Limits::default());
    let begin = format!("{HEADER}\n{}\0", "x\n".repeat(300));
    let first = scan.push(begin.as_bytes(), &mut |_| ()).unwrap_err();
    assert!(matches!(first, FileError::Nul { .. }));
    let mut rows = 0;
    assert_eq!(scan.push(b"x\nx\n", &mut |_| rows += 1), Err(first.clone()));
    assert_eq!(scan.finish(&mut |_| rows += 1), Err(first));
    assert_eq!(rows, 0);
}

#[test]
fn a_quote_that_never_closes_names_the_row_that_it_is_in() {
    let file = format!("{HEADER}\n{ROW}\n\"{ROW}\n{ROW}\n");
    let place = RowPlace::Data { number: RowNumber::new(2), byte: 110 };
    assert_eq!(error(&file), FileError::UnclosedQuote { place });
    assert_eq!(error(&file).to_string(), "a quote is opened in row 2 (starts at byte 110) and never closed");
}

#[test]
fn no_error_shows_what_the_file_holds() {
    let canary = "CANARY";
    let long = "CANARY".repeat(100);
    for file in [
        format!("{canary},{HEADER}"),
        format!("{canary};{canary}\n{canary}"),
        HEADER.replace(',', &format!(",{canary},")).replace("zip", canary),
        format!("{},{canary}", HEADER.replace(',', ";")),
        format!("{canary},{HEADER},zip-1,{canary}"),
        format!("{canary},{HEADER},zip-11 {canary}"),
        format!("{canary},{HEADER},zip-11"),
        format!("{HEADER},{canary}\n{canary},\"{canary}"),
        format!("{HEADER},{canary}\n{canary},{canary}\0"),
        format!("{HEADER},{canary}\n{long}"),
        format!("{HEADER},{canary}\n{}", "CANARY\n".repeat(4)),
        format!("{HEADER},{canary}\n{}", "\n".repeat(1000)),
        format!("<html>{canary}"),
        format!("%PDF-{canary}"),
        format!("PK\x03\x04{canary}"),
    ] {
        let error = scan_in_pieces(small_limits(), file.as_bytes(), 100).1.unwrap_err();
        let shown = format!("{error} {error:?} {}", error.code());
        assert!(!shown.to_uppercase().contains("CANARY"), "{shown}");
    }
}

proptest! {
    #[test]
    fn what_a_scan_finds_does_not_depend_on_the_pieces(
        rows in prop::collection::vec("[a\",\n\r\0 ]{0,30}", 0..30),
        sound_header: bool,
        size in 1..700_usize,
        bytes in 100..1000_u32,
    ) {
        let limits = Limits { rows: 20, bytes, row_bytes: 100 };
        let header = if sound_header { HEADER } else { "a,b" };
        let file = format!("{header}\n{}", rows.join("\n"));
        let whole = scan_in_pieces(limits, file.as_bytes(), file.len());
        prop_assert_eq!(whole, scan_in_pieces(limits, file.as_bytes(), size));
    }
}
