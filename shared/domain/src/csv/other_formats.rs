//! Recognises files that are no CSV, so that their owners read what it is that they sent, rather
//! than a list of missing columns.

use crate::csv::error::{FileError, OtherSeparator};
use crate::csv::header::squeeze;
use crate::csv::reader::BOM;

/// How many of a file's first bytes are looked at. The signs of binary formats are in the first 8;
/// the rest is room for the headers of a multipart form, and for blank lines before an HTML tag.
pub(super) const HEAD: usize = 512;

/// What binary formats and UTF-16 begin with.
const SIGNATURES: [(&[u8], FileError); 12] = [
    (b"\x1f\x8b", FileError::Gzip),
    (b"PK\x03\x04", FileError::Zip),
    (b"PK\x05\x06", FileError::Zip),
    (b"PK\x07\x08", FileError::Zip),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", FileError::Xls),
    (b"BZh", FileError::Bzip2),
    (b"\x28\xb5\x2f\xfd", FileError::Zstd),
    (b"7z\xbc\xaf\x27\x1c", FileError::SevenZip),
    (b"%PDF-", FileError::Pdf),
    (b"{\\rtf", FileError::Rtf),
    (b"\xff\xfe", FileError::Utf16),
    (b"\xfe\xff", FileError::Utf16),
];

/// What other texts begin with, after white space, in any case. No column of the import begins like
/// this.
const BEGINNINGS: [(&str, FileError); 17] = [
    ("<!doctype html", FileError::Html),
    ("<html", FileError::Html),
    ("<head", FileError::Html),
    ("<body", FileError::Html),
    ("<meta", FileError::Html),
    ("<style", FileError::Html),
    ("<table", FileError::Html),
    ("<?xml", FileError::Xml),
    ("<!--", FileError::Xml),
    ("<!doctype", FileError::Xml),
    ("-----begin pgp", FileError::Pgp),
    ("isa*", FileError::X12),
    ("isa|", FileError::X12),
    ("msh|", FileError::Hl7),
    ("fhs|", FileError::Hl7),
    ("bhs|", FileError::Hl7),
    ("\u{b}msh|", FileError::Hl7),
];

/// Separators of files that are not ours.
const OTHER_SEPARATORS: [(u8, OtherSeparator); 10] = [
    (b'^', OtherSeparator::Caret),
    (b'~', OtherSeparator::Tilde),
    (b'*', OtherSeparator::Asterisk),
    (b'!', OtherSeparator::ExclamationMark),
    (b':', OtherSeparator::Colon),
    (0x01, OtherSeparator::ControlCharacter),
    (0x1c, OtherSeparator::ControlCharacter),
    (0x1d, OtherSeparator::ControlCharacter),
    (0x1e, OtherSeparator::ControlCharacter),
    (0x1f, OtherSeparator::ControlCharacter),
];

/// The shortest first line that can be taken for base64: no name of a column is as long.
const SHORTEST_BASE64: usize = 40;

/// The fewest control characters in a first line that make it binary data. A text may have one by
/// mistake.
const FEWEST_CONTROLS: usize = 3;

/// Says what else a file certainly is, judged by its first [`HEAD`] bytes (fewer only if it has no
/// more).
pub(super) fn not_csv(head: &[u8]) -> Option<FileError> {
    for (signature, error) in SIGNATURES {
        if head.starts_with(signature) {
            return Some(error);
        }
    }
    // ASCII in UTF-16 without a byte order mark: every other byte is NUL.
    if let [a, b, c, d, ..] = head
        && ((*a == 0) != (*b == 0) && (*a == 0) == (*c == 0) && (*b == 0) == (*d == 0))
    {
        return Some(FileError::Utf16);
    }
    let text = head.strip_prefix(&BOM).unwrap_or(head).trim_ascii_start();
    let begins_with = |sign: &str| {
        text.get(..sign.len()).is_some_and(|start| start.eq_ignore_ascii_case(sign.as_bytes()))
    };
    if let Some((_, error)) = BEGINNINGS.iter().find(|(sign, _)| begins_with(sign)) {
        return Some(error.clone());
    }
    let after_bracket = |bracket: u8| text.strip_prefix(&[bracket]).map(<[u8]>::trim_ascii_start);
    let is_object = after_bracket(b'{').is_some_and(|rest| rest.starts_with(b"\""));
    let is_array = after_bracket(b'[')
        .is_some_and(|rest| matches!(rest.first(), Some(b'{' | b'[' | b'"' | b']')));
    if is_object || is_array {
        return Some(FileError::Json);
    }
    if text.starts_with(b"--") && contains(text, b"content-disposition:") {
        return Some(FileError::Multipart);
    }
    None
}

/// Says what else a file may be if its first line lacks required columns, judged by its first
/// [`HEAD`] bytes.
pub(super) fn perhaps_not_csv(head: &[u8]) -> Option<FileError> {
    let text = head.strip_prefix(&BOM).unwrap_or(head).trim_ascii_start();
    let line = text.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    if line.first() == Some(&b'<') && contains(text, b">") {
        return Some(FileError::Xml);
    }
    // A file as a JSON string: its line breaks are written as \n.
    if line.first() == Some(&b'"') && (contains(line, b"\\n") || contains(line, b"\\r")) {
        return Some(FileError::Json);
    }
    let is_control = |byte: &u8| matches!(byte, 0x02..=0x08 | 0x0e..=0x19);
    if line.iter().filter(|byte| is_control(byte)).count() >= FEWEST_CONTROLS {
        return Some(FileError::Binary);
    }
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let is_data_url = text.starts_with(b"data:") && contains(line, b";base64,");
    let is_body = line.len() >= SHORTEST_BASE64
        && line.iter().all(is_base64)
        && line.iter().any(u8::is_ascii_uppercase);
    (is_data_url || is_body).then_some(FileError::Base64)
}

/// Returns the separator of a header that is separated by something that no file may have: the one
/// that yields the most columns of the import, and at least two.
pub(super) fn other_separator(
    header: &[u8],
    names_a_column: impl Fn(&str) -> bool,
) -> Option<OtherSeparator> {
    let text = String::from_utf8_lossy(header);
    let known = |byte: u8| {
        let cells = text.split(char::from(byte));
        cells.filter(|cell| squeeze(cell).is_some() && names_a_column(cell)).count()
    };
    let best = OTHER_SEPARATORS.iter().rev().max_by_key(|(byte, _)| known(*byte))?;
    (known(best.0) >= 2).then_some(best.1)
}

/// Whether text contains a phrase, which is in lower case, in any case.
fn contains(text: &[u8], phrase: &[u8]) -> bool {
    text.windows(phrase.len()).any(|window| window.eq_ignore_ascii_case(phrase))
}
