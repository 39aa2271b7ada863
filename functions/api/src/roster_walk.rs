//! A walk over the patients that a roster names, in either direction and from any place.

use std::collections::VecDeque;

use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::roster::{REMOVED, Roster, RosterEntry, RosterPlace};
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{PortResult, Ports};

/// Roster entries of one read. An entry has the patients of one chunk, up to a few hundred.
const ENTRIES_PER_READ: u32 = 8;

/// Patients that a step of the walk returns: what DynamoDB reads at once.
const PATIENTS_PER_STEP: usize = 100;

/// The direction of a walk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From the oldest patients to the newest ones.
    Forth,
    /// From the newest patients to the oldest ones.
    Back,
}

/// Patients of an entry with their indexes in it, in the order of the walk.
pub type Step = (RosterEntry, Vec<(u32, PatientId)>);

/// A walk over a roster.
#[derive(Debug)]
pub struct RosterWalk {
    direction: Direction,
    /// The entry that is read next, or was read last, and where in it the walk goes on: the index
    /// of the next patient, or back the index behind it. None at the start of the roster.
    at: Option<(RosterEntry, u32)>,
    /// Patients that were read and not returned.
    ahead: VecDeque<Step>,
    /// Whether there is nothing more to read.
    is_end: bool,
}

impl RosterWalk {
    /// Returns the walk over the whole roster.
    pub fn start() -> Self {
        Self::new(Direction::Forth, None)
    }

    /// Returns the walk that begins with the patient at a place.
    pub fn at(place: RosterPlace, direction: Direction) -> Self {
        let index = match direction {
            Direction::Forth => place.index,
            Direction::Back => place.index.saturating_add(1),
        };
        Self::new(direction, Some((place.entry, index)))
    }

    /// Returns the walk that begins behind the patient at a place.
    pub fn behind(place: RosterPlace, direction: Direction) -> Self {
        let index = match direction {
            Direction::Forth => place.index.saturating_add(1),
            Direction::Back => place.index,
        };
        Self::new(direction, Some((place.entry, index)))
    }

    fn new(direction: Direction, at: Option<(RosterEntry, u32)>) -> Self {
        Self { direction, at, ahead: VecDeque::new(), is_end: false }
    }

    /// Returns the next patients that the roster names. None at the end of the roster.
    pub async fn next_patients<P: Ports>(
        &mut self,
        ports: &P,
        customer: CustomerId,
        roster: Roster,
    ) -> PortResult<Option<Step>> {
        while self.ahead.is_empty() && !self.is_end {
            self.read(ports, customer, roster).await?;
        }
        Ok(self.ahead.pop_front())
    }

    /// Returns the place of the next patient that the roster names.
    pub async fn next_place<P: Ports>(
        &mut self,
        ports: &P,
        customer: CustomerId,
        roster: Roster,
    ) -> PortResult<Option<RosterPlace>> {
        let step = self.next_patients(ports, customer, roster).await?;
        let first = step.and_then(|(entry, ids)| ids.first().map(|(index, _)| (entry, *index)));
        Ok(first.map(|(entry, index)| RosterPlace { entry, index }))
    }

    async fn read<P: Ports>(
        &mut self,
        ports: &P,
        customer: CustomerId,
        roster: Roster,
    ) -> PortResult<()> {
        let (patients, first) = (ports.patients(), self.at.map(|(entry, _)| entry));
        let entries = match (self.direction, first) {
            (Direction::Back, Some(first)) => {
                patients.read_roster_back(customer, roster, first, ENTRIES_PER_READ).await?
            }
            _ => patients.read_roster(customer, roster, first, ENTRIES_PER_READ).await?,
        };
        self.is_end = entries.len() < ENTRIES_PER_READ as usize;
        for (entry, ids) in entries {
            // A read begins with the last entry of the read before.
            let from = self.at.filter(|(known, _)| *known == entry).map(|(_, index)| index);
            let numbered = (0..).zip(ids);
            let left: Vec<(u32, PatientId)> = match self.direction {
                Direction::Forth => {
                    let from = from.unwrap_or(0);
                    let left: Vec<_> = numbered.filter(|(index, _)| *index >= from).collect();
                    let behind = left.last().map_or(from, |(index, _)| index + 1);
                    self.at = Some((entry, behind));
                    left
                }
                Direction::Back => {
                    let from = from.unwrap_or(u32::MAX);
                    self.at = Some((entry, 0));
                    let mut left: Vec<_> = numbered.filter(|(index, _)| *index < from).collect();
                    left.reverse();
                    left
                }
            };
            let named: Vec<_> = left.into_iter().filter(|(_, id)| *id != REMOVED).collect();
            self.ahead.extend(named.chunks(PATIENTS_PER_STEP).map(|ids| (entry, ids.to_vec())));
        }
        Ok(())
    }
}
