//! Puts patients into a cohort by a call, and takes them out of it.
//!
//! A patient that joins is put on the roster of the cohort before its record is written, as by an
//! import, so that no patient is missing from the list. A patient that leaves is taken off the
//! roster after its record was written. Only entries that are older than the call are cleaned up:
//! no job that is older than the call puts the patient back ([`PatientRecord::leave_cohort`]), and
//! the entry of a younger one may be about to count.
//!
//! [`PatientRecord::leave_cohort`]: bulk_domain::record::PatientRecord::leave_cohort

use std::collections::{BTreeMap, BTreeSet};

use bulk_domain::ids::{CohortId, CustomerId, JobId, PatientId};
use bulk_domain::plan::ChunkNumber;
use bulk_domain::roster::{Roster, RosterEntry};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::Error;
use crate::change_patient::{PatientChange, Store, change_patient};
use crate::ports::prelude::*;
use crate::ports::{PortResult, Ports};
use crate::roster_entries::RosterEntries;

/// Patients that are written at the same time.
const CONCURRENT_CHANGES: usize = 16;

/// The patients of a cohort, as one call changes them.
#[derive(Debug)]
pub struct CohortMembers<'a, P> {
    ports: &'a P,
    customer: CustomerId,
    cohort: CohortId,
    /// The place of the call among the jobs.
    call: JobId,
}

/// What became of patients that join or leave a cohort.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Membership {
    /// The patients that were not in the cohort and are now, or the reverse.
    pub changed: BTreeSet<PatientId>,
    /// The patients of which the person's item has no room.
    pub too_large: BTreeSet<PatientId>,
}

/// The patients that one call has changed.
#[derive(Default)]
struct Changed {
    membership: Membership,
    /// The patients that are not in the cohort, each with [`PatientRecord::left_by`].
    ///
    /// [`PatientRecord::left_by`]: bulk_domain::record::PatientRecord::left_by
    left: BTreeMap<PatientId, JobId>,
}

impl<'a, P: Ports> CohortMembers<'a, P> {
    /// Returns the patients of a cohort for a call that begins now.
    pub fn new(ports: &'a P, customer: CustomerId, cohort: CohortId) -> Self {
        Self { ports, customer, cohort, call: JobId::of_call(ports.environment().new_id()) }
    }

    /// Puts patients into the cohort. `chunk` tells the entries of one call apart. Safe to repeat.
    pub async fn add(
        &self,
        chunk: ChunkNumber,
        patients: &BTreeSet<PatientId>,
    ) -> Result<Membership, Error> {
        let patients: Vec<PatientId> = patients.iter().copied().collect();
        let known = self.ports.patients().load_patients(self.customer, &patients).await?;
        let is_new = |id: &PatientId| {
            known.get(id).is_some_and(|record| !record.patient.cohort_ids.contains(&self.cohort))
        };
        let new: Vec<PatientId> = patients.into_iter().filter(is_new).collect();
        if new.is_empty() {
            return Ok(Membership::default());
        }
        let (roster, entry) = (Roster::Cohort(self.cohort), RosterEntry { job: self.call, chunk });
        let patients = self.ports.patients();
        patients.add_to_roster(self.customer, roster, entry, &new).await?;
        let membership = self.change_all(new.clone(), true).await?.membership;
        // Patients that are too large, or were deleted meanwhile, are not in the cohort.
        let not_joined = |id: &&PatientId| !membership.changed.contains(*id);
        let not_joined: Vec<PatientId> = new.iter().filter(not_joined).copied().collect();
        if !not_joined.is_empty() {
            patients.remove_from_roster(self.customer, roster, entry, &not_joined).await?;
        }
        Ok(membership)
    }

    /// Takes patients out of the cohort. Safe to repeat, and a repeated call completes what an
    /// earlier one has left.
    pub async fn remove(&self, patients: &BTreeSet<PatientId>) -> Result<Membership, Error> {
        let all: Vec<PatientId> = patients.iter().copied().collect();
        let (mut members, mut left) = (Vec::new(), BTreeMap::new());
        for (id, record) in self.ports.patients().load_patients(self.customer, &all).await? {
            if record.patient.cohort_ids.contains(&self.cohort) {
                members.push(id);
            } else if let Some(by) = record.left_by(self.cohort) {
                left.insert(id, by);
            }
        }
        let changed = self.change_all(members, false).await?;
        left.extend(changed.left);
        self.clean_roster(&left).await?;
        Ok(changed.membership)
    }

    async fn change_all(&self, patients: Vec<PatientId>, joins: bool) -> Result<Changed, Error> {
        let changes = stream::iter(patients).map(async |id| {
            let change = change_patient(self.ports, self.customer, id, |record| {
                let (now, cohort) = (self.ports.environment().now(), self.cohort);
                let is_changed = if joins {
                    record.join_cohort(cohort, self.call, now)
                } else {
                    record.leave_cohort(cohort, self.call, now)
                };
                let store = if is_changed { Store::IfItFits } else { Store::Never };
                (store, record.left_by(cohort))
            });
            Ok::<_, Error>((id, change.await?))
        });
        let mut changes = std::pin::pin!(changes.buffer_unordered(CONCURRENT_CHANGES));
        let mut all = Changed::default();
        while let Some((id, change)) = changes.try_next().await? {
            match change {
                PatientChange::Done(by) => {
                    all.membership.changed.insert(id);
                    all.left.extend(by.map(|by| (id, by)));
                }
                PatientChange::TooLarge => drop(all.membership.too_large.insert(id)),
                // Deleted in the meantime.
                PatientChange::NotFound => {}
            }
        }
        Ok(all)
    }

    /// Removes patients from the entries of the roster that no job or call makes count again: those
    /// that are not younger than the calls by which the patients left the cohort.
    async fn clean_roster(&self, left: &BTreeMap<PatientId, JobId>) -> PortResult<()> {
        if left.is_empty() {
            return Ok(());
        }
        let (patients, roster) = (self.ports.patients(), Roster::Cohort(self.cohort));
        let mut entries = RosterEntries::of(self.ports, self.customer, roster);
        while let Some(read) = entries.next().await? {
            for (entry, mut ids) in read {
                ids.retain(|id| left.get(id).is_some_and(|by| entry.job <= *by));
                if !ids.is_empty() {
                    patients.remove_from_roster(self.customer, roster, entry, &ids).await?;
                }
            }
        }
        Ok(())
    }
}
