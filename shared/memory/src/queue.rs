//! A queue with the rules of SQS: a received message is hidden for a while, and is received again
//! unless it is deleted.

use std::time::Duration;

use bulk_domain::time::Timestamp;

/// The messages of one queue, hidden ones included, together with its dead letters.
#[derive(Debug)]
pub struct Queue {
    messages: Vec<Message>,
    dead: Vec<String>,
    /// Time for which a received message is hidden.
    visibility: Duration,
    /// How often a message is received before it becomes a dead letter.
    receives: u32,
    sent: u64,
}

#[derive(Debug)]
struct Message {
    id: u64,
    body: String,
    visible: Timestamp,
    receives: u32,
    /// How often the work of this message was put back before, as a message of its own each time.
    retries: u32,
}

/// One receipt of a message. SQS honors the latest one only: deleting or hiding by an earlier one
/// does nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt {
    message: u64,
    receives: u32,
}

/// A message that was received.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Received {
    /// Names this receipt of the message, for [`Queue::delete`] and [`Queue::hide`].
    pub receipt: Receipt,
    /// The text that was sent.
    pub body: String,
    /// The receive count of SQS: how often the message was received, this time included.
    pub receives: u32,
    /// How often the work of this message was put back before.
    pub retries: u32,
    /// Whether the message becomes a dead letter, rather than being received again, if it is not
    /// deleted in time.
    pub is_last_attempt: bool,
}

impl Message {
    fn is_of(&self, receipt: Receipt) -> bool {
        (self.id, self.receives) == (receipt.message, receipt.receives)
    }
}

impl Queue {
    /// Returns an empty queue with this visibility timeout and `maxReceiveCount`.
    pub const fn new(visibility: Duration, receives: u32) -> Self {
        Self { messages: Vec::new(), dead: Vec::new(), visibility, receives, sent: 0 }
    }

    /// Sets `maxReceiveCount`, for messages that are in the queue, too.
    pub const fn set_receives(&mut self, receives: u32) {
        self.receives = receives;
    }

    /// Adds a message that is visible from `visible` on.
    pub fn send(&mut self, body: String, visible: Timestamp) {
        self.sent += 1;
        self.messages.push(Message { id: self.sent, body, visible, receives: 0, retries: 0 });
    }

    /// Puts the work of a received message back as a new message that is visible from `visible` on.
    pub fn put_back(&mut self, received: &Received, visible: Timestamp) {
        self.send(received.body.clone(), visible);
        if let Some(message) = self.messages.last_mut() {
            message.retries = received.retries + 1;
        }
    }

    /// Returns how many messages can be received at `now`.
    pub fn receivable(&mut self, now: Timestamp) -> usize {
        self.bury(now);
        self.candidates(now).len()
    }

    /// Returns how many messages were received and not deleted since, hidden or not.
    pub fn in_flight(&self) -> usize {
        self.messages.iter().filter(|message| message.receives > 0).count()
    }

    /// Receives the `choice`-th of the messages that can be received, so that a test decides about
    /// their order.
    pub fn receive(&mut self, now: Timestamp, choice: usize) -> Option<Received> {
        self.bury(now);
        let index = *self.candidates(now).get(choice)?;
        let message = &mut self.messages[index];
        message.receives += 1;
        message.visible = now.plus(self.visibility);
        Some(Received {
            receipt: Receipt { message: message.id, receives: message.receives },
            body: message.body.clone(),
            receives: message.receives,
            retries: message.retries,
            is_last_attempt: message.receives >= self.receives,
        })
    }

    /// Deletes a message, so that it is neither received again nor becomes a dead letter.
    pub fn delete(&mut self, receipt: Receipt) {
        self.messages.retain(|message| !message.is_of(receipt));
    }

    /// Hides a message until `until`, which may be earlier than its visibility timeout ends.
    pub fn hide(&mut self, receipt: Receipt, until: Timestamp) {
        if let Some(message) = self.messages.iter_mut().find(|message| message.is_of(receipt)) {
            message.visible = until;
        }
    }

    /// Returns the dead letters so far, and takes them out of the queue.
    pub fn take_dead(&mut self, now: Timestamp) -> Vec<String> {
        self.bury(now);
        std::mem::take(&mut self.dead)
    }

    /// Returns the earliest time at which a message is visible, or at which it becomes a dead
    /// letter instead.
    pub fn next_visible(&self) -> Option<Timestamp> {
        self.messages.iter().map(|message| message.visible).min()
    }

    /// Returns whether the queue has neither messages, hidden ones included, nor dead letters.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.dead.is_empty()
    }

    /// Moves messages to the dead letters that have been received as often as the queue allows and
    /// are visible again.
    fn bury(&mut self, now: Timestamp) {
        let (receives, dead) = (self.receives, &mut self.dead);
        self.messages.retain(|message| {
            let is_dead = message.receives >= receives && message.visible <= now;
            if is_dead {
                dead.push(message.body.clone());
            }
            !is_dead
        });
    }

    /// Returns the indices of the messages that can be received at `now`.
    fn candidates(&self, now: Timestamp) -> Vec<usize> {
        (0..self.messages.len()).filter(|&index| self.messages[index].visible <= now).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn a_received_message_is_hidden_and_received_again() {
        let mut queue = Queue::new(MINUTE, 3);
        queue.send("a".into(), at(0));
        assert_eq!(queue.receive(at(0), 0).unwrap().receives, 1);
        assert_eq!(queue.receive(at(59), 0), None);
        assert_eq!(queue.receive(at(60), 0).unwrap().receives, 2);
    }

    #[test]
    fn only_the_latest_receipt_counts() {
        let mut queue = Queue::new(MINUTE, 3);
        queue.send("a".into(), at(0));
        let first = queue.receive(at(0), 0).unwrap();
        let second = queue.receive(at(60), 0).unwrap();
        queue.delete(first.receipt);
        assert!(!queue.is_empty());
        queue.delete(second.receipt);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_message_that_is_not_deleted_in_time_is_a_dead_letter() {
        let mut queue = Queue::new(MINUTE, 1);
        queue.send("a".into(), at(0));
        assert!(queue.receive(at(0), 0).unwrap().is_last_attempt);
        assert_eq!(queue.take_dead(at(59)), Vec::<String>::new());
        assert_eq!(queue.take_dead(at(60)), ["a"]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_message_that_is_sent_ahead_comes_at_its_time_and_holds_up_no_other() {
        let mut queue = Queue::new(MINUTE, 3);
        queue.send("late".into(), at(900));
        queue.send("now".into(), at(0));
        assert_eq!((queue.receivable(at(0)), queue.next_visible()), (1, Some(at(0))));
        let received = queue.receive(at(0), 0).unwrap();
        assert_eq!(received.body, "now");
        queue.delete(received.receipt);
        assert_eq!(queue.receive(at(899), 0), None);
        assert_eq!(queue.receive(at(900), 0).unwrap().body, "late");
    }
}
