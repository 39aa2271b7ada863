//! The plan of a job: which worker gets which rows.
//!
//! Rows are divided into chunks of neighbours, so that a worker reads one contiguous piece of the
//! file. One thing breaks that rule: one worker must fold all rows of an identity (duplicate rows)
//! in file order, because otherwise the result would depend on which worker is faster. Duplicate
//! rows that fall into different chunks are therefore moved, whole groups together, into chunks of
//! their own. Every chunk is a list of [`Run`]s: pieces of the file that hold only rows of the
//! chunk.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::csv::ScannedRow;
use crate::identity::RowIdentity;
use crate::ids::RowNumber;
use crate::mutants::{Bug, has};

/// The rows of a chunk. At two writes a row and 32 at a time, 250 rows take a worker less than a
/// second while the table keeps up. So calls for each chunk cost little beside those for each row,
/// and so does a retry.
pub const ROWS_PER_CHUNK: u32 = 250;

/// The bytes of rows in a chunk. A chunk with large rows has fewer of them.
const BYTES_PER_CHUNK: u64 = 4 * 1024 * 1024;

/// The number of a chunk in its job, from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChunkNumber(u32);

impl ChunkNumber {
    /// Returns the chunk number of this value.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Returns the value of the number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Returns the number of the next chunk.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for ChunkNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Consecutive rows, and where they are in the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(from = "(RowNumber, u32, u64, u64)", into = "(RowNumber, u32, u64, u64)")]
pub struct Run {
    /// The number of the first row.
    pub first: RowNumber,
    /// How many rows the run has.
    pub rows: u32,
    /// The offset in the file of the first row's first byte.
    pub start: u64,
    /// The offset just after the last row's last byte, without its line end.
    pub end: u64,
}

impl From<(RowNumber, u32, u64, u64)> for Run {
    fn from((first, rows, start, end): (RowNumber, u32, u64, u64)) -> Self {
        Self { first, rows, start, end }
    }
}

impl From<Run> for (RowNumber, u32, u64, u64) {
    fn from(run: Run) -> Self {
        (run.first, run.rows, run.start, run.end)
    }
}

/// The rows of one worker.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Chunk {
    /// The number of the chunk in its job.
    #[serde(rename = "chunk")]
    pub number: ChunkNumber,
    /// The runs of the chunk, in file order.
    pub runs: Vec<Run>,
}

impl Chunk {
    /// Returns how many rows the chunk has.
    pub fn rows(&self) -> u32 {
        self.runs.iter().map(|run| run.rows).sum()
    }

    /// Returns the numbers of the rows, in file order.
    pub fn row_numbers(&self) -> impl Iterator<Item = RowNumber> {
        self.runs
            .iter()
            .flat_map(|run| (run.first.get()..run.first.get() + run.rows).map(RowNumber::new))
    }
}

/// Where a row is in the file.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: u32,
    len: u32,
}

impl Place {
    fn end(self) -> u64 {
        u64::from(self.start) + u64::from(self.len)
    }
}

/// Which identity a row has, in short.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Mention {
    /// Equal for duplicate rows. Rows of two identities with an equal hash only share a worker,
    /// which does no harm.
    identity: u32,
    /// The index of the row, from 0.
    row: u32,
}

/// Collects scanned rows and divides them into chunks. It keeps 16 bytes of each row, and nothing
/// of its content.
#[derive(Debug)]
pub struct Planner {
    rows: Vec<Place>,
    mentions: Vec<Mention>,
    rows_per_chunk: u32,
}

impl Planner {
    /// Returns a planner for chunks of `rows_per_chunk` rows (at least 1).
    pub fn new(rows_per_chunk: u32) -> Self {
        Self { rows: Vec::new(), mentions: Vec::new(), rows_per_chunk: rows_per_chunk.max(1) }
    }

    /// Adds the next row of the file.
    pub fn row(&mut self, row: &ScannedRow) {
        if let Some(identity) = row.identity {
            let mention = Mention { identity: half_of(identity), row: row.number.get() - 1 };
            self.mentions.push(mention);
        }
        self.rows.push(Place { start: row.start, len: row.len });
    }

