//! The stored pages of a patient's documents.

use bulk_domain::document::DocumentRecord;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::query::StoredDocuments;

use crate::ports::prelude::*;
use crate::ports::{PortError, PortResult, Ports};

/// Attempts to read the pages, if newer queries replace the documents at the same time.
pub const READ_ATTEMPTS: u32 = 5;

/// The documents that one attempt found for a patient.
#[derive(Debug)]
pub struct DocumentPages<'a, P> {
    ports: &'a P,
    customer: CustomerId,
    patient: PatientId,
    stored: StoredDocuments,
}

impl<'a, P: Ports> DocumentPages<'a, P> {
    /// Returns the pages of the documents that a patient's query names.
    pub fn of(
        ports: &'a P,
        customer: CustomerId,
        patient: PatientId,
        stored: StoredDocuments,
    ) -> Self {
        Self { ports, customer, patient, stored }
    }

    /// Returns what the patient's query says of the documents.
    pub fn stored(&self) -> &StoredDocuments {
        &self.stored
    }

    /// Returns the documents of a page, or `None` if a newer query has replaced all documents. The
    /// first page has the number 0.
    pub async fn read(&self, page: u32) -> PortResult<Option<Vec<DocumentRecord>>> {
        if page == 0 {
            return Ok(Some(self.stored.first.clone()));
        }
        let found_by = self.stored.found_by;
        self.ports.documents().read_documents(self.customer, self.patient, found_by, page).await
    }

    /// Returns the documents of all pages, or `None` if a newer query has replaced them.
    pub async fn all(&self) -> PortResult<Option<Vec<DocumentRecord>>> {
        let mut all = Vec::new();
        for page in 0..self.stored.pages {
            let Some(documents) = self.read(page).await? else { return Ok(None) };
            all.extend(documents);
        }
        Ok(Some(all))
    }
}

/// Returns the error of a call that read a list of documents while a newer query replaced it.
pub fn replaced(operation: &'static str) -> PortError {
    let code = "documents were replaced while they were read".to_owned();
    PortError { operation, code, transient: true }
}
