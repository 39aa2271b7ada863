//! What the use cases ask of the world: one small trait for each capability.
//!
//! A use case names the traits that it needs, and the role of its function in template.yaml allows
//! exactly the calls behind them. `aws` implements them on DynamoDB, S3 and SQS.

mod directory;
mod documents;
mod files;
mod jobs;
mod patients;
mod queues;
mod webhooks;

use domain::ids::{CustomerId, JobId};
use domain::job::Job;
use domain::time::Timestamp;
use uuid::Uuid;

pub use self::directory::*;
pub use self::documents::*;
pub use self::files::*;
pub use self::jobs::*;
pub use self::patients::*;
pub use self::queues::*;
pub use self::webhooks::*;

/// A call to the outside that failed. Says which and how, never with what data: it goes to the log.
#[derive(Debug, thiserror::Error)]
#[error("{operation} failed: {code}")]
pub struct PortError {
    /// What was tried, for example `dynamodb.PutItem`.
    pub operation: &'static str,
    /// The service's error code, or a word for what happened on the way.
    pub code: String,
    /// Whether the same call may succeed later.
    pub transient: bool,
}

/// Result of a call to the outside.
pub type PortResult<T> = Result<T, PortError>;

/// The time.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// Fresh ids and secrets.
pub trait Randomness: Send + Sync {
    /// Returns a new UUIDv7 of this moment.
    fn new_id(&self) -> Uuid;
    /// 32 bytes that nobody can guess.
    fn secret(&self) -> [u8; 32];
}

/// What names a job everywhere outside the jobs table: objects of S3 are kept by customer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct JobRef {
    /// Whose it is.
    pub customer: CustomerId,
    /// Which one.
    pub job: JobId,
}

impl From<&Job> for JobRef {
    fn from(job: &Job) -> Self {
        Self { customer: job.customer, job: job.id }
    }
}

/// A stored value with the version that a conditional write has to name.
#[derive(Clone, Debug)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// Its version, which every write counts up.
    pub version: u64,
}

/// Whether a conditional write took place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Write {
    /// It did.
    Done,
    /// Somebody else was there first; nothing was written.
    Conflict,
}

/// The jobs: their state, their chunks, and what the sweep looks after.
pub trait JobStore:
    CreateJob + LoadJob + ListJobs + OpenJobs + ChangeState + EndChunk + ChunkQueries + RequestCancel + Watchlist
{
}

impl<T> JobStore for T where
    T: CreateJob
        + LoadJob
        + ListJobs
        + OpenJobs
        + ChangeState
        + EndChunk
        + ChunkQueries
        + RequestCancel
        + Watchlist
{
}

/// The records of webhook deliveries.
pub trait DeliveryStore: DeliveryLog + ListDeliveries {}

impl<T: DeliveryLog + ListDeliveries> DeliveryStore for T {}

/// The patients.
pub trait PatientStore:
    LoadPeople + StorePeople + LoadPatients + StorePatient + StoreRoster + ReadRoster + FindByExternalId
{
}

impl<T> PatientStore for T where
    T: LoadPeople + StorePeople + LoadPatients + StorePatient + StoreRoster + ReadRoster + FindByExternalId
{
}

/// The document queries of patients, and the documents that they found.
pub trait DocumentStore: LoadQueries + StoreQuery + StoreDocuments + ReadDocuments {}

impl<T: LoadQueries + StoreQuery + StoreDocuments + ReadDocuments> DocumentStore for T {}

/// Customers with their API keys, facilities, cohorts, webhook settings and idempotency keys.
pub trait DirectoryStore:
    AdmitCall
    + LoadDirectory
    + ListFacilities
    + LoadFacility
    + CreateFacility
    + ListCohorts
    + LoadCohort
    + CreateCohort
    + LoadSettings
    + StoreSettings
    + LoadPromise
    + StorePromise
{
}

impl<T> DirectoryStore for T where
    T: AdmitCall
        + LoadDirectory
        + ListFacilities
        + LoadFacility
        + CreateFacility
        + ListCohorts
        + LoadCohort
        + CreateCohort
        + LoadSettings
        + StoreSettings
        + LoadPromise
        + StorePromise
{
}

