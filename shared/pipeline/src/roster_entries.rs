//! Reads a whole roster, from its oldest entry to its newest one.

use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::roster::{REMOVED, Roster, RosterEntry};

use crate::ports::prelude::*;
use crate::ports::{PortResult, Ports};

/// Entries of one read. The entry of an import has the patients of a chunk; that of a call may have
/// one patient only.
const ENTRIES_PER_READ: u32 = 1_000;

/// The entries of a roster that are not read yet.
#[derive(Debug)]
pub struct RosterEntries<'a, P> {
    ports: &'a P,
    customer: CustomerId,
    roster: Roster,
    last: Option<RosterEntry>,
    is_end: bool,
}

impl<'a, P: Ports> RosterEntries<'a, P> {
    /// Returns all entries of a roster.
    pub fn of(ports: &'a P, customer: CustomerId, roster: Roster) -> Self {
        Self { ports, customer, roster, last: None, is_end: false }
    }

    /// Reads the next entries, each with the patients that it names. Returns `None` at the end.
    pub async fn next(&mut self) -> PortResult<Option<Vec<(RosterEntry, Vec<PatientId>)>>> {
        if self.is_end {
            return Ok(None);
        }
        let (patients, last) = (self.ports.patients(), self.last);
        let mut entries =
            patients.read_roster(self.customer, self.roster, last, ENTRIES_PER_READ).await?;
        self.is_end = entries.len() < ENTRIES_PER_READ as usize;
        self.last = entries.last().map(|(entry, _)| *entry);
        // A read begins with the last entry of the read before.
        entries.retain(|(entry, _)| Some(*entry) != last);
        for (_, ids) in &mut entries {
            ids.retain(|id| *id != REMOVED);
        }
        Ok(Some(entries))
    }
}
