//! Rosters: the lists of patients, in the order in which jobs added them.
//!
//! There is no index of all patients of a customer, because every new patient would be written to
//! one partition of it, which takes 1,000 writes a second. Instead, each chunk of a job stores one
//! entry with the patients that it adds to a roster. The entry is written before its patients, so
//! that it may name a patient that was never created, or one that another job had added before. The
//! patient's record says whether the entry is right.
//!
//! A deleted patient is removed from the rosters of its cohorts, because the size of a cohort is
//! counted on its roster. [`REMOVED`] takes its place in the entry, so that the patients behind it
//! keep theirs, and a caller that is between two pages misses none. An entry that has no other
//! patient is deleted, so that undone imports do not lengthen every later walk.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::ids::{CohortId, JobId, PatientId};
use crate::plan::ChunkNumber;

/// Stands in an entry for a patient that was removed from it. No patient has this id.
pub const REMOVED: PatientId = PatientId::new(Uuid::nil());

/// A list of patients of one customer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Roster {
    /// The list of all patients.
    AllPatients,
    /// The patients in a cohort.
    Cohort(CohortId),
}

/// The entry of one chunk in a roster. Entries sort in the order in which their jobs were created.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RosterEntry {
    /// The job that added the patients.
    pub job: JobId,
    /// The chunk of the job.
    pub chunk: ChunkNumber,
}

/// A place in a roster, at which a page begins. Written as `{job}.{chunk}.{index}`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RosterPlace {
    /// The entry at this place.
    pub entry: RosterEntry,
    /// The index of the patient in the entry, from 0.
    pub index: u32,
}

/// The text is not a place in a roster.
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
        let entry =
            RosterEntry { job: JobId::new(Uuid::from_u128(7)), chunk: ChunkNumber::new(12) };
        let place = RosterPlace { entry, index: 249 };
        assert_eq!(place.to_string().parse(), Ok(place));
        for text in ["", "x", "1.2.3", &format!("{place}.4"), &entry.job.to_string()] {
            assert_eq!(text.parse::<RosterPlace>(), Err(NotAPlace), "{text}");
        }
    }
}