    /// Divides all rows into chunks. The same rows always give the same chunks.
    pub fn finish(mut self) -> Vec<Chunk> {
        let neighbours = self.cut_neighbours();
        let split_groups = groups_split_over(&mut self.mentions, &neighbours);
        let is_moved =
            |index: u32| split_groups.binary_search_by_key(&index, |moved| moved.row).is_ok();

        let mut chunks = Vec::new();
        for rows in neighbours {
            self.add_chunk(&mut chunks, rows.filter(|&index| !is_moved(index)));
        }
        let mut by_group = split_groups;
        by_group.sort_unstable_by_key(|moved| (moved.first_of_group, moved.row));
        let mut rows: Vec<u32> = Vec::new();
        let mut bytes = 0;
        for group in by_group.chunk_by(|a, b| a.first_of_group == b.first_of_group) {
            rows.extend(group.iter().map(|moved| moved.row));
            bytes +=
                group.iter().map(|moved| u64::from(self.rows[moved.row as usize].len)).sum::<u64>();
            if rows.len() >= self.rows_per_chunk as usize || bytes >= BYTES_PER_CHUNK {
                rows.sort_unstable();
                self.add_chunk(&mut chunks, rows.drain(..));
                bytes = 0;
            }
        }
        rows.sort_unstable();
        self.add_chunk(&mut chunks, rows.drain(..));
        chunks
    }

    /// Adds a chunk of the rows at `indices`, which ascend. Adds nothing if there are no rows.
    fn add_chunk(&self, chunks: &mut Vec<Chunk>, indices: impl Iterator<Item = u32>) {
        let mut runs: Vec<Run> = Vec::new();
        for index in indices {
            let row = &self.rows[index as usize];
            let number = RowNumber::new(index + 1);
            let end = row.end();
            match runs.last_mut() {
                Some(run) if run.first.get() + run.rows == number.get() => {
                    run.rows += 1;
                    run.end = end;
                }
                _ => runs.push(Run { first: number, rows: 1, start: row.start.into(), end }),
            }
        }
        if !runs.is_empty() {
            let number = chunks.last().map_or(ChunkNumber::new(0), |last| last.number.next());
            chunks.push(Chunk { number, runs });
        }
    }

    /// Returns index ranges of neighbouring rows, by row count and bytes.
    fn cut_neighbours(&self) -> Vec<std::ops::Range<u32>> {
        let mut ranges = Vec::new();
        let (mut first, mut end, mut bytes) = (0, 0, 0);
        for (index, row) in (0u32..).zip(&self.rows) {
            let full = index - first >= self.rows_per_chunk
                || bytes + u64::from(row.len) > BYTES_PER_CHUNK;
            if full && index > first {
                ranges.push(first..index);
                (first, bytes) = (index, 0);
            }
            bytes += u64::from(row.len);
            end = index + 1;
        }
        if first < end {
            ranges.push(first..end);
        }
        ranges
    }
}

