//! Document queries, the documents that they found, and the records of copies, in the patients
//! table.

use std::collections::{BTreeSet, HashMap};

use bulk_domain::document::{CopyState, DocumentKey, DocumentRecord, pages_of};
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::query::{PatientQuery, QueryAttemptId, StoredDocuments};
use bulk_domain::stored_json::stored_len;
use bulk_pipeline::ports::{CopyRef, DocumentStore, PortResult, Versioned, Write};

use crate::call::{Billed, permanent};
use crate::patients::{Document, LARGEST_DOCUMENT, to_json, units};
use crate::{Cloud, Operation, Resource};

/// Bytes of JSON in one item, the same number as in `aws`.
const PAGE_BYTES: usize = 200 * 1024;

impl Cloud {
    /// Returns the document queries of a customer's patients, without a call that is billed or that
    /// a fault can hit.
    pub fn patient_queries(
        &self,
        customer: CustomerId,
    ) -> PortResult<Vec<(PatientId, PatientQuery)>> {
        let patients = &self.state().patients;
        let queries = patients.queries.iter().filter(|((owner, _), _)| *owner == customer);
        queries
            .map(|((_, patient), document)| Ok((*patient, patients.read(document)?.value)))
            .collect()
    }

    /// Returns, for every stored page of documents, its patient and the attempt that found them.
    pub fn document_pages(&self) -> Vec<(PatientId, QueryAttemptId)> {
        let pages = &self.state().patients.documents;
        pages.keys().map(|(_, patient, found_by, _)| (*patient, *found_by)).collect()
    }

    /// Sets the bytes of JSON in one item for documents that are stored later, so that a test needs
    /// few documents for many pages.
    pub fn set_page_bytes(&self, bytes: usize) {
        self.state().patients.page_bytes = Some(bytes);
    }
}

impl DocumentStore for Cloud {
    async fn load_queries(
        &self,
        customer: CustomerId,
        patients: &[PatientId],
    ) -> PortResult<HashMap<PatientId, Versioned<PatientQuery>>> {
        let patients: BTreeSet<PatientId> = patients.iter().copied().collect();
        let keys: Vec<(CustomerId, PatientId)> =
            patients.into_iter().map(|patient| (customer, patient)).collect();
        let loaded = self.load(Resource::QUERIES, &keys, |state| &state.patients.queries).await?;
        Ok(loaded.into_iter().map(|((_, patient), query)| (patient, query)).collect())
    }

    async fn store_query(
        &self,
        customer: CustomerId,
        patient: PatientId,
        query: &PatientQuery,
        version: Option<u64>,
    ) -> PortResult<Write> {
        let json = to_json(query)?;
        let bytes = stored_len(&json);
        self.store(Resource::QUERIES, (customer, patient), json, bytes, version, |state| {
            &mut state.patients.queries
        })
        .await
    }

    async fn delete_query(
        &self,
        customer: CustomerId,
        patient: PatientId,
        version: u64,
    ) -> PortResult<Write> {
        self.call(Operation::DeleteItem, Resource::QUERIES, |state| {
            state.patients.writes += 1;
            let key = (customer, patient);
            let stored = state.patients.queries.get(&key).map(Document::version);
            if stored != Some(version) {
                return Billed::request(Write::Conflict);
            }
            state.patients.queries.remove(&key);
            Billed::request(Write::Done)
        })
        .await
    }

    async fn store_documents(
        &self,
        customer: CustomerId,
        patient: PatientId,
        found_by: QueryAttemptId,
        documents: &[DocumentRecord],
    ) -> PortResult<StoredDocuments> {
        let page_bytes = self.state().patients.page_bytes.unwrap_or(PAGE_BYTES);
        let mut stored = StoredDocuments { found_by, pages: 0, first: Vec::new() };
        for page in pages_of(documents, page_bytes) {
            let number = stored.pages;
            stored.pages += 1;
            if number == 0 {
                stored.first = page.to_vec();
                continue;
            }
            let page = to_json(&page)?;
            let bytes = stored_len(&page);
            self.call(Operation::PutItem, Resource::DOCUMENTS, |state| {
                if bytes > LARGEST_DOCUMENT {
                    return Billed::failed(permanent(
                        Operation::PutItem,
                        "ValidationException (HTTP 400)",
                    ));
                }
                state.patients.writes += 1;
                state.patients.documents.insert((customer, patient, found_by, number), page);
                Billed::new((), units(bytes, 1024), 1).with_bytes(bytes)
            })
            .await?;
        }
        Ok(stored)
    }

