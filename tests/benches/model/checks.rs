//! Checks that the model behaves as AWS documents it.

use crate::outcome::Outcome;
use crate::parameters::{Capacity, Micros, Parameters, QueueKind, SECOND, design};
use crate::partitions;
use crate::purpose::Purpose;
use crate::queue::{Message, Queue};
use crate::record::{ChunkCalls, Step};
use crate::report::{CUSTOMERS, Chunks, Files, SOON, next_to, uploads};
use crate::simulation::{Upload, Work, simulate};

pub fn check(files: &Files, five_chunks: &Chunks) {
    every_write_happens_once(&files.big);
    the_table_gives_what_it_has_and_not_more(&files.big);
    without_limits_the_slowest_path_counts(five_chunks);
    a_fair_queue_serves_the_quiet_first();
    ten_rows_do_not_wait_for_others(files);
    partitions::check(files);
    println!(
        "The model keeps its own rules: every write once, no table beyond its limit, no wait without a cause."
    );
}

fn upload(customer: usize, chunks: &Chunks) -> Upload {
    Upload { work: Work::Import, customer, at: 0, chunks: chunks.clone() }
}

/// Checks that calls that are throttled and chunks that are retried write every item once, and that
/// the same seed gives the same result.
fn every_write_happens_once(big: &Chunks) {
    let parameters = Parameters::default().import_concurrency(100);
    let play = || simulate(&parameters, vec![upload(0, big), upload(1, big)], None);
    let (first, second) = (play(), play());
    let expected: usize = big.iter().map(|chunk| 2 * chunk.writes()).sum();
    assert_eq!((first.writes, first.lost_rows()), (expected as u64, 0));
    assert!(first.throttled() > 0.0 && first.redeliveries > 0, "this was to be hard");
    assert!(
        first.jobs.iter().all(|job| job.completed > job.imported && job.imported > job.planned)
    );
    let ends = |outcome: &Outcome| outcome.jobs.iter().map(|job| job.completed).collect::<Vec<_>>();
    assert_eq!((ends(&first), first.attempts), (ends(&second), second.attempts));
}

fn the_table_gives_what_it_has_and_not_more(big: &Chunks) {
    let outcome = simulate(&Parameters::default(), vec![upload(0, big)], None);
    let fresh = Capacity::FRESH.writes;
    // The table starts with a second's worth of units.
    assert!(outcome.patients.written.units as f64 <= fresh * (outcome.importing() + 1.0) + 1.0);
    assert!(outcome.patients.written.peak as f64 <= 2.0 * fresh);
}

/// Checks a job with as many chunks as an event source starts with: it takes as long as its slowest
/// chunk.
fn without_limits_the_slowest_path_counts(five_chunks: &Chunks) {
    let parameters =
        Parameters { tables: Capacity::UNLIMITED, jitter: 0.0, ..Parameters::default() };
    assert_eq!(five_chunks.len(), 5);
    let outcome = simulate(&parameters, vec![upload(0, five_chunks)], None);
    let latency = parameters.latency;
    let rows: Micros = five_chunks.iter().map(|chunk| Micros::from(chunk.rows)).sum();
    let file = latency.cold_start + latency.file;
    let chunk = five_chunks.iter().map(|chunk| alone(&parameters, chunk)).max().unwrap_or(0);
    let path = latency.upload_event
        + (file + rows * latency.planned_row)
        + (latency.receive + latency.cold_start + chunk)
        + latency.message
        + (latency.receive + file + rows * latency.finalized_row);
    assert_eq!(outcome.jobs[0].completed, path);
}

/// Returns how long a chunk takes by itself, computed in another way than the simulation does: call
/// by call, each of which waits for the processor, and for the answer to the one that it follows.
fn alone(parameters: &Parameters, chunk: &ChunkCalls) -> Micros {
    let latency = parameters.latency;
    let mut time = 0;
    // Nothing is refused, so that no item has a call of its own after a batch.
    let is_made = |step: &&Step| {
        let is_batch = |before: &Step| before.purpose.one_by_one() == Some(step.purpose);
        !chunk.steps.iter().any(is_batch)
    };
    for step in chunk.steps.iter().filter(is_made) {
        let (answer, at_once) = match step.purpose {
            Purpose::Plan | Purpose::Upload | Purpose::Outcomes => (latency.object, 1),
            Purpose::LoadPeople | Purpose::InsertExternalIds | Purpose::InsertPeople => {
                (latency.batch, design::CONCURRENT_BATCHES)
            }
            Purpose::Audit | Purpose::Finished => (latency.message, 1),
            _ => (latency.item, 1),
        };
        let (mut sent, mut answered) = (time, Vec::new());
        for (number, units) in step.calls.iter().enumerate() {
            let after = number.checked_sub(at_once).map_or(time, |earlier| answered[earlier]);
            sent = sent.max(after) + latency.cpu_of(units.len());
            answered.push(sent + answer);
        }
        time = answered.last().copied().unwrap_or(time);
        if step.purpose == Purpose::Upload {
            time += Micros::from(chunk.rows) * latency.row_cpu;
        }
    }
    time
}

/// Checks that a customer's 10 rows take less than 10 seconds while a hundred others import into a
/// new table.
fn ten_rows_do_not_wait_for_others(files: &Files) {
    for of_others in [&files.middle, &files.big] {
        let others = uploads(CUSTOMERS, of_others, 0);
        let times = next_to(&Parameters::default(), &files.small, others, SOON);
        assert!(times.seconds() < 10.0, "{} s", times.seconds());
    }
}

/// Sends messages of one customer, then one of another. A plain queue returns the oldest message
/// first, and a fair queue returns the other customer's.
fn a_fair_queue_serves_the_quiet_first() {
    for (kind, expected) in [(QueueKind::Plain, 0), (QueueKind::Fair, 1)] {
        let mut queue = Queue::new(kind);
        for chunk in 0..80 {
            queue.send(0, Message { customer: 0, job: 0, chunk });
        }
        for _ in 0..40 {
            queue.receive(SECOND);
        }
        queue.send(SECOND, Message { customer: 1, job: 1, chunk: 0 });
        let received = queue.receive(SECOND).map(|(_, message)| message.customer);
        assert_eq!(received, Some(expected));
    }
}
