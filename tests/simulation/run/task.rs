//! What runs in a story, where it came from, and what came of it.

use std::pin::Pin;
use std::time::Duration;

use domain::job::JobStatus;
use domain::time::Timestamp;
use futures::future::Future;
use memory::{QueueName, Received};
use pipeline::messages::{ChunkMessage, DeadLetter, QueryMessage, UploadMessage};
use pipeline::ports::JobRef;

use crate::story::Story;

/// What came of a task.
#[derive(Debug)]
pub(super) enum Verdict {
    Done,
    /// To be tried again after this time.
    RetryAfter(Duration),
    /// To be tried again as the failure asks for.
    Failed(pipeline::Error),
    /// The job, and until when its link takes an upload.
    Created(JobRef, Timestamp),
    Canceled,
    Read(JobStatus),
}

/// Where a task came from, and so what becomes of it afterwards.
#[derive(Clone, Debug)]
pub(super) enum Cause {
    Message(QueueName, Received),
    /// An S3 event, and how often it was tried before.
    Event(UploadMessage, u32),
    /// A dead letter of a queue, and how often it was received.
    DeadLetter(String, u32),
    Sweep,
    Create(usize),
    Cancel(usize),
    Read(usize),
}

pub(super) struct Task {
    pub(super) cause: Cause,
    pub(super) future: Pin<Box<dyn Future<Output = Verdict>>>,
    /// Without faults, crashes and stand-stills.
    pub(super) is_calm: bool,
    /// Without crashes and stand-stills, but with every fault of AWS.
    pub(super) is_spared: bool,
    /// Its message is never done, however often it is tried.
    pub(super) is_poisoned: bool,
    pub(super) crashes_after: Option<u32>,
    pub(super) stands_until: Timestamp,
    /// When Lambda ends it.
    pub(super) times_out: Timestamp,
}

impl Task {
    /// Leaves the task alone until then, or until Lambda ends it.
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
            Self::Message(QueueName::Queries, _) => "QueryDocuments",
            Self::Message(QueueName::Finished, _) => "Finalize",
            Self::Message(QueueName::Webhooks, _) => "DeliverWebhook",
            Self::DeadLetter(..) => "Abandon",
            Self::Sweep => "Sweep",
            Self::Create(_) | Self::Cancel(_) | Self::Read(_) => "Api",
        }
    }

    /// The `Timeout` that template.yaml gives the function; shorter than its queue's visibility timeout.
    pub(super) const fn timeout(&self) -> Duration {
        Duration::from_secs(match self {
            Self::Event(..) | Self::Message(QueueName::Uploads | QueueName::Finished, _) => 900,
            Self::Message(QueueName::Chunks(_), _) => 120,
            Self::Message(QueueName::Queries, _) => 240,
            Self::Message(QueueName::Webhooks, _) => 30,
            Self::DeadLetter(..) => 150,
            Self::Sweep => 300,
            Self::Create(_) | Self::Cancel(_) | Self::Read(_) => 15,
        })
    }

    /// Whether the work has crashed as often as a queue allows with certainty: what crashes more often is given up, and
    /// only poisoned work crashes for ever. Faults of AWS go on: no number of them may use the tries up.
    pub(super) const fn has_died_enough(&self) -> bool {
        match self {
            // Of queries the dead letters are part of the story.
            Self::Message(name, message) => !matches!(name, QueueName::Queries) && message.receives >= 3,
            Self::DeadLetter(_, receives) => *receives >= 2,
            Self::Event(..) | Self::Sweep | Self::Create(_) | Self::Cancel(_) | Self::Read(_) => false,
        }
    }

    /// Whether this is one of the messages that nobody can work on in a poisoned story: some chunks, and queries that are
    /// not tried a thousand times.
    pub(super) fn is_unlucky(&self, story: &Story) -> bool {
        match self {
            Self::Message(QueueName::Chunks(_), message) => {
                let chunk: ChunkMessage = serde_json::from_str(&message.body).unwrap();
                chunk.chunk.get() % 4 == 1
            }
            // The last try of such a chunk.
            Self::DeadLetter(body, receives) if *receives <= 2 => match serde_json::from_str(body).unwrap() {
                DeadLetter::Chunk(chunk) => chunk.chunk.get() % 4 == 1,
                _ => false,
            },
            Self::Message(QueueName::Queries, message) if story.query_receives.is_some() => {
                let query: QueryMessage = serde_json::from_str(&message.body).unwrap();
                query.part().is_some_and(|part| part.chunk.get() % 4 == 2)
            }
            _ => false,
        }
    }
}

/// Something that starts at its time.
pub(super) enum Due {
    Task(Cause),
    Upload { import: usize, upload: usize, expires: Timestamp, phase: Phase },
}

/// Where a client's `PUT` stands.
#[derive(Clone, Copy)]
pub(super) enum Phase {
    Starts,
    Ends,
}
