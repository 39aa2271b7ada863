//! The resources of template.yaml that functions call.

use std::fmt;

use crate::QueueName;

/// A resource that a function calls. Some are more precise than a role can name them, such as the
/// items of one kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Resource {
    /// Items of one kind in a table of DynamoDB.
    Items(&'static str, &'static str),
    /// An index of a table of DynamoDB.
    Index(&'static str, &'static str),
    /// The objects of the bucket `Files` with keys that begin with this folder.
    Folder(&'static str),
    /// A queue of SQS with the messages of one kind.
    Queue(QueueName),
    /// The log group of the audit trail.
    AuditTrail,
    /// The webhook server of a customer.
    WebhookServer,
}

impl Resource {
    /// The customers, each with the key of its hashes.
    pub const CUSTOMERS: Self = Self::Items("Directory", "customer");
    /// The API keys of all customers.
    pub const API_KEYS: Self = Self::Items("Directory", "api-key");
    /// The facilities of customers.
    pub const FACILITIES: Self = Self::Items("Directory", "facility");
    /// The cohorts of customers.
    pub const COHORTS: Self = Self::Items("Directory", "cohort");
    /// The webhook settings of customers.
    pub const SETTINGS: Self = Self::Items("Directory", "settings");
    /// The idempotency keys of customers.
    pub const IDEMPOTENCY_KEYS: Self = Self::Items("Directory", "idempotency");
    /// The jobs, without the other items of their table.
    pub const JOBS: Self = Self::Items("Jobs", "job");
    /// The entries of open jobs, by customer.
    pub const OPEN_JOBS: Self = Self::Items("Jobs", "open");
    /// The pending parts of chunks' document queries.
    pub const QUERY_PARTS: Self = Self::Items("Jobs", "queries");
    /// The records of webhook deliveries.
    pub const DELIVERIES: Self = Self::Items("Jobs", "webhooks");
    /// The newest bulk download of each patient.
    pub const DOWNLOADS: Self = Self::Items("Jobs", "downloads");
    /// The circuit breaker, and the rate limits of all customers.
    pub const GATEWAY: Self = Self::Items("Jobs", "gateway");
    /// The persons of all customers: an item for each bucket, with its patients.
    pub const PEOPLE: Self = Self::Items("Patients", "person");
    /// The entries of external ids.
    pub const EXTERNAL_IDS: Self = Self::Items("ExternalIds", "entry");
    /// The entries of rosters, which list the patients of a customer or of a cohort.
    pub const ROSTERS: Self = Self::Items("Patients", "roster");
    /// The document queries of patients.
    pub const QUERIES: Self = Self::Items("Patients", "query");
    /// The documents of patients.
    pub const DOCUMENTS: Self = Self::Items("Patients", "documents");
    /// The records of copies of documents' contents.
    pub const COPY_RECORDS: Self = Self::Items("Patients", "copy");
    /// The index of jobs by customer.
    pub const JOBS_BY_CUSTOMER: Self = Self::Index("Jobs", "by-customer");
    /// The index of watched jobs.
    pub const WATCHED_JOBS: Self = Self::Index("Jobs", "watched");
    /// The index of deliveries that are being attempted or have failed.
    pub const UNDELIVERED: Self = Self::Index("Jobs", "undelivered");
    /// The uploads of all jobs, in all their versions.
    pub const UPLOADS: Self = Self::Folder("uploads");
    /// The plans of uploads: how each is divided into chunks.
    pub const PLANS: Self = Self::Folder("plans");
    /// The stored outcomes of chunks.
    pub const OUTCOMES: Self = Self::Folder("outcomes");
    /// The result files of finalized jobs.
    pub const RESULTS: Self = Self::Folder("results");
    /// The copies of documents' contents.
    pub const COPIES: Self = Self::Folder("documents");
}

impl fmt::Display for Resource {
    /// Writes the resource as roles name it: by its name in template.yaml, with the index or the
    /// folder.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Items(table, _) => f.write_str(table),
            Self::Index(table, index) => write!(f, "{table}/index/{index}"),
            Self::Folder(folder) => write!(f, "Files/{folder}"),
            Self::Queue(queue) => f.write_str(queue.resource()),
            Self::AuditTrail => f.write_str("AuditTrail"),
            Self::WebhookServer => f.write_str("a webhook server"),
        }
    }
}
