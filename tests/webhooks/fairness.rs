//! Fifty customers, one of which has a server that hangs for the whole 4 seconds of each attempt:
//! no other customer waits.
//!
//! Queue and Lambda are simulated in virtual time: batches of ten messages, handled as
//! `deliver-webhook` handles them. On AWS many batches run at the same time. A second test runs one
//! batch after the other, to show what that would cost.

use std::sync::Mutex;
use std::time::Duration;

use bulk_domain::delivery::NoAnswer;
use bulk_domain::job::JobStatus;
use bulk_domain::row::Directory;
use bulk_domain::time::Timestamp;
use bulk_memory::{Cloud, QueueName, Received};
use bulk_pipeline::deliver_webhook::deliver_webhook;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{PingOutcome, PostOutcome, WebhookRequest, WebhookServer};
use futures::future::join_all;
use tokio::time::{Instant, sleep};

use crate::setup::{START, announce, cloud, customer, read, settings, started_job};

const CUSTOMERS: u128 = 50;
const JOBS_OF_EACH: u128 = 4;
const HANGING: &str = "https://hanging.example.com/";

/// The time that an attempt may take.
const TIMEOUT: Duration = Duration::from_secs(4);

/// The time after which a server answers that does not hang.
const QUICK: Duration = Duration::from_millis(20);

/// Messages that Lambda hands to one invocation, as template.yaml has it.
const BATCH: usize = 10;

/// The time between two polls of the queue while it is empty.
const POLL: Duration = Duration::from_millis(100);

/// How long the load runs: enough for every message, and for three attempts at the server that
/// hangs.
const LOAD: Duration = Duration::from_mins(1);

/// The customers' servers. All but one answer quickly, and the time of each request is recorded.
struct Servers<'a> {
    cloud: &'a Cloud,
    start: Instant,
    arrivals: &'a Mutex<Vec<(String, Duration)>>,
}

impl WebhookServer for Servers<'_> {
    async fn post(&self, request: WebhookRequest) -> PostOutcome {
        let hangs = request.url == HANGING;
        self.arrivals.lock().unwrap().push((request.url, self.start.elapsed()));
        sleep(if hangs { TIMEOUT } else { QUICK }).await;
        tell_time(self.cloud, self.start);
        if hangs {
            PostOutcome::Unreachable(NoAnswer::Timeout)
        } else {
            PostOutcome::Answered { status: 200, retry_after: None }
        }
    }

    async fn ping(&self, _: WebhookRequest) -> PingOutcome {
        unreachable!("no test sends a ping")
    }
}

/// Sets the cloud's clock to tokio's, which goes forward by itself as soon as every task waits.
fn tell_time(cloud: &Cloud, start: Instant) {
    cloud.set_time(Timestamp::from_millis(START).plus(start.elapsed()));
}

/// One worker: it takes a batch of messages after the other until the load ends.
async fn invocations(
    cloud: &Cloud,
    batch: usize,
    start: Instant,
    arrivals: &Mutex<Vec<(String, Duration)>>,
) {
    let servers = Servers { cloud, start, arrivals };
    while start.elapsed() < LOAD {
        tell_time(cloud, start);
        let now = cloud.now();
        let messages: Vec<Received> = cloud.with_queues(|queues| {
            let queue = queues.get(QueueName::Webhooks);
            std::iter::from_fn(|| queue.receive(now, 0)).take(batch).collect()
        });
        if messages.is_empty() {
            sleep(POLL).await;
        }
        let deliver =
            async |received| deliver_webhook(cloud, &servers, &read(received)).await.unwrap();
        join_all(messages.iter().map(deliver)).await;
        cloud.with_queues(|queues| {
            let queue = queues.get(QueueName::Webhooks);
            for received in messages {
                queue.delete(received.receipt);
            }
        });
    }
}

/// Returns when each message of the 49 customers arrived, and how many requests the server that
/// hangs got.
async fn load(concurrency: usize, batch: usize) -> (Vec<Duration>, usize) {
    let cloud = cloud();
    for number in 0..CUSTOMERS {
        // The customer with the server that hangs is the first, so that all others stand behind it.
        let url = if number == 0 {
            HANGING.to_owned()
        } else {
            format!("https://customer-{number}.example.com/")
        };
        cloud.set_customer(customer(number), Directory::default(), settings(&url));
        for job in 0..JOBS_OF_EACH {
            let job = started_job(&cloud, customer(number), 1 + number * JOBS_OF_EACH + job).await;
            announce(&cloud, &job, JobStatus::Processing).await;
            announce(&cloud, &job, JobStatus::Failed).await;
        }
    }
    let (start, arrivals) = (Instant::now(), Mutex::default());
    join_all((0..concurrency).map(|_| invocations(&cloud, batch, start, &arrivals))).await;
    let (hanging, others): (Vec<_>, Vec<_>) =
        arrivals.into_inner().unwrap().into_iter().partition(|(url, _)| url == HANGING);
    (others.into_iter().map(|(_, at)| at).collect(), hanging.len())
}

/// Messages to the 49 customers with servers that answer.
const MESSAGES: usize = 49 * 4 * 2;

#[tokio::test(start_paused = true)]
async fn where_batches_run_beside_each_other_no_customer_waits_for_the_one_that_hangs() {
    let (arrivals, hanging) = load(20, BATCH).await;
    assert_eq!(arrivals.len(), MESSAGES, "each arrives, once");
    let last = arrivals.iter().max().unwrap();
    // Both messages of a job are in the queue at the same time, so that the second waits a second
    // for the first.
    assert!(
        *last < Duration::from_millis(1500),
        "{last:?}, less than one attempt at the hanging server"
    );
    assert!(hanging >= 3 * 4, "the hanging server was tried {hanging} times meanwhile");
}

#[tokio::test(start_paused = true)]
async fn where_batches_run_one_after_the_other_a_batch_costs_one_timeout_however_many_hang_in_it() {
    let (arrivals, _) = load(1, BATCH).await;
    assert_eq!(arrivals.len(), MESSAGES);
    let last = arrivals.iter().max().unwrap();
    // The customer's four jobs are in the first batch together. All other messages are delivered
    // before they are retried.
    assert!(*last < TIMEOUT + Duration::from_secs(3), "{last:?}");
    let (one_by_one, _) = load(1, 1).await;
    let last = one_by_one.iter().max().unwrap();
    assert!(
        *last > 4 * TIMEOUT,
        "without batches, each of its jobs costs every customer a timeout: {last:?}"
    );
}
