//! The delivery of one webhook message: what was tried, what came of it, and when to try again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{CustomerId, JobId, MessageId};
use crate::job::JobStatus;
use crate::mutants::{Bug, has};
use crate::time::Timestamp;
use crate::webhook::message_id;

/// Waiting times after the first, second, … attempt that failed; after the last one it is given up. A
/// receiver has about 15 hours and 42 minutes to come back, with jitter up to 19 hours.
pub const RETRY_AFTER: [Duration; 9] = [
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

/// The longest wait that a receiver gets by `Retry-After`: more than any of ours, and short enough that ten attempts end
/// within five days.
pub const LONGEST_WAIT: Duration = Duration::from_hours(12);

/// How long an attempt has its delivery to itself. Longer than the function may run (`Timeout` in template.yaml, after
/// which Lambda ends it), so that nothing is sent any more by the holder of a lease that has run out; 5 s are for clocks
/// that differ.
pub const LEASE: Duration = Duration::from_secs(35);

/// How long a message stays behind an attempt at the other message of its job, before it looks again: the shortest delay
/// of SQS, so that a job's end is told promptly after its start.
const BEHIND: Duration = Duration::from_secs(1);

/// Attempts that a delivery remembers, the newest ones: two rounds.
pub const ATTEMPTS_KEPT: usize = 20;

/// Where a delivery is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// It is being tried.
    Processing,
    /// The receiver answered with success.
    Delivered,
    /// It was given up. It can be sent again by hand.
    Failed,
    /// It is not to be sent any more: the customer took the receiver away, or knows better by now.
    Skipped,
}

impl DeliveryState {
    /// The word for it, as the API has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// Why there was no answer. A closed list: nothing that a receiver says gets into it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
#[error("{}", self.text())]
pub enum NoAnswer {
    /// Nothing within the time that an attempt has.
    Timeout,
    /// The receiver's name has no address.
    NameNotFound,
    /// The receiver's name leads to addresses that are not public.
    AddressNotAllowed,
    /// The URL itself is not allowed any more.
    UrlNotAllowed,
    /// Nothing listens there, or it cannot be reached.
    NoConnection,
    /// No secure connection: the certificate is not valid, or it does not speak TLS.
    NoTls,
    /// The connection broke, or what came was not HTTP.
    ConnectionBroke,
    /// Our own fault: the message could not be handled, however often it was tried.
    Internal,
}

impl NoAnswer {
    /// What the customer is told.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Timeout => "no answer within 4 seconds",
            Self::NameNotFound => "the name was not found",
            Self::AddressNotAllowed => "the address is not public",
            Self::UrlNotAllowed => "the URL is not allowed",
            Self::NoConnection => "no connection",
            Self::NoTls => "no secure connection",
            Self::ConnectionBroke => "the connection broke",
            Self::Internal => "internal error",
        }
    }
}

/// What came of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AttemptOutcome {
    /// The receiver answered with this HTTP status.
    StatusCode(u16),
    /// It did not.
    Error(NoAnswer),
}

impl AttemptOutcome {
    /// Success is 2xx and nothing else; redirects are not followed.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::StatusCode(200..=299))
    }
}

impl std::fmt::Display for AttemptOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::StatusCode(status) => write!(f, "answered {status}"),
            Self::Error(error) => error.fmt(f),
        }
    }
}

/// One attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Attempt {
    /// When it was made.
    pub when: Timestamp,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: AttemptOutcome,
}

/// The delivery of the message that a job reached a status.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookDelivery {
    /// Whose it is.
    pub customer: CustomerId,
    /// The job.
    pub job: JobId,
    /// The status that it reached.
    pub status: JobStatus,
    /// Where the delivery is.
    pub state: DeliveryState,
    /// 0 for the delivery that the job asked for, one more each time that it was sent again by hand.
    pub round: u32,
    /// Attempts in this round whose outcome is known.
    pub tries: u32,
    /// How often this round was handed on to a new message of the queue.
    #[serde(default)]
    pub handovers: u32,
    /// The newest attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// When it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt: Option<Timestamp>,
    /// When the attempt began that is under way, or that died.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<Timestamp>,
}

