//! A queue as SQS has them: messages are received, hidden for a while, and come again unless they are deleted.

use std::time::Duration;

use domain::time::Timestamp;

/// Messages of one queue and, in the same order of things, its dead letters.
#[derive(Debug)]
pub struct Queue {
    messages: Vec<Message>,
    dead: Vec<String>,
    /// Time for which a received message is hidden.
    visibility: Duration,
    /// Times that a message is received before it is a dead letter.
    receives: u32,
    sent: u64,
}

#[derive(Debug)]
struct Message {
    id: u64,
    body: String,
    visible: Timestamp,
    receives: u32,
    /// How often its work was put back before.
    retries: u32,
}

/// One receipt of a message. Only the latest one of a message says anything about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt {
    message: u64,
    receives: u32,
}

/// A message that was received.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Received {
    /// Names this receipt of it, for [`Queue::delete`] and [`Queue::hide`].
    pub receipt: Receipt,
    /// Its text.
    pub body: String,
    /// How often it was received, this time included.
    pub receives: u32,
    /// How often its work was put back before.
    pub retries: u32,
    /// Whether it becomes a dead letter if it comes again.
    pub is_last_try: bool,
}

impl Message {
    fn is_of(&self, receipt: Receipt) -> bool {
        (self.id, self.receives) == (receipt.message, receipt.receives)
    }
}

impl Queue {
    /// An empty queue with this visibility timeout and `maxReceiveCount`.
    pub const fn new(visibility: Duration, receives: u32) -> Self {
        Self { messages: Vec::new(), dead: Vec::new(), visibility, receives, sent: 0 }
    }

    /// Another `maxReceiveCount`.
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

    /// How many messages can be received at `now`.
    pub fn receivable(&mut self, now: Timestamp) -> usize {
        self.bury(now);
        self.candidates(now).len()
    }

    /// How many messages were received and not deleted since, hidden or not.
    pub fn in_flight(&self) -> usize {
        self.messages.iter().filter(|message| message.receives > 0).count()
    }

    /// Receives the `choice`-th of the messages that can be received.
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
            is_last_try: message.receives >= self.receives,
        })
    }

    /// Takes a message out for good.
    pub fn delete(&mut self, receipt: Receipt) {
        self.messages.retain(|message| !message.is_of(receipt));
    }

    /// Hides a message until then, and not longer.
    pub fn hide(&mut self, receipt: Receipt, until: Timestamp) {
        if let Some(message) = self.messages.iter_mut().find(|message| message.is_of(receipt)) {
            message.visible = until;
        }
    }

    /// Takes the dead letters out.
    pub fn take_dead(&mut self, now: Timestamp) -> Vec<String> {
        self.bury(now);
        std::mem::take(&mut self.dead)
    }

    /// When a message can be received next, or a dead letter is there.
    pub fn next_visible(&self) -> Option<Timestamp> {
        self.messages.iter().map(|message| message.visible).min()
    }

    /// Whether nothing is in it, hidden or not.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.dead.is_empty()
    }

    /// Moves what would be received once too often to the dead letters.
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

    /// Indices of the messages that can be received.
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
    fn a_received_message_is_hidden_and_comes_again() {
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
        assert!(queue.receive(at(0), 0).unwrap().is_last_try);
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
