//! The delivery of one webhook message: which attempts were made, how they ended, and when the next
//! one is due.

mod attempt;
mod order;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{CustomerId, JobId, MessageId};
use crate::mutants::{Bug, has};
use crate::time::Timestamp;
use crate::webhook::{DocumentsPlace, WebhookEvent, WebhookSubject};

pub use self::attempt::{Attempt, AttemptOutcome, NoAnswer};
pub use self::order::{Order, pause_since};

/// The waits after the first, second, … failed attempt. After the last one the delivery has failed.
/// A receiver has about 15 hours and 42 minutes to come back, and up to 19 hours with jitter.
pub const RETRY_WAITS: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(2),
    Duration::from_mins(10),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(2),
    Duration::from_hours(4),
    Duration::from_hours(8),
];

/// The longest wait that a receiver can ask for: longer than any wait of the
/// schedule, and short enough that ten attempts end within five days.
const LONGEST_WAIT: Duration = Duration::from_hours(12);

/// How long an attempt holds its delivery. Longer than the function may run (`Timeout` in
/// template.yaml, after which Lambda ends it), so that the holder of an ended lease sends nothing
/// any more. 5 seconds of it are for clocks that differ.
pub const LEASE: Duration = Duration::from_secs(35);

/// How many attempts a delivery remembers, the newest ones: two rounds.
const ATTEMPTS_KEPT: usize = 20;

/// The state of a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// Attempts are being made.
    Processing,
    /// The receiver answered with success.
    Delivered,
    /// The last attempt failed. The customer can have the message sent again.
    Failed,
    /// The message is not sent any more, because the customer removed the receiver, does not want
    /// such messages, was told something newer, or because there was nothing to tell.
    Skipped,
}

impl DeliveryState {
    /// Returns the state as the API names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// The delivery of the message about an event of a job, or of one with links to documents. About
/// documents of a job there are several messages, which are delivered one after the other.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookDelivery {
    /// The customer that the message is for.
    pub customer: CustomerId,
    /// What the message is about.
    #[serde(flatten)]
    pub subject: WebhookSubject,
    /// The patients of the present message about documents.
    #[serde(default, skip_serializing_if = "DocumentsRange::is_start")]
    pub documents: DocumentsRange,
    /// The state of the delivery.
    pub state: DeliveryState,
    /// The round: 0 for the message that the job sent, and one more each time that the customer has
    /// it sent again.
    pub round: u32,
    /// The attempts of this round at the present message with a known outcome.
    pub round_attempts: u32,
    /// How often this round was handed over to a new message of the queue.
    #[serde(default)]
    pub handovers: u32,
    /// The newest attempts, the oldest first.
    pub attempts: Vec<Attempt>,
    /// When the next attempt is due. None if the delivery has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt: Option<Timestamp>,
    /// When the attempt began that is running, or that died.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<Timestamp>,
}

/// The patients of a message about documents, from one place to another.
///
/// A message keeps its patients for as long as it keeps its id, because a receiver that has seen
/// the id takes a repetition for the same message. So the record has the end before the first
/// attempt.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct DocumentsRange {
    /// The place of the first patient.
    pub from: DocumentsPlace,
    /// The place after the last patient. None before the first attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DocumentsPlace>,
}

impl DocumentsRange {
    fn is_start(&self) -> bool {
        *self == Self::default()
    }
}

/// Names the message of the queue that carries a delivery. A later message is greater.
///
/// A standard queue may return a message twice, early or late, and a function that dies between
/// sending the next message and deleting the last one leaves both. A copy of a message that is
/// earlier than the recorded one is dropped, so that it does not live longer than until the next
/// attempt.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug, Serialize, Deserialize)]
pub struct Carrier {
    /// 0 for the messages that the job sends, and one more each time that the customer has them
    /// sent again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub round: u32,
    /// How often the round was handed over to a new message.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub handovers: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Carrier {
    /// Returns the first message of a round.
    pub const fn of_round(round: u32) -> Self {
        Self { round, handovers: 0 }
    }

