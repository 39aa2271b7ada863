//! The calls of a story that delete or change patients, or undo imports.

use std::time::Duration;

use super::Story;
use crate::chance::Chance;

/// How a call changes a patient.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallKind {
    /// It corrects the demographics.
    Correction,
    /// It opts the patient out of health information exchange, or in again.
    OptOut,
}

impl Story {
    /// Returns a story in which the first customer changes one of its patients by a call, while
    /// jobs with rows about the patient may run. In half of these stories an import is undone, too.
    /// No patient is deleted by a call, and no gateway is asked about a patient who is corrected.
    pub fn with_call(chance: &Chance) -> Self {
        let longest = chance.pick(&[20_000, 20_000, 60_000, 1_000_000]);
        let kind = chance.pick(&[CallKind::Correction, CallKind::Correction, CallKind::OptOut]);
        let story = Self::random(chance);
        let imports = story.plans.len() + usize::from(story.earlier.is_some());
        let undo = (chance.index(imports), Duration::from_millis(chance.below(longest)));
        Self {
            deletions: Vec::new(),
            undos: chance.once_in(2).then_some(undo).into_iter().collect(),
            call: Some((Duration::from_millis(chance.below(longest)), kind)),
            is_poisoned: false,
            gateway: story.gateway.filter(|_| kind == CallKind::OptOut),
            ..story
        }
    }
}

/// Returns the deletions of a story: up to four in one story of three, most of them while the first
/// jobs run.
pub fn deletions(chance: &Chance, customers: usize) -> Vec<(usize, Duration)> {
    let count = if chance.once_in(3) { 1 + chance.below(4) } else { 0 };
    let deletion = |_| {
        let longest = chance.pick(&[20_000, 20_000, 60_000, 1_000_000]);
        (chance.index(customers), Duration::from_millis(chance.below(longest)))
    };
    (0..count).map(deletion).collect()
}

/// Returns the undos of a story: up to two in one story of three, some of them of the same import.
pub fn undos(chance: &Chance, imports: usize) -> Vec<(usize, Duration)> {
    let count = if chance.once_in(3) { 1 + chance.below(2) } else { 0 };
    let undo = |_| {
        let longest = chance.pick(&[20_000, 60_000, 1_000_000]);
        (chance.index(imports), Duration::from_millis(chance.below(longest)))
    };
    (0..count).map(undo).collect()
}
