//! What the use cases ask of the world: one small trait for each capability.
//!
//! A use case names the traits that it needs, and the role of its function in template.yaml allows
//! exactly the calls behind them. `aws` implements them on DynamoDB, S3 and SQS.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use domain::delivery::{DeliveryState, NoAnswer, WebhookDelivery};
use domain::document::{Demographics, DocumentRecord};
use domain::gateway_care::{Breaker, Slots};
use domain::identity::Identity;
use domain::ids::{CustomerId, JobId, PatientId};
use domain::job::{Job, JobStatus, Upload};
use domain::job_size::JobSize;
use domain::matching::People;
use domain::outcome::{RowOutcome, Tally};
use domain::patient::ExternalId;
use domain::plan::ChunkNumber;
use domain::query::{PatientQuery, QueryPart, QueryTally, QueryTry, StoredDocuments};
use domain::record::PatientRecord;
use domain::roster::{Roster, RosterEntry};
use domain::row::Directory;
use domain::time::Timestamp;
use domain::upload_terms::UploadTerms;
use domain::webhook::WebhookKey;
use futures::Stream;
use uuid::Uuid;

use crate::messages::{ChunkMessage, FinishedMessage, QueryMessage, UploadMessage, WebhookMessage};

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
    /// A new UUIDv7 of this moment.
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

// --- jobs --------------------------------------------------------------------------------------

/// Stores a new job.
pub trait CreateJob: Send + Sync {
    /// A job that is there already stays as it is: ids are fresh, so it is this one, stored by an earlier try.
    fn create_job(&self, job: &Job) -> impl Future<Output = PortResult<()>> + Send;
}

/// Reads a job.
pub trait LoadJob: Send + Sync {
    /// The job as of now, or none with this id.
    fn load_job(&self, job: JobId) -> impl Future<Output = PortResult<Option<Job>>> + Send;
}

/// Lists a customer's jobs.
pub trait ListJobs: Send + Sync {
    /// The newest ones, newest first, from `from` on if it is given, at most `limit`. A job of the last second
    /// may not be among them yet.
    fn list_jobs(
        &self,
        customer: CustomerId,
        from: Option<JobId>,
        limit: usize,
    ) -> impl Future<Output = PortResult<Vec<Job>>> + Send;
}

/// Looks for the jobs before a job.
pub trait FindOlderJobs: Send + Sync {
    /// Whether a job of the same customer that is older than `job` is still under way. Jobs of longer ago
    /// than [`LONGEST_LIFE`](domain::job::LONGEST_LIFE) are over, whatever is stored of them.
    fn is_older_under_way(&self, job: &Job) -> impl Future<Output = PortResult<bool>> + Send;
}

/// Moves a job to another state.
pub trait ChangeState: Send + Sync {
    /// Writes status, times, file and reason of `job`, on the condition that the stored job is still
    /// `from`. Entering `processing` also makes every chunk pending.
    fn change_state(&self, from: JobStatus, job: &Job) -> impl Future<Output = PortResult<Write>> + Send;
}

/// What is left of a job after one of its chunks ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChunkEnd {
    /// Whether this call ended the chunk; false if it had ended before.
    pub counted: bool,
    /// Whether the job has nothing left to wait for.
    pub was_last: bool,
}

/// Ends a chunk.
pub trait EndChunk: Send + Sync {
    /// Takes the chunk out of the pending ones and adds its counts, once and never again. If it starts
    /// `queries`, it is put among those with queries by the same write.
    fn end_chunk(
        &self,
        job: JobId,
        chunk: ChunkNumber,
        tally: Tally,
        queries: u32,
    ) -> impl Future<Output = PortResult<ChunkEnd>> + Send;
}

