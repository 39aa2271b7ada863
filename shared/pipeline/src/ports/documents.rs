//! The document queries of patients, the documents that they found, and the records of copies.

use std::collections::HashMap;
use std::future::Future;

use bulk_domain::document::{CopyState, DocumentKey, DocumentRecord};
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::query::{PatientQuery, QueryAttemptId, StoredDocuments};

use super::{CopyRef, PortResult, Versioned, Write};

/// The document queries of patients, the documents that they found, and the records of copies of
/// their contents.
///
/// Each attempt of a query stores its documents under its own id, beside those of earlier attempts.
/// The query names the attempt that counts, so that a reader never sees half of a list.
pub trait DocumentStore: Send + Sync {
    /// Returns the newest query of each patient that ever had one.
    fn load_queries(
        &self,
        customer: CustomerId,
        patients: &[PatientId],
    ) -> impl Future<Output = PortResult<HashMap<PatientId, Versioned<PatientQuery>>>> + Send;
    /// Stores the query of a patient.
    ///
    /// Condition: the stored version is `version`, or nothing is stored if `version` is `None`.
    fn store_query(
        &self,
        customer: CustomerId,
        patient: PatientId,
        query: &PatientQuery,
        version: Option<u64>,
    ) -> impl Future<Output = PortResult<Write>> + Send;
    /// Deletes the query of a patient, with the first page of its documents.
    ///
    /// Condition: the stored version is `version`.
    fn delete_query(
        &self,
        customer: CustomerId,
        patient: PatientId,
        version: u64,
    ) -> impl Future<Output = PortResult<Write>> + Send;
    /// Stores the documents that an attempt found, except those of the first page, and returns what
    /// has to be stored with the query so that they are read.
    fn store_documents(
        &self,
        customer: CustomerId,
        patient: PatientId,
        found_by: QueryAttemptId,
        documents: &[DocumentRecord],
    ) -> impl Future<Output = PortResult<StoredDocuments>> + Send;
    /// Deletes the pages of every attempt before `first_kept`.
    fn drop_documents_before(
        &self,
        customer: CustomerId,
        patient: PatientId,
        first_kept: QueryAttemptId,
    ) -> impl Future<Output = PortResult<()>> + Send;
    /// Returns the documents on a page of an attempt, counted from 0, other than the first page;
    /// `None` if a later attempt has replaced them.
    fn read_documents(
        &self,
        customer: CustomerId,
        patient: PatientId,
        found_by: QueryAttemptId,
        page: u32,
    ) -> impl Future<Output = PortResult<Option<Vec<DocumentRecord>>>> + Send;
    /// Returns the record of a copy, if there is one.
    fn load_copy(
        &self,
        copy: CopyRef,
    ) -> impl Future<Output = PortResult<Option<Versioned<CopyState>>>> + Send;
    /// Returns the records of the copies of a patient's documents.
    fn load_copies(
        &self,
        customer: CustomerId,
        patient: PatientId,
    ) -> impl Future<Output = PortResult<HashMap<DocumentKey, Versioned<CopyState>>>> + Send;
    /// Stores the record of a copy.
    ///
    /// Condition: the stored version is `version`, or nothing is stored if `version` is `None`.
    fn store_copy(
        &self,
        copy: CopyRef,
        state: CopyState,
        version: Option<u64>,
    ) -> impl Future<Output = PortResult<Write>> + Send;
    /// Deletes the records of all copies of a patient's documents.
    fn delete_copy_records(
        &self,
        customer: CustomerId,
        patient: PatientId,
    ) -> impl Future<Output = PortResult<()>> + Send;
}
