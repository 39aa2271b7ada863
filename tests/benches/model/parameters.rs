//! What the model takes AWS to be: each number with where it comes from.
//!
//! *Documented* is what AWS says, *code* what this repository says, *assumed* what nobody has measured for us.

use domain::job_size::JobSize;
use pipeline::import_rows::CONCURRENT_UPSERTS;

/// Microseconds.
pub type Micros = u64;

/// A second.
pub const SECOND: Micros = 1_000_000;

/// A millisecond.
pub const MILLISECOND: Micros = 1_000;

/// Everything that can be turned.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// What the tables take.
    pub tables: Capacity,
    /// What the AWS SDK does with a call that is throttled.
    pub retry: Retry,
    /// The event sources of `import-rows`, for small, medium and large jobs: `MaximumConcurrency` of each in
    /// template.yaml.
    pub concurrency: [u32; JobSize::ALL.len()],
    /// Writes of a chunk in flight. Code: `CONCURRENT_UPSERTS`.
    pub concurrent_writes: usize,
    /// The queues of chunks.
    pub queue: QueueKind,
    /// Whether every job is taken for a large one, so that they all share one queue. Not so in the design as it is.
    pub one_queue: bool,
    /// How long things take.
    pub latency: Latency,
    /// By how much a call is faster or slower than its latency says, at most. Assumed.
    pub jitter: f64,
    /// Seed of jitter and backoff: the same one gives the same times.
    pub seed: u64,
}

/// How a queue orders what it hands out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QueueKind {
    /// The oldest message first, whoever's it is.
    Plain,
    /// Whoever uses more than a share comes last. Documented: "How Amazon SQS fair queues work".
    Fair,
    /// The same, if it were not forgiven whoever sent nothing for five minutes.
    Unforgiving,
}

/// What DynamoDB takes in a second before it throttles.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// Write units of a table.
    pub writes: f64,
    /// Read units of a table.
    pub reads: f64,
    /// Write units of one partition, and so of one key.
    pub partition_writes: f64,
    /// Read units of one partition, and so of one key.
    pub partition_reads: f64,
    /// A table that is driven at its limit takes twice as much after so long.
    pub doubles_after: Option<Micros>,
}

impl Capacity {
    /// Documented: a new on-demand table takes 4,000 writes and 12,000 reads a second, a partition 1,000 and 3,000.
    pub const FRESH: Self = Self {
        writes: 4_000.0,
        reads: 12_000.0,
        partition_writes: 1_000.0,
        partition_reads: 3_000.0,
        doubles_after: None,
    };

    /// Documented: more than twice the previous peak is throttled within 30 minutes, so that this is the fastest
    /// growth that can be counted on.
    pub const GROWING: Self = Self { doubles_after: Some(30 * 60 * SECOND), ..Self::FRESH };

    /// `WarmThroughput` of as much as the default quota of a table (documented: 40,000 each).
    pub const WARM: Self = Self { writes: 40_000.0, reads: 40_000.0, ..Self::FRESH };

    /// Nothing is ever throttled.
    pub const UNLIMITED: Self = Self {
        writes: f64::INFINITY,
        reads: f64::INFINITY,
        partition_writes: f64::INFINITY,
        partition_reads: f64::INFINITY,
        doubles_after: None,
    };

    /// How many partitions take that many writes. That a new table has four is what follows from its limits; AWS
    /// does not say it.
    pub fn partitions(&self) -> usize {
        let partitions = self.writes / self.partition_writes;
        if partitions.is_finite() { partitions.ceil() as usize } else { 1 }
    }
}

/// The SDK's standard retries.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Attempts of a call. Code: `Program::ImportRows` of shared/aws.
    pub attempts: u32,
    /// The wait before the first retry is anything up to this; it doubles. Code: `aws-smithy-types`.
    pub first: Micros,
    /// The longest such wait. Code: `aws-smithy-types`.
    pub longest: Micros,
    /// Tokens of a process. Code: `aws-smithy-runtime`, `token_bucket.rs`.
    pub quota: u32,
    /// Tokens that a retry takes, and gives back if it succeeds.
    pub cost: u32,
}

