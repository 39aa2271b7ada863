//! What may stand before the header of a file: a byte order mark, and Excel's line that names the
//! separator.

use super::RowReader;

/// The UTF-8 byte order mark.
pub(in crate::csv) const BOM: [u8; 3] = *b"\xef\xbb\xbf";

/// How the line begins.
const SEP: &[u8] = b"sep=";

/// Whether the start of the file has been passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Start {
    /// The file's first bytes have not been seen yet.
    Unknown,
    /// Rows are being read.
    Passed {
        /// Whether there was a byte order mark.
        bom: bool,
    },
}

impl RowReader {
    /// Passes what stands before the header; `false` if it needs more input for that.
    pub(super) fn pass_start(&mut self) -> bool {
        if self.start != Start::Unknown {
            return true;
        }
        let is_all = self.finished;
        let bom = self.buffer.starts_with(&BOM);
        if !bom && !is_all && BOM.starts_with(&self.buffer) {
            return false;
        }
        let from = if bom { BOM.len() } else { 0 };
        let Some(line) = sep_line(&self.buffer[from..], is_all) else { return false };
        self.row = from + line;
        self.searched = self.row;
        self.start = Start::Passed { bom };
        true
    }
}

/// Returns the length of the line `sep=…` that a file begins with, 0 if there is none; nothing if
/// more input is needed.
fn sep_line(bytes: &[u8], is_all: bool) -> Option<usize> {
    let quote = usize::from(bytes.first() == Some(&b'"'));
    let begin = &bytes[quote..bytes.len().min(quote + SEP.len())];
    if !begin.eq_ignore_ascii_case(&SEP[..begin.len()]) {
        return Some(0);
    }
    let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    let end = match end {
        Some(end) => end,
        None if is_all => bytes.len(),
        // No such line has letters, and a header does.
        None if bytes
            .get(quote + SEP.len()..)
            .is_some_and(|rest| rest.iter().any(u8::is_ascii_alphanumeric)) =>
        {
            return Some(0);
        }
        None => return None,
    };
    let is_sep = begin.len() == SEP.len()
        && !bytes[quote + SEP.len()..end].iter().any(|byte| names_no_separator(*byte));
    Some(if is_sep { end } else { 0 })
}

/// Whether a byte cannot be in the line `sep=…`: letters and digits, and a NUL byte, which the
/// reader reports when it comes to its row, so that no row with one may be passed.
const fn names_no_separator(byte: u8) -> bool {
    byte == 0 || byte.is_ascii_alphanumeric()
}