    /// Returns the message that this one is handed over to.
    #[must_use]
    pub const fn next(self) -> Self {
        Self { handovers: self.handovers + 1, ..self }
    }
}

/// What a received message means to its delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AttemptDecision {
    /// An attempt is due now.
    Attempt,
    /// Not before this time, because the next attempt is not due.
    Wait(Timestamp),
    /// Not before this time, because an attempt is being made. Its function may have died.
    Busy(Timestamp),
    /// Nothing is to do: the delivery has ended, or another message carries it.
    Ignore,
}

impl WebhookDelivery {
    /// Returns a delivery of the message about an event of a job, without attempts.
    pub fn new(customer: CustomerId, job: JobId, event: impl Into<WebhookEvent>) -> Self {
        Self::about(customer, WebhookSubject::job(job, event))
    }

    /// Returns a delivery without attempts.
    pub fn about(customer: CustomerId, subject: WebhookSubject) -> Self {
        Self {
            customer,
            subject,
            documents: DocumentsRange::default(),
            state: DeliveryState::Processing,
            round: 0,
            round_attempts: 0,
            handovers: 0,
            attempts: Vec::new(),
            next_attempt: None,
            began: None,
        }
    }

    /// Returns the id of the present message: the same for every attempt and every round.
    pub fn message_id(&self) -> MessageId {
        self.subject.message_id(self.documents.from)
    }

    /// Returns which message of the queue carries the delivery.
    pub const fn carrier(&self) -> Carrier {
        Carrier { round: self.round, handovers: self.handovers }
    }

    /// Decides what follows from the receipt of `message`. The record alone decides, because the
    /// queue may return any message at any time.
    pub fn decide(&self, message: Carrier, now: Timestamp) -> AttemptDecision {
        let lease = if has(Bug::WebhookLeaseIgnored) { Duration::ZERO } else { LEASE };
        let lease_end = self.began.map(|began| began.plus(lease));
        let is_later = |time: &Timestamp| *time > now && !has(Bug::WebhookEarly);
        if !self.wants(message) {
            AttemptDecision::Ignore
        } else if let Some(end) = lease_end.filter(is_later) {
            let look = self.next_look(message, now);
            AttemptDecision::Busy(look.map_or(end, |look| look.min(end)))
        } else if let Some(due) = self.next_attempt.filter(is_later) {
            AttemptDecision::Wait(due)
        } else {
            AttemptDecision::Attempt
        }
    }

    /// Returns when to look again at an attempt that has sent `message`, and has not recorded its
    /// outcome: soon, because it does so now, and later the longer it takes, because its function
    /// may have died. Returns `None` if no such attempt is being made.
    fn next_look(&self, message: Carrier, now: Timestamp) -> Option<Timestamp> {
        let began = self.began.filter(|_| message > self.carrier())?;
        Some(now.plus(began.until(now).max(order::BEHIND)))
    }

    /// Returns whether `message` still matters to the delivery. A message of an ended round does
    /// not, and neither does a copy of one that was handed over.
    pub fn wants(&self, message: Carrier) -> bool {
        match self.state {
            DeliveryState::Processing => message >= self.carrier(),
            DeliveryState::Failed => message.round > self.round,
            DeliveryState::Delivered | DeliveryState::Skipped => false,
        }
    }

    /// Starts a round with as many attempts as the first one had, unless this round has started.
    pub fn start_round(&mut self, round: u32) {
        if round > self.round {
            *self = Self {
                round,
                attempts: std::mem::take(&mut self.attempts),
                documents: self.documents,
                ..Self::about(self.customer, self.subject)
            };
        }
    }

    /// Begins an attempt for this message. No other message makes one until the outcome is recorded
    /// or the lease has ended.
    pub fn begin(&mut self, message: Carrier, now: Timestamp) {
        self.start_round(message.round);
        // The message is ahead of the record: the function that sent it died before it could store
        // that.
        self.handovers = message.handovers.max(self.handovers);
        self.began = Some(now);
    }

