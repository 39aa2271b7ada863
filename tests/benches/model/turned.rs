//! How the chosen sizes affect a large job, and how other sizes would.

use bulk_domain::plan::ROWS_PER_CHUNK;

use crate::file::file;
use crate::parameters::{Capacity, Parameters, SECOND, design};
use crate::record::record_in_chunks;
use crate::report::{Chunks, Files, chunks_of, one_job};

/// Prints times and costs of a large job, for other chunk sizes and other numbers of concurrent
/// writes.
pub fn report(files: &Files) {
    println!("\nOther sizes: 100,000 rows, seconds; the middle one of five\n");
    println!(
        "{:<46} {:>8} {:>9} {:>8} {:>9} {:>9} {:>9}",
        "", "fresh", "throttled", "Lambda $", "warmed", "a chunk", "Lambda $"
    );
    for rows in [50, 100, 250, 500, 1_000] {
        let chunks = chunks_of(&record_in_chunks(file(100_000, 0), rows));
        line(
            &format!("{rows} rows in a chunk"),
            rows == ROWS_PER_CHUNK,
            &Parameters::default(),
            &chunks,
        );
    }
    let as_it_is = Parameters::default();
    for writes in [8, 16, 32, 64] {
        let parameters = Parameters { concurrent_writes: writes, ..as_it_is.clone() };
        let is_so = writes == as_it_is.concurrent_writes;
        line(&format!("{writes} writes of a chunk at a time"), is_so, &parameters, &files.big);
    }
}

fn line(name: &str, is_so: bool, parameters: &Parameters, chunks: &Chunks) {
    let play = |tables| {
        let parameters = Parameters { tables, ..parameters.clone() };
        one_job(&parameters, chunks)
    };
    let (fresh, warm) = (play(Capacity::FRESH), play(Capacity::WARM));
    let seconds_of_chunks = |busy: f64| busy / SECOND as f64;
    println!(
        "{:<46} {:>8.1} {:>8.0}% {:>8.4} {:>9.1} {:>9.2} {:>9.4}",
        if is_so { format!("{name}, as it is") } else { name.to_owned() },
        fresh.seconds(),
        100.0 * fresh.throttled(),
        seconds_of_chunks(fresh.busy) * design::DOLLARS_A_SECOND,
        warm.seconds(),
        seconds_of_chunks(warm.busy) / chunks.len() as f64,
        seconds_of_chunks(warm.busy) * design::DOLLARS_A_SECOND,
    );
}
