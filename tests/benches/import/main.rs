//! What an import costs, and how fast this project's part of it is: the whole pipeline over the
//! ports in memory.
//!
//! `cargo bench -p tests` runs everything; `cargo bench -p tests -- cost` and `-- speed` run a
//! part.
// Figures are rounded, and the input is valid.
#![allow(clippy::cast_precision_loss, clippy::expect_used, clippy::cast_possible_truncation)]

mod cost;
mod drive;
mod file;
mod gateway;
mod prices;
mod stopwatch;

use std::hint::black_box;
use std::time::{Duration, Instant};

use drive::{Account, Times};

/// The store in memory fills gigabytes of heap, which no function does and which slows down glibc's
/// allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |part: &str| wanted.is_empty() || wanted.iter().any(|name| name == part);
    if is_wanted("cost") {
        cost::report(100_000);
    }
    if is_wanted("speed") {
        speed();
    }
    // A fixed input, for `make instructions`: `once 2000`.
    if let [once, rows] = &wanted[..]
        && once == "once"
    {
        Account::new().import(file::file(rows.parse().expect("a number of rows"), 10));
    }
}

/// Prints the microseconds of each part for a row, and the rows a second on one core, beside the
/// bare loop of the csv crate over the same file. Each time is that of the fastest of three runs.
/// The time of the store is listed apart, because the store stands for DynamoDB, S3 and SQS.
fn speed() {
    println!("\n{:>9} {:^53} {:^22}", "", "microseconds for a row", "rows a second");
    println!(
        "{:>9} {:>9} {:>12} {:>9} {:>9} {:>9}  {:>11} {:>11} {:>7}",
        "rows",
        "fan-out",
        "import-rows",
        "finalize",
        "ours",
        "store",
        "ours",
        "csv, bare",
        "x bare"
    );
    for rows in [1_000, 10_000, 100_000, 1_000_000] {
        let text = file::file(rows, 10);
        let bare = (0..3).map(|_| bare(&text)).min().expect("three runs");
        let imports = (0..3).map(|_| Account::new().import(text.clone()));
        let import =
            imports.map(|import| import.times).min_by_key(Times::ours).expect("three runs");
        let per_row = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(rows);
        let per_second = |time: Duration| f64::from(rows) / time.as_secs_f64();
        println!(
            "{rows:>9} {:>9.2} {:>12.2} {:>9.2} {:>9.2} {:>9.2}  {:>11.0} {:>11.0} {:>7.0}",
            per_row(import.fan_out),
            per_row(import.import_rows),
            per_row(import.finalize),
            per_row(import.ours()),
            per_row(import.store),
            per_second(import.ours()),
            per_second(bare),
            import.ours().as_secs_f64() / bare.as_secs_f64()
        );
    }
}

fn bare(text: &str) -> Duration {
    let started = Instant::now();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).expect("a sound file") {
        black_box(&record);
    }
    started.elapsed()
}
