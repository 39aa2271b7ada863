//! What follows from the end of a task: a message is deleted, retried or received again, a client
//! retries its request, and a new job gets its uploads.

use std::time::Duration;

use bulk_domain::time::Timestamp;
use bulk_memory::{Fault, Faults as _, Operation, Service};
use bulk_pipeline::messages::UploadMessage;
use bulk_pipeline::ports::JobRef;
use bulk_pipeline::retry::{Attempts, Retry};

use super::task::{Cause, Due, Phase, Verdict};
use super::{CLIENT_PAUSE, Import, Player};
use crate::story::Plan;

/// The visibility timeout of the queues of dead letters in template.yaml.
const DEAD_LETTERS_HIDDEN: Duration = Duration::from_mins(15);

/// The attempts of an asynchronous invocation (AWS: the first and two retries), after which its
/// event is lost.
const EVENT_ATTEMPTS: u32 = 3;

/// The clients who want a document at the same time, and how often each calls again while the
/// document is being fetched.
const DOWNLOADS: usize = 3;
const MORE_CALLS: u32 = 5;

impl Player {
    /// Handles a crash. A function that died reports nothing: its message is received again after
    /// the visibility timeout.
    pub(super) fn crashed(&mut self, cause: Cause) {
        match cause {
            Cause::Message(..) | Cause::Sweep | Cause::Read(_) | Cause::Download(..) => {}
            cause => self.finished(cause, Verdict::RetryAfter(CLIENT_PAUSE), false),
        }
    }

    /// Returns whether SQS carries out a call that a function makes about a message that it
    /// received.
    fn reaches_sqs(&self) -> bool {
        self.faults.fault(Operation::SendMessage) != Some(Fault::Refused)
    }

    pub(super) fn finished(&mut self, cause: Cause, verdict: Verdict, is_poisoned: bool) {
        let now = self.now;
        self.trace(&format!("{verdict:?}"), &cause);
        match (cause, verdict) {
            (Cause::Message(name, message), Verdict::Done) => {
                let is_kept = is_poisoned || (!message.is_last_attempt && self.chance.once_in(30));
                if !is_kept && self.faults.away_until(Service::Sqs).is_none() {
                    self.cloud.with_queues(|queues| queues.get(name).delete(message.receipt));
                }
            }
            (Cause::Message(name, message), Verdict::RetryAfter(after)) if self.reaches_sqs() => {
                self.cloud
                    .with_queues(|queues| queues.get(name).hide(message.receipt, now.plus(after)));
            }
            (Cause::Message(name, message), Verdict::Failed(error)) => {
                let attempts =
                    Attempts { receive_count: message.receives, retries: message.retries };
                match Retry::after(&error, attempts) {
                    Retry::NewMessage(after) if self.reaches_sqs() => {
                        self.cloud.with_queues(|queues| {
                            queues.get(name).put_back(&message, now.plus(after));
                            queues.get(name).delete(message.receipt);
                        });
                    }
                    Retry::NewMessage(_) | Retry::SameMessage(_) => {
                        let pause = Retry::counted_pause(attempts);
                        self.finished(
                            Cause::Message(name, message),
                            Verdict::RetryAfter(pause),
                            is_poisoned,
                        );
                    }
                }
            }
            // The client does not repeat the call, so that it takes place once or not at all.
            (Cause::Change(..), Verdict::Failed(_) | Verdict::RetryAfter(_)) => {}
            (Cause::Change(..), Verdict::Changed { is_found }) => {
                if let Some(call) = &mut self.call {
                    call.was_answered = is_found;
                }
            }
            (cause, Verdict::Failed(_)) => {
                self.finished(cause, Verdict::RetryAfter(CLIENT_PAUSE), is_poisoned);
            }
            (Cause::Event(upload, attempts), Verdict::RetryAfter(_))
                if attempts + 1 < EVENT_ATTEMPTS =>
            {
                let again = Due::Task(Cause::Event(upload, attempts + 1));
                self.due.push((now.plus(Duration::from_mins(1)), again));
            }
            (Cause::DeadLetter(body, receives), Verdict::RetryAfter(_)) => {
                let next = now.plus(DEAD_LETTERS_HIDDEN);
                let next = self.faults.away_until(Service::Sqs).map_or(next, |end| next.max(end));
                self.due.push((next, Due::Task(Cause::DeadLetter(body, receives + 1))));
            }
            // Some clients never retry, so that only the sweep knows of the undo.
            (Cause::Undo(_), Verdict::RetryAfter(_)) if self.chance.once_in(3) => {}
            (
                cause @ (Cause::Create(_)
                | Cause::Cancel(_)
                | Cause::Undo(_)
                | Cause::Delete(..)
                | Cause::BulkDownload(..)),
                Verdict::RetryAfter(after),
            ) => self.due.push((now.plus(after), Due::Task(cause))),
            (Cause::Download(import, left @ 1..), Verdict::RetryAfter(after)) => {
                let again = Due::Task(Cause::Download(import, left - 1));
                self.due.push((now.plus(after), again));
            }
            (Cause::Download(..), Verdict::Downloaded { has_link: true }) => self.downloads.0 += 1,
            (Cause::Download(..), Verdict::Downloaded { has_link: false }) => {
                self.downloads.1 += 1;
            }
            (Cause::Create(plan), Verdict::Created(job, expires)) => {
                self.created(plan, job, expires);
            }
            (Cause::Cancel(import), Verdict::Canceled) => self.imports[import].was_canceled = true,
            (Cause::Undo(import), Verdict::Undone) => self.imports[import].was_undone = true,
            (Cause::Read(import), Verdict::Read(status)) => {
                let before = self.seen.insert(self.imports[import].job.job, status);
                assert!(
                    before.is_none_or(|before| !before.is_final() || before == status),
                    "a final state changed"
                );
            }
            _ => {}
        }
    }

