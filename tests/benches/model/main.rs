//! How long imports take on AWS, what limits them, and whether one customer delays another: a
//! simulation of what AWS documents, with the calls that the real planner and the real workers
//! make.
//!
//! `cargo bench -p tests --no-default-features --bench model` runs everything; `-- speed`, `--
//! keys`, `-- fairness`, `-- undo` and `-- sweep` run a part. The same code prints the same tables
//! on every machine.
// Figures are rounded, and the input is valid.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::expect_used
)]

mod checks;
mod event_source;
#[path = "../import/file.rs"]
mod file;
mod outcome;
mod parameters;
mod partitions;
#[path = "../import/prices.rs"]
#[expect(dead_code, reason = "of all prices, the model needs Lambda's")]
mod prices;
mod purpose;
mod queue;
mod random;
mod record;
mod report;
mod simulation;
mod sweep;
mod table;
mod turned;
mod undo;
mod waits;
mod worker;

use file::file;
use record::record;
use report::{Files, chunks_of};

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |part: &str| wanted.is_empty() || wanted.iter().any(|name| name == part);
    if is_wanted("sweep") {
        sweep::report();
    }
    if is_wanted("undo") {
        undo::report();
    }
    if !["speed", "keys", "fairness"].into_iter().any(is_wanted) {
        return;
    }
    let big = record(file(100_000, 0));
    let files = Files {
        big: chunks_of(&big),
        duplicates: chunks_of(&record(file(100_000, 20))),
        middle: chunks_of(&record(file(5_000, 0))),
        small: chunks_of(&record(file(10, 0))),
    };
    checks::check(&files, &chunks_of(&record(file(1_250, 0))));
    report::calls(&big);
    if is_wanted("speed") {
        report::speed(&files);
        turned::report(&files);
    }
    if is_wanted("keys") {
        report::keys(&files, &big);
        partitions::report(&files);
    }
    if is_wanted("fairness") {
        report::fairness(&files);
        waits::report(&files);
    }
    report::assumptions();
}