/// Which message of the queue carries a delivery on. A later one is greater.
///
/// A standard queue may give a message out twice, early or late, and a function that dies between sending the next
/// message and deleting the last one leaves both. Copies of an earlier message than the record knows of are dropped, so
/// that they do not live longer than until the next attempt.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug, Serialize, Deserialize)]
pub struct Carrier {
    /// 0 for the messages that the job sends, one more each time that it is sent again by hand.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub round: u32,
    /// How often the round was handed on to a new message.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub handovers: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Carrier {
    /// The first message of a round.
    pub const fn of_round(round: u32) -> Self {
        Self { round, handovers: 0 }
    }

    /// The message that this one is handed on to.
    #[must_use]
    pub const fn next(self) -> Self {
        Self { handovers: self.handovers + 1, ..self }
    }
}

/// What a message means to its delivery when it arrives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// An attempt is due.
    Attempt,
    /// Not before then: the next attempt is not due, or one is under way, whose function may have died.
    Wait(Timestamp),
    /// Nothing: the delivery has ended, or another message carries it on.
    Over,
}

/// What the other message of a job means to an attempt that is about to be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// The attempt is in order.
    Free,
    /// Not before then, at the earliest.
    Wait(Timestamp),
    /// Never: it would come out of order.
    TooLate,
}

impl WebhookDelivery {
    /// A delivery that was not tried yet.
    pub fn new(customer: CustomerId, job: JobId, status: JobStatus) -> Self {
        Self {
            customer,
            job,
            status,
            state: DeliveryState::Processing,
            round: 0,
            tries: 0,
            handovers: 0,
            attempts: Vec::new(),
            next_attempt: None,
            began: None,
        }
    }

    /// The message's id: the same on every attempt and in every round.
    pub fn message_id(&self) -> MessageId {
        message_id(self.job, self.status)
    }

    /// The message of the queue that carries the delivery on.
    pub const fn carrier(&self) -> Carrier {
        Carrier { round: self.round, handovers: self.handovers }
    }

    /// What it means that `message` arrives. The record alone decides: the queue may give out any message at any time.
    pub fn turn(&self, message: Carrier, now: Timestamp) -> Turn {
        let lease = if has(Bug::WebhookLeaseIgnored) { Duration::ZERO } else { LEASE };
        let lease_end = self.began.map(|began| began.plus(lease));
        match self.next_attempt.max(lease_end) {
            _ if !self.wants(message) => Turn::Over,
            Some(due) if due > now && !has(Bug::WebhookEarly) => Turn::Wait(due),
            Some(_) | None => Turn::Attempt,
        }
    }

    /// Whether `message` has something to say to the delivery. One of a round that ended does not, and neither does a copy
    /// of one that was handed on.
    pub fn wants(&self, message: Carrier) -> bool {
        match self.state {
            DeliveryState::Processing => message >= self.carrier(),
            DeliveryState::Failed => message.round > self.round,
            DeliveryState::Delivered | DeliveryState::Skipped => false,
        }
    }

    /// What the message `processing` of the same job means to this one, which is about the job's end. It was sent before,
    /// and there is no record of it before its first attempt.
    pub fn order_after(start: Option<&Self>, now: Timestamp) -> Order {
        let Some(start) = start else { return Order::Wait(now.plus(BEHIND)) };
        let is_settled = match start.state {
            DeliveryState::Processing => false,
            DeliveryState::Delivered | DeliveryState::Failed | DeliveryState::Skipped => true,
        };
        match start.next_attempt.max(start.began) {
            _ if is_settled => Order::Free,
            Some(due) if due > now => Order::Wait(due.plus(BEHIND)),
            // The longer it is overdue, the longer it may still be: its function may have died.
            Some(due) => Order::Wait(now.plus(BEHIND + due.until(now) / 2)),
            None => Order::Wait(now.plus(BEHIND)),
        }
    }

