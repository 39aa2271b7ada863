//! The documents of a patient, collected over all pages.

use std::collections::HashSet;
use std::ops::ControlFlow;

use domain::document::{DocumentRecord, DocumentStatus};
use url::Url;

use crate::bundle::{Mode, Respected, SearchSet};
use crate::discovery::GatewayPatientId;
use crate::document_reference::DocumentReference;
use crate::error::Fault;

/// What a document query came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DocumentList {
    /// The documents in the gateway's order, each once.
    pub records: Vec<DocumentRecord>,
    /// Entries that could not be read, or that have no id.
    pub unreadable: u32,
    /// Whether there is more: the gateway said that not all of its sources answered, or counts more
    /// documents than its pages have.
    pub incomplete: bool,
}

/// Collects documents from pages.
pub(crate) struct Collector<'a> {
    patient: &'a GatewayPatientId,
    limit: usize,
    /// What the first page's `self` link says; those of later pages say whatever the gateway likes.
    respected: Option<Respected>,
    /// Ids so far: pages can overlap when documents come in while they are read.
    ids: HashSet<String>,
    /// Matches so far, kept or not, and how many the gateway counts.
    seen: u64,
    total: u64,
    list: DocumentList,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(patient: &'a GatewayPatientId, limit: usize) -> Self {
        let (ids, list) = (HashSet::new(), DocumentList::default());
        Self { patient, limit, respected: None, ids, seen: 0, total: 0, list }
    }

    /// Adds those of a page.
    pub(crate) fn add(&mut self, page: &SearchSet<'_>, base: &Url) -> Result<ControlFlow<()>, Fault> {
        self.list.incomplete |= page.is_incomplete()?;
        let trusted = self.respected.get_or_insert_with(|| page.respected(base)).has("patient");
        self.total = page.total().unwrap_or(self.total);
        for entry in page.entries() {
            let Some(entry) = entry else {
                self.list.unreadable += 1;
                self.seen += 1;
                continue;
            };
            if entry.mode() != Mode::Match || entry.resource_type() != "DocumentReference" {
                continue;
            }
            self.seen += 1;
            let Ok(reference) = serde_json::from_str::<DocumentReference>(entry.resource.get()) else {
                self.list.unreadable += 1;
                continue;
            };
            if !trusted && reference.subject_id() != Some(self.patient.as_str()) {
                return Err(Fault::OtherPatient);
            }
            self.keep(reference)?;
        }
        Ok(ControlFlow::Continue(()))
    }

    fn keep(&mut self, reference: DocumentReference) -> Result<(), Fault> {
        let Some(record) = reference.into_record() else {
            self.list.unreadable += 1;
            return Ok(());
        };
        // `status=current` was asked for; a gateway that did not respect it is put right here.
        let is_current = record.document.status.is_none_or(|status| status == DocumentStatus::Current);
        if !is_current || !self.ids.insert(record.document.id.as_str().to_owned()) {
            return Ok(());
        }
        if self.list.records.len() >= self.limit {
            return Err(Fault::TooManyDocuments);
        }
        self.list.records.push(record);
        Ok(())
    }
}

impl From<Collector<'_>> for DocumentList {
    fn from(collector: Collector<'_>) -> Self {
        // Some servers end a list at `_count` and have no link to the rest.
        let incomplete = collector.list.incomplete || collector.seen < collector.total;
        DocumentList { incomplete, ..collector.list }
    }
}

#[cfg(test)]
mod tests;
