//! Recognises files that are no CSV, so that their owners read what it is that they sent, rather
//! than a list of missing columns.

use file_format::FileFormat;

use crate::csv::error::{FileError, OtherSeparator};
use crate::csv::header::squeeze;
use crate::csv::reader::BOM;
use crate::csv::separator::Separator;

/// How many of a file's first bytes are looked at. The signs of most binary formats are in the
/// first 8, that of a tar archive ends at 262; the rest is room for the headers of a multipart
/// form, and for blank lines before an HTML tag.
pub(super) const HEAD: usize = 512;

/// What files begin with whose owners are told more than the name of the format.
const SIGNATURES: [(&[u8], FileError); 8] = [
    (b"PK\x03\x04", FileError::Zip),
    (b"PK\x05\x06", FileError::Zip),
    (b"PK\x07\x08", FileError::Zip),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", FileError::Xls),
    (b"%PDF-", FileError::Pdf),
    (b"{\\rtf", FileError::Rtf),
    (b"\xff\xfe", FileError::Utf16),
    (b"\xfe\xff", FileError::Utf16),
];

/// What other texts begin with, after white space, in any case. No column of the import begins like
/// this.
const BEGINNINGS: [(&str, FileError); 19] = [
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
    ("una:", FileError::Edifact),
    ("unb+", FileError::Edifact),
    ("msh|", FileError::Hl7),
    ("fhs|", FileError::Hl7),
    ("bhs|", FileError::Hl7),
    ("\u{b}msh|", FileError::Hl7),
];

/// Separators of files that are not ours.
const OTHER_SEPARATORS: [(u8, OtherSeparator); 11] = [
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
    (b' ', OtherSeparator::Space),
];

/// Beginnings of texts of which the crate `file-format` knows many kinds: keys and certificates
/// (RFC 7468), contacts (RFC 6350) and calendars (RFC 5545).
const KINDS_OF_TEXT: [&str; 2] = ["-----begin ", "begin:v"];

/// The shortest first line that can be taken for base64: no name of a column is as long.
const SHORTEST_BASE64: usize = 40;

/// The fewest control characters that make binary data of what is looked at. A text may have one by
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
    // Some signatures are two letters long, with which the header of a CSV file may begin, too. A
    // NUL byte makes a file fail in any case.
    let is_known = head.contains(&0) || KINDS_OF_TEXT.iter().any(|sign| begins_with(sign));
    if is_known { format_of(head) } else { None }
}

/// Names the format of a file, unless it is only known to be text or to be binary.
fn format_of(head: &[u8]) -> Option<FileError> {
    match FileFormat::from_bytes(head) {
        FileFormat::ArbitraryBinaryData | FileFormat::PlainText | FileFormat::Empty => None,
        format => Some(FileError::Format(format)),
    }
}

/// Whether bytes are no text: they have NUL bytes or several other control characters.
fn is_binary(bytes: &[u8]) -> bool {
    let is_control = |byte: &&u8| matches!(byte, 0x02..=0x08 | 0x0e..=0x19);
    bytes.contains(&0) || bytes.iter().filter(is_control).count() >= FEWEST_CONTROLS
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
    // The line may be cut within a letter, and it may be text in another encoding.
    let is_utf8 = !std::str::from_utf8(line).is_err_and(|error| error.error_len().is_some());
    if (is_binary(head) || !is_utf8)
        && let Some(format) = format_of(head)
    {
        return Some(format);
    }
    if is_binary(line) {
        return Some(FileError::Binary);
    }
    if line.windows(3).filter(|window| window.eq_ignore_ascii_case(b"%2C")).count() >= 2 {
        return Some(FileError::PercentEncoded);
    }
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let is_data_url = text.starts_with(b"data:") && contains(line, b";base64,");
    let is_body = line.len() >= SHORTEST_BASE64
        && line.iter().all(is_base64)
        && line.iter().any(u8::is_ascii_uppercase);
    (is_data_url || is_body).then_some(FileError::Base64)
}

/// Whether the only cell of a header is a header itself: a program took whole lines for cells.
pub(super) fn is_quoted_line(cell: &[u8], names_a_column: impl Fn(&str) -> bool) -> bool {
    let text = String::from_utf8_lossy(cell);
    Separator::ALL.iter().any(|separator| {
        text.split(char::from(separator.byte())).filter(|cell| names_a_column(cell)).count() >= 2
    })
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
    // Names have spaces in them, and between them if another separator does not.
    let has_own = Separator::ALL.iter().any(|own| header.contains(&own.byte()));
    let others = OTHER_SEPARATORS.iter().filter(|(byte, _)| *byte != b' ' || !has_own);
    let best = others.rev().max_by_key(|(byte, _)| known(*byte))?;
    (known(best.0) >= 2).then_some(best.1)
}

/// Whether text contains a phrase, which is in lower case, in any case.
fn contains(text: &[u8], phrase: &[u8]) -> bool {
    text.windows(phrase.len()).any(|window| window.eq_ignore_ascii_case(phrase))
}
