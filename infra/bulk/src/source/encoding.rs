//! Text in an encoding other than UTF-8, written as UTF-8.

use std::io::{self, Read, Write};

use encoding_rs::{CoderResult, Encoding};

/// Bytes that are read at a time.
const PIECE: usize = 64 * 1024;

/// Returns the encoding of a name, such as `windows-1252`, `latin1` or `utf-16le` (the labels of
/// the WHATWG Encoding Standard, <https://encoding.spec.whatwg.org/#names-and-labels>).
///
/// # Errors
///
/// Fails with a text for the user if there is no encoding of this name.
pub fn by_name(name: &str) -> Result<&'static Encoding, String> {
    Encoding::for_label(name.as_bytes()).ok_or_else(|| {
        "unknown encoding; common ones are utf-8, windows-1252, utf-16le, macintosh, iso-8859-15".to_owned()
    })
}

/// Returns the encoding that a byte order mark at the beginning of a file states, unless that is
/// UTF-8.
pub fn of_mark(first_bytes: &[u8]) -> Option<&'static Encoding> {
    Encoding::for_bom(first_bytes)
        .map(|(encoding, _)| encoding)
        .filter(|encoding| *encoding != encoding_rs::UTF_8)
}

/// Writes text as UTF-8, without its byte order mark. Bytes that the encoding does not know become
/// U+FFFD, for which the rules of the service refuse the row.
///
/// # Errors
///
/// Fails if the text cannot be read or written.
pub fn write_utf8(
    mut input: impl Read,
    encoding: &'static Encoding,
    mut out: impl Write,
) -> io::Result<()> {
    let mut decoder = encoding.new_decoder_with_bom_removal();
    let mut piece = vec![0; PIECE];
    let mut text = vec![0; 3 * PIECE];
    loop {
        let read = input.read(&mut piece)?;
        let mut bytes = &piece[..read];
        loop {
            let (result, used, written, _) = decoder.decode_to_utf8(bytes, &mut text, read == 0);
            out.write_all(&text[..written])?;
            bytes = &bytes[used..];
            if result == CoderResult::InputEmpty {
                break;
            }
        }
        if read == 0 {
            return out.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that returns one byte at a time.
    struct Slowly<'a>(&'a [u8]);

    impl Read for Slowly<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            buffer[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    fn utf8_of(bytes: &[u8], encoding: &'static Encoding) -> String {
        let mut out = Vec::new();
        write_utf8(Slowly(bytes), encoding, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn utf_16_is_known_by_its_mark_and_written_without_it() {
        let little: Vec<u8> =
            "\u{feff}José,🙂\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "\u{feff}José,🙂\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [little, big] {
            assert_eq!(utf8_of(&bytes, of_mark(&bytes).unwrap()), "José,🙂\n");
        }
    }

    #[test]
    fn utf_8_needs_no_conversion_with_or_without_its_mark() {
        assert!(of_mark("\u{feff}a".as_bytes()).is_none());
        assert!(of_mark(b"a").is_none());
    }

    #[test]
    fn an_encoding_is_found_by_its_common_names() {
        assert_eq!(utf8_of(b"Jos\xe9", by_name("Windows-1252").unwrap()), "José");
        assert_eq!(utf8_of(b"Jos\x8e", by_name("macintosh").unwrap()), "José");
        assert!(by_name("klingon").is_err());
    }

    #[test]
    fn a_byte_that_the_encoding_does_not_know_becomes_the_replacement_character() {
        assert_eq!(utf8_of(b"Jos\xff", encoding_rs::UTF_8), "Jos\u{fffd}");
    }
}
