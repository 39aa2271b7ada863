//! The assumptions of the model about AWS: each number with its source.
//!
//! *Documented* is what AWS states, *code* what this repository states, *assumed* what was never
//! measured here.

use bulk_domain::job_size::JobSize;
use bulk_pipeline::import_rows::CONCURRENT_UPSERTS;

/// A time in microseconds.
pub type Micros = u64;

/// The microseconds of a second.
pub const SECOND: Micros = 1_000_000;

/// The microseconds of a millisecond.
pub const MILLISECOND: Micros = 1_000;

/// Every parameter of the model.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// The throughput of the tables.
    pub tables: Capacity,
    /// What the AWS SDK does with a throttled call.
    pub retry: Retry,
    /// The event sources of `import-rows`, for small, medium and large jobs: `MaximumConcurrency`
    /// of each in template.yaml.
    pub concurrency: [u32; JobSize::ALL.len()],
    /// The concurrent writes of a chunk. Code: `CONCURRENT_UPSERTS`.
    pub concurrent_writes: usize,
    /// How the queues of chunks order messages.
    pub queue: QueueKind,
    /// Whether every job counts as a large one, so that all share one queue. The real design has
    /// three.
    pub one_queue: bool,
    /// How long each thing takes.
    pub latency: Latency,
    /// By how much a call is faster or slower than its latency states, at most. Assumed.
    pub jitter: f64,
    /// The seed of jitter and backoff. The same seed gives the same times.
    pub seed: u64,
}

/// How a queue orders the messages that it returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QueueKind {
    /// The oldest message first, regardless of its customer.
    Plain,
    /// A customer with more than its share comes last. Documented: "How Amazon SQS fair queues
    /// work".
    Fair,
    /// A fair queue, except that a customer stays noisy after five minutes without messages.
    Unforgiving,
}

/// The units that DynamoDB serves in a second before it throttles.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// The write units of a table.
    pub writes: f64,
    /// The read units of a table.
    pub reads: f64,
    /// The write units of one partition, and so of one key.
    pub partition_writes: f64,
    /// The read units of one partition, and so of one key.
    pub partition_reads: f64,
    /// How long a table is used to its limit before it serves twice as much.
    pub doubles_after: Option<Micros>,
}

impl Capacity {
    /// Documented: a new on-demand table serves 4,000 writes and 12,000 reads a second, a partition
    /// 1,000 and 3,000.
    pub const FRESH: Self = Self {
        writes: 4_000.0,
        reads: 12_000.0,
        partition_writes: 1_000.0,
        partition_reads: 3_000.0,
        doubles_after: None,
    };

    /// Documented: more than twice the previous peak is throttled within 30 minutes, so that this
    /// is the fastest growth to count on.
    pub const GROWING: Self = Self { doubles_after: Some(30 * 60 * SECOND), ..Self::FRESH };

    /// A table with a `WarmThroughput` of the default quota of a table (documented: 40,000 each).
    pub const WARM: Self = Self { writes: 40_000.0, reads: 40_000.0, ..Self::FRESH };

    /// A table that never throttles.
    pub const UNLIMITED: Self = Self {
        writes: f64::INFINITY,
        reads: f64::INFINITY,
        partition_writes: f64::INFINITY,
        partition_reads: f64::INFINITY,
        doubles_after: None,
    };

    /// Returns how many partitions serve that many writes. AWS does not document that a new table
    /// has four, but that follows from its limits.
    pub fn partitions(&self) -> usize {
        let partitions = self.writes / self.partition_writes;
        if partitions.is_finite() { partitions.ceil() as usize } else { 1 }
    }
}

/// The standard retries of the SDK.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// The attempts of a call. Code: `Program::ImportRows` of shared/aws.
    pub attempts: u32,
    /// The longest wait before the first retry, which doubles with each retry. Code:
    /// `aws-smithy-types`.
    pub first: Micros,
    /// The longest wait before any retry. Code: `aws-smithy-types`.
    pub longest: Micros,
    /// The retry tokens of a process. Code: `aws-smithy-runtime`, `token_bucket.rs`.
    pub quota: u32,
    /// The tokens that a retry takes, and returns if it succeeds.
    pub cost: u32,
}

impl Retry {
    /// The retries that `Environment` configures.
    pub const AS_IT_IS: Self =
        Self { attempts: 6, first: SECOND, longest: 20 * SECOND, quota: 500, cost: 5 };
}

