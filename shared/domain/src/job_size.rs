//! Size classes of jobs. A small job must not wait behind a large one of any customer, so that each
//! class has a queue and workers of its own. A queue that is shared fairly between customers does
//! not suffice: when a hundred customers import large files at once, each customer only gets its
//! share, and the queue is full all the same.

/// The most rows of a small job, for which a person is waiting.
pub const SMALL_ROWS: u32 = 1_000;

/// The most rows of a medium job, in most cases the whole file of a clinic.
pub const MEDIUM_ROWS: u32 = 10_000;

/// The size class of a job.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum JobSize {
    /// Up to [`SMALL_ROWS`] rows.
    Small,
    /// Up to [`MEDIUM_ROWS`] rows.
    Medium,
    /// More than [`MEDIUM_ROWS`] rows.
    Large,
}

impl JobSize {
    /// Every size class, the smallest first.
    pub const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    /// Returns the size class of a job with this many rows.
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
