//! A standard queue of SQS: plain, or fair by the group that each message carries.

use std::collections::{BTreeMap, BTreeSet};

use crate::parameters::{Micros, QueueKind, fair};

/// A message about a chunk of a job. In the queue of finished jobs, the chunk has no meaning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Message {
    /// The customer, which is the group of the message.
    pub customer: usize,
    pub job: usize,
    /// The index of the chunk in its job.
    pub chunk: usize,
}

#[derive(Default, Debug)]
struct Group {
    /// The waiting messages, in the order in which they were sent.
    waiting: BTreeMap<u64, Message>,
    in_flight: usize,
    time: Fading,
    is_noisy: bool,
    last_sent: Micros,
}

/// A sum in which older amounts weigh less and less.
#[derive(Clone, Copy, Default, Debug)]
struct Fading {
    sum: f64,
    at: Micros,
}

impl Fading {
    fn at(&self, now: Micros) -> f64 {
        self.sum * (-((now - self.at) as f64) / fair::RECENT as f64).exp()
    }

    fn add(&mut self, now: Micros, time: Micros) {
        *self = Self { sum: self.at(now) + time as f64, at: now };
    }
}

/// A queue with its waiting messages and those in flight.
#[derive(Debug)]
pub struct Queue {
    kind: QueueKind,
    groups: BTreeMap<usize, Group>,
    /// Every group with waiting messages, by its oldest message.
    oldest: BTreeSet<(u64, usize)>,
    sent: u64,
    in_flight: usize,
    time: Fading,
}

impl Queue {
    /// Returns an empty queue.
    pub const fn new(kind: QueueKind) -> Self {
        let time = Fading { sum: 0.0, at: 0 };
        Self { kind, groups: BTreeMap::new(), oldest: BTreeSet::new(), sent: 0, in_flight: 0, time }
    }

    /// Returns whether no message can be received.
    pub fn is_empty(&self) -> bool {
        self.oldest.is_empty()
    }

    /// Sends a message to the queue.
    pub fn send(&mut self, now: Micros, message: Message) {
        self.sent += 1;
        let group = self.groups.entry(message.customer).or_default();
        group.last_sent = now;
        self.put(self.sent, message);
    }

    /// Puts a received message back under its number `sent`, so that it keeps its age.
    pub fn put_back(&mut self, sent: u64, message: Message) {
        self.landed(message);
        self.put(sent, message);
    }

    fn put(&mut self, sent: u64, message: Message) {
        let group = self.groups.entry(message.customer).or_default();
        if let Some((first, _)) = group.waiting.first_key_value() {
            self.oldest.remove(&(*first, message.customer));
        }
        group.waiting.insert(sent, message);
        let first = group.waiting.first_key_value().map_or(sent, |(first, _)| *first);
        self.oldest.insert((first, message.customer));
    }

    pub fn receive(&mut self, now: Micros) -> Option<(u64, Message)> {
        let customer = match self.kind {
            QueueKind::Plain => self.oldest.first()?.1,
            QueueKind::Fair | QueueKind::Unforgiving => self.fairest(now)?,
        };
        let group = self.groups.get_mut(&customer)?;
        let (sent, message) = group.waiting.pop_first()?;
        self.oldest.remove(&(sent, customer));
        if let Some((next, _)) = group.waiting.first_key_value() {
            self.oldest.insert((*next, customer));
        } else {
            group.is_noisy = false;
        }
        group.in_flight += 1;
        self.in_flight += 1;
        Some((sent, message))
    }

    /// Records that a message was handled for this long: the time counts, whether the message is
    /// deleted or hidden.
    pub fn handled(&mut self, now: Micros, message: Message, time: Micros, is_done: bool) {
        self.time.add(now, time);
        if let Some(group) = self.groups.get_mut(&message.customer) {
            group.time.add(now, time);
        }
        if is_done {
            self.landed(message);
        }
    }

    /// Records that a message is not in flight any more: deleted, put back, or a dead letter.
    pub fn landed(&mut self, message: Message) {
        if let Some(group) = self.groups.get_mut(&message.customer) {
            group.in_flight -= 1;
            self.in_flight -= 1;
        }
    }

    /// Returns the quiet group with the oldest message or, if all are noisy, the group with the
    /// least in flight.
    fn fairest(&mut self, now: Micros) -> Option<usize> {
        let (all, all_time) = (self.in_flight as f64, self.time.at(now));
        let mut noisy: Option<(usize, u64, usize)> = None;
        for &(first, customer) in &self.oldest {
            let Some(group) = self.groups.get_mut(&customer) else { continue };
            let is_over = (group.in_flight >= fair::IN_FLIGHT
                && group.in_flight as f64 > fair::SHARE * all)
                || group.time.at(now) > fair::TIME_SHARE * all_time;
            let is_forgotten =
                self.kind == QueueKind::Fair && now - group.last_sent >= fair::FORGOTTEN_AFTER;
            group.is_noisy = is_over || (group.is_noisy && !is_forgotten);
            if !group.is_noisy {
                return Some(customer);
            }
            let candidate = (group.in_flight, first, customer);
            noisy = Some(noisy.map_or(candidate, |best| best.min(candidate)));
        }
        noisy.map(|(_, _, customer)| customer)
    }
}
