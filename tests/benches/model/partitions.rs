//! The load of each partition of the patients table. Keys that are far from the limit of a key can
//! share a hot partition.

use crate::outcome::Outcome;
use crate::parameters::{Capacity, Parameters};
use crate::report::{CUSTOMERS, Files, uploads};
use crate::simulation::simulate;
use crate::table::{Key, Partition, Place};

/// Prints the busiest partition, and the partition with a customer's roster, beside the average.
pub fn report(files: &Files) {
    println!(
        "\nPartitions of the patients table, each for 1,000 writes/s and what it saved up in the second before;"
    );
    println!("`roster` is the one that has a big job's roster\n");
    println!(
        "{:<46} {:>10} {:>9} {:>9} {:>9} {:>11} {:>11}",
        "", "partitions", "average/s", "busiest/s", "roster/s", "throttled", "throttled"
    );
    println!(
        "{:<46} {:>10} {:>9} {:>9} {:>9} {:>11} {:>11}",
        "", "", "each", "at most", "at most", "on average", "roster"
    );
    for (name, tables, customers) in [
        ("one job, fresh table", Capacity::FRESH, 1),
        ("one job, pre-warmed table", Capacity::WARM, 1),
        ("100 jobs at once, fresh table", Capacity::FRESH, CUSTOMERS),
        ("100 jobs at once, pre-warmed table", Capacity::WARM, CUSTOMERS),
    ] {
        let parameters = Parameters { tables, ..Parameters::default() };
        line(name, &simulate(&parameters, uploads(customers, &files.big, 0), None));
    }
}

fn line(name: &str, outcome: &Outcome) {
    let table = &outcome.patients;
    let all = &table.partitions;
    let roster = table.partition_of(Place::Shared(Key::Roster(0))).map(|index| &all[index]);
    let average = table.written.units as f64 / outcome.importing() / all.len() as f64;
    let throttled = |partition: &Partition| {
        let attempts = partition.throttled + partition.writes_served;
        100.0 * partition.throttled as f64 / attempts.max(1) as f64
    };
    println!(
        "{name:<46} {:>10} {average:>9.0} {:>9} {:>9} {:>10.1}% {:>10.1}%",
        all.len(),
        all.iter().map(|partition| partition.written.peak).max().unwrap_or(0),
        roster.map_or(0, |partition| partition.written.peak),
        all.iter().map(throttled).sum::<f64>() / all.len() as f64,
        roster.map_or(0.0, throttled)
    );
}

/// Checks that a partition serves its units, a second's worth of units at the start, and no more.
pub fn check(files: &Files) {
    let outcome = simulate(&Parameters::default(), uploads(1, &files.big, 0), None);
    let limit = Capacity::FRESH.partition_writes;
    let largest_write = 16.0;
    for partition in &outcome.patients.partitions {
        // The table is idle until the file is planned, so that a second's worth is there by then.
        let seconds = outcome.importing() + 1.0;
        assert!(partition.written.units as f64 <= limit * seconds + largest_write);
        assert!(partition.written.peak as f64 <= 2.0 * limit + largest_write);
    }
    let written: u64 =
        outcome.patients.partitions.iter().map(|partition| partition.written.units).sum();
    assert_eq!(written, outcome.patients.written.units);
}
