//! Rows in which nothing is written.

use crate::text::is_invisible;

/// Whether cells hold nothing but white space and characters that cannot be seen. `cells` may have
/// separators between them.
pub(super) fn is_blank(cells: &[u8], separator: u8) -> bool {
    let is_gap = |&byte: &u8| byte == separator || byte.is_ascii_whitespace() || byte == 0x0b;
    // The first byte tells of nearly every row.
    let Some(first) = cells.iter().position(|byte| !is_gap(byte)) else { return true };
    if cells[first].is_ascii() {
        return false;
    }
    match std::str::from_utf8(&cells[first..]) {
        Ok(text) => text
            .chars()
            .all(|c| c.is_whitespace() || is_invisible(c) || u32::from(c) == u32::from(separator)),
        // A no-break space of Windows-1252.
        Err(_) => cells[first..].iter().all(|byte| is_gap(byte) || *byte == 0xa0),
    }
}
