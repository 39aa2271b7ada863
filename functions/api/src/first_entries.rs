//! Which of two entries of a roster lists a patient.
//!
//! Rows of one identity are in one chunk, so that the chunks of a job name different patients. Only
//! if a call gives a patient another identity while the job runs, one chunk can name it by the
//! former identity and another one by the new one. Then the first of these entries lists it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use bulk_domain::hash_key::{Bucket, HashKey};
use bulk_domain::identity::Identity;
use bulk_domain::ids::{CustomerId, JobId, PatientId};
use bulk_domain::job::times::LONGEST_LIFE;
use bulk_domain::patient::Patient;
use bulk_domain::plan::ChunkNumber;
use bulk_domain::record::PatientRecord;
use bulk_domain::roster::{Roster, RosterEntry};
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{PortResult, Ports};

/// Entries of one read. One of a usual chunk has 4 KB, and DynamoDB reads 1 MB at once.
const ENTRIES_PER_READ: u32 = 250;

/// The first entries of patients, by the jobs that were looked at.
#[derive(Default)]
pub struct FirstEntries {
    by_job: HashMap<JobId, HashMap<PatientId, ChunkNumber>>,
    hash_key: Option<HashKey>,
}

impl FirstEntries {
    /// Returns whether an entry, which names a patient, lists it on this roster.
    pub async fn lists<P: Ports>(
        &mut self,
        ports: &P,
        customer: CustomerId,
        roster: Roster,
        (entry, record): (RosterEntry, &PatientRecord),
    ) -> PortResult<bool> {
        if record.listed_by(roster) != Some(entry.job) {
            return Ok(false);
        }
        let ends = entry.job.created_at().plus(LONGEST_LIFE);
        let was_called =
            record.called_by.is_some_and(|call| call > entry.job && call.created_at() <= ends);
        if !was_called || !self.has_other_identity(ports, customer, &record.patient).await? {
            return Ok(true);
        }
        let first = match self.by_job.entry(entry.job) {
            Entry::Occupied(read) => read.into_mut(),
            Entry::Vacant(place) => place.insert(read(ports, customer, roster, entry.job).await?),
        };
        Ok(first.get(&record.patient.id).is_none_or(|first| *first == entry.chunk))
    }

    /// Returns whether a patient has another identity than the one it was created with, which its
    /// id tells.
    async fn has_other_identity<P: Ports>(
        &mut self,
        ports: &P,
        customer: CustomerId,
        patient: &Patient,
    ) -> PortResult<bool> {
        let hash_key = match &mut self.hash_key {
            Some(known) => known,
            unknown => unknown.insert(ports.directory().load_hash_key(customer).await?),
        };
        Ok(Bucket::of(patient.id) != Some(hash_key.bucket(&Identity::of_patient(patient))))
    }
}

/// Returns the first entry of each patient that a job put on a roster.
async fn read<P: Ports>(
    ports: &P,
    customer: CustomerId,
    roster: Roster,
    job: JobId,
) -> PortResult<HashMap<PatientId, ChunkNumber>> {
    let (mut first, mut from) = (HashMap::new(), RosterEntry { job, chunk: ChunkNumber::new(0) });
    loop {
        let patients = ports.patients();
        let entries = patients.read_roster(customer, roster, Some(from), ENTRIES_PER_READ).await?;
        for (entry, ids) in entries.iter().filter(|(entry, _)| entry.job == job) {
            for id in ids {
                first.entry(*id).or_insert(entry.chunk);
            }
        }
        let last = entries.last().map(|(entry, _)| *entry).filter(|last| last.job == job);
        let is_full = entries.len() == ENTRIES_PER_READ as usize;
        match last.filter(|last| is_full && *last != from) {
            Some(last) => from = last,
            None => return Ok(first),
        }
    }
}