    /// Records that a new message of this round carries the delivery.
    pub const fn handed_on_to(&mut self, message: Carrier) {
        self.handovers = message.handovers;
    }

    /// Puts off the attempt that has just begun, which was not made.
    pub fn put_off(&mut self, until: Timestamp) {
        (self.began, self.next_attempt) = (None, Some(until));
    }

    /// Records an attempt and decides what follows: success ends the delivery, 410 and the last
    /// attempt of the round fail it, and any other outcome is retried after its wait or after the
    /// time that the receiver asked for, the longer of the two.
    pub fn attempted(&mut self, attempt: Attempt, asked: Option<Duration>) {
        self.round_attempts = self.round_attempts.saturating_add(1);
        self.began = None;
        self.note(attempt);
        let wait = self.wait_after(self.round_attempts);
        (self.state, self.next_attempt) = match (self.state, attempt.outcome, wait) {
            // A message that arrived stays delivered, however the attempt of a second copy ends.
            (DeliveryState::Delivered, _, _) | (_, AttemptOutcome::StatusCode(200..=299), _) => {
                (DeliveryState::Delivered, None)
            }
            // 410 Gone (RFC 9110): the receiver does not exist any more.
            (_, AttemptOutcome::StatusCode(410), _) | (_, _, None) => (DeliveryState::Failed, None),
            (_, AttemptOutcome::StatusCode(_) | AttemptOutcome::Error(_), Some(wait)) => {
                let wait = wait.max(asked.unwrap_or_default()).min(LONGEST_WAIT);
                (DeliveryState::Processing, Some(attempt.when.plus(wait)))
            }
        };
    }

    /// Records an attempt that succeeded, after which the delivery goes on with the patients from
    /// `next` on.
    pub fn attempted_before(&mut self, attempt: Attempt, next: DocumentsPlace) {
        self.note(attempt);
        self.go_on(next, attempt.when);
    }

    /// Goes on with the message about the documents of the patients from `next` on, which is due
    /// at `due`.
    pub fn go_on(&mut self, next: DocumentsPlace, due: Timestamp) {
        self.documents = DocumentsRange { from: next, until: None };
        self.round_attempts = 0;
        self.put_off(due);
    }

    /// Ends the delivery after the last message about documents: delivered if there was any.
    pub fn end_documents(&mut self) {
        self.skip();
        if self.attempts.iter().any(|attempt| attempt.outcome.is_success()) {
            self.state = DeliveryState::Delivered;
        }
    }

    /// Fails the delivery, because its message could not be handled.
    pub fn abandon(&mut self, when: Timestamp) {
        if self.state != DeliveryState::Processing {
            return;
        }
        self.note(Attempt { when, outcome: AttemptOutcome::Error(NoAnswer::Internal) });
        (self.state, self.next_attempt, self.began) = (DeliveryState::Failed, None, None);
    }

    /// Ends the delivery without sending it.
    pub fn skip(&mut self) {
        (self.state, self.next_attempt, self.began) = (DeliveryState::Skipped, None, None);
    }

    fn note(&mut self, attempt: Attempt) {
        self.attempts.push(attempt);
        let surplus = self.attempts.len().saturating_sub(ATTEMPTS_KEPT);
        self.attempts.drain(..surplus);
    }

    /// Returns the wait after the `attempts`-th attempt, lengthened by up to a fifth that depends
    /// on the job, so that the jobs of an outage do not all come back at once. None after the last
    /// attempt.
    fn wait_after(&self, attempts: u32) -> Option<Duration> {
        let wait = *RETRY_WAITS.get(usize::try_from(attempts).ok()?.checked_sub(1)?)?;
        let jitter = u32::from(self.subject.request().as_uuid().as_bytes()[15]);
        Some(wait + wait * jitter / (5 * 255))
    }
}

#[cfg(test)]
mod tests;
