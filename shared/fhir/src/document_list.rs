//! The documents of a patient, collected from all pages.

use std::collections::HashSet;
use std::ops::ControlFlow;

use bulk_domain::document::{DocumentRecord, DocumentStatus};
use url::Url;

use crate::bundle::{Mode, Respected, SearchSet};
use crate::discovery::GatewayPatientId;
use crate::document_reference::DocumentReference;
use crate::error::Fault;

/// The outcome of a document query.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DocumentList {
    /// The documents in the gateway's order, without duplicates.
    pub records: Vec<DocumentRecord>,
    /// Number of entries that could not be parsed, or that have no id.
    pub unreadable: u32,
    /// Whether documents are missing: the gateway reported that some of its sources did not answer,
    /// or its total is larger than the number of entries on its pages.
    pub incomplete: bool,
}

/// Collects documents from pages.
pub(crate) struct Collector<'a> {
    patient: &'a GatewayPatientId,
    limit: usize,
    /// From the `self` link of the first page. ITI-67 does not define that link on later pages.
    respected: Option<Respected>,
    /// Ids so far. Pages overlap if documents are added while the pages are read.
    ids: HashSet<String>,
    /// Number of matches so far, kept or not.
    seen: u64,
    /// Number of matches by the gateway's own count.
    total: u64,
    list: DocumentList,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(patient: &'a GatewayPatientId, limit: usize) -> Self {
        let (ids, list) = (HashSet::new(), DocumentList::default());
        Self { patient, limit, respected: None, ids, seen: 0, total: 0, list }
    }

    /// Adds the documents of a page.
    pub(crate) fn add(
        &mut self,
        page: &SearchSet<'_>,
        base: &Url,
    ) -> Result<ControlFlow<()>, Fault> {
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
            let Ok(reference) = serde_json::from_str::<DocumentReference>(entry.resource.get())
            else {
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
        // The search asks for `status=current`, which a gateway may ignore.
        let is_current =
            record.document.status.is_none_or(|status| status == DocumentStatus::Current);
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
        // Some servers end a list after `_count` entries, without a link to the rest.
        let incomplete = collector.list.incomplete || collector.seen < collector.total;
        DocumentList { incomplete, ..collector.list }
    }
}

#[cfg(test)]
mod tests;