/// Keeps account of the document queries of chunks, part by part.
pub trait ChunkQueries: Send + Sync {
    /// Opens parts 0 to `parts` of a chunk, unless they were opened before.
    fn open_parts(
        &self,
        job: JobId,
        chunk: ChunkNumber,
        parts: u32,
    ) -> impl Future<Output = PortResult<()>> + Send;
    /// The parts of a chunk that have not ended.
    fn open_parts_of(
        &self,
        job: JobId,
        chunk: ChunkNumber,
    ) -> impl Future<Output = PortResult<BTreeSet<u32>>> + Send;
    /// Ends a part and adds its counts, once and never again. Gives the counts of the whole chunk if none of
    /// its parts is open any more, whoever ended the last one.
    fn end_part(
        &self,
        part: QueryPart,
        tally: QueryTally,
    ) -> impl Future<Output = PortResult<Option<QueryTally>>> + Send;
    /// Takes the chunk out of those with queries and adds its counts to the job, once and never again.
    fn end_queries(
        &self,
        job: JobId,
        chunk: ChunkNumber,
        tally: QueryTally,
    ) -> impl Future<Output = PortResult<ChunkEnd>> + Send;
}

/// Asks for a job to be canceled.
pub trait RequestCancel: Send + Sync {
    /// Notes it, on the condition that the job is still `processing`.
    fn request_cancel(&self, job: JobId) -> impl Future<Output = PortResult<Write>> + Send;
}

/// A job that the sweep looks after, with how many chunks were pending when it looked last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watched {
    /// The job.
    pub job: JobId,
    /// When to look.
    pub due: Timestamp,
    /// Chunks that were pending at the last look; none before the first look at a processing job.
    pub pending: Option<u32>,
}

/// The list of jobs that are not over and done with. A job is on it from its creation until its last
/// webhook is handed over.
pub trait Watchlist: Send + Sync {
    /// Jobs that are due by `now`, at most `limit`, longest due first.
    fn due(&self, now: Timestamp, limit: u32) -> impl Future<Output = PortResult<Vec<Watched>>> + Send;
    /// Sets when to look again, on the condition that nobody else did since `watched` was read.
    fn look_again(
        &self,
        watched: Watched,
        next: Timestamp,
        pending: u32,
    ) -> impl Future<Output = PortResult<Write>> + Send;
    /// Takes the job off the list.
    fn forget(&self, job: JobId) -> impl Future<Output = PortResult<()>> + Send;
}

/// Remembers the deliveries of webhooks: what was tried and what came of it.
pub trait DeliveryLog: Send + Sync {
    /// The delivery of the message about `status`, if there was an attempt.
    fn load_delivery(
        &self,
        job: JobRef,
        status: JobStatus,
    ) -> impl Future<Output = PortResult<Option<Versioned<WebhookDelivery>>>> + Send;
    /// Stores it, on the condition that the stored version is still `version` (none: that there is nothing
    /// stored).
    fn store_delivery(
        &self,
        delivery: &WebhookDelivery,
        version: Option<u64>,
    ) -> impl Future<Output = PortResult<Write>> + Send;
}

/// Lists a customer's deliveries.
pub trait ListDeliveries: Send + Sync {
    /// The newest ones, in any state or in one, at most `limit`, newest first. Only what is still being tried
    /// and what failed can be asked for by state.
    fn list_deliveries(
        &self,
        customer: CustomerId,
        state: Option<Undelivered>,
        limit: u32,
    ) -> impl Future<Output = PortResult<Vec<WebhookDelivery>>> + Send;
    /// The oldest failed ones, a job's in the order of its states, at most `limit`.
    fn failed_deliveries(
        &self,
        customer: CustomerId,
        limit: u32,
    ) -> impl Future<Output = PortResult<Vec<Versioned<WebhookDelivery>>>> + Send;
    /// How many there are in this state.
    fn count_deliveries(
        &self,
        customer: CustomerId,
        state: Undelivered,
    ) -> impl Future<Output = PortResult<u32>> + Send;
}

/// The states of deliveries that are counted and can be asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Undelivered {
    /// Being tried.
    Processing,
    /// Given up.
    Failed,
}

