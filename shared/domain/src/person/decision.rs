//! What a person's item remembers of the jobs that wrote it.

use serde::{Deserialize, Serialize};

use crate::ids::{JobId, RowNumber};
use crate::outcome::RowEffect;
use crate::warning::PatientWarnings;

/// What was decided for a job. Each run holds from its row on, until the row of the next run: a
/// clinic's export with a hundred equal lines for one patient is two runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Decision {
    pub job: JobId,
    /// First row, and the place of its patient.
    pub runs: Vec<(RowNumber, Place)>,
    /// The rows that were warned, in order.
    pub warned: Vec<(RowNumber, PatientWarnings)>,
}

/// The place of a row's patient among the patients of its identity, and what the row did to the
/// patient.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(from = "Option<i32>", into = "Option<i32>")]
pub(super) enum Place {
    At(usize, RowEffect),
    /// The patient was deleted or corrected after the decision. This is its place among the deleted
    /// ones.
    Deleted(usize, RowEffect),
    /// The item has no room for the row.
    NoRoom,
}

/// The effects in the order of their numbers in the store. Most rows create the only patient of
/// their identity, which makes the place and the effect 0.
const EFFECTS: [RowEffect; 3] = [RowEffect::Created, RowEffect::Updated, RowEffect::Unchanged];

/// One number for place and effect, so that a run stays short. That of a deleted patient is the
/// one's complement.
impl From<Option<i32>> for Place {
    fn from(stored: Option<i32>) -> Self {
        let Some(stored) = stored else { return Self::NoRoom };
        let is_deleted = stored < 0;
        // A number that is not negative, of which every target has room for all.
        let number = usize::try_from(if is_deleted { !stored } else { stored }).unwrap_or(0);
        let (index, effect) = (number / EFFECTS.len(), EFFECTS[number % EFFECTS.len()]);
        if is_deleted { Self::Deleted(index, effect) } else { Self::At(index, effect) }
    }
}

impl From<Place> for Option<i32> {
    fn from(place: Place) -> Self {
        // An item of 400 KB has far fewer patients.
        let number = |index: usize, effect| {
            let effect = EFFECTS.iter().take_while(|known| **known != effect).count();
            i32::try_from(index * EFFECTS.len() + effect).unwrap_or(i32::MAX)
        };
        match place {
            Place::At(index, effect) => Some(number(index, effect)),
            Place::Deleted(index, effect) => Some(!number(index, effect)),
            Place::NoRoom => None,
        }
    }
}

impl Decision {
    /// Returns a decision about no rows.
    pub fn new(job: JobId) -> Self {
        Self { job, runs: Vec::new(), warned: Vec::new() }
    }

    /// Returns what was decided of a row, or `None` if nothing was decided. A row that was invalid
    /// when the decision was made has that of the row before it, unless the row before it created a
    /// patient, because only one row creates a patient.
    pub fn of(&self, row: RowNumber) -> Option<(Place, PatientWarnings)> {
        let after = self.runs.partition_point(|&(first, _)| first <= row);
        let (first, place) = after.checked_sub(1).map(|index| self.runs[index])?;
        let creates = matches!(
            place,
            Place::At(_, RowEffect::Created) | Place::Deleted(_, RowEffect::Created)
        );
        if creates && first != row {
            return None;
        }
        let warned = self.warned.binary_search_by_key(&row, |&(row, _)| row);
        Some((place, warned.map(|index| self.warned[index].1).unwrap_or_default()))
    }

    /// Remembers what was decided of a row that comes after all others.
    pub fn add(&mut self, row: RowNumber, place: Place, warnings: PatientWarnings) {
        if self.runs.last().is_none_or(|&(_, last)| last != place) {
            self.runs.push((row, place));
        }
        if warnings != PatientWarnings::default() {
            self.warned.push((row, warnings));
        }
    }

    /// Returns whether a row has the deleted patient at this place.
    pub fn names_deleted(&self, index: usize) -> bool {
        let is_it = |place| matches!(place, Place::Deleted(at, _) if at == index);
        self.runs.iter().any(|&(_, place)| is_it(place))
    }

    /// Replaces the place of each run.
    pub fn move_places(&mut self, moved: impl Fn(Place) -> Place) {
        for (_, place) in &mut self.runs {
            *place = moved(*place);
        }
    }

    /// Warns a row of one thing more.
    pub fn warn(&mut self, row: RowNumber, warnings: PatientWarnings) {
        match self.warned.binary_search_by_key(&row, |&(row, _)| row) {
            Ok(index) => self.warned[index].1.add(warnings),
            Err(index) => self.warned.insert(index, (row, warnings)),
        }
    }

    /// Returns the size in the store, in bytes.
    pub fn stored_size(&self) -> usize {
        DECISION_SIZE + self.runs.len() * RUN_SIZE + self.warned.len() * WARNED_SIZE
    }
}

/// The size of a decision without its rows, `[12,[],[]],`, and of the id of its job.
pub(super) const DECISION_SIZE: usize = 48;

/// The size of a run of rows: `[1000000,-100000],` at most, because an item has room for fewer than
/// ten thousand patients.
pub(super) const RUN_SIZE: usize = 18;

/// The size of a row that was warned: `[1000000,15],` at most.
pub(super) const WARNED_SIZE: usize = 13;
