//! The calls that the use cases make of AWS and of their environment: one trait for each resource.
//!
//! [`Ports`] bundles the resources, so that a use case has one type parameter. The crate `aws`
//! implements the traits on DynamoDB, S3 and SQS, and the crate `memory` implements them for tests.
//! `tests/roles` compares the calls that each function makes with the calls that its role in
//! template.yaml allows.
//!
//! Rules of every store:
//! - A read is consistent: it shows every write that was answered before the read began. Methods
//!   that read an index say that they lag.
//! - A conditional write returns [`Write::Conflict`] and changes nothing if its condition is not
//!   met. An earlier write of the caller itself may be the reason, because a write may take place
//!   although its answer is lost. So the caller answers every conflict by reading again.
//! - A call that returns a [`PortError`] may or may not have taken place, unless the error is
//!   permanent.

mod audit_trail;
mod copies;
mod deliveries;
mod directory;
mod documents;
mod downloads;
mod environment;
mod external_ids;
mod gateway;
mod jobs;
mod objects;
mod patients;
mod queues;
mod webhooks;

pub use self::audit_trail::AuditTrail;
pub use self::copies::{CopyRef, CopyStore, DocumentContent, DocumentSource, FetchError};
pub use self::deliveries::{DeliveryStore, Undelivered};
pub use self::directory::{
    Admission, CALLS_PER_MINUTE, CustomerDirectory, DirectoryEntry, DirectoryStore, EntryKind,
    PingReport, ReplacedKey, WebhookSettings,
};
pub use self::documents::DocumentStore;
pub use self::downloads::DownloadStore;
pub use self::environment::Environment;
pub use self::external_ids::{ExternalIdEntry, ExternalIdStore};
pub use self::gateway::{Gateway, GatewayAnswer, GatewayFailure, GatewayLimits};
pub use self::jobs::{ChunkCompletion, JobStore, OpenJob, Watched};
pub use self::objects::{FileWriter, ObjectStore, ResultFile, UploadLink};
pub use self::patients::PatientStore;
pub use self::queues::{LONGEST_DELAY, Queues};
pub use self::webhooks::{PingOutcome, PostOutcome, WebhookRequest, WebhookServer};
pub use crate::job_ref::JobRef;

/// A failed call. It says which call failed and how, but holds none of the call's data, because it
/// is logged.
#[derive(Debug, thiserror::Error)]
#[error("{operation} failed: {code}")]
pub struct PortError {
    /// The call, for example `dynamodb.PutItem`.
    pub operation: &'static str,
    /// The error code of the service, or a few words if the failure has no such code.
    pub code: String,
    /// Whether the same call may succeed later.
    pub transient: bool,
}

/// The result of a call.
pub type PortResult<T> = Result<T, PortError>;

/// A stored value with the version that a conditional write has to name.
#[derive(Clone, Debug)]
pub struct Versioned<T> {
    /// The value as it was read.
    pub value: T,
    /// The version of the value, which every write increases by one.
    pub version: u64,
}

/// Whether a conditional write took place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Write {
    /// The condition was met and the value is stored.
    Done,
    /// The condition was not met, and nothing was written.
    Conflict,
}

/// The resources of AWS that the use cases work with, and the environment.
///
/// An implementation need not be able to reach all of them: a function has the resources that its
/// use case calls.
pub trait Ports: Send + Sync {
    /// The type that [`Ports::jobs`] returns.
    type Jobs: JobStore;
    /// The type that [`Ports::deliveries`] returns.
    type Deliveries: DeliveryStore;
    /// The type that [`Ports::gateway_limits`] returns.
    type GatewayLimits: GatewayLimits;
    /// The type that [`Ports::patients`] returns.
    type Patients: PatientStore;
    /// The type that [`Ports::external_ids`] returns.
    type ExternalIds: ExternalIdStore;
    /// The type that [`Ports::documents`] returns.
    type Documents: DocumentStore;
    /// The type that [`Ports::downloads`] returns.
    type Downloads: DownloadStore;
    /// The type that [`Ports::copies`] returns.
    type Copies: CopyStore;
    /// The type that [`Ports::directory`] returns.
    type Directory: DirectoryStore;
    /// The type that [`Ports::objects`] returns.
    type Objects: ObjectStore;
    /// The type that [`Ports::queues`] returns.
    type Queues: Queues;
    /// The type that [`Ports::audit_trail`] returns.
    type AuditTrail: AuditTrail;
    /// The type that [`Ports::environment`] returns.
    type Environment: Environment;

    /// Returns the store of jobs, and of the lists of open and watched jobs.
    fn jobs(&self) -> &Self::Jobs;
    /// Returns the store of webhook deliveries.
    fn deliveries(&self) -> &Self::Deliveries;
    /// Returns the circuit breaker and the rate limits of the gateway.
    fn gateway_limits(&self) -> &Self::GatewayLimits;
    /// Returns the store of patients and rosters.
    fn patients(&self) -> &Self::Patients;
    /// Returns the store of the entries of external ids.
    fn external_ids(&self) -> &Self::ExternalIds;
    /// Returns the store of document queries and documents.
    fn documents(&self) -> &Self::Documents;
    /// Returns the store of bulk downloads.
    fn downloads(&self) -> &Self::Downloads;
    /// Returns the store of copies of documents' contents.
    fn copies(&self) -> &Self::Copies;
    /// Returns the directory of customers and what belongs to them.
    fn directory(&self) -> &Self::Directory;
    /// Returns the store of uploads, plans, outcomes and results.
    fn objects(&self) -> &Self::Objects;
    /// Returns the queues between the functions.
    fn queues(&self) -> &Self::Queues;
    /// Returns the audit trail.
    fn audit_trail(&self) -> &Self::AuditTrail;
    /// Returns the clock and the source of ids and secrets.
    fn environment(&self) -> &Self::Environment;
}

/// The traits of all ports, so that their methods can be called: `use
/// bulk_pipeline::ports::prelude::*`.
pub mod prelude {
    pub use super::{
        AuditTrail as _, CopyStore as _, DeliveryStore as _, DirectoryStore as _,
        DocumentContent as _, DocumentSource as _, DocumentStore as _, DownloadStore as _,
        Environment as _, ExternalIdStore as _, FileWriter as _, Gateway as _, GatewayLimits as _,
        JobStore as _, ObjectStore as _, PatientStore as _, Ports as _, Queues as _,
        WebhookServer as _,
    };
}