    /// What the message about the end of the same job means to this one, `processing`, which comes so late when it is sent
    /// again by hand or by a second event of the upload.
    pub fn order_before(end: Option<&Self>, now: Timestamp) -> Order {
        match end {
            Some(end) if end.state == DeliveryState::Delivered => Order::TooLate,
            Some(end) if end.began.is_some_and(|began| began.plus(LEASE) > now) => {
                Order::Wait(now.plus(BEHIND))
            }
            Some(_) | None => Order::Free,
        }
    }

    /// Starts a round, unless it has started: as many attempts as the first one had.
    pub fn start_round(&mut self, round: u32) {
        if round > self.round {
            *self = Self {
                round,
                attempts: std::mem::take(&mut self.attempts),
                ..Self::new(self.customer, self.job, self.status)
            };
        }
    }

    /// Begins an attempt for this message: until its outcome is noted, or the lease has run out, no other message makes one.
    pub fn begin(&mut self, message: Carrier, now: Timestamp) {
        self.start_round(message.round);
        // A message that is ahead of the record: the function that sent it died before it could store so.
        self.handovers = message.handovers.max(self.handovers);
        self.began = Some(now);
    }

    /// Notes that a new message carries the delivery on.
    pub const fn handed_on(&mut self) {
        self.handovers = self.carrier().next().handovers;
    }

    /// Puts the attempt off that has just begun, without having made it.
    pub fn put_off(&mut self, until: Timestamp) {
        (self.began, self.next_attempt) = (None, Some(until));
    }

    /// Notes an attempt and decides what follows from it: success ends the delivery, 410 and the last
    /// attempt of the round give it up, anything else is tried again after its time or after the time that
    /// the receiver asked for, whichever is longer.
    pub fn attempted(&mut self, attempt: Attempt, asked: Option<Duration>) {
        self.tries = self.tries.saturating_add(1);
        self.began = None;
        self.note(attempt);
        let wait = self.wait_after(self.tries);
        (self.state, self.next_attempt) = match (self.state, attempt.outcome, wait) {
            // What arrived stays arrived, whatever a second delivery of the message met with.
            (DeliveryState::Delivered, _, _) | (_, AttemptOutcome::StatusCode(200..=299), _) => {
                (DeliveryState::Delivered, None)
            }
            // 410: the receiver is gone.
            (_, AttemptOutcome::StatusCode(410), _) | (_, _, None) => (DeliveryState::Failed, None),
            (_, AttemptOutcome::StatusCode(_) | AttemptOutcome::Error(_), Some(wait)) => {
                let wait = wait.max(asked.unwrap_or_default()).min(LONGEST_WAIT);
                (DeliveryState::Processing, Some(attempt.when.plus(wait)))
            }
        };
    }

    /// Gives it up, because its message could not be handled.
    pub fn give_up(&mut self, when: Timestamp) {
        if self.state != DeliveryState::Processing {
            return;
        }
        self.note(Attempt { when, outcome: AttemptOutcome::Error(NoAnswer::Internal) });
        (self.state, self.next_attempt, self.began) = (DeliveryState::Failed, None, None);
    }

    /// Ends it without sending it.
    pub fn skip(&mut self) {
        (self.state, self.next_attempt, self.began) = (DeliveryState::Skipped, None, None);
    }

    fn note(&mut self, attempt: Attempt) {
        self.attempts.push(attempt);
        let surplus = self.attempts.len().saturating_sub(ATTEMPTS_KEPT);
        self.attempts.drain(..surplus);
    }

    /// The wait after the `tries`-th attempt, up to a fifth longer, by the job, so that the jobs of an outage
    /// do not all come back at once. None after the last attempt.
    fn wait_after(&self, tries: u32) -> Option<Duration> {
        let wait = *RETRY_AFTER.get(usize::try_from(tries).ok()?.checked_sub(1)?)?;
        let jitter = u32::from(self.job.as_uuid().as_bytes()[15]);
        Some(wait + wait * jitter / (5 * 255))
    }
}

/// Reads a `Retry-After` header: seconds, or a date (RFC 9110). None if it is neither.
pub fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(header).ok()?.timestamp().as_millisecond();
    Some(Duration::from_millis(u64::try_from(date - now.as_millis()).unwrap_or(0)))
}

#[cfg(test)]
mod tests;
