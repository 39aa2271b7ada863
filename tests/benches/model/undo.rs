//! How long the undo of a large import takes.

use crate::file::file;
use crate::parameters::{Capacity, Parameters, SECOND, design};
use crate::record::record_undo;
use crate::report::{chunks_of, one};
use crate::simulation::{Upload, Work};

/// Prints times and costs of the undo of an import that created 100,000 patients.
pub fn report() {
    println!("\nUndo of 100,000 patients, from the call to its end; the middle one of five\n");
    println!(
        "{:<46} {:>8} {:>10} {:>9} {:>9}",
        "", "seconds", "patients/s", "throttled", "Lambda $"
    );
    let with = file(100_000, 0);
    // An ignored column.
    let without = with.replacen("externalId", "ward", 1);
    for (name, file) in [("with external ids", with), ("without external ids", without)] {
        let chunks = chunks_of(&record_undo(file));
        for (table, tables) in
            [("fresh table", Capacity::FRESH), ("pre-warmed table", Capacity::WARM)]
        {
            let parameters = Parameters { tables, ..Parameters::default() };
            let undo = Upload { work: Work::Undo, customer: 0, at: 0, chunks: chunks.clone() };
            let outcome = one(&parameters, &[undo]);
            assert_eq!((outcome.rows(), outcome.lost_rows()), (100_000, 0));
            println!(
                "{:<46} {:>8.1} {:>10.0} {:>8.0}% {:>9.4}",
                format!("{name}, {table}"),
                outcome.seconds(),
                outcome.rows() as f64 / outcome.seconds(),
                100.0 * outcome.throttled(),
                outcome.busy / SECOND as f64 * design::DOLLARS_A_SECOND,
            );
        }
    }
}
