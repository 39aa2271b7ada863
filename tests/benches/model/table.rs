//! A DynamoDB table: its partitions, what each serves in a second, and how much of that each shared
//! key used.
//!
//! The hash of a key decides on its partition, which it shares with others. So a key may be far
//! from 1,000 writes a second and be throttled all the same. Partitions split in halves, by hash,
//! while the table grows. That DynamoDB moves a hot key to a partition of its own takes minutes,
//! and is left out.

use std::collections::BTreeMap;

use crate::parameters::{Capacity, Micros, SECOND};
use crate::random::hash;

/// A partition key that more than one chunk uses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Key {
    Job(usize),
    /// The roster of all patients of a customer.
    Roster(usize),
    Directory(usize),
    /// The one partition of the index `watched`.
    Watched,
}

impl Key {
    /// Returns the name of the key in tables.
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

/// The key or keys of a table that a request goes to.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// To a key that many chunks use.
    Shared(Key),
    /// To a key that few chunks use, by its hash.
    Own(u64),
    /// To many keys at once, in all partitions alike.
    Everywhere,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    Read,
    Write,
}

/// Units that refill with time. As in DynamoDB, a request passes while anything is left, and pays
/// afterwards. Unused units are kept for a second: the model does not count on the five minutes of
/// burst capacity.
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

#[derive(Clone, Copy, Default, Debug)]
pub struct Asked {
    pub units: u64,
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

#[derive(Clone, Copy, Debug)]
pub struct Partition {
    writes: Bucket,
    reads: Bucket,
    pub written: Asked,
    pub writes_served: u64,
    /// The requests that were throttled. Only writes are limited by a partition here.
    pub throttled: u64,
}

#[derive(Debug)]
pub struct Table {
    capacity: Capacity,
    /// The reads of many keys at once.
    reads: Bucket,
    pub partitions: Vec<Partition>,
    /// The requests to shared keys, writes and reads.
    pub asked: BTreeMap<Key, [Asked; 2]>,
    /// The write units that passed, of all keys.
    pub written: Asked,
    /// The read units that passed, of all keys.
    pub read: Asked,
    pub throttled: u64,
}

impl Table {
    /// Returns a table that was never used.
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

    /// Makes one request, and returns whether it passes.
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

    /// Returns the partition of a place, or `None` for a request to many partitions.
    pub fn partition_of(&self, place: Place) -> Option<usize> {
        let hash = match place {
            Place::Shared(key) => key.hash(),
            Place::Own(hash) => hash,
            Place::Everywhere => return None,
        };
        Some((hash % self.partitions.len() as u64) as usize)
    }

    fn is_let_through(
        &mut self,
        now: Micros,
        access: Access,
        units: u32,
        partition: Option<usize>,
    ) -> bool {
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
            let (mut writes, mut reads) =
                (Bucket::new(partition_writes), Bucket::new(partition_reads));
            (writes.at, reads.at) = (now, now);
            Partition { writes, reads, written: Asked::default(), writes_served: 0, throttled: 0 }
        };
        self.partitions = std::iter::repeat_with(new).take(count).collect();
    }
}
