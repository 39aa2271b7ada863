//! Reading a file takes no memory for each of its rows or cells, and reading a patient only what is
//! kept of the patient.
#![allow(clippy::unwrap_used)] // A test says by panicking that something is wrong.

use bulk_domain::csv::{ColumnMappings, Columns, FileScan, Limits, RowReader, Separator};
use bulk_domain::row::{Directory, RowParser};
use jiff::civil::date;

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

#[test]
fn a_scan_of_blank_lines_holds_none_of_them() {
    const SIZE: usize = 2 << 20;
    let whole = HEADER.to_owned() + ROW;
    let blank = |line: &str| line.repeat(SIZE / line.len());
    let first = ["\n", " \t\r\n", ",,,\r", "\u{a0};\n"].map(|line| blank(line) + &whole);
    for file in first.iter().chain([&(whole.clone() + &blank("\n"))]) {
        let held = allocation_counter::measure(|| {
            let mut scan = FileScan::new(Limits::default());
            for piece in file.as_bytes().chunks(16 << 10) {
                // Separators before a header with commas make no blank line, and the file fails.
                if scan.push(piece, &mut |_| ()).is_err() {
                    break;
                }
            }
        });
        assert!(held.bytes_max < SIZE as u64 / 2, "{} bytes", held.bytes_max);
    }
}

#[test]
fn reading_a_patient_allocates_only_what_is_kept() {
    const COLUMNS: &str = "externalId,firstName,lastName,dob,gender,addressLine1,addressLine2,city,\
        state,zip,phone,email,ssn,driversLicenceNo,driversLicenceState,hieOptOut\n";
    let rows = [
        "A-1,Ada,Lovelace,1980-02-03,F,1 Main St,,Boston,MA,02139,(617) 555-0199,a@example.com,,,,",
        " A-1 ,\"Ada\",O'NEIL,2/3/1980 0:00,female (F),1  Main St,\"Apt 4, rear\",Boston,Mass.,2139-1234,\
         +1 617.555.0199 x12,Ada@Example.com,123-45-6780,s123,D.C.,no",
        "A-1,JOS\u{c9},Mu\u{f1}oz,\"Feb 3, 1980\",x,1 Main St,,Bogot\u{e1},new york,2139.0,6175550199,\
         \u{e9}@example.com,1234567,,,",
        "A-1,Ada,Lovelace,19800203,u,1 Main St,N/A,Boston,Idaho,02139,none,unknown,XXX-XX-XXXX,,,true",
    ];
    for row in rows {
        let file = format!("{COLUMNS}{row}\n");
        let mut reader = RowReader::new(Separator::Comma);
        reader.push(file.as_bytes());
        let header = reader.next_row().unwrap().unwrap();
        let columns =
            Columns::from_header(&header, Separator::Comma, &ColumnMappings::default()).unwrap();
        let parser = RowParser::new(&columns, date(2026, 1, 2), Directory::default());
        let row = reader.next_row().unwrap().unwrap();
        let mut parsed = None;
        let read = allocation_counter::measure(|| parsed = Some(parser.parse(&row)));
        let parsed = parsed.unwrap();
        let kept = allocation_counter::measure(|| drop(parsed.clone()));
        assert!(parsed.patient.is_ok(), "{file}");
        assert_eq!(read.count_total, kept.count_total, "{file}");
    }
}
