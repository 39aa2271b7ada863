//! What a played story left, and imports after it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bulk_domain::ids::{JobId, PatientId};
use bulk_domain::job::Upload as Version;
use bulk_memory::Cloud;
use bulk_pipeline::ports::{Environment, JobRef};

use super::patient_calls::MadeCall;
use super::{Player, is_traced};
use crate::chance::{Chance, FaultPlan};
use crate::gateway::Exchange;
use crate::story::{File, Story};

/// An import after the creation of its job.
#[derive(Debug)]
pub struct Import {
    /// The index of the import's plan in the story.
    pub plan: usize,
    pub job: JobRef,
    /// The versions that were uploaded, in order, each with its file.
    pub versions: Vec<(Version, File)>,
    /// Whether a request to cancel it was answered with success.
    pub was_canceled: bool,
    /// Whether a request to undo it was answered with success.
    pub was_undone: bool,
}

/// A story that was played to its end, with what it left.
#[derive(Debug)]
pub struct Played {
    pub cloud: Cloud,
    pub story: Story,
    pub imports: Vec<Import>,
    /// The patients that calls have deleted.
    pub deleted: BTreeSet<PatientId>,
    /// The patients that undos have deleted, each with the undone job.
    pub undone: BTreeMap<PatientId, JobId>,
    pub call: Option<MadeCall>,
    pub exchange: Exchange,
    /// The calls for a document that were answered by a link, and those that were refused.
    pub downloads: (u64, u64),
    pub crashes: u32,
    pub steps: u64,
}

impl Played {
    /// Returns whether a call or an undo has deleted a patient.
    pub fn is_deleted(&self, patient: PatientId) -> bool {
        self.deleted.contains(&patient) || self.undone.contains_key(&patient)
    }

    /// Imports a file after the story, without faults.
    pub fn import_once_more(&mut self, customer: usize, file: File) {
        let chance = Chance::new(1);
        let faults = Arc::new(FaultPlan::new(&chance));
        faults.set_calm(true);
        // Some time later: for two minutes, the id of a job that a crash kept from being stored
        // counts as the id of an older job.
        let now = Environment::now(&self.cloud).plus(Duration::from_mins(5));
        let mut player = Player {
            cloud: self.cloud.with_faults(faults.clone()),
            faults,
            exchange: self.exchange.clone(),
            chance,
            story: self.story.clone(),
            start: now,
            now,
            next_sweep: now,
            tasks: Vec::new(),
            due: Vec::new(),
            imports: Vec::new(),
            deleted: BTreeSet::new(),
            call: None,
            seen: BTreeMap::new(),
            downloads: (0, 0),
            crashes: 0,
            traces: is_traced(),
        };
        player.import_in_calm(customer, file);
        self.imports.append(&mut player.imports);
        self.story = player.story;
    }
}