/// The objects of a job: upload, plan, outcomes and results.
pub trait ObjectStore:
    ReadUpload
    + FindUpload
    + StorePlan
    + ReadPlan
    + StoreOutcomes
    + ReadOutcomes
    + WriteResults
    + SignUpload
    + SignDownload
{
}

impl<T> ObjectStore for T where
    T: ReadUpload
        + FindUpload
        + StorePlan
        + ReadPlan
        + StoreOutcomes
        + ReadOutcomes
        + WriteResults
        + SignUpload
        + SignDownload
{
}

/// The queues between the functions.
pub trait Queues: SendChunks + SendFinished + SendQueries + SendUpload + SendWebhook {}

impl<T: SendChunks + SendFinished + SendQueries + SendUpload + SendWebhook> Queues for T {}

/// The time, and fresh ids and secrets.
pub trait Environment: Clock + Randomness {}

impl<T: Clock + Randomness> Environment for T {}

/// A customer's webhook server.
pub trait WebhookServer: PostWebhook + PingWebhook {}

impl<T: PostWebhook + PingWebhook> WebhookServer for T {}

/// Everything of AWS that a use case works with, and its environment.
pub trait Ports: Send + Sync {
    /// Jobs.
    type Jobs: JobStore;
    /// Records of webhook deliveries.
    type Deliveries: DeliveryStore;
    /// What the gateway may be asked.
    type GatewayLimits: GatewayCare;
    /// Patients.
    type Patients: PatientStore;
    /// Document queries and documents.
    type Documents: DocumentStore;
    /// Customers and what belongs to them.
    type Directory: DirectoryStore;
    /// Objects of jobs.
    type Objects: ObjectStore;
    /// Queues.
    type Queues: Queues;
    /// Time, ids and secrets.
    type Environment: Environment;

    /// Returns the jobs.
    fn jobs(&self) -> &Self::Jobs;
    /// Returns the records of webhook deliveries.
    fn deliveries(&self) -> &Self::Deliveries;
    /// Returns what the gateway may be asked.
    fn gateway_limits(&self) -> &Self::GatewayLimits;
    /// Returns the patients.
    fn patients(&self) -> &Self::Patients;
    /// Returns the document queries and documents.
    fn documents(&self) -> &Self::Documents;
    /// Returns the customers and what belongs to them.
    fn directory(&self) -> &Self::Directory;
    /// Returns the objects of jobs.
    fn objects(&self) -> &Self::Objects;
    /// Returns the queues.
    fn queues(&self) -> &Self::Queues;
    /// Returns time, ids and secrets.
    fn environment(&self) -> &Self::Environment;
}

/// The traits of all ports, so that their methods can be called: `use pipeline::ports::prelude::*`.
pub mod prelude {
    pub use super::{
        AdmitCall as _, AskGateway as _, ChangeState as _, ChunkQueries as _, Clock as _, CreateCohort as _,
        CreateFacility as _, CreateJob as _, DeliveryLog as _, EndChunk as _, FileWriter as _,
        FindByExternalId as _, FindUpload as _, GatewayCare as _, ListCohorts as _, ListDeliveries as _,
        ListFacilities as _, ListJobs as _, LoadCohort as _, LoadDirectory as _, LoadFacility as _,
        LoadJob as _, LoadPatients as _, LoadPeople as _, LoadPromise as _, LoadQueries as _,
        LoadSettings as _, OpenJobs as _, PingWebhook as _, PostWebhook as _, Randomness as _,
        ReadDocuments as _, ReadOutcomes as _, ReadPlan as _, ReadRoster as _, ReadUpload as _,
        RequestCancel as _, SendChunks as _, SendFinished as _, SendQueries as _, SendUpload as _,
        SendWebhook as _, SignDownload as _, SignUpload as _, StoreDocuments as _, StoreOutcomes as _,
        StorePatient as _, StorePeople as _, StorePlan as _, StorePromise as _, StoreQuery as _,
        StoreRoster as _, StoreSettings as _, Watchlist as _, WriteResults as _,
    };
}
