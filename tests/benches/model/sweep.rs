//! How long the sweep takes to repair a customer's job while other customers have left very many
//! jobs unused.
//!
//! The calls of a look are counted on the real sweep, over memory. Their latencies, and the
//! processor time of a call, are those of the model. The calls of a look follow one another, and
//! looks run concurrently until the time of the run is over.

use std::sync::Arc;
use std::time::Duration;

use bulk_domain::ids::{CustomerId, FacilityId, JobId};
use bulk_domain::job::Job;
use bulk_domain::job::times::UPLOAD_WINDOW;
use bulk_domain::time::Timestamp;
use bulk_memory::{Cloud, NoFaults, Operation, UsageOf};
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::sweep::{CONCURRENT_LOOKS, TIME_FOR_LOOKS, sweep};
use futures::executor::block_on;
use uuid::Uuid;

use crate::parameters::{Latency, MILLISECOND, Micros, SECOND};

/// How many jobs were created and never used: as many as one key can create in an hour, at 3,000
/// calls a minute, if the service did not limit a customer to 1,000 waiting ones.
const UNUSED: u64 = 180_000;

/// How many jobs the calls are counted on.
const COUNTED: u64 = 2_000;

/// The longest delay of another customer's repair that is accepted.
const LONGEST: Micros = 300 * SECOND;

/// The calls of one look at an unused job, as AWS counts them.
struct Look {
    /// The calls of each kind, for all looks that were counted.
    calls: Vec<(Operation, u64)>,
}

impl Look {
    fn counted() -> Self {
        let made = Timestamp::from_millis(1_800_000_000_000);
        let cloud = Cloud::new(Arc::new(NoFaults), made, 1);
        for number in 1..=COUNTED {
            let id = |kind: u128| Uuid::from_u128(u128::from(number) * 10 + kind);
            let (job, customer, facility) =
                (JobId::new(id(1)), CustomerId::new(id(2)), FacilityId::new(id(3)));
            block_on(cloud.create_job(&Job::new(job, customer, facility, false, made)))
                .expect("memory answers");
        }
        cloud.set_time(made.plus(UPLOAD_WINDOW).plus(Duration::from_secs(1)));
        let before = cloud.usage();
        let looks = block_on(sweep(&cloud.without_gateway(), Duration::ZERO, |_, _| ()))
            .expect("memory answers");
        assert_eq!(looks as u64, COUNTED);
        let calls = cloud.usage().since(&before);
        let calls = calls.iter().map(|(operation, UsageOf { calls, .. })| (operation, calls));
        Self { calls: calls.filter(|(_, calls)| *calls > 0).collect() }
    }

    /// Returns the time from the first call of a look to its last answer.
    fn latency(&self, latency: &Latency) -> f64 {
        let of = |operation: Operation| match operation {
            Operation::BatchGetItem | Operation::Query => latency.batch,
            Operation::ListObjectVersions => latency.object,
            Operation::PutLogEvents => latency.message,
            _ => latency.item,
        };
        let all: u64 = self.calls.iter().map(|(operation, calls)| of(*operation) * calls).sum();
        all as f64 / COUNTED as f64
    }

    fn calls(&self) -> f64 {
        self.calls.iter().map(|(_, calls)| calls).sum::<u64>() as f64 / COUNTED as f64
    }
}

/// Prints the delay, and fails if it is too long.
pub fn report() {
    let (look, latency) = (Look::counted(), Latency::ASSUMED);
    let by_latency = CONCURRENT_LOOKS as f64 / look.latency(&latency);
    // The sweep has 1,024 MB, as the functions of the model's processor times (template.yaml).
    let by_processor = 1.0 / (look.calls() * latency.call_cpu as f64);
    let looks_a_second = by_latency.min(by_processor) * SECOND as f64;
    let (mut left, mut delay) = (UNUSED as f64, 0.0);
    let of_a_run = looks_a_second * TIME_FOR_LOOKS.as_secs_f64();
    while left > of_a_run {
        left -= of_a_run;
        // The next run begins a minute after this one.
        delay += 60.0;
    }
    delay += left / looks_a_second;
    // The job falls due right after a run has read the list.
    delay += 60.0;
    println!(
        "\nThe sweep: a lost upload of one customer, behind {UNUSED} unused jobs of others that are due before it"
    );
    println!("  calls of a look            {:>8.2}", look.calls());
    println!(
        "  time of a look             {:>8.0} ms",
        look.latency(&latency) / MILLISECOND as f64
    );
    println!("  looks a second             {looks_a_second:>8.0}");
    println!("  longest delay of a repair  {delay:>8.0} s");
    assert!(delay * SECOND as f64 <= LONGEST as f64, "a repair may wait for {delay:.0} s");
}
