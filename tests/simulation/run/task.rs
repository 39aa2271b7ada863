//! The tasks of a story: what each is for, where it came from, and how it ended.

use std::pin::Pin;
use std::time::Duration;

use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::job::JobStatus;
use bulk_domain::time::Timestamp;
use bulk_memory::{QueueName, Received};
use bulk_pipeline::messages::{
    ChunkMessage, DeadLetter, DeletionMessage, QueryMessage, UploadMessage,
};
use bulk_pipeline::ports::JobRef;
use futures::future::Future;

use crate::story::{CallKind, Story};

/// How a task ended.
#[derive(Debug)]
pub(super) enum Verdict {
    Done,
    /// The task is retried after this time.
    RetryAfter(Duration),
    /// The task is retried as the failure requires.
    Failed(bulk_pipeline::Error),
    /// The created job, and until when its link takes an upload.
    Created(JobRef, Timestamp),
    Canceled,
    Undone,
    /// The call that changes a patient was answered.
    Changed {
        is_found: bool,
    },
    Read(JobStatus),
    /// The call for a document was answered by a link, or refused.
    Downloaded {
        has_link: bool,
    },
}

/// Where a task came from, which decides what happens after it.
#[derive(Clone, Debug)]
pub(super) enum Cause {
    Message(QueueName, Received),
    /// An S3 event, and the number of earlier attempts.
    Event(UploadMessage, u32),
    /// A dead letter, and its receive count.
    DeadLetter(String, u32),
    Sweep,
    Create(usize),
    Cancel(usize),
    Undo(usize),
    Read(usize),
    Delete(CustomerId, PatientId),
    /// A call for a document of the import's customer, and the calls that the client still makes if
    /// the document is being fetched.
    Download(usize, u32),
    /// A call for a bulk download of a patient's documents.
    BulkDownload(CustomerId, PatientId),
    /// A customer sets another webhook URL.
    SetUrl(CustomerId, String),
    /// A customer changes a patient.
    Change(CustomerId, PatientId),
}

pub(super) struct Task {
    pub(super) cause: Cause,
    pub(super) future: Pin<Box<dyn Future<Output = Verdict>>>,
    /// Whether the task meets no faults, and neither crashes nor stands still.
    pub(super) is_calm: bool,
    /// Whether the task neither crashes nor stands still, but meets every fault of AWS.
    pub(super) is_spared: bool,
    /// Whether the task's message never completes, however often it is retried.
    pub(super) is_poisoned: bool,
    pub(super) crashes_after: Option<u32>,
    pub(super) stands_until: Timestamp,
    /// When Lambda kills the task.
    pub(super) times_out: Timestamp,
}

impl Task {
    /// Lets the task stand still until this time, or until Lambda kills it.
    pub(super) fn stand(&mut self, until: Timestamp) {
        self.stands_until = until.min(self.times_out.plus(Duration::from_millis(1)));
    }
}

