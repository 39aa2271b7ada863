//! Events of the audit trail: who did what to which objects, when, from where, and how it ended.
//!
//! An event has no place for patient data. It names objects by their ids, routes by their
//! templates, and errors by their codes.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::delivery::AttemptOutcome;
use crate::ids::{CohortId, CustomerId, FacilityId, JobId, MessageId, PatientId};
use crate::key_id::KeyId;
use crate::plan::ChunkNumber;
use crate::time::Timestamp;

/// An event of the audit trail. A line of JSON, and absent fields are not written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    /// When the action began or ended, as the phase says.
    pub time: Timestamp,
    /// Whether the action is about to be done, or done.
    pub phase: Phase,
    /// What is done, or was done, as the phase says.
    pub action: Action,
    /// The customer that the action is about. Absent if the call has no valid key or link, and if
    /// an operator's command is about no customer or about all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerId>,
    /// Who causes the action: a caller, the service or an operator.
    #[serde(flatten)]
    pub actor: Actor,
    /// What it was done to.
    #[serde(flatten)]
    pub objects: Objects,
    /// How it ended. Absent in events of the phase `begun`.
    #[serde(flatten)]
    pub outcome: Option<Outcome>,
}

/// How far an action was when its event was stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The action had not begun: it is only done after this event is stored.
    Begun,
    /// The action had ended. What it returns leaves the service only after this event is stored.
    Ended,
}

/// What is done, or was done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// A call of the API: its HTTP method and the template of its route, such as
    /// `GET /medical/v1/patient/{id}`.
    Call(Cow<'static, str>),
    /// A step of an import.
    Import(ImportStep),
    /// A webhook was posted: the host of its receiver.
    Webhook(String),
    /// A command of `bulk-admin`, such as `key create`.
    Command(Cow<'static, str>),
}

impl Action {
    /// Returns the action that a webhook is posted to this URL, which can hold secrets of the
    /// receiver besides its host.
    pub fn webhook(url: &str) -> Self {
        let host = url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
        Self::Webhook(host.unwrap_or_default())
    }
}

/// A step of an import, which the service does by itself after a call has created the job.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImportStep {
    /// `FanOut` reads the uploaded file and divides it into chunks.
    ReadFile,
    /// `ImportRows` creates and updates the patients of a chunk.
    WritePatients,
    /// The rows of a chunk have their outcomes. The event names the patients that the rows created,
    /// updated or left as they were.
    CompleteChunk,
    /// `QueryDocuments` asks the gateway for patients and their documents.
    QueryDocuments,
    /// `QueryDocuments` fetches the content of a document, for a caller who downloads it.
    CopyDocument,
    /// `UndoChunk` is about to delete patients that the rows of a chunk created. The event names
    /// them.
    UndoChunk,
    /// `Finalize` writes the result files, or the file of the patients that an undo keeps.
    WriteResults,
    /// The job ends: it is completed, has failed, or waited for its file for too long.
    EndJob,
}

/// Who causes an action.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "actor", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Actor {
    /// The holder of an API key or of a link, or a caller without a valid one.
    Caller {
        /// The id of the key. Absent if the call has no valid key, as one that opens a link.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<KeyId>,
        /// The address that API Gateway received the call from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source_address: Option<IpAddr>,
        /// API Gateway's id of the request, which the answer has as `x-amzn-requestid`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call_id: Option<String>,
    },
    /// The service itself, in the course of an import. The call that created the job names the key.
    Service,
    /// An operator with AWS credentials.
    Operator {
        /// The ARN of the operator's identity, as AWS STS names it.
        arn: String,
        /// Joins the two events of a command.
        call_id: Uuid,
    },
}

/// What an action was done to: ids and numbers.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Objects {
    /// Patients that were read, changed, or asked for.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub patients: BTreeSet<PatientId>,
    /// Jobs that the action reads, changes or creates.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub jobs: BTreeSet<JobId>,
    /// Facilities, also of a filter.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub facilities: BTreeSet<FacilityId>,
    /// Cohorts that the action reads or creates.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub cohorts: BTreeSet<CohortId>,
    /// API keys that an operator created or revoked.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub keys: BTreeSet<KeyId>,
    /// Files that the answer or the webhook has a link to.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub links: BTreeSet<Link>,
    /// The chunk of the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunk: Option<ChunkNumber>,
    /// The message of the webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
    /// Whether the call opts its patient out of health information exchange, or in again. An event
    /// before such a call has it, so that the call can be repeated after a table was restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opt_out: Option<bool>,
    /// Number of documents in the answer.
    #[serde(skip_serializing_if = "is_zero")]
    pub documents: usize,
    /// Number of webhook deliveries in the answer, or that were sent again.
    #[serde(skip_serializing_if = "is_zero")]
    pub deliveries: usize,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// A file that a signed link writes or reads.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Link {
    /// The file of a job, to be uploaded.
    Upload,
    /// Every row with its outcome.
    Result,
    /// The failed rows of a job.
    Failures,
    /// The copy of a document.
    Document,
    /// The patients that the undo of a job keeps.
    Kept,
}

/// How an action ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// The HTTP status that a call or a webhook was answered with.
    Status(u16),
    /// Why a webhook was not answered, in a few words of a closed list.
    Error(String),
    /// Whether a command succeeded.
    Done(bool),
}

impl From<AttemptOutcome> for Outcome {
    fn from(outcome: AttemptOutcome) -> Self {
        match outcome {
            AttemptOutcome::StatusCode(status) => Self::Status(status),
            AttemptOutcome::Error(error) => Self::Error(error.text().to_owned()),
        }
    }
}

impl AuditEvent {
    /// Returns the event of something that the service is about to do, or has done, to a job.
    pub fn of_job(
        time: Timestamp,
        phase: Phase,
        action: Action,
        customer: CustomerId,
        job: JobId,
    ) -> Self {
        let objects = Objects { jobs: BTreeSet::from([job]), ..Objects::default() };
        let customer = Some(customer);
        Self { time, phase, action, customer, actor: Actor::Service, objects, outcome: None }
    }

    /// Returns the same event about patients of a chunk of the job.
    #[must_use]
    pub fn of_chunk(
        mut self,
        chunk: ChunkNumber,
        patients: impl IntoIterator<Item = PatientId>,
    ) -> Self {
        self.objects.chunk = Some(chunk);
        self.objects.patients.extend(patients);
        self
    }

    /// Returns the event after the action has ended.
    #[must_use]
    pub fn ended(self, time: Timestamp, outcome: Outcome) -> Self {
        Self { time, phase: Phase::Ended, outcome: Some(outcome), ..self }
    }

    /// Returns the id of the key that the call was made with.
    pub const fn key(&self) -> Option<KeyId> {
        match self.actor {
            Actor::Caller { key, .. } => key,
            Actor::Service | Actor::Operator { .. } => None,
        }
    }
}

impl Objects {
    /// Adds all objects of `others`, and counts them.
    pub fn add(&mut self, others: Self) {
        self.patients.extend(others.patients);
        self.jobs.extend(others.jobs);
        self.facilities.extend(others.facilities);
        self.cohorts.extend(others.cohorts);
        self.keys.extend(others.keys);
        self.links.extend(others.links);
        self.chunk = others.chunk.or(self.chunk);
        self.message = others.message.or(self.message);
        self.opt_out = others.opt_out.or(self.opt_out);
        self.documents += others.documents;
        self.deliveries += others.deliveries;
    }
}

#[cfg(test)]
mod tests;