impl Undelivered {
    /// The state.
    pub const fn state(self) -> DeliveryState {
        match self {
            Self::Processing => DeliveryState::Processing,
            Self::Failed => DeliveryState::Failed,
        }
    }
}

// --- files -------------------------------------------------------------------------------------

/// Reads an upload.
pub trait ReadUpload: Send + Sync {
    /// The bytes as they arrive.
    type Body: Stream<Item = PortResult<Bytes>> + Send + Unpin;
    /// Reads the bytes of `range` of exactly the version that the job is bound to.
    fn read_upload(
        &self,
        job: JobRef,
        upload: &Upload,
        range: Range<u64>,
    ) -> impl Future<Output = PortResult<Self::Body>> + Send;
}

/// Finds an upload whose event did not come.
pub trait FindUpload: Send + Sync {
    /// The first version that was uploaded for the job, if any was.
    fn find_upload(&self, job: JobRef) -> impl Future<Output = PortResult<Option<Upload>>> + Send;
}

/// Stores a plan: a line of JSON for each chunk.
pub trait StorePlan: Send + Sync {
    /// Stores the plan of one version of the upload.
    fn store_plan(
        &self,
        job: JobRef,
        upload: &Upload,
        lines: Bytes,
    ) -> impl Future<Output = PortResult<()>> + Send;
}

/// Reads a plan.
pub trait ReadPlan: Send + Sync {
    /// The bytes of the plan in `range`, or all of it.
    fn read_plan(
        &self,
        job: JobRef,
        upload: &Upload,
        range: Option<Range<u64>>,
    ) -> impl Future<Output = PortResult<Bytes>> + Send;
}

/// Stores the outcomes of a chunk.
pub trait StoreOutcomes: Send + Sync {
    /// Stores them, unless the chunk has outcomes already: the first ones count.
    fn store_outcomes(
        &self,
        job: JobRef,
        chunk: ChunkNumber,
        outcomes: &[RowOutcome],
    ) -> impl Future<Output = PortResult<Write>> + Send;
}

/// Reads the outcomes of a chunk.
pub trait ReadOutcomes: Send + Sync {
    /// The outcomes in the order in which they were stored.
    fn read_outcomes(
        &self,
        job: JobRef,
        chunk: ChunkNumber,
    ) -> impl Future<Output = PortResult<Vec<RowOutcome>>> + Send;
}

/// One of the two files that a job leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResultFile {
    /// Every row with its outcome.
    Result,
    /// The failed rows only.
    Failures,
}

/// A file that is being written, piece by piece. It appears when it is finished, or not at all.
pub trait FileWriter: Send {
    /// Appends bytes.
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = PortResult<()>> + Send;
    /// Makes the file appear.
    fn finish(self) -> impl Future<Output = PortResult<()>> + Send;
}

/// Writes result files.
pub trait WriteResults: Send + Sync {
    /// A file being written.
    type Writer: FileWriter;
    /// Starts one; a file of an earlier try is replaced when it is finished.
    fn write_results(
        &self,
        job: JobRef,
        file: ResultFile,
    ) -> impl Future<Output = PortResult<Self::Writer>> + Send;
}

/// A link that takes a file, and the headers that it was signed for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UploadLink {
    /// Where to `PUT` it.
    pub url: String,
    /// Headers that have to be sent as they are. None unless the terms say so.
    pub headers: BTreeMap<String, String>,
}

/// Signs links for uploads.
pub trait SignUpload: Send + Sync {
    /// A link that takes the job's file on these terms and is valid for `valid`.
    fn sign_upload(
        &self,
        job: JobRef,
        terms: &UploadTerms,
        valid: Duration,
    ) -> impl Future<Output = PortResult<UploadLink>> + Send;
}

/// Signs links for downloads.
pub trait SignDownload: Send + Sync {
    /// A link that answers `GET` with the file and is valid for `valid`.
    fn sign_download(
        &self,
        job: JobRef,
        file: ResultFile,
        valid: Duration,
    ) -> impl Future<Output = PortResult<String>> + Send;
}

