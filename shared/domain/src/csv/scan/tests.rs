use file_format::FileFormat;
use proptest::prelude::*;

use super::*;
use crate::csv::Separator;
use crate::csv::error::OtherSeparator;

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
fn a_row_without_a_name_has_no_identity() {
    let rows = [
        "Ada,Lovelace,1980-02-30,F,,,,",
        "Ada,Lovelace,1980-02-03,Q,,,,",
        "-,Lovelace,1980-02-03,F,,,,",
        "Ada,,1980-02-03,F,,,,",
        "Ada,Lovelace,\"1980-02-03\"x,F,,,,",
    ];
    let (rows, _) = scan(format!("{HEADER}\n{}", rows.join("\n")));
    assert_eq!(rows.len(), 5);
    assert!(rows.iter().all(|row| row.identity.is_none()));
}

#[test]
fn a_row_of_windows_1252_has_the_identity_of_its_text() {
    let windows = b"Jos\xe9,Nu\xf1ez,1980-02-03,F,,,,";
    let file = [HEADER.as_bytes(), b"\n", windows, b"\n", "José,Nuñez,1980-02-03,F,,,,".as_bytes()]
        .concat();
    let (rows, _) = scan(file);
    assert_eq!(rows[0].identity, rows[1].identity);
    assert!(rows[0].identity.is_some());
}

#[test]
fn dates_that_all_have_the_day_first_are_refused() {
    let scan_dates = |dates: &[&str]| {
        let rows: Vec<String> = dates.iter().map(|date| ROW.replace("1980-02-03", date)).collect();
        scan(format!("{HEADER}\n{}", rows.join("\n"))).1
    };
    for (dates, row) in [
        (&["25/12/1980"][..], 1),
        (&["05/04/1962", "13-06-1975", "7.9.1990"], 2),
        (&["1/1/1980", "1980-12-31", "31.12.1980 0:00"], 3),
    ] {
        assert_eq!(
            scan_dates(dates),
            Err(FileError::DayBeforeMonth { row: RowNumber::new(row) }),
            "{dates:?}"
        );
    }
    for dates in [
        &["25/12/1980", "12/25/1980"][..],
        &["05/04/1962", "1/2/1980"],
        &["1980-25-12", "31-Dec-1980"],
        &["25/25/1980"],
    ] {
        assert!(scan_dates(dates).is_ok(), "{dates:?}");
    }
}

