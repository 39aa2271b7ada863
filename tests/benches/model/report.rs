//! The scenarios of the model, and their outcomes as tables.

use std::rc::Rc;

use bulk_domain::job_size::JobSize;

use crate::outcome::{JobTimes, Outcome};
use crate::parameters::{Capacity, Latency, Parameters, QueueKind, Retry, SECOND, design};
use crate::purpose::Purpose;
use crate::record::{ChunkCalls, JobCalls};
use crate::simulation::{Upload, Work, simulate};
use crate::table::Access;

pub const CUSTOMERS: usize = 100;

/// The default of `ImportConcurrency` in template.yaml, and what the template advises for tables
/// that are warmed to 40,000 writes a second.
const AS_DEPLOYED: u32 = 20;
const FOR_WARM: u32 = 60;

/// The seconds after the last large job at which the other job is uploaded: a pre-warmed table
/// still handles a single large job at the first, and the event source is at its limit at the
/// second.
pub const SOON: u64 = 8;
pub const LATER: u64 = 60;

/// The seeds of jitter and backoff. Each job is simulated with every one.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=5;

/// The chunks in the form that the simulation takes.
pub type Chunks = Rc<Vec<Rc<ChunkCalls>>>;

/// Returns the chunks of a job. Each simulation decides for itself which chunk is the last.
pub fn chunks_of(calls: &JobCalls) -> Chunks {
    let chunks = calls.chunks.iter().cloned().map(|mut chunk| {
        chunk.steps.retain(|step| step.purpose != Purpose::Finished);
        Rc::new(chunk)
    });
    Rc::new(chunks.collect())
}

/// Returns uploads of this many customers, one every `every` seconds.
pub fn uploads(customers: usize, chunks: &Chunks, every: u64) -> Vec<Upload> {
    (0..customers)
        .map(|customer| Upload {
            work: Work::Import,
            customer,
            at: customer as u64 * every * SECOND,
            chunks: chunks.clone(),
        })
        .collect()
}

pub struct Files {
    /// 100,000 rows of different people.
    pub big: Chunks,
    /// 100,000 rows, a fifth of which are duplicates of an earlier row.
    pub duplicates: Chunks,
    /// 5,000 rows of different people.
    pub middle: Chunks,
    /// 10 rows of different people.
    pub small: Chunks,
}

/// Returns the outcome of one job: the median of all seeds.
pub fn one_job(parameters: &Parameters, chunks: &Chunks) -> Outcome {
    one(parameters, &uploads(1, chunks, 0))
}

/// Returns the median outcome of all seeds.
pub fn one(parameters: &Parameters, uploads: &[Upload]) -> Outcome {
    let play = |seed| simulate(&Parameters { seed, ..parameters.clone() }, uploads.to_vec(), None);
    let mut outcomes: Vec<Outcome> = SEEDS.map(play).collect();
    outcomes.sort_by(|a, b| a.seconds().total_cmp(&b.seconds()));
    outcomes.swap_remove(outcomes.len() / 2)
}

/// Prints how long one job takes, and a hundred jobs at once.
pub fn speed(files: &Files) {
    println!(
        "\nSpeed: 100,000 rows each, from the last byte of the upload to `completed`; one job is the middle one of five\n"
    );
    println!(
        "{:<46} {:>8} {:>8} {:>8} {:>9} {:>6} {:>6} {:>6} {:>8}  limited by",
        "", "seconds", "of these", "rows/s", "throttled", "redeli", "most", "rows", "Lambda"
    );
    println!(
        "{:<46} {:>8} {:>8} {:>8} {:>9} {:>6} {:>6} {:>6} {:>8}",
        "", "", "import", "", "calls", "veries", "recvs", "lost", "$ a job"
    );
    let with = |tables, import_concurrency| {
        Parameters { tables, ..Parameters::default() }.import_concurrency(import_concurrency)
    };
    let (fresh, growing, warm) = (Capacity::FRESH, Capacity::GROWING, Capacity::WARM);
    let one = |name: &str, parameters: &Parameters, chunks: &Chunks| {
        line(name, parameters, &one_job(parameters, chunks));
    };
    one("one job, fresh table", &with(fresh, AS_DEPLOYED), &files.big);
    one("  a fifth of the rows are duplicates", &with(fresh, AS_DEPLOYED), &files.duplicates);
    one("  ImportConcurrency 10", &with(fresh, 10), &files.big);
    one("  ImportConcurrency 40", &with(fresh, 40), &files.big);
    one("  ImportConcurrency 60", &with(fresh, FOR_WARM), &files.big);
    one("one job, pre-warmed table", &with(warm, AS_DEPLOYED), &files.big);
    one("  ImportConcurrency 10", &with(warm, 10), &files.big);
    one("  ImportConcurrency 40", &with(warm, 40), &files.big);
    one("  ImportConcurrency 60", &with(warm, FOR_WARM), &files.big);
    let mut slow = with(warm, AS_DEPLOYED);
    for time in [
        &mut slow.latency.item,
        &mut slow.latency.batch,
        &mut slow.latency.object,
        &mut slow.latency.message,
        &mut slow.latency.receive,
        &mut slow.latency.call_cpu,
    ] {
        *time *= 3;
    }
    one("  every call takes three times as long", &slow, &files.big);
    one("one job, tables without limits", &with(Capacity::UNLIMITED, 1000), &files.big);
    let all = |name: &str, parameters: &Parameters| {
        line(name, parameters, &simulate(parameters, uploads(CUSTOMERS, &files.big, 0), None));
    };
    all("100 jobs at once, fresh table", &with(fresh, AS_DEPLOYED));
    all("  it doubles every 30 minutes", &with(growing, AS_DEPLOYED));
    all("  ImportConcurrency 10", &with(fresh, 10));
    all("100 jobs at once, pre-warmed table", &with(warm, AS_DEPLOYED));
    all("  ImportConcurrency 40", &with(warm, 40));
    all("  ImportConcurrency 60", &with(warm, FOR_WARM));
}

