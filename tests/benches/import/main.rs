//! What an import costs, and how fast our part of it is: the whole pipeline over the ports in memory.
//!
//! `cargo bench -p tests` runs all of it; `cargo bench -p tests -- cost` and `-- speed` run a part.
// Figures are rounded, and its input is sound.
#![allow(clippy::cast_precision_loss, clippy::expect_used, clippy::cast_possible_truncation)]

mod cost;
mod drive;
mod file;
mod gateway;

use std::hint::black_box;
use std::time::Instant;

use drive::Account;

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |part: &str| wanted.is_empty() || wanted.iter().any(|name| name == part);
    if is_wanted("cost") {
        cost::report(100_000);
        cost::incumbent(100_000);
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

/// Rows a second on one core, next to the bare loop of the csv crate over the same file.
fn speed() {
    println!(
        "\n{:>9}  {:>12} {:>12} {:>14} {:>9}",
        "rows", "bare rows/s", "ours rows/s", "ours us/row", "x bare"
    );
    for rows in [1_000, 10_000, 100_000, 1_000_000] {
        let text = file::file(rows, 10);
        let started = Instant::now();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let mut record = csv::ByteRecord::new();
        while reader.read_byte_record(&mut record).expect("a sound file") {
            black_box(&record);
        }
        let bare = started.elapsed().as_secs_f64();
        let account = Account::new();
        let started = Instant::now();
        account.import(text);
        let ours = started.elapsed().as_secs_f64();
        let per_second = |seconds: f64| f64::from(rows) / seconds;
        println!(
            "{rows:>9}  {:>12.0} {:>12.0} {:>14.2} {:>9.0}",
            per_second(bare),
            per_second(ours),
            ours * 1e6 / f64::from(rows),
            ours / bare
        );
    }
}
