//! Where quoted cells that go on over line ends lead to, found without looking at any byte twice.
//!
//! If the first line of a row ends inside a quoted cell, the row either ends on a later line, or
//! fails: because a quote is misplaced, because the file ends, or because the row grows beyond the
//! limit. A row that fails is its first line alone, and reading goes on at the next one, which may
//! again leave a quote open. If each of them were followed to the limit of 1 MiB, a hostile file of
//! 6-byte lines would cost a million bytes of work for each of its rows.
//!
//! What keeps it linear: inside a quoted cell, what follows depends on the position alone, not on
//! where the row began. So one path through the bytes serves all rows. A path begins at a line end,
//! inside quotes. As long as it has not ended, it is inside quotes at every line end that it
//! passes, since outside of quotes a line end would end it. If the first line of a later row ends
//! inside quotes, at a line end that the path has passed, that row is therefore on the same path,
//! and only the bytes beyond the path's end remain to be looked at. Paths do not overlap, so that
//! all of them together are at most as long as the file.

use super::super::split::leading_spaces;

/// One path, from a line end inside quotes. Positions are of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    /// The line end at which it begins.
    from: u64,
    /// How far it has been followed.
    at: u64,
    place: Place,
}

/// Where a path is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// Inside a quoted cell.
    InQuotes,
    /// At the first byte of a cell.
    CellStart,
    /// Inside a cell without quotes.
    InCell,
    /// At a line end that ends a row.
    RowEnd,
    /// At a double quote that is misplaced, or at the end of the file inside quotes.
    Failed,
}

/// The end of a row with a first line that ends inside quotes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    /// It ends at this position.
    At(u64),
    /// It has a quote that is misplaced, or never closed within the limit.
    Never,
    /// More input is needed.
    Unknown,
}

/// The input that a path can be followed through.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    /// Bytes of the file.
    pub(super) bytes: &'a [u8],
    /// The position of the first of them.
    pub(super) base: u64,
    /// Whether the file ends with them.
    pub(super) is_all: bool,
    pub(super) separator: u8,
}

impl Path {
    /// Finds the end of a row that begins at `row`. Its first line ends at `line_end`, inside
    /// quotes. `path` is the path that an earlier row was on, and is followed or replaced.
    pub(super) fn ending(
        path: &mut Option<Self>,
        input: Input<'_>,
        row: u64,
        line_end: u64,
        limit: usize,
    ) -> Ending {
        let cap = row + limit as u64;
        // Bytes before the row may be gone already, and a path that is not beyond them says nothing
        // of this row.
        *path = path.filter(|path| path.at >= row);
        loop {
            let current =
                path.get_or_insert(Self { from: line_end, at: line_end, place: Place::InQuotes });
            debug_assert!(current.from <= line_end, "rows come in the order of the file");
            let is_known = current.follow(input, cap);
            if current.is_over() && current.at <= line_end && current.from < line_end {
                // It came to its end in the first line of this row, or before.
                *path = None;
                continue;
            }
            return match current.place {
                Place::RowEnd if current.at <= cap => Ending::At(current.at),
                Place::RowEnd | Place::Failed => Ending::Never,
                _ if current.at > cap => Ending::Never,
                _ if is_known => Ending::Never,
                _ => Ending::Unknown,
            };
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.place, Place::RowEnd | Place::Failed)
    }

    /// Follows the path until it ends or is beyond `cap`. Returns false if more input is needed for
    /// that.
    fn follow(&mut self, input: Input<'_>, cap: u64) -> bool {
        let Input { bytes, base, is_all, separator } = input;
        // A row may end at `cap`, and the byte there says whether it does.
        let stop =
            usize::try_from(cap + 1 - base).map_or(bytes.len(), |stop| stop.min(bytes.len()));
        let mut at = usize::try_from(self.at - base).unwrap_or(stop);
        let is_known = loop {
            let rest = bytes.get(at..stop).unwrap_or_default();
            let next = match self.place {
                Place::RowEnd | Place::Failed => break true,
                Place::InQuotes => memchr::memchr(b'"', rest).map(|quote| {
                    let after = at + quote + 1;
                    match bytes.get(after) {
                        Some(b'"') => Some((after + 1, Place::InQuotes)),
                        Some(b'\n' | b'\r') => Some((after, Place::RowEnd)),
                        Some(&next) if next == separator => Some((after + 1, Place::CellStart)),
                        Some(_) => Some((after - 1, Place::Failed)),
                        None => is_all.then_some((after, Place::RowEnd)),
                    }
                }),
                Place::CellStart => {
                    at += leading_spaces(rest);
                    bytes.get(at..stop).and_then(<[u8]>::first).map(|&first| {
                        Some(if first == b'"' {
                            (at + 1, Place::InQuotes)
                        } else {
                            (at, Place::InCell)
                        })
                    })
                }
                Place::InCell => memchr::memchr3(separator, b'\n', b'\r', rest).map(|found| {
                    let is_separator = rest[found] == separator;
                    let at = at + found;
                    Some(if is_separator {
                        (at + 1, Place::CellStart)
                    } else {
                        (at, Place::RowEnd)
                    })
                }),
            };
            match next {
                Some(Some(place)) => (at, self.place) = place,
                // A quote is the last byte of the input.
                Some(None) => break false,
                None if stop < bytes.len() => {
                    at = at.max(stop);
                    break true;
                }
                None if is_all => {
                    at = at.max(stop);
                    self.place =
                        if self.place == Place::InQuotes { Place::Failed } else { Place::RowEnd };
                }
                None => {
                    at = at.max(stop);
                    break false;
                }
            }
        };
        self.at = base + at as u64;
        is_known
    }
}
