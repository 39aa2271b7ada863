//! Recognises files that are no CSV, so that their owners read what it is that they sent, rather than
//! a list of missing columns.

use crate::csv::error::{FileError, Separator};
use crate::csv::header::names_a_column;
use crate::csv::rows::BOM;

/// How many of a file's first bytes [`not_csv`] wants to see. The signs of binary formats are in the
/// first 8; the rest is room for blank lines before an HTML tag.
pub(super) const HEAD: usize = 512;

/// What binary formats and UTF-16 begin with.
const SIGNATURES: [(&[u8], FileError); 8] = [
    (b"\x1f\x8b", FileError::Gzip),
    (b"PK\x03\x04", FileError::Zip),
    (b"PK\x05\x06", FileError::Zip),
    (b"PK\x07\x08", FileError::Zip),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", FileError::Xls),
    (b"%PDF-", FileError::Pdf),
    (b"\xff\xfe", FileError::Utf16),
    (b"\xfe\xff", FileError::Utf16),
];

/// What HTML and XML documents begin with, after white space. No column of the import begins with `<`,
/// but a column that is not the import's may.
const TAGS: [&[u8]; 6] = [b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<!--"];

/// Says what else a file is, judged by its first [`HEAD`] bytes (fewer only if it has no more).
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
    let is_tag = |tag: &&[u8]| text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag));
    TAGS.iter().any(is_tag).then_some(FileError::Html)
}

/// The separator of a header that is not separated by commas: the one that yields the most columns of
/// the import, if those are more than commas yield. A header without any comma, and without a column of
/// the import, is separated by what it has most of.
pub(super) fn wrong_separator(header: &[u8]) -> Option<Separator> {
    let cells = |separator: u8| header.split(move |&byte| byte == separator);
    let known = |separator: u8| cells(separator).filter(|cell| names_a_column(cell)).count();
    let has_comma = header.contains(&b',');
    let commas = (known(b','), if has_comma { usize::MAX } else { 1 });
    // Of two that are as good the first one is meant.
    let rank = |separator: &Separator| (known(separator.byte()), cells(separator.byte()).count());
    Separator::ALL.into_iter().rev().max_by_key(rank).filter(|best| rank(best) > commas)
}