    fn created(&mut self, plan: usize, job: JobRef, expires: Timestamp) {
        let import = self.imports.len();
        self.imports.push(Import {
            plan,
            job,
            versions: Vec::new(),
            was_canceled: false,
            was_undone: false,
        });
        let Plan { uploads, canceled, reads, .. } = self.story.plans[plan].clone();
        for (upload, planned) in uploads.iter().enumerate() {
            let start = Due::Upload { import, upload, expires, phase: Phase::Starts };
            self.due.push((self.now.plus(planned.after), start));
        }
        if let Some(after) = canceled {
            self.due.push((self.now.plus(after), Due::Task(Cause::Cancel(import))));
        }
        for after in reads {
            self.due.push((self.now.plus(after), Due::Task(Cause::Read(import))));
            if self.story.gateway.is_some() {
                // Several callers want the same document.
                for _ in 0..DOWNLOADS {
                    let download = Cause::Download(import, MORE_CALLS);
                    self.due.push((self.now.plus(after), Due::Task(download)));
                }
                self.due.push((self.now.plus(after), Due::BulkDownload(import)));
            }
        }
    }

    /// Plays a client's `PUT`. S3 checks the link when the request begins, however long it takes,
    /// and answers 200 at its end. A request that meets an outage is retried.
    pub(super) fn upload(
        &mut self,
        import: usize,
        upload: usize,
        expires: Timestamp,
        phase: Phase,
    ) {
        let Import { job, plan, .. } = self.imports[import];
        let planned = self.story.plans[plan].uploads[upload].clone();
        let mut later = |after, phase| {
            self.due.push((self.now.plus(after), Due::Upload { import, upload, expires, phase }));
        };
        match phase {
            _ if self.faults.away_until(Service::S3).is_some() => {
                return later(CLIENT_PAUSE, Phase::Starts);
            }
            Phase::Starts if self.now > expires => return,
            Phase::Starts => return later(planned.takes, Phase::Ends),
            Phase::Ends => {}
        }
        let version = self.cloud.upload(job, planned.file.bytes.clone());
        self.imports[import].versions.push((version.clone(), planned.file));
        for after in planned.events {
            let message =
                UploadMessage { customer: job.customer, job: job.job, upload: version.clone() };
            self.due.push((self.now.plus(after), Due::Task(Cause::Event(message, 0))));
        }
    }
}
