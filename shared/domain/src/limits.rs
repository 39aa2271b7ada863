//! The sizes that an upload may have.

/// The most characters (Unicode scalar values) that one cell may hold. The longest field that a
/// patient really has is an address line, which is far shorter: what is longer is free text or a
/// quote in the wrong place.
pub(crate) const CELL_CHARS: usize = 10_000;

/// The most columns that a header may have: as many as the largest spreadsheets can have. Rows that
/// are shorter than the header are filled up in the result file; without a bound, a header of a
/// million commas would make a small upload into a result of 100 GB.
pub const COLUMNS: usize = 16_384;

/// What one upload may hold at most. The default is what callers are promised.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Data rows: 100,000, the most that the API documents.
    pub rows: u32,
    /// Bytes of the file: 1 GiB, about 10 KiB for each of the rows. Never 4 GiB, so that 32 bits
    /// hold every position.
    pub bytes: u32,
    /// Bytes of one row, without its line break: 1 MiB. It bounds the memory of everything that
    /// reads rows, and it is how a quote that was never closed is noticed early.
    pub row_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows: 100_000, bytes: 1 << 30, row_bytes: 1 << 20 }
    }
}
