//! A DynamoDB table: what it takes in a second, and how much each of its shared keys was asked for.

use std::collections::BTreeMap;

use crate::parameters::{Capacity, Micros, SECOND};

/// A partition key that more than one chunk meets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Key {
    /// A job's item.
    Job(usize),
    /// The roster of everybody of a customer.
    Roster(usize),
    /// What a customer has in the directory.
    Directory(usize),
    /// The one partition of the index `watched`.
    Watched,
}

impl Key {
    /// What such keys are called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Job(_) => "a job's item",
            Self::Roster(_) => "a customer's roster",
            Self::Directory(_) => "a customer's directory",
            Self::Watched => "index `watched`",
        }
    }
}

/// Reading or writing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Reading.
    Read,
    /// Writing.
    Write,
}

/// Units that come back with time. As DynamoDB does it, a request is let through while anything is left, and pays
/// afterwards. Unused units are kept for a second: the five minutes of burst capacity are not counted on.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    rate: f64,
    left: f64,
    at: Micros,
}

impl Bucket {
    const fn new(rate: f64) -> Self {
        Self { rate, left: rate, at: 0 }
    }

    fn has_any(&mut self, now: Micros, factor: f64) -> bool {
        if self.rate.is_infinite() {
            return true;
        }
        let rate = self.rate * factor;
        self.left = (self.left + rate * (now - self.at) as f64 / SECOND as f64).min(rate);
        self.at = now;
        self.left > 0.0
    }

    fn pay(&mut self, units: u32) {
        self.left -= f64::from(units);
    }
}

/// What was asked of a key.
#[derive(Clone, Copy, Default, Debug)]
pub struct Asked {
    /// Units in all.
    pub units: u64,
    /// Units in the busiest second.
    pub peak: u64,
    second: u64,
    in_second: u64,
}

impl Asked {
    fn add(&mut self, now: Micros, units: u32) {
        let second = now / SECOND;
        if second != self.second {
            (self.second, self.in_second) = (second, 0);
        }
        self.in_second += u64::from(units);
        self.units += u64::from(units);
        self.peak = self.peak.max(self.in_second);
    }
}

/// A table.
#[derive(Debug)]
pub struct Table {
    capacity: Capacity,
    writes: Bucket,
    reads: Bucket,
    keys: BTreeMap<Key, (Bucket, Bucket)>,
    /// What was asked of shared keys, in writing and in reading.
    pub asked: BTreeMap<Key, [Asked; 2]>,
    /// Write units that were let through, of all keys.
    pub written: Asked,
    /// Read units that were let through, of all keys.
    pub read: Asked,
    /// Requests that were throttled.
    pub throttled: u64,
}

impl Table {
    /// A table that nobody has used.
    pub fn new(capacity: Capacity) -> Self {
        Self {
            capacity,
            writes: Bucket::new(capacity.writes),
            reads: Bucket::new(capacity.reads),
            keys: BTreeMap::new(),
            asked: BTreeMap::new(),
            written: Asked::default(),
            read: Asked::default(),
            throttled: 0,
        }
    }

    /// One request. Whether it is let through.
    pub fn take(&mut self, now: Micros, access: Access, units: u32, key: Option<Key>) -> bool {
        let factor = match self.capacity.doubles_after {
            Some(after) => 2_f64.powi(i32::try_from(now / after).unwrap_or(0)),
            None => 1.0,
        };
        let capacity = self.capacity;
        let table = match access {
            Access::Write => &mut self.writes,
            Access::Read => &mut self.reads,
        };
        let own = key.map(|key| {
            let buckets = self.keys.entry(key);
            let new = || (Bucket::new(capacity.key_writes), Bucket::new(capacity.key_reads));
            let (writes, reads) = buckets.or_insert_with(new);
            if access == Access::Write { writes } else { reads }
        });
        let mut is_open = table.has_any(now, factor);
        match own {
            None if is_open => table.pay(units),
            Some(own) => {
                is_open &= own.has_any(now, 1.0);
                if is_open {
                    table.pay(units);
                    own.pay(units);
                }
            }
            None => {}
        }
        if !is_open {
            self.throttled += 1;
            return false;
        }
        let (all, index) = match access {
            Access::Write => (&mut self.written, 0),
            Access::Read => (&mut self.read, 1),
        };
        all.add(now, units);
        if let Some(key) = key {
            self.asked.entry(key).or_default()[index].add(now, units);
        }
        true
    }
}