fn line(name: &str, parameters: &Parameters, outcome: &Outcome) {
    println!(
        "{name:<46} {:>8.1} {:>8.1} {:>8.0} {:>8.0}% {:>6} {:>6} {:>6} {:>8.3}  {}",
        outcome.seconds(),
        outcome.importing(),
        outcome.rows() as f64 / outcome.seconds(),
        100.0 * outcome.throttled(),
        outcome.redeliveries,
        outcome.most_receives,
        outcome.lost_rows(),
        outcome.busy / SECOND as f64 * design::DOLLARS_A_SECOND / outcome.jobs.len() as f64,
        limit(parameters, outcome)
    );
}

fn limit(parameters: &Parameters, outcome: &Outcome) -> String {
    let written = outcome.patients.written.units as f64 / outcome.importing();
    let taken = written / parameters.tables.writes;
    let import_concurrency = f64::from(parameters.concurrency[JobSize::Large as usize]);
    let busy = outcome.busy / SECOND as f64 / outcome.importing() / import_concurrency;
    let writes = format!("{written:.0} writes/s");
    if taken > 0.85 || outcome.throttled() > 0.01 {
        format!("the table: {writes}")
    } else if busy > 0.85 {
        format!("ImportConcurrency: {:.0}% busy, {writes}", 100.0 * busy)
    } else {
        format!(
            "the event source's ramp: on average {:.0} busy, {writes}",
            busy * import_concurrency
        )
    }
}

/// Prints the load of the keys that many chunks use.
pub fn keys(files: &Files, big: &JobCalls) {
    println!("\nHottest keys: units in the busiest second, against 1,000 writes and 3,000 reads\n");
    println!(
        "{:<46} {:<26} {:>7} {:>10} {:>10} {:>7}",
        "", "key", "", "in all", "at most/s", "of limit"
    );
    let warm = Parameters { tables: Capacity::WARM, ..Parameters::default() };
    let no_limit = Parameters { tables: Capacity::UNLIMITED, ..Parameters::default() }
        .import_concurrency(1000);
    let scenarios = [
        ("one job, pre-warmed table", &warm, 1),
        ("100 jobs at once, pre-warmed table", &warm, CUSTOMERS),
        ("one job, no limits, ImportConcurrency 1000", &no_limit, 1),
    ];
    for (name, parameters, customers) in scenarios {
        let outcome = simulate(parameters, uploads(customers, &files.big, 0), None);
        for (index, (key, access, asked)) in outcome.hottest().into_iter().enumerate() {
            let (access, limit) = match access {
                Access::Write => ("writes", Capacity::FRESH.partition_writes),
                Access::Read => ("reads", Capacity::FRESH.partition_reads),
            };
            println!(
                "{:<46} {:<26} {access:>7} {:>10} {:>10} {:>6.0}%",
                if index == 0 { name } else { "" },
                key.name(),
                asked.units,
                asked.peak,
                100.0 * asked.peak as f64 / limit
            );
        }
    }
    let most = big.most_writes;
    println!("{:<46} no person is written more than {most} time in the job", "any");
}

