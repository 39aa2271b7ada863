//! A DynamoDB table: its partitions, what each takes in a second, and how much each of its shared keys was asked for.
//!
//! A key's hash decides on its partition, which it shares with others: a key may be far from 1,000 writes a second
//! and be throttled all the same. Partitions split in halves, by hash, where the table grows; that DynamoDB moves a
//! hot key to a partition of its own takes it minutes, and is left out.

use std::collections::BTreeMap;

use crate::parameters::{Capacity, Micros, SECOND};
use crate::random::hash;

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

    fn hash(self) -> u64 {
        match self {
            Self::Job(job) => hash([1, job as u64, 0, 0]),
            Self::Roster(customer) => hash([2, customer as u64, 0, 0]),
            Self::Directory(customer) => hash([3, customer as u64, 0, 0]),
            Self::Watched => hash([4, 0, 0, 0]),
        }
    }
}

/// Where in a table a request goes.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// To a key that many chunks meet.
    Shared(Key),
    /// To a key that few meet, by its hash.
    Own(u64),
    /// To many keys at once, in all partitions alike.
    Everywhere,
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

    fn has_any(&mut self, now: Micros) -> bool {
        if self.rate.is_infinite() {
            return true;
        }
        self.left = (self.left + self.rate * (now - self.at) as f64 / SECOND as f64).min(self.rate);
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

/// A partition.
#[derive(Clone, Copy, Debug)]
pub struct Partition {
    writes: Bucket,
    reads: Bucket,
    /// Write units that were let through.
    pub written: Asked,
    /// Writes that were let through.
    pub writes_served: u64,
    /// Requests that were throttled, of which only writes meet a partition by itself here.
    pub throttled: u64,
}

/// A table.
#[derive(Debug)]
pub struct Table {
    capacity: Capacity,
    /// Reads of many keys at once.
    reads: Bucket,
    /// What it consists of.
    pub partitions: Vec<Partition>,
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
        let mut table = Self {
            capacity,
            reads: Bucket::new(capacity.reads),
            partitions: Vec::new(),
            asked: BTreeMap::new(),
            written: Asked::default(),
            read: Asked::default(),
            throttled: 0,
        };
        table.grow(0);
        table
    }

    /// One request. Whether it is let through.
    pub fn take(&mut self, now: Micros, access: Access, units: u32, place: Place) -> bool {
        self.grow(now);
        let partition = self.partition_of(place);
        if !self.is_let_through(now, access, units, partition) {
            self.throttled += 1;
            if let Some(index) = partition {
                self.partitions[index].throttled += 1;
            }
            return false;
        }
        let (all, index) = match access {
            Access::Write => (&mut self.written, 0),
            Access::Read => (&mut self.read, 1),
        };
        all.add(now, units);
        if let Place::Shared(key) = place {
            self.asked.entry(key).or_default()[index].add(now, units);
        }
        true
    }

    /// The partition of a place; none of all.
    pub fn partition_of(&self, place: Place) -> Option<usize> {
        let hash = match place {
            Place::Shared(key) => key.hash(),
            Place::Own(hash) => hash,
            Place::Everywhere => return None,
        };
        Some((hash % self.partitions.len() as u64) as usize)
    }

    fn is_let_through(&mut self, now: Micros, access: Access, units: u32, partition: Option<usize>) -> bool {
        let bucket = match (access, partition) {
            (Access::Write, Some(index)) => &mut self.partitions[index].writes,
            (Access::Read, Some(index)) => &mut self.partitions[index].reads,
            (_, None) => &mut self.reads,
        };
        if !bucket.has_any(now) {
            return false;
        }
        bucket.pay(units);
        if let (Access::Write, Some(index)) = (access, partition) {
            let partition = &mut self.partitions[index];
            partition.written.add(now, units);
            partition.writes_served += 1;
        }
        true
    }

    /// Splits every partition as often as the table has had time to double.
    fn grow(&mut self, now: Micros) {
        let doublings = self.capacity.doubles_after.map_or(0, |after| now / after);
        let count = self.capacity.partitions() << doublings;
        if self.partitions.len() == count {
            return;
        }
        let Capacity { reads, partition_writes, partition_reads, .. } = self.capacity;
        self.reads = Bucket::new(reads * 2_f64.powi(doublings as i32));
        self.reads.at = now;
        let new = || {
            let (mut writes, mut reads) = (Bucket::new(partition_writes), Bucket::new(partition_reads));
            (writes.at, reads.at) = (now, now);
            Partition { writes, reads, written: Asked::default(), writes_served: 0, throttled: 0 }
        };
        self.partitions = std::iter::repeat_with(new).take(count).collect();
    }
}