    async fn drop_documents_before(
        &self,
        customer: CustomerId,
        patient: PatientId,
        first_kept: QueryAttemptId,
    ) -> PortResult<()> {
        let old = self
            .call(Operation::Query, Resource::DOCUMENTS, |state| {
                let pages = state.patients.documents.iter();
                let old = pages.filter(|((owner, of, found_by, _), _)| {
                    (*owner, *of) == (customer, patient) && *found_by < first_kept
                });
                let old: Vec<_> = old.map(|(key, page)| (*key, stored_len(page))).collect();
                // DynamoDB bills the items that a Query reads, although this one returns their keys
                // only.
                let bytes = old.iter().map(|(_, bytes)| bytes).sum();
                let items = old.len() as u64;
                Billed::new(old, units(bytes, 4096), items).with_bytes(bytes)
            })
            .await?;
        for (key, bytes) in old {
            self.call(Operation::DeleteItem, Resource::DOCUMENTS, |state| {
                state.patients.writes += 1;
                state.patients.documents.remove(&key);
                Billed::new((), units(bytes, 1024), 1)
            })
            .await?;
        }
        Ok(())
    }

    async fn read_documents(
        &self,
        customer: CustomerId,
        patient: PatientId,
        found_by: QueryAttemptId,
        page: u32,
    ) -> PortResult<Option<Vec<DocumentRecord>>> {
        self.call(Operation::BatchGetItem, Resource::DOCUMENTS, |state| {
            let Some(page) = state.patients.documents.get(&(customer, patient, found_by, page))
            else {
                return Billed::new(None, 1, 1);
            };
            match serde_json::from_str(page) {
                Ok(documents) => {
                    let bytes = stored_len(page);
                    Billed::new(Some(documents), units(bytes, 4096), 1).with_bytes(bytes)
                }
                Err(_) => Billed::failed(permanent(Operation::BatchGetItem, "malformed doc")),
            }
        })
        .await
    }

    async fn load_copy(&self, copy: CopyRef) -> PortResult<Option<Versioned<CopyState>>> {
        let loaded =
            self.load(Resource::COPY_RECORDS, &[copy], |state| &state.patients.copies).await?;
        Ok(loaded.into_iter().next().map(|(_, record)| record))
    }

    async fn load_copies(
        &self,
        customer: CustomerId,
        patient: PatientId,
    ) -> PortResult<HashMap<DocumentKey, Versioned<CopyState>>> {
        self.call(Operation::Query, Resource::COPY_RECORDS, |state| {
            let of_patient =
                |copy: &CopyRef| copy.customer == customer && copy.document.patient == patient;
            let patients = &state.patients;
            let copies = patients.copies.iter().filter(|(copy, _)| of_patient(copy));
            let read =
                copies.map(|(copy, record)| Ok((copy.document.document, patients.read(record)?)));
            match read.collect::<PortResult<HashMap<_, _>>>() {
                Ok(copies) => {
                    let (units, items) = ((copies.len() as u64).div_ceil(32), copies.len() as u64);
                    Billed::new(copies, units.max(1), items)
                }
                Err(error) => Billed::failed(error),
            }
        })
        .await
    }

    async fn store_copy(
        &self,
        copy: CopyRef,
        state: CopyState,
        version: Option<u64>,
    ) -> PortResult<Write> {
        let json = to_json(&state)?;
        let bytes = json.len();
        self.store(Resource::COPY_RECORDS, copy, json, bytes, version, |state| {
            &mut state.patients.copies
        })
        .await
    }

    async fn delete_copy_records(
        &self,
        customer: CustomerId,
        patient: PatientId,
    ) -> PortResult<()> {
        let is_of_patient =
            |copy: &CopyRef| (copy.customer, copy.document.patient) == (customer, patient);
        let copies = self
            .call(Operation::Query, Resource::COPY_RECORDS, |state| {
                let copies = state.patients.copies.keys().copied();
                let copies: Vec<CopyRef> = copies.filter(is_of_patient).collect();
                let items = copies.len() as u64;
                Billed::new(copies, items.max(1), items)
            })
            .await?;
        for copy in copies {
            self.call(Operation::DeleteItem, Resource::COPY_RECORDS, |state| {
                state.patients.writes += 1;
                state.patients.copies.remove(&copy);
                Billed::new((), 1, 1)
            })
            .await?;
        }
        Ok(())
    }
}
