//! Rosters: the lists that patients are on, in the order in which they came.
//!
//! There is no index of all patients of a customer: every patient would be written to one place of it, and
//! one place takes 1,000 writes a second. Each chunk of a job notes instead, in one entry, whom it put on
//! which roster. An entry is written before its patients are: it may name somebody who never came, or whom
//! another job put there first. Whether it is right, the patient's record says.

use std::fmt;
use std::str::FromStr;

use crate::ids::{CohortId, JobId};
use crate::plan::ChunkNumber;

/// A list of patients of one customer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Roster {
    /// All patients.
    Everybody,
    /// The patients in a cohort.
    Cohort(CohortId),
}

/// The entry of one chunk in a roster. Entries sort in the order in which their jobs were made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RosterEntry {
    /// The job.
    pub job: JobId,
    /// Its chunk.
    pub chunk: ChunkNumber,
}

/// A place in a roster: where a page begins. Written as `{job}.{chunk}.{index}`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RosterPlace {
    /// The entry.
    pub entry: RosterEntry,
    /// The patient in it, from 0.
    pub index: u32,
}

/// Text that is no place in a roster.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a place in a list")]
pub struct NotAPlace;

impl fmt::Display for RosterPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.entry.job, self.entry.chunk, self.index)
    }
}

impl FromStr for RosterPlace {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        let mut parts = text.split('.');
        let mut part = || parts.next().ok_or(NotAPlace);
        let job = part()?.parse().map_err(|_| NotAPlace)?;
        let chunk = ChunkNumber::new(part()?.parse().map_err(|_| NotAPlace)?);
        let index = part()?.parse().map_err(|_| NotAPlace)?;
        match parts.next() {
            None => Ok(Self { entry: RosterEntry { job, chunk }, index }),
            Some(_) => Err(NotAPlace),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_place_is_read_back_as_it_was_written() {
        let entry = RosterEntry { job: JobId::new(Uuid::from_u128(7)), chunk: ChunkNumber::new(12) };
        let place = RosterPlace { entry, index: 249 };
        assert_eq!(place.to_string().parse(), Ok(place));
        for text in ["", "x", "1.2.3", &format!("{place}.4"), &entry.job.to_string()] {
            assert_eq!(text.parse::<RosterPlace>(), Err(NotAPlace), "{text}");
        }
    }
}