impl Cause {
    /// Returns the function that is invoked, by its name in template.yaml.
    pub(super) const fn function(&self) -> &'static str {
        match self {
            Self::Event(..) | Self::Message(QueueName::Uploads, _) => "FanOut",
            Self::Message(QueueName::Chunks(_), _) => "ImportRows",
            Self::Message(QueueName::Queries | QueueName::Copies | QueueName::Downloads, _) => {
                "QueryDocuments"
            }
            Self::Message(QueueName::Finished, _) => "Finalize",
            Self::Message(QueueName::UndoneChunks, _) => "UndoChunk",
            Self::Message(QueueName::Webhooks, _) => "DeliverWebhook",
            Self::DeadLetter(..) => "Abandon",
            Self::Sweep => "Sweep",
            Self::Create(_)
            | Self::Cancel(_)
            | Self::Undo(_)
            | Self::Read(_)
            | Self::Delete(..)
            | Self::Download(..)
            | Self::BulkDownload(..)
            | Self::SetUrl(..)
            | Self::Change(..) => "Api",
        }
    }

    /// Returns the `Timeout` that template.yaml gives the function, which is shorter than the
    /// visibility timeout of its queue.
    pub(super) const fn timeout(&self) -> Duration {
        Duration::from_secs(match self {
            Self::Event(..) | Self::Message(QueueName::Uploads | QueueName::Finished, _) => 900,
            Self::Message(QueueName::Chunks(_) | QueueName::UndoneChunks, _) => 120,
            Self::Message(QueueName::Queries | QueueName::Copies | QueueName::Downloads, _) => 240,
            Self::Message(QueueName::Webhooks, _) => 30,
            Self::DeadLetter(..) => 150,
            Self::Sweep => 300,
            Self::Create(_)
            | Self::Cancel(_)
            | Self::Undo(_)
            | Self::Read(_)
            | Self::Delete(..)
            | Self::Download(..)
            | Self::BulkDownload(..)
            | Self::SetUrl(..)
            | Self::Change(..) => 15,
        })
    }

    /// Returns whether the work has crashed as often as its queue allows with certainty. Work that
    /// crashes more often is abandoned, and only poisoned work crashes for ever. Faults of AWS go
    /// on, because no number of them may use up the attempts.
    pub(super) const fn has_died_enough(&self) -> bool {
        match self {
            // For document queries, dead letters are part of the story.
            Self::Message(name, message) => {
                !matches!(name, QueueName::Queries) && message.receives >= 3
            }
            Self::DeadLetter(_, receives) => *receives >= 2,
            Self::Event(..)
            | Self::Sweep
            | Self::Create(_)
            | Self::Cancel(_)
            | Self::Undo(_)
            | Self::Read(_)
            | Self::Delete(..)
            | Self::Download(..)
            | Self::BulkDownload(..)
            | Self::SetUrl(..)
            | Self::Change(..) => false,
        }
    }

    /// Returns whether this message fails at every attempt of a poisoned story: some chunks, and
    /// document queries if their queue allows few receives.
    pub(super) fn is_unlucky(&self, story: &Story) -> bool {
        match self {
            Self::Message(QueueName::Chunks(_), message) => {
                let chunk: ChunkMessage = serde_json::from_str(&message.body).unwrap();
                chunk.chunk.get() % 4 == 1
            }
            Self::Message(QueueName::UndoneChunks, message) => {
                match serde_json::from_str(&message.body).unwrap() {
                    DeletionMessage::Undo(chunk) => chunk.chunk.get() % 4 == 1,
                    DeletionMessage::Withdrawal(_) => false,
                }
            }
            // The last attempt of such a chunk.
            Self::DeadLetter(body, receives) if *receives <= 2 => {
                match serde_json::from_str(body).unwrap() {
                    DeadLetter::Chunk(chunk) => chunk.chunk.get() % 4 == 1,
                    DeadLetter::Undo(chunk) => chunk.chunk.get() % 4 == 1,
                    _ => false,
                }
            }
            Self::Message(QueueName::Queries, message) if story.query_receives.is_some() => {
                let query: QueryMessage = serde_json::from_str(&message.body).unwrap();
                query.part().is_some_and(|part| part.chunk.get() % 4 == 2)
            }
            _ => false,
        }
    }
}

/// A task, or a step of an upload, that starts at its time.
pub(super) enum Due {
    Task(Cause),
    Upload {
        import: usize,
        upload: usize,
        expires: Timestamp,
        phase: Phase,
    },
    /// A customer, as an index, deletes one of the patients that it has then. The number is how
    /// often the deletion may wait for a chunk under way.
    Deletion(usize, u32),
    /// A client undoes an import, as its place in the order of creation. The number is how often
    /// the client has looked whether the import has ended.
    Undo(usize, u32),
    /// A caller asks for a bulk download of the documents of one of the patients that the import's
    /// customer has then.
    BulkDownload(usize),
    /// A customer changes a patient, after so many more looks for a chunk that is under way.
    Call(CallKind, u32),
}

/// The progress of a client's `PUT`.
#[derive(Clone, Copy)]
pub(super) enum Phase {
    Starts,
    Ends,
}