/// Prints how long a small job takes beside larger ones.
pub fn fairness(files: &Files) {
    println!(
        "\nFairness: seconds from upload to `completed`, uploaded some time after jobs of others\n\n{:<58} {:>10} {:>10} {:>10} {:>10}\n{:<58} {:>10} {:>10} {:>10} {:>10}",
        "",
        "one plain",
        "one fair",
        "a queue",
        "the worst",
        "",
        "queue",
        "queue",
        "each size",
        "of five"
    );
    let one = |queue| Parameters { queue, one_queue: true, ..Parameters::default() };
    let designs = [one(QueueKind::Plain), one(QueueKind::Fair), Parameters::default()];
    let (small, middle, big) =
        (("10 rows", &files.small), ("5,000 rows", &files.middle), ("100,000", &files.big));
    for (table, tables) in [("fresh", Capacity::FRESH), ("pre-warmed", Capacity::WARM)] {
        for (own, of_others, others, every, later) in [
            (small, big, 0, 0, SOON),
            (small, big, 1, 0, SOON),
            (small, big, 20, 0, LATER),
            (small, big, CUSTOMERS, 0, SOON),
            (small, big, CUSTOMERS, 0, LATER),
            (small, big, CUSTOMERS, 10, LATER),
            (small, middle, CUSTOMERS, 0, SOON),
            (middle, big, 0, 0, SOON),
            (middle, big, 1, 0, SOON),
            (middle, big, 20, 0, LATER),
            (middle, big, CUSTOMERS, 0, LATER),
        ] {
            // Every 10 seconds is slower than a pre-warmed table, so that no backlog grows there.
            if every > 0 && table != "fresh" {
                continue;
            }
            let behind = match (others, every) {
                (0, _) => "alone".to_owned(),
                (others, 0) => format!("{later} s after {others} of {}", of_others.0),
                (others, every) => format!("after {others} of {}, one each {every} s", of_others.0),
            };
            print!("{:<58}", format!("{table}: {}, {behind}", own.0));
            let others = uploads(others, of_others.1, every);
            for design in &designs {
                let parameters = Parameters { tables, ..design.clone() };
                print!(" {:>10.1}", next_to(&parameters, own.1, others.clone(), later).seconds());
            }
            println!(" {:>10.1}", worst_of_five(tables, own.1, &others, later));
        }
    }
}

/// Returns the longest time of a job in the real design, over all seeds.
fn worst_of_five(tables: Capacity, chunks: &Chunks, others: &[Upload], later: u64) -> f64 {
    let play = |seed| {
        let parameters = Parameters { tables, seed, ..Parameters::default() };
        next_to(&parameters, chunks, others.to_vec(), later).seconds()
    };
    SEEDS.map(play).fold(0.0, f64::max)
}

/// Returns the time of a job that is uploaded this many seconds after the last of the others.
pub fn next_to(
    parameters: &Parameters,
    chunks: &Chunks,
    mut all: Vec<Upload>,
    later: u64,
) -> JobTimes {
    let own = all.len();
    let at = all.last().map_or(0, |last| last.at) + later * SECOND;
    all.push(Upload { work: Work::Import, customer: own, at, chunks: chunks.clone() });
    simulate(parameters, all, Some(own)).jobs[own]
}

/// Prints the calls of the planner and the workers.
pub fn calls(big: &JobCalls) {
    println!(
        "\n{} rows are {} chunks; the first one, of {} rows, asks for\n",
        big.rows,
        big.chunks.len(),
        big.chunks[0].rows
    );
    println!("{:<14} {:>6} {:>6}", "", "calls", "units");
    for step in &big.chunks[0].steps {
        println!(
            "{:<14} {:>6} {:>6}",
            format!("{:?}", step.purpose),
            step.calls.len(),
            step.calls.iter().flatten().sum::<u32>()
        );
    }
}

pub fn assumptions() {
    let Latency {
        item,
        batch,
        object,
        message,
        receive,
        upload_event,
        cold_start,
        call_cpu,
        statement_cpu,
        row_cpu,
        planned_row,
        finalized_row,
        file,
    } = Latency::ASSUMED;
    let ms = |time: u64| time as f64 / 1000.0;
    println!("\nAssumptions\n");
    println!(
        "Documented by AWS: what tables and keys take; an event source starts with 5 and adds 300 a minute; whom a"
    );
    println!(
        "fair queue takes for a noisy neighbour (more than 10% of what is in flight and at least 30 messages, or"
    );
    println!(
        "more than 10% of the recent processing time; until nothing of it waits or it sent nothing for 5 minutes)."
    );
    println!(
        "From the code: chunks and calls, 32 writes or 8 batches at a time, 6 attempts with up to 1, 2, 4, 8 and 16 s between them,"
    );
    println!(
        "a quota of {} tokens for retries, pauses of 2 s and more, {} deliveries.",
        Retry::AS_IT_IS.quota,
        design::RECEIVES
    );
    println!(
        "Not measured on AWS, give or take 30%: an item {} ms, a batch {} ms, an object {} ms, a",
        ms(item),
        ms(batch),
        ms(object)
    );
    println!(
        "message {} ms sent and {} ms received, a cold start {} ms, an upload's event {} ms; processor time on",
        ms(message),
        ms(receive),
        ms(cold_start),
        ms(upload_event)
    );
    println!(
        "1,024 MB: a call {} ms, an item of a batch {} ms, a row {} ms; fan-out and finalize {} ms each, and {} and {} ms a row.",
        ms(call_cpu),
        ms(statement_cpu),
        ms(row_cpu),
        ms(file),
        ms(planned_row),
        ms(finalized_row)
    );
    println!(
        "Simplified: unused capacity of DynamoDB is kept for a second, not for five minutes; a table has a partition"
    );
    println!(
        "for each 1,000 writes/s, all alike, and moves no hot key; a plain queue gives the oldest message first; messages"
    );
    println!(
        "are received when there is room for them; the account has concurrency to spare; nothing is delivered"
    );
    println!(
        "twice unless it failed; the sweep sends nothing again; \"recent\" processing time is that of a minute; no"
    );
    println!("document queries; a job ends with `completed`, and its webhook comes after that.");
}
