//! The order of a job's webhooks: which of them wait for which.

use std::time::Duration;

use super::{DeliveryState, LEASE, WebhookDelivery};
use crate::mutants::{Bug, has};
use crate::time::Timestamp;

/// How long a message waits for an attempt at the other message of its job before it is checked
/// again: the shortest delay of SQS, so that the webhook about a job's end follows promptly on that
/// about its start.
pub(super) const BEHIND: Duration = Duration::from_secs(1);

/// How long the message about the completion of a job waits for those about documents at most. It
/// is longer than ten attempts at one message take, so that the order is kept unless message after
/// message fails for hours.
const HELD_AT_MOST: Duration = Duration::from_hours(24);

/// The longest pause between two looks at work that takes its time.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// What the other messages of a job mean to an attempt that is about to be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// The attempt is in order.
    Free,
    /// The attempt has to wait until this time at least.
    Wait(Timestamp),
    /// The attempt must not be made, because its message would arrive out of order.
    TooLate,
}

/// Returns the pause until the next look at work that began at `since`: a tenth of the time that it
/// has taken so far, so that a short job is not kept for long and a long one is not looked at for
/// nothing all the time.
pub fn pause_since(since: Timestamp, now: Timestamp) -> Duration {
    (since.until(now) / 10).clamp(BEHIND, LONGEST_PAUSE)
}

impl WebhookDelivery {
    /// Returns what an earlier message of the same job means to this one. That message was sent
    /// first, and has no record before its first attempt.
    pub fn order_after(earlier: Option<&Self>, now: Timestamp) -> Order {
        let Some(earlier) = earlier else { return Order::Wait(now.plus(BEHIND)) };
        let is_settled = match earlier.state {
            DeliveryState::Processing => false,
            DeliveryState::Delivered | DeliveryState::Failed | DeliveryState::Skipped => true,
        };
        match earlier.next_attempt.max(earlier.began) {
            _ if is_settled => Order::Free,
            Some(due) if due > now => Order::Wait(due.plus(BEHIND)),
            // The longer the attempt is overdue, the longer it may stay so, because its function
            // may have died.
            Some(due) => Order::Wait(now.plus(BEHIND + due.until(now) / 2)),
            None => Order::Wait(now.plus(BEHIND)),
        }
    }

    /// Returns what the messages about documents mean to the message that the same job completed,
    /// at the time `completed`. They can be a thousand.
    pub fn order_after_documents(
        documents: Option<&Self>,
        completed: Timestamp,
        now: Timestamp,
    ) -> Order {
        // A later round begins when the customer has failed messages sent again, at any time after
        // the completion.
        let is_first_round = documents.is_none_or(|documents| documents.round == 0);
        let is_held_long = is_first_round && completed.plus(HELD_AT_MOST) <= now;
        match Self::order_after(documents, now) {
            Order::Wait(_) if is_held_long || has(Bug::DocumentsOutOfOrder) => Order::Free,
            Order::Wait(until) => Order::Wait(until.max(now.plus(pause_since(completed, now)))),
            order @ (Order::Free | Order::TooLate) => order,
        }
    }

    /// Returns what the message about the end of the same job means to this `processing` message,
    /// which can be this late if the customer has it sent again or if the upload has a second
    /// event.
    pub fn order_before(end: Option<&Self>, now: Timestamp) -> Order {
        match end {
            Some(end) if end.state == DeliveryState::Delivered => Order::TooLate,
            Some(end) if end.began.is_some_and(|began| began.plus(LEASE) > now) => {
                Order::Wait(now.plus(BEHIND))
            }
            Some(_) | None => Order::Free,
        }
    }
}
