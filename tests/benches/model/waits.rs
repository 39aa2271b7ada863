//! Where the time of a small job goes, from its upload to its end, beside large ones.

use crate::outcome::JobTimes;
use crate::parameters::{Capacity, Micros, Parameters, QueueKind, SECOND};
use crate::report::{CUSTOMERS, Files, LATER, SOON, next_to, uploads};

/// Prints the waits of a job of 10 rows.
pub fn report(files: &Files) {
    println!("\nWhere the time of 10 rows goes, in seconds\n");
    println!(
        "{:<34} {:<22} {:>11} {:>8} {:>8} {:>8} {:>8}",
        "", "", "event, plan", "queue", "import", "finalize", "in all"
    );
    let of_kind = |queue| Parameters { queue, one_queue: true, ..Parameters::default() };
    let fair = of_kind(QueueKind::Fair);
    let designs = [
        ("one plain queue", &of_kind(QueueKind::Plain)),
        ("one fair queue", &fair),
        ("  that never forgives", &of_kind(QueueKind::Unforgiving)),
        ("  ImportConcurrency 10", &fair.clone().import_concurrency(10)),
        ("a queue for each size", &Parameters::default()),
    ];
    for (table, tables) in [("fresh", Capacity::FRESH), ("pre-warmed", Capacity::WARM)] {
        for (customers, later) in [(1, SOON), (CUSTOMERS, LATER)] {
            for (design, parameters) in designs {
                let parameters = Parameters { tables, ..parameters.clone() };
                let big = uploads(customers, &files.big, 0);
                let times = next_to(&parameters, &files.small, big, later);
                line(&format!("{table}: {later} s after {customers} big"), design, &times);
            }
        }
    }
}

fn line(scenario: &str, design: &str, times: &JobTimes) {
    let JobTimes { uploaded, planned, begun, imported, completed, .. } = *times;
    let seconds = |from: Micros, to: Micros| (to - from) as f64 / SECOND as f64;
    println!(
        "{scenario:<34} {design:<22} {:>11.1} {:>8.1} {:>8.1} {:>8.1} {:>8.1}",
        seconds(uploaded, planned),
        seconds(planned, begun),
        seconds(begun, imported),
        seconds(imported, completed),
        times.seconds()
    );
}
