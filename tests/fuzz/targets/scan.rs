//! Fuzzes the scan of a file: it does not depend on how the file is cut, and it is right about
//! where the rows are.
#![no_main]

use bulk_domain::csv::{Columns, RowReader, Separator};
use fuzz::{LIMITS, each_row, parts, scan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((file, option)) = parts(input) else { return };
    let (rows, outcome) = scan(&file, usize::MAX);
    assert_eq!(scan(&file, option + 1), (rows.clone(), outcome.clone()));

    let separator =
        outcome.as_ref().map_or(Separator::Comma, |summary| summary.columns.separator());
    let is_sound = outcome.is_ok();
    let mut at = 0;
    for (number, row) in (1..).zip(&rows) {
        assert_eq!(row.number.get(), number);
        let start = u64::from(row.start);
        assert!(start >= at && row.len as usize <= LIMITS.row_bytes);
        at = start + u64::from(row.len);
        // A worker that reads only this row's bytes sees the same row.
        let bytes = &file[row.start as usize..at as usize];
        if !is_sound {
            continue;
        }
        let mut reader = RowReader::at(start, separator);
        reader.push(bytes);
        reader.finish();
        let alone =
            reader.next_row().expect("a row is sound by itself").expect("a row is a row by itself");
        assert_eq!((alone.start, alone.raw), (start, bytes));
        assert!(reader.next_row().expect("nothing follows").is_none());
    }
    assert!(at <= file.len() as u64 && rows.len() <= LIMITS.rows as usize);

    match outcome {
        Ok(summary) => {
            assert_eq!(summary.rows as usize, rows.len());
            assert_eq!(summary.bytes, file.len() as u64);
            let mut count = 0;
            assert!(each_row(&file, separator, LIMITS.row_bytes, |_| count += 1));
            assert_eq!(count, rows.len() + 1);
            let json = serde_json::to_string(&summary.columns).expect("columns are written");
            let columns: Columns = serde_json::from_str(&json).expect("columns are read back");
            assert_eq!(columns, summary.columns);
        }
        // The reason is public, so that it may hold only this project's words, numbers and names of
        // columns.
        Err(error) => {
            let reason = error.to_string();
            assert!(
                reason.len() < 200
                    && !reason.contains(['"', '\n', '\r', '\0'])
                    && reason.is_ascii()
            );
        }
    }
});