#[test]
fn a_file_without_a_header_or_rows_is_refused() {
    for file in ["", "\n\r\n \t\n", "\u{feff}", "\u{feff}\n", "\n , \n,,,\n", ";;"] {
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
    let tar = [&b"patients.csv"[..], &[0; 245], b"ustar\x0000", &[0; 248]].concat();
    let quoted_lines = format!("\"{HEADER}\"\n\"{ROW}\"\n");
    let encoded = HEADER.replace(',', "%2C") + "%0AAda%2CLovelace";
    let utf16_be: Vec<u8> = HEADER.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (file, expected) in [
        (&b"\x1f\x8b\x08\0\0\0"[..], FileError::Format(FileFormat::Gzip)),
        (b"PK\x03\x04\x14\0", FileError::Zip),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0", FileError::Xls),
        (b"BZh91AY&SY\0", FileError::Format(FileFormat::Bzip2)),
        (b"\x28\xb5\x2f\xfd\0", FileError::Format(FileFormat::Zstandard)),
        (b"\xfd7zXZ\0\0\x04", FileError::Format(FileFormat::Xz)),
        (b"7z\xbc\xaf\x27\x1c\0\x04", FileError::Format(FileFormat::SevenZip)),
        (b"Rar!\x1a\x07\x01\0", FileError::Format(FileFormat::RoshalArchive)),
        (&tar, FileError::Format(FileFormat::TapeArchive)),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", FileError::Format(FileFormat::PortableNetworkGraphics)),
        (b"\xff\xd8\xff\xe0 short", FileError::Format(FileFormat::JointPhotographicExpertsGroup)),
        (b"PAR1\x15\0\x15", FileError::Format(FileFormat::ApacheParquet)),
        (b"SQLite format 3\0", FileError::Format(FileFormat::Sqlite3)),
        (b"-----BEGIN CERTIFICATE-----\nMII", FileError::Format(FileFormat::PemCertificate)),
        (b"BEGIN:VCARD\r\nVERSION:4.0\r\n", FileError::Format(FileFormat::Vcard)),
        (b"%PDF-1.7\n%\xe2\xe3", FileError::Pdf),
        (b"{\\rtf1\\ansi\n", FileError::Rtf),
        (b"<!DOCTYPE html>\n<html>", FileError::Html),
        (b"\xef\xbb\xbf\r\n  <HTML><body>", FileError::Html),
        (b"<table><tr><td>firstName", FileError::Html),
        (b"<?xml version=\"1.0\"?><Error>", FileError::Xml),
        (b"<Patients>\n<Patient/>", FileError::Xml),
        (b"{\"firstName\":\"Ada\",\"lastName\":\"Lovelace\"}", FileError::Json),
        (b" [\n {\"firstName\":\"Ada\"}]", FileError::Json),
        (b"\"firstName,lastName\\nAda,Lovelace\\n\"", FileError::Json),
        (
            b"--b\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\nfirstName",
            FileError::Multipart,
        ),
        (b"-----BEGIN PGP MESSAGE-----\n", FileError::Pgp),
        (b"ISA*00*          *00*", FileError::X12),
        (b"UNA:+.? 'UNB+UNOA:1+", FileError::Edifact),
        (encoded.as_bytes(), FileError::PercentEncoded),
        (quoted_lines.as_bytes(), FileError::QuotedLines),
        (b"\"firstName,\"\"lastName\"\",dob\"\n", FileError::QuotedLines),
        (b"MSH|^~\\&|HARBOR|", FileError::Hl7),
        (
            b"Zmlyc3ROYW1lLGxhc3ROYW1lLGRvYixnZW5kZXIsYWRkcmVzc0xpbmUx\nLGNpdHk=\n",
            FileError::Base64,
        ),
        (b"data:text/csv;base64,Zmlyc3ROYW1l", FileError::Base64),
        (b"\x85\x01\x0c\x03\xb1\x07\x11\xf0\x9c\n\x10", FileError::Binary),
        (b"\xff\xfef\0i\0", FileError::Utf16),
        (b"\xfe\xff\0f\0i", FileError::Utf16),
        (&utf16, FileError::Utf16),
        (&utf16_be, FileError::Utf16),
    ] {
        for size in [1, 3, 1000] {
            assert_eq!(
                scan_in_pieces(Limits::default(), file, size).1,
                Err(expected.clone()),
                "{file:?}"
            );
        }
    }
    assert!(matches!(error(b"a\0bc"), FileError::Nul { byte: 1, .. }));
}

#[test]
fn the_separator_is_the_one_under_which_the_header_has_the_required_columns() {
    for (separator, expected) in [
        (";", Separator::Semicolon),
        ("\t", Separator::Tab),
        ("|", Separator::Pipe),
        (",", Separator::Comma),
    ] {
        let quoted = format!("\"{}\"", HEADER.replace(',', &format!("\"{separator}\"")));
        for header in [
            HEADER.replace(',', separator),
            quoted,
            format!("sep=x\n{}", HEADER.replace(',', separator)).replace('x', separator),
        ] {
            let file = format!("{header}\n{}\n", ROW.replace(',', separator));
            let (rows, summary) = scan(&file);
            assert_eq!(summary.unwrap().columns.separator(), expected, "{file}");
            assert!(rows[0].identity.is_some());
        }
    }
    // Cells may hold the other ones.
    assert_eq!(
        scan(format!("{HEADER},a;b;c|d\n{ROW},\n")).1.unwrap().columns.separator(),
        Separator::Comma
    );
    let semicolons = HEADER.replace(',', ";");
    assert_eq!(
        error(format!("{semicolons};Zip Code\n")).to_string(),
        "columns 8 and 9 of the header mean the same: zip"
    );
}

#[test]
fn a_separator_that_no_file_may_have_is_named() {
    for (separator, expected) in [
        ("^", OtherSeparator::Caret),
        ("~", OtherSeparator::Tilde),
        ("*", OtherSeparator::Asterisk),
        (":", OtherSeparator::Colon),
        ("\u{1f}", OtherSeparator::ControlCharacter),
    ] {
        assert_eq!(error(HEADER.replace(',', separator)), FileError::Separator(expected));
    }
    assert!(matches!(error("firstName,notes: more\n"), FileError::MissingColumns { .. }));
}

#[test]
fn a_header_in_a_later_line_is_found_among_the_first_ten() {
    let file = |lines: usize| format!("{}{HEADER}\n{ROW}\n", "Report of today,,\n".repeat(lines));
    for (lines, found) in [(1, Some(2)), (9, Some(10)), (10, None)] {
        for size in [1, 1000] {
            let error =
                scan_in_pieces(Limits::default(), file(lines).as_bytes(), size).1.unwrap_err();
            let FileError::MissingColumns { header_line, .. } = error else { panic!("{error}") };
            assert_eq!(header_line, found);
        }
    }
    let file = format!("\"Report\" of today\r\n\r\n{}\r\n", HEADER.replace(',', ";"));
    assert!(
        error(file)
            .to_string()
            .ends_with("the header seems to be in line 3: delete the lines above it")
    );
}

#[test]
fn a_file_without_a_header_is_told_so() {
    for file in [
        ROW.to_owned(),
        format!("{ROW}\n{ROW}"),
        ROW.replace(',', "\t"),
        "a,b,test@example.com\n".to_owned(),
    ] {
        assert_eq!(error(&file), FileError::NoHeader, "{file}");
    }
    assert!(matches!(error("name,town\nAda,1980-02-03\n"), FileError::MissingColumns { .. }));
}

#[test]
fn a_file_whose_line_breaks_were_lost_is_told_so() {
    for file in [
        format!("{HEADER}{ROW}{ROW}"),
        format!("{HEADER},notes{ROW}"),
        format!("{HEADER}{}", ROW.repeat(40_000)),
    ] {
        assert_eq!(error(&file), FileError::LineBreaksLost);
        assert_eq!(
            scan_in_pieces(Limits::default(), file.as_bytes(), 9_999).1,
            Err(FileError::LineBreaksLost)
        );
    }
    assert_eq!(error(HEADER), FileError::NoDataRows);
}

#[test]
fn what_the_customer_says_about_columns_counts() {
    let file = format!("{}\n{ROW}\n", HEADER.replace("dob", "Born On"));
    let mut scan = FileScan::new(Limits::default())
        .with_mappings(ColumnMappings::parse(["dob:Born On"]).unwrap());
    let mut rows = Vec::new();
    scan.push(file.as_bytes(), &mut |row| rows.push(row)).unwrap();
    let summary = scan.finish(&mut |row| rows.push(row)).unwrap();
    assert_eq!(summary.columns.find(Field::Dob, None), Some(2));
    assert!(rows[0].identity.is_some());
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
fn a_quote_that_never_closes_costs_its_row_only() {
    let file = format!("{HEADER}\n{ROW}\n\"{ROW}\n{ROW}\n");
    let (rows, summary) = scan(&file);
    assert_eq!(summary.unwrap().rows, 3);
    assert_eq!(
        rows.iter().map(|row| row.identity.is_some()).collect::<Vec<_>>(),
        [true, false, true]
    );
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
        format!("{HEADER},{canary} opt out"),
        format!("{canary}\n{HEADER}"),
        format!("\"{canary}\"{canary}\n"),
        format!("{canary},1980-02-03"),
        HEADER.replace(',', "^") + canary,
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
