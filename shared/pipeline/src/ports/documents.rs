//! Queries for documents, what they found, and the gateway that is asked.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use domain::document::{Demographics, DocumentRecord};
use domain::gateway_care::{Breaker, Slots};
use domain::ids::{CustomerId, PatientId};
use domain::query::{PatientQuery, QueryTry, StoredDocuments};

use super::{PortResult, Versioned, Write};

/// Reads how the queries of patients stand.
pub trait LoadQueries: Send + Sync {
    /// The newest query of each patient that ever had one.
    fn load_queries(
        &self,
        customer: CustomerId,
        patients: &[PatientId],
    ) -> impl Future<Output = PortResult<HashMap<PatientId, Versioned<PatientQuery>>>> + Send;
}

/// Stores how a patient's query stands.
pub trait StoreQuery: Send + Sync {
    /// Stores `query`, on the condition that the stored version is still `version` (none: that there is
    /// nothing stored).
    fn store_query(
        &self,
        customer: CustomerId,
        patient: PatientId,
        query: &PatientQuery,
        version: Option<u64>,
    ) -> impl Future<Output = PortResult<Write>> + Send;
}

/// Stores the documents that a query found.
pub trait StoreDocuments: Send + Sync {
    /// Stores them beside those of other tries. They are found once the query names them.
    fn store_documents(
        &self,
        customer: CustomerId,
        patient: PatientId,
        found_by: QueryTry,
        documents: &[DocumentRecord],
    ) -> impl Future<Output = PortResult<StoredDocuments>> + Send;
    /// Deletes what tries before this one left.
    fn drop_documents_before(
        &self,
        customer: CustomerId,
        patient: PatientId,
        first_kept: QueryTry,
    ) -> impl Future<Output = PortResult<()>> + Send;
}

/// Reads documents.
pub trait ReadDocuments: Send + Sync {
    /// The documents on one of the pages that a try's documents are stored in, from 0; none if the page is not there
    /// any more, because a later try found others.
    fn read_documents(
        &self,
        customer: CustomerId,
        patient: PatientId,
        found_by: QueryTry,
        page: u32,
    ) -> impl Future<Output = PortResult<Option<Vec<DocumentRecord>>>> + Send;
}

/// Keeps count of what a gateway may be asked.
pub trait GatewayCare: Send + Sync {
    /// The slots of a customer, if any were ever taken.
    fn load_slots(
        &self,
        customer: CustomerId,
    ) -> impl Future<Output = PortResult<Option<Versioned<Slots>>>> + Send;
    /// Stores them, on the condition that the stored version is still `version`.
    fn store_slots(
        &self,
        customer: CustomerId,
        slots: Slots,
        version: Option<u64>,
    ) -> impl Future<Output = PortResult<Write>> + Send;
    /// The gateway's breaker, if it ever changed.
    fn load_breaker(&self) -> impl Future<Output = PortResult<Option<Versioned<Breaker>>>> + Send;
    /// Stores it, on the condition that the stored version is still `version`.
    fn store_breaker(
        &self,
        breaker: Breaker,
        version: Option<u64>,
    ) -> impl Future<Output = PortResult<Write>> + Send;
}

/// A query that the gateway did not answer. Holds nothing of a patient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GatewayFailure {
    /// What happened, for the log.
    pub cause: String,
    /// Whether the same query may succeed later.
    pub transient: bool,
    /// How long the gateway asks us to wait.
    pub retry_after: Option<Duration>,
}

/// What the gateway knows about somebody.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GatewayAnswer {
    /// Exactly one patient is ours; these are the documents.
    Documents(Vec<DocumentRecord>),
    /// None is.
    NotKnown,
    /// Several could be.
    Ambiguous,
}

/// Asks the gateway of a health information exchange.
pub trait AskGateway: Send + Sync {
    /// Looks for the patient and reads what there is.
    fn ask(
        &self,
        demographics: &Demographics,
    ) -> impl Future<Output = Result<GatewayAnswer, GatewayFailure>> + Send;
}
