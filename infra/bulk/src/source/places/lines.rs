//! Which line of the file a row begins in. Rows have numbers of their own, since cells may hold line breaks
//! and blank lines are no rows; editors and spreadsheets show lines.

use std::collections::VecDeque;

/// Counts line breaks (LF, CRLF, CR) up to a place in a file that is handed over in pieces.
#[derive(Debug)]
pub struct Lines {
    /// Where the next piece begins.
    next: u64,
    /// Places just after line breaks, not yet passed.
    starts: VecDeque<u64>,
    /// The line that was reached, counted from 1.
    line: u64,
    /// Whether the last byte was a CR, which a following LF belongs to.
    after_cr: bool,
}

impl Default for Lines {
    fn default() -> Self {
        Self { next: 0, starts: VecDeque::new(), line: 1, after_cr: false }
    }
}

impl Lines {
    /// Takes the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        for index in memchr::memchr2_iter(b'\n', b'\r', bytes) {
            let start = self.next + index as u64 + 1;
            let after_cr = if index == 0 { self.after_cr } else { bytes[index - 1] == b'\r' };
            if bytes[index] == b'\n' && after_cr {
                // The second half of a CRLF: the line starts after it, not between.
                match self.starts.back_mut() {
                    Some(last) if *last == start - 1 => *last = start,
                    // It was passed already, so it is counted already.
                    _ => {}
                }
            } else {
                self.starts.push_back(start);
            }
        }
        if let Some(last) = bytes.last() {
            self.after_cr = *last == b'\r';
        }
        self.next += bytes.len() as u64;
    }

    /// The line that holds a byte, counted from 0. Bytes have to be asked for in order.
    pub fn line_of(&mut self, byte: u64) -> u64 {
        while self.starts.front().is_some_and(|start| *start <= byte) {
            self.starts.pop_front();
            self.line += 1;
        }
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_break_counts_once_wherever_the_file_is_cut() {
        let file = b"a\nb\r\nc\rd\r\n\r\ne\n\r";
        let expected: Vec<u64> = vec![1, 1, 2, 2, 2, 3, 3, 4, 4, 4, 5, 5, 6, 6, 7];
        for size in 1..=file.len() {
            let mut lines = Lines::default();
            file.chunks(size).for_each(|piece| lines.push(piece));
            let found: Vec<u64> = (0..file.len() as u64).map(|byte| lines.line_of(byte)).collect();
            assert_eq!(found, expected, "pieces of {size}");
        }
    }

    #[test]
    fn lines_can_be_asked_for_between_the_pieces() {
        let mut lines = Lines::default();
        lines.push(b"a\r");
        assert_eq!(lines.line_of(1), 1);
        lines.push(b"\nb\n");
        assert_eq!(lines.line_of(3), 2);
        lines.push(b"c");
        assert_eq!(lines.line_of(5), 3);
    }
}