// --- queues ------------------------------------------------------------------------------------

/// Sends chunks to the workers.
pub trait SendChunks: Send + Sync {
    /// Sends all of them to the workers for jobs of this size; on an error some may have been sent.
    fn send_chunks(
        &self,
        size: JobSize,
        messages: &[ChunkMessage],
    ) -> impl Future<Output = PortResult<()>> + Send;
}

/// Says that no chunk of a job is pending any more.
pub trait SendFinished: Send + Sync {
    /// Sends the message.
    fn send_finished(&self, message: &FinishedMessage) -> impl Future<Output = PortResult<()>> + Send;
}

/// Sends patients to be queried.
pub trait SendQueries: Send + Sync {
    /// Whether there is anybody to ask. If not, no row starts a query.
    fn has_gateway(&self) -> bool {
        true
    }
    /// Sends all of them; on an error some may have been sent.
    fn send_queries(&self, messages: &[QueryMessage]) -> impl Future<Output = PortResult<()>> + Send;
}

/// None where there is no gateway.
impl<Q: SendQueries> SendQueries for Option<Q> {
    fn has_gateway(&self) -> bool {
        self.is_some()
    }

    async fn send_queries(&self, messages: &[QueryMessage]) -> PortResult<()> {
        match self {
            Some(queue) => queue.send_queries(messages).await,
            None => Ok(()),
        }
    }
}

/// Hands an upload over to be checked and planned, as its own event would.
pub trait SendUpload: Send + Sync {
    /// Sends the message.
    fn send_upload(&self, message: &UploadMessage) -> impl Future<Output = PortResult<()>> + Send;
}

/// Hands a webhook over for delivery.
pub trait SendWebhook: Send + Sync {
    /// Sends the message, in order after those of the same job.
    fn send_webhook(&self, message: &WebhookMessage) -> impl Future<Output = PortResult<()>> + Send;
}

// --- patients ----------------------------------------------------------------------------------

/// Reads who is known under an identity.
pub trait LoadPeople: Send + Sync {
    /// The people of each identity that has any.
    fn load_people(
        &self,
        identities: &[Identity],
    ) -> impl Future<Output = PortResult<HashMap<Identity, Versioned<People>>>> + Send;
}

/// Stores who is known under an identity.
pub trait StorePeople: Send + Sync {
    /// Stores `people`, on the condition that the stored version is still `version` (none: that there is
    /// nothing stored).
    fn store_people(
        &self,
        identity: &Identity,
        people: &People,
        version: Option<u64>,
    ) -> impl Future<Output = PortResult<Write>> + Send;
}

/// Reads patients.
pub trait LoadPatients: Send + Sync {
    /// Those of `patients` that exist.
    fn load_patients(
        &self,
        customer: CustomerId,
        patients: &[PatientId],
    ) -> impl Future<Output = PortResult<HashMap<PatientId, Versioned<PatientRecord>>>> + Send;
}

