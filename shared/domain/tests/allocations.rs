//! Reading a file takes no memory for each of its rows or cells.
#![allow(clippy::unwrap_used)] // A test says by panicking that something is wrong.

use bulk_domain::csv::{FileScan, Limits, RowReader, Separator};

const HEADER: &str = "externalId,firstName,lastName,dob,gender,addressLine1,city,state,zip,notes\n";
const ROW: &str = "A-1,Mary Ann,\"O'Neil, Smith\",2/3/1980 0:00,female,1 Main St,\"Bos\"\"ton\",MA,02139,caf\u{e9}\n";

/// What is counted for a file of so many rows.
fn allocations(rows: usize, read: fn(&[u8])) -> u64 {
    let file = HEADER.to_owned() + &ROW.repeat(rows);
    allocation_counter::measure(|| read(file.as_bytes())).count_total
}

fn scan(file: &[u8]) {
    let mut scan = FileScan::new(Limits::default());
    for piece in file.chunks(4096) {
        scan.push(piece, &mut |_| ()).unwrap();
    }
    scan.finish(&mut |_| ()).unwrap();
}

fn rows(file: &[u8]) {
    let mut reader = RowReader::new(Separator::Comma);
    for piece in file.chunks(4096) {
        reader.push(piece);
        while let Some(row) = reader.next_row().unwrap() {
            assert_eq!(row.cells.iter().count(), 10);
        }
    }
}

#[test]
fn a_scan_of_more_rows_allocates_no_more() {
    assert_eq!(allocations(10_000, scan), allocations(1000, scan));
}

#[test]
fn reading_more_rows_allocates_no_more() {
    assert_eq!(allocations(10_000, rows), allocations(1000, rows));
}
