//! How large a job is. A small one must not wait behind a large one, whoever's they are, so each size has a queue
//! and workers of its own. Sharing one queue fairly between customers is not enough: where a hundred of them import
//! large files at once, each of them has only its share, and the queue is full all the same.

/// Rows of the largest small job: somebody is watching it.
pub const SMALL_ROWS: u32 = 1_000;

/// Rows of the largest medium job: a clinic's whole file, mostly.
pub const MEDIUM_ROWS: u32 = 10_000;

/// How large a job is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum JobSize {
    /// Up to [`SMALL_ROWS`].
    Small,
    /// Up to [`MEDIUM_ROWS`].
    Medium,
    /// More.
    Large,
}

impl JobSize {
    /// All of them, the smallest first.
    pub const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    /// The size of a job with so many rows.
    pub const fn of(rows: u32) -> Self {
        if rows <= SMALL_ROWS {
            Self::Small
        } else if rows <= MEDIUM_ROWS {
            Self::Medium
        } else {
            Self::Large
        }
    }
}

#[cfg(test)]
mod tests {
    use super::JobSize::{self, Large, Medium, Small};

    #[test]
    fn a_job_is_as_large_as_its_rows_are_many() {
        let sizes = [0, 1, 1_000, 1_001, 10_000, 10_001, u32::MAX].map(JobSize::of);
        assert_eq!(sizes, [Small, Small, Small, Medium, Medium, Large, Large]);
    }
}