/// Half of a hash suffices: among a million rows about a hundred pairs of different identities then
/// share a worker.
fn half_of(identity: RowIdentity) -> u32 {
    let [.., a, b, c, d] = identity.get().to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// Returns the rows of every group of duplicate rows that does not lie within one range, sorted by
/// row. A group within one range stays there, because its worker folds it in file order anyway.
fn groups_split_over(mentions: &mut [Mention], ranges: &[std::ops::Range<u32>]) -> Vec<MovedRow> {
    mentions.sort_unstable();
    let range_of = |row: u32| ranges.partition_point(|range| range.end <= row);
    let mut moved: Vec<MovedRow> = mentions
        .chunk_by(|a, b| a.identity == b.identity)
        .filter_map(|group| {
            let (first, last) = (group.first()?.row, group.last()?.row);
            (range_of(first) != range_of(last) && !has(Bug::DuplicatesApart))
                .then_some((first, group))
        })
        .flat_map(|(first, group)| {
            group.iter().map(move |mention| MovedRow { row: mention.row, first_of_group: first })
        })
        .collect();
    moved.sort_unstable_by_key(|moved| moved.row);
    moved
}

/// A row that leaves its neighbours for a chunk of duplicate rows. Indices count from 0.
#[derive(Clone, Copy, Debug)]
struct MovedRow {
    row: u32,
    first_of_group: u32,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_row_is_kept_in_16_bytes() {
        assert_eq!(size_of::<Place>() + size_of::<Mention>(), 16);
    }

    fn identity(person: u64) -> RowIdentity {
        // Knuth's constant spreads the numbers over all bits.
        RowIdentity::new((person + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Returns rows of 10 bytes and a line end, of the given identities.
    fn plan(people: &[Option<u64>], rows_per_chunk: u32) -> Vec<Chunk> {
        let mut planner = Planner::new(rows_per_chunk);
        for (index, person) in (0u32..).zip(people) {
            planner.row(&ScannedRow {
                number: RowNumber::new(index + 1),
                start: 100 + index * 11,
                len: 10,
                identity: person.map(identity),
            });
        }
        planner.finish()
    }

    fn rows_of(chunk: &Chunk) -> Vec<u32> {
        chunk.row_numbers().map(RowNumber::get).collect()
    }

    #[test]
    fn rows_of_different_identities_are_divided_into_chunks_of_neighbours() {
        let chunks = plan(&[Some(1), Some(2), None, None, Some(3)], 2);
        assert_eq!(
            chunks.iter().map(rows_of).collect::<Vec<_>>(),
            [vec![1, 2], vec![3, 4], vec![5]]
        );
        assert_eq!(
            chunks[0].runs,
            [Run { first: RowNumber::new(1), rows: 2, start: 100, end: 121 }]
        );
    }

    #[test]
    fn duplicate_rows_in_one_chunk_stay_with_their_neighbours() {
        let chunks = plan(&[Some(1), Some(1), Some(2)], 2);
        assert_eq!(chunks.iter().map(rows_of).collect::<Vec<_>>(), [vec![1, 2], vec![3]]);
    }

    #[test]
    fn duplicate_rows_far_apart_get_a_chunk_of_their_own() {
        let chunks = plan(&[Some(1), Some(2), Some(1), Some(4), Some(2), Some(1)], 2);
        assert_eq!(
            chunks.iter().map(rows_of).collect::<Vec<_>>(),
            [vec![4], vec![1, 3, 6], vec![2, 5]]
        );
    }

    #[test]
    fn large_rows_make_small_chunks() {
        let mut planner = Planner::new(250);
        for index in 0..9 {
            let len = 1024 * 1024;
            planner.row(&ScannedRow {
                number: RowNumber::new(index + 1),
                start: index * len,
                len,
                identity: None,
            });
        }
        assert_eq!(planner.finish().iter().map(Chunk::rows).collect::<Vec<_>>(), [4, 4, 1]);
    }

    proptest! {
        #[test]
        fn every_row_is_in_exactly_one_chunk_and_duplicate_rows_share_one(
            identities in prop::collection::vec(prop::option::of(0u64..20), 0..300),
            rows_per_chunk in 1u32..40,
        ) {
            let chunks = plan(&identities, rows_per_chunk);
            let mut all: Vec<u32> = chunks.iter().flat_map(rows_of).collect();
            all.sort_unstable();
            let expected: Vec<u32> = (1..).take(identities.len()).collect();
            prop_assert_eq!(all, expected);
            let mut home = std::collections::HashMap::new();
            for chunk in &chunks {
                let mut last_of = std::collections::HashMap::new();
                for row in rows_of(chunk) {
                    if let Some(identity) = identities[row as usize - 1] {
                        prop_assert_eq!(*home.entry(identity).or_insert(chunk.number), chunk.number);
                        prop_assert!(last_of.insert(identity, row).is_none_or(|before| before < row));
                    }
                }
            }
            for (index, chunk) in (0..).zip(&chunks) {
                prop_assert_eq!(chunk.number.get(), index);
            }
        }
    }
}
