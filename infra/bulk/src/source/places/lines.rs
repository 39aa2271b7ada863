//! The line of the file where a row begins. It differs from the number of the row, because cells
//! may hold line breaks and blank lines are no rows. Users need it to find a row in an editor.

use std::collections::VecDeque;

/// Counts line breaks (LF, CRLF, CR) up to a position in a file that is passed in pieces.
#[derive(Debug)]
pub struct Lines {
    /// Position of the next piece.
    next: u64,
    /// Positions after line breaks that `line_of` has not passed.
    starts: VecDeque<u64>,
    /// Number of the line that `line_of` reached, counted from 1.
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
    /// Adds the line breaks of the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        for index in memchr::memchr2_iter(b'\n', b'\r', bytes) {
            let start = self.next + index as u64 + 1;
            let after_cr = if index == 0 { self.after_cr } else { bytes[index - 1] == b'\r' };
            if bytes[index] == b'\n' && after_cr {
                // The second half of a CRLF: the line starts after the LF.
                match self.starts.back_mut() {
                    Some(last) if *last == start - 1 => *last = start,
                    // `line_of` has passed the CR, so the line is already counted.
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

    /// Returns the number of the line that holds a byte; bytes are counted from 0. Calls have to be
    /// in the order of bytes.
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