/// How long AWS, and this project's code, take for each kind of work.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// One item of DynamoDB, written or read. Documented: "single-digit milliseconds". Code: the
    /// comments of `CONCURRENT_UPSERTS`.
    pub item: Micros,
    /// A batch of 100 items that are read, or of 25 that are inserted. Assumed.
    pub batch: Micros,
    /// A small object of S3, written or read. Documented: "roughly 100-200 ms" at the worst.
    /// Assumed.
    pub object: Micros,
    /// A message that is sent to SQS, or put back, or an event of the audit trail that is sent to
    /// CloudWatch Logs. Assumed.
    pub message: Micros,
    /// The time until a waiting message is received. Assumed: long polling.
    pub receive: Micros,
    /// The time from an upload's last byte to the start of the function. Documented: "typically in
    /// seconds". Assumed.
    pub upload_event: Micros,
    /// The start of a new instance of a function. Its own processor time is 20 ms at most (`make
    /// cold-starts`), and AWS has to make room and to load 8 MB. Assumed.
    pub cold_start: Micros,
    /// Processor time of one AWS call: TLS, signature, JSON. `make timeline` measured 0.1 ms of a
    /// whole processor for each of two calls a row, without TLS, when each item had a call. With
    /// TLS, half as much again is assumed, and 1,024 MB has 0.58 of a processor (documented: 1,769
    /// MB has one).
    pub call_cpu: Micros,
    /// Processor time of one statement in a batch, beside that of its call. `make timeline`
    /// measures 0.02 ms of a whole processor, without TLS. The rest is as for a call.
    pub statement_cpu: Micros,
    /// Processor time of one row in `import-rows`, without calls: `make bench` measures 4 to 5 us
    /// of a whole processor. Assumed: twice that.
    pub row_cpu: Micros,
    /// One row in `fan-out`. This is twice the sum of 3 us for 130 bytes at 50 MB a second
    /// (assumed), and 1.5 us for 0.4 us of a whole processor (`make bench`), of which 512 MB has
    /// 0.29.
    pub planned_row: Micros,
    /// One row in `finalize`. This is twice the sum of what `fan-out` takes, and of 5 us for
    /// objects of outcomes, 16 at a time.
    pub finalized_row: Micros,
    /// What `fan-out`, and `finalize`, take for a file without rows, which is about six calls.
    /// Assumed.
    pub file: Micros,
}

impl Latency {
    /// Returns the processor time of a call with this many items. Only a batch has several.
    pub const fn cpu_of(&self, items: usize) -> Micros {
        self.call_cpu + if items > 1 { items as Micros * self.statement_cpu } else { 0 }
    }

    /// The latencies that the model assumes.
    pub const ASSUMED: Self = Self {
        item: 5 * MILLISECOND,
        batch: 15 * MILLISECOND,
        object: 20 * MILLISECOND,
        message: 10 * MILLISECOND,
        receive: 20 * MILLISECOND,
        upload_event: SECOND,
        cold_start: 300 * MILLISECOND,
        call_cpu: 260,
        statement_cpu: 50,
        row_cpu: 17,
        planned_row: 9,
        finalized_row: 19,
        file: 100 * MILLISECOND,
    };
}

/// Documented: an event source starts with five invocations at a time and adds 300 a minute.
pub mod event_source {
    /// The invocations at the start.
    pub const FIRST: f64 = 5.0;
    /// The invocations that each second adds.
    pub const PER_SECOND: f64 = 5.0;
}

/// Documented, for fair queues: which customer is a noisy neighbour.
pub mod fair {
    use super::{Micros, SECOND};

    /// A customer is noisy with more than this share of the messages in flight, if at least
    /// [`IN_FLIGHT`] are its own.
    pub const SHARE: f64 = 0.1;
    /// The fewest messages in flight with which a customer is noisy.
    pub const IN_FLIGHT: usize = 30;
    /// A customer is noisy with more than this share of the recent processing time, too.
    pub const TIME_SHARE: f64 = 0.1;
    /// How long processing time is recent. AWS does not document it: a minute is assumed, and older
    /// time weighs less.
    pub const RECENT: Micros = 60 * SECOND;
    /// A customer is noisy until none of its messages waits, or until it sent none for this long.
    pub const FORGOTTEN_AFTER: Micros = 300 * SECOND;
}

/// Numbers of this project. Code: template.yaml and shared/aws.
pub mod design {
    use super::{Micros, SECOND};
    use crate::prices;

    /// The batches in flight, as `CONCURRENT_BATCHES` limits them.
    pub const CONCURRENT_BATCHES: usize = 8;
    /// What a second of `import-rows` or `undo-chunk` costs, in dollars. Each has a GB.
    pub const DOLLARS_A_SECOND: f64 = prices::GIGABYTE_SECOND;
    /// The `Timeout` of `import-rows`.
    pub const TIMEOUT: Micros = 120 * SECOND;
    /// The `VisibilityTimeout` of the queue of chunks, after which the chunk of a killed function
    /// is received again.
    pub const VISIBILITY: Micros = 720 * SECOND;
    /// The `maxReceiveCount` of the queue of chunks.
    pub const RECEIVES: u32 = 8;
    /// The `MaximumConcurrency` of `finalize` in template.yaml.
    pub const FINALIZE: u32 = 20;
    /// The `MaximumConcurrency` of `undo-chunk` in template.yaml.
    pub const UNDO: u32 = 20;
    /// How many messages `fan-out` sends at the same time: 8 batches of 10.
    pub const SENT_AT_ONCE: usize = 80;
    /// The first pause before a failed chunk is retried, which doubles.
    pub const FIRST_PAUSE: Micros = 2 * SECOND;
    /// The longest pause before a failed chunk is retried.
    pub const LONGEST_PAUSE: Micros = 120 * SECOND;
}

impl Parameters {
    /// Returns the parameters with this `ImportConcurrency`, which is the concurrency of large
    /// jobs.
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
            concurrency: [10, 20, 20],
            concurrent_writes: CONCURRENT_UPSERTS,
            queue: QueueKind::Fair,
            one_queue: false,
            latency: Latency::ASSUMED,
            jitter: 0.3,
            seed: 1,
        }
    }
}
