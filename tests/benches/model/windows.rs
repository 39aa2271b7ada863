//! How large the window of chunks would have to be: small enough for others, large enough for a job by itself.

use crate::parameters::{Capacity, Parameters};
use crate::report::{CUSTOMERS, Files, LATER, next_to, uploads};
use crate::simulation::simulate;

/// Chunks of a job that are in the queue or being handled.
const WINDOWS: [Option<usize>; 6] = [Some(2), Some(5), Some(10), Some(20), Some(40), None];

/// One big job by itself, and others behind many of them.
pub fn report(files: &Files) {
    println!("\nWindows: chunks of a job that are in the queue at the same time; seconds\n");
    println!(
        "{:<12} {:>13} {:>13} {:>13} {:>13} {:>13} {:>13}",
        "", "big, alone", "10 rows", "5,000 rows", "big, alone", "10 rows", "5,000 rows"
    );
    println!(
        "{:<12} {:>13} {:>13} {:>13} {:>13} {:>13} {:>13}",
        "", "fresh", "after 100 big", "after 100 big", "pre-warmed", "after 100 big", "after 100 big"
    );
    for window in WINDOWS {
        print!("{:<12}", window.map_or("as it is".to_owned(), |chunks| chunks.to_string()));
        for tables in [Capacity::FRESH, Capacity::WARM] {
            let parameters = Parameters { tables, window, ..Parameters::default() };
            let alone = simulate(&parameters, uploads(1, &files.big, 0), None);
            print!(" {:>13.1}", alone.seconds());
            for chunks in [&files.small, &files.middle] {
                let big = uploads(CUSTOMERS, &files.big, 0);
                print!(" {:>13.1}", next_to(&parameters, chunks, big, LATER).seconds());
            }
        }
        println!();
    }
}
