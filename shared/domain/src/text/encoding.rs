//! How the bytes of a row stand for text: UTF-8, or Windows-1252 as Excel's plain "CSV" writes.

use std::borrow::Cow;

use crate::limits::CELL_CHARS;
use crate::problem::Problem;

/// The encoding of one row. Rows are judged one by one, because files are often joined from
/// several.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Encoding {
    /// The bytes are UTF-8, which includes ASCII.
    Utf8,
    /// Not UTF-8, and every byte has a meaning in Windows-1252.
    Windows1252,
    /// The bytes are neither.
    Unknown,
}

/// What the bytes 80 to 9F mean in Windows-1252; NUL for the five that mean nothing.
const FROM_80: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘',
    '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

impl Encoding {
    /// Returns the encoding of a row's bytes.
    pub(crate) fn of_row(raw: &[u8]) -> Self {
        if raw.is_ascii() || std::str::from_utf8(raw).is_ok() {
            Self::Utf8
        } else if raw.iter().all(|&byte| from_1252(byte).is_some()) {
            Self::Windows1252
        } else {
            Self::Unknown
        }
    }

    /// Decodes a cell of a row in this encoding.
    ///
    /// # Errors
    ///
    /// [`NotUtf8`](Problem::NotUtf8), or [`CellTooLong`](Problem::CellTooLong).
    pub(crate) fn decode(self, cell: &[u8]) -> Result<Cow<'_, str>, Problem> {
        let text = match (self, std::str::from_utf8(cell)) {
            (_, Ok(text)) if self != Self::Windows1252 || text.is_ascii() => Cow::Borrowed(text),
            (Self::Windows1252, _) => {
                Cow::Owned(cell.iter().copied().filter_map(from_1252).collect())
            }
            _ => return Err(Problem::NotUtf8),
        };
        // Counting is only needed where there may be fewer characters than bytes.
        if text.len() > CELL_CHARS && text.chars().count() > CELL_CHARS {
            return Err(Problem::CellTooLong);
        }
        Ok(text)
    }
}

/// Returns what a byte means in Windows-1252.
fn from_1252(byte: u8) -> Option<char> {
    match byte {
        0x80..=0x9f => Some(FROM_80[usize::from(byte - 0x80)]).filter(|&c| c != '\0'),
        _ => Some(char::from(byte)),
    }
}

/// Returns the byte that a character is in Windows-1252.
pub(super) fn to_1252(c: char) -> Option<u8> {
    match u32::from(c) {
        code @ (0..=0x7f | 0xa0..=0xff) => u8::try_from(code).ok(),
        _ => (0x80..=0x9f).find(|&byte| from_1252(byte) == Some(c)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_utf_8_or_windows_1252_or_neither() {
        for (row, encoding) in [
            (&b"a,b"[..], Encoding::Utf8),
            ("é,ñ".as_bytes(), Encoding::Utf8),
            (b"Jos\xe9,\x80", Encoding::Windows1252),
            (b"\xc3\xa9,\xe9", Encoding::Windows1252),
            (b"\xe9\x81", Encoding::Unknown),
        ] {
            assert_eq!(Encoding::of_row(row), encoding, "{row:?}");
        }
    }

    #[test]
    fn cells_are_decoded_in_the_encoding_of_their_row() {
        assert_eq!(Encoding::Windows1252.decode(b"Jos\xe9 \x96 \x80").unwrap(), "José – €");
        assert_eq!(Encoding::Windows1252.decode("é".as_bytes()).unwrap(), "Ã©");
        assert_eq!(Encoding::Utf8.decode("é".as_bytes()).unwrap(), "é");
        assert_eq!(Encoding::Unknown.decode(b"\xe9"), Err(Problem::NotUtf8));
        assert_eq!(Encoding::Unknown.decode(b"a").unwrap(), "a");
    }

    #[test]
    fn the_length_of_a_cell_counts_characters() {
        let long = "é".repeat(CELL_CHARS);
        assert_eq!(Encoding::Utf8.decode(long.as_bytes()).unwrap(), long);
        assert_eq!(Encoding::Utf8.decode((long + "e").as_bytes()), Err(Problem::CellTooLong));
    }

    #[test]
    fn every_byte_with_a_meaning_is_written_back() {
        for byte in 0..=u8::MAX {
            if let Some(c) = from_1252(byte) {
                assert_eq!(to_1252(c), Some(byte));
            }
        }
    }
}