impl Retry {
    /// What `Environment` sets up.
    pub const AS_IT_IS: Self = Self { attempts: 6, first: SECOND, longest: 20 * SECOND, quota: 500, cost: 5 };
}

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// One item of DynamoDB, written or read. Documented: "single-digit milliseconds". Code: the comments of
    /// `CONCURRENT_UPSERTS`.
    pub item: Micros,
    /// A batch of 100 items. Assumed.
    pub batch: Micros,
    /// A small object of S3, written or read. Documented: "roughly 100-200 ms" at the worst. Assumed.
    pub object: Micros,
    /// A message sent to SQS, or held back. Assumed.
    pub message: Micros,
    /// A message that is there is received. Assumed: long polling.
    pub receive: Micros,
    /// From an upload's last byte to the function. Documented: "typically in seconds". Assumed.
    pub upload_event: Micros,
    /// A new instance of a function, of which its own processor time is 20 ms at most (`make cold-starts`): AWS makes
    /// room and loads 8 MB. Assumed.
    pub cold_start: Micros,
    /// Processor time of one call of AWS: TLS, signature, JSON. `make timeline` measures 0.1 ms of a whole processor
    /// for each of two calls a row, without TLS: half as much again, and 512 MB is 0.29 of one (documented: 1,769 MB).
    pub call_cpu: Micros,
    /// Processor time of one row in `import-rows`, calls aside: `make bench` measures 4 to 5 us of a whole processor.
    /// Assumed: twice that.
    pub row_cpu: Micros,
    /// One row in `fan-out`, and again in `finalize`: 2 s for 100,000. 130 bytes at 50 MB a second are 3 us (assumed),
    /// 0.4 us of a whole processor are 1.5 (`make bench`), objects of outcomes, 16 at a time, are 5; twice that.
    pub file_row: Micros,
    /// What `fan-out`, and `finalize`, take for a file without rows: some six calls. Assumed.
    pub file: Micros,
}

impl Latency {
    /// The numbers above.
    pub const ASSUMED: Self = Self {
        item: 5 * MILLISECOND,
        batch: 15 * MILLISECOND,
        object: 20 * MILLISECOND,
        message: 10 * MILLISECOND,
        receive: 20 * MILLISECOND,
        upload_event: SECOND,
        cold_start: 300 * MILLISECOND,
        call_cpu: 520,
        row_cpu: 35,
        file_row: 20,
        file: 100 * MILLISECOND,
    };
}

/// Documented: an event source starts with five invocations at a time and adds 300 a minute.
pub mod event_source {
    /// At the start.
    pub const FIRST: f64 = 5.0;
    /// More with each second.
    pub const PER_SECOND: f64 = 5.0;
}

/// Documented, for fair queues: who is a noisy neighbour.
pub mod fair {
    use super::{Micros, SECOND};

    /// With more than this share of the messages in flight,
    pub const SHARE: f64 = 0.1;
    /// and at least so many of them;
    pub const IN_FLIGHT: usize = 30;
    /// or with more than this share of the recent processing time,
    pub const TIME_SHARE: f64 = 0.1;
    /// where "recent" is not documented: a minute is assumed. Older time weighs less and less.
    pub const RECENT: Micros = 60 * SECOND;
    /// Until nothing of it waits, or it sent nothing for so long.
    pub const FORGOTTEN_AFTER: Micros = 300 * SECOND;
}

/// Code: template.yaml and shared/aws.
pub mod design {
    use super::{Micros, SECOND};
    use crate::prices;

    /// Batches in flight: `CONCURRENT_BATCHES`.
    pub const CONCURRENT_BATCHES: usize = 8;
    /// What a second of `import-rows` costs, in dollars: it has half a GB.
    pub const DOLLARS_A_SECOND: f64 = 0.5 * prices::GIGABYTE_SECOND;
    /// Timeout of `import-rows`.
    pub const TIMEOUT: Micros = 120 * SECOND;
    /// `VisibilityTimeout` of the queue of chunks: when a chunk comes again whose function was killed.
    pub const VISIBILITY: Micros = 720 * SECOND;
    /// `maxReceiveCount` of the queue of chunks.
    pub const RECEIVES: u32 = 8;
    /// `MaximumConcurrency` of `finalize`.
    pub const FINALIZE: u32 = 20;
    /// Messages sent at the same time by `fan-out`: 8 batches of 10.
    pub const SENT_AT_ONCE: usize = 80;
    /// The first pause before a failed chunk comes again; it doubles.
    pub const FIRST_PAUSE: Micros = 2 * SECOND;
    /// The longest one.
    pub const LONGEST_PAUSE: Micros = 120 * SECOND;
}

impl Parameters {
    /// The concurrency of large jobs: `ImportConcurrency`.
    pub const fn import_concurrency(mut self, concurrency: u32) -> Self {
        self.concurrency[JobSize::Large as usize] = concurrency;
        self
    }
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            tables: Capacity::FRESH,
            retry: Retry::AS_IT_IS,
            concurrency: [10, 20, 40],
            concurrent_writes: CONCURRENT_UPSERTS,
            queue: QueueKind::Fair,
            one_queue: false,
            latency: Latency::ASSUMED,
            jitter: 0.3,
            seed: 1,
        }
    }
}