/// Stores patients.
pub trait StorePatient: Send + Sync {
    /// Stores `record`, on the condition that the stored version is still `version` (none: that there is
    /// nothing stored).
    fn store_patient(
        &self,
        customer: CustomerId,
        record: &PatientRecord,
        version: Option<u64>,
    ) -> impl Future<Output = PortResult<Write>> + Send;
}

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
    /// The documents that a try found; none if they are not there any more, because a later try found others.
    fn read_documents(
        &self,
        customer: CustomerId,
        patient: PatientId,
        stored: StoredDocuments,
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

/// Notes who is on the rosters of a customer.
pub trait StoreRoster: Send + Sync {
    /// Stores an entry; one that is there already is replaced.
    fn store_roster(
        &self,
        customer: CustomerId,
        roster: Roster,
        entry: RosterEntry,
        patients: &[PatientId],
    ) -> impl Future<Output = PortResult<()>> + Send;
}

/// Reads the rosters of a customer.
pub trait ReadRoster: Send + Sync {
    /// Entries in their order, from `from` on if it is given, at most `limit`.
    fn read_roster(
        &self,
        customer: CustomerId,
        roster: Roster,
        from: Option<RosterEntry>,
        limit: u32,
    ) -> impl Future<Output = PortResult<Vec<(RosterEntry, Vec<PatientId>)>>> + Send;
}

/// Finds patients by the ids that the customer has for them.
pub trait FindByExternalId: Send + Sync {
    /// All patients of the customer with this external id, in no particular order.
    fn find_by_external_id(
        &self,
        customer: CustomerId,
        external_id: &ExternalId,
    ) -> impl Future<Output = PortResult<Vec<PatientId>>> + Send;
}

// --- directory ---------------------------------------------------------------------------------

/// Reads what a customer's rows can refer to.
pub trait LoadDirectory: Send + Sync {
    /// Ids of all facilities and cohorts of the customer.
    fn load_directory(&self, customer: CustomerId) -> impl Future<Output = PortResult<Directory>> + Send;
}

/// Where and how a customer wants webhooks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookSettings {
    /// The receiver, if one is set.
    pub url: Option<String>,
    /// The key that messages are signed with; set with the first URL.
    pub key: Option<WebhookKey>,
    /// Keys that were replaced and are still valid, newest first.
    pub replaced: Vec<ReplacedKey>,
    /// What came of the last ping.
    pub ping: Option<PingReport>,
    /// Counted up by every write; 0 if nothing was ever stored.
    pub version: u64,
}

impl WebhookSettings {
    /// The keys that a message is signed with at `now`, the newest first.
    pub fn signing_keys(&self, now: Timestamp) -> Vec<WebhookKey> {
        let replaced = self.replaced.iter().filter(|replaced| replaced.valid_until > now);
        self.key.iter().chain(replaced.map(|replaced| &replaced.key)).cloned().collect()
    }
}

/// A key that another one took the place of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplacedKey {
    /// The key.
    pub key: WebhookKey,
    /// Until then messages are signed with it, too.
    pub valid_until: Timestamp,
}

/// What came of a ping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingReport {
    /// When it was sent.
    pub when: Timestamp,
    /// What was wrong with the answer; none if it was right.
    pub failure: Option<String>,
}

/// Reads a customer's webhook settings.
pub trait LoadSettings: Send + Sync {
    /// The settings; nothing set if there are none.
    fn load_settings(&self, customer: CustomerId)
    -> impl Future<Output = PortResult<WebhookSettings>> + Send;
}

// --- the customer's server ---------------------------------------------------------------------

/// A webhook request, complete.
#[derive(Clone, Debug)]
pub struct WebhookRequest {
    /// Where it goes.
    pub url: String,
    /// Header names and values, signatures included.
    pub headers: Vec<(&'static str, String)>,
    /// The exact bytes that were signed.
    pub body: Vec<u8>,
}

/// What came of posting a webhook.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PostOutcome {
    /// The receiver answered.
    Answered {
        /// HTTP status code.
        status: u16,
        /// How long it asks us to wait, by `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// There was no answer.
    Unreachable(NoAnswer),
}

/// What came of a ping.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PingOutcome {
    /// The receiver answered.
    Answered {
        /// HTTP status code.
        status: u16,
        /// The start of the body, as much of it as a right answer can have.
        body: Vec<u8>,
    },
    /// There was no answer.
    Unreachable(NoAnswer),
}

/// Posts to a customer's server.
pub trait PostWebhook: Send + Sync {
    /// Posts once, without following redirects. Never fails: a receiver that does is an outcome.
    fn post(&self, request: WebhookRequest) -> impl Future<Output = PostOutcome> + Send;
}

/// Pings a customer's server.
pub trait PingWebhook: Send + Sync {
    /// Posts once and reads the start of the answer. Never fails: a receiver that does is an outcome.
    fn ping(&self, request: WebhookRequest) -> impl Future<Output = PingOutcome> + Send;
}
