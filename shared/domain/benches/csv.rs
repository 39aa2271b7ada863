//! How fast files are read: against the bare loop of the csv crate, and on hostile input.
//!
//! `cargo bench -p bulk-domain` runs everything in one process and prints ratios, because a figure
//! means little without one from the same machine in the same minute. The things that are compared
//! take turns, round by round, and the best round of each counts: what disturbs a round only ever
//! makes it slower. With the argument `13` or `76`, the full pass of the file with so many columns
//! runs once, for a profiler.
// Its input is sound, its figures are rounded, and how fast it makes its files does not matter.
#![allow(clippy::expect_used, clippy::cast_precision_loss, clippy::format_push_string)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use bulk_domain::csv::{
    ColumnMappings, Columns, FileScan, Limits, RawRow, ResultCells, ResultWriter, RowReader,
    RowStatus, Separator,
};
use bulk_domain::ids::PatientId;
use bulk_domain::row::{Directory, RowParser};
use jiff::civil::date;
use uuid::Uuid;

/// Rows of a file: the most that one may have.
const ROWS: usize = 100_000;
/// How often everything is measured.
const ROUNDS: usize = 7;
/// The bytes of one push: what a download hands over at a time.
const PIECE: usize = 64 << 10;

/// Reads a file and says how many data rows it has.
type Pass = fn(&[u8]) -> usize;

/// Makes a row of a size.
type HostileRow = fn(usize) -> String;

fn main() {
    let for_profiler = std::env::args().find_map(|argument| match argument.as_str() {
        "13" => Some(file_of_13_columns()),
        "76" => Some(file_of_76_columns()),
        _ => None,
    });
    if let Some(file) = for_profiler {
        full(&file);
        return;
    }
    for (name, file) in [("13 columns", file_of_13_columns()), ("76 columns", file_of_76_columns())]
    {
        compare(name, &file);
    }
    hostile();
    hostile_files();
}

fn compare(name: &str, file: &[u8]) {
    println!("\n{name}: {ROWS} rows, {:.1} MB", file.len() as f64 / 1e6);
    let passes: [(&str, Pass); 4] =
        [("csv crate, bare", bare), ("rows", rows), ("scan", scan), ("full pass", full)];
    let mut best = [Duration::MAX; 4];
    for _ in 0..ROUNDS {
        for ((_, pass), best) in passes.iter().zip(&mut best) {
            *best = (*best).min(time(|| assert_eq!(pass(black_box(file)), ROWS)));
        }
    }
    for ((what, _), time) in passes.iter().zip(best) {
        println!(
            "  {what:16} {:7.1} ms {:6.0} MB/s {:9.0} rows/s {:5.2} x bare",
            time.as_secs_f64() * 1e3,
            file.len() as f64 / 1e6 / time.as_secs_f64(),
            ROWS as f64 / time.as_secs_f64(),
            time.as_secs_f64() / best[0].as_secs_f64(),
        );
    }
}

fn time(f: impl FnOnce()) -> Duration {
    let start = Instant::now();
    f();
    start.elapsed()
}

/// What nothing can be faster than: the csv crate reads all records and does nothing with them.
fn bare(file: &[u8]) -> usize {
    let mut reader = csv::ReaderBuilder::new().buffer_capacity(PIECE).from_reader(file);
    let mut record = csv::ByteRecord::new();
    let mut rows = 0;
    while reader.read_byte_record(&mut record).expect("records in memory can be read") {
        black_box(&record);
        rows += 1;
    }
    rows
}

/// Gives every row of a file to `f`, the header first; the number of data rows.
fn each_row(file: &[u8], piece: usize, mut f: impl FnMut(&RawRow<'_>)) -> usize {
    let mut rows = 0;
    let mut reader = RowReader::new(Separator::Comma);
    for piece in file.chunks(piece) {
        reader.push(piece);
        while let Some(row) = reader.next_row().expect("the file is sound") {
            f(&row);
            rows += 1;
        }
    }
    reader.finish();
    while let Some(row) = reader.next_row().expect("the file is sound") {
        f(&row);
        rows += 1;
    }
    rows - 1
}

/// Rows with their places, and nothing else.
fn rows(file: &[u8]) -> usize {
    each_row(file, PIECE, |row| {
        black_box(row);
    })
}

/// What decides whether a file is imported.
fn scan(file: &[u8]) -> usize {
    scan_in_pieces(file, PIECE)
}

fn scan_in_pieces(file: &[u8], piece: usize) -> usize {
    let mut rows = 0;
    let mut on_row = |row| {
        black_box(row);
        rows += 1;
    };
    let mut scan = FileScan::new(Limits::default());
    for piece in file.chunks(piece) {
        scan.push(piece, &mut on_row).expect("the file is sound");
    }
    scan.finish(&mut on_row).expect("the file is sound");
    rows
}

/// Everything that is done with a row, storing aside: parse, validate, normalise, write its result.
fn full(file: &[u8]) -> usize {
    full_in_pieces(file, PIECE)
}

fn full_in_pieces(file: &[u8], piece: usize) -> usize {
    let mut import = None;
    let mut out = Vec::new();
    each_row(file, piece, |row| {
        let Some((parser, writer)) = &mut import else {
            let columns = Columns::from_header(row, Separator::Comma, &ColumnMappings::default())
                .expect("the header is sound");
            let parser = RowParser::new(&columns, date(2026, 1, 2), Directory::default());
            import = Some((parser, ResultWriter::new(row, Separator::Comma)));
            return;
        };
        let parsed = black_box(parser.parse(row)).patient;
        let reason = parsed.as_ref().err().map(ToString::to_string);
        let (patient_id, status) = match parsed {
            Ok(_) => (Some(PatientId::new(Uuid::max())), RowStatus::Succeeded),
            Err(_) => (None, RowStatus::Failed),
        };
        writer.row(row, ResultCells { patient_id, status, reason: reason.as_deref() }, &mut out);
        if out.len() > 1 << 20 {
            black_box(&out);
            out.clear();
        }
    })
}

/// Time per byte of rows that are as bad as a row can be, at growing sizes: it has to stay flat.
fn hostile() {
    const HEADER: &str = "firstName,lastName,dob,gender,addressLine1,city,state,zip\n";
    println!("\nhostile rows: ns a byte, scan / scan in pieces of 100 bytes / full pass");
    let kinds: [(&str, HostileRow); 6] = [
        ("quotes", |size| format!("\"{}\"", "\"\"".repeat(size / 2))),
        ("quotes in unquoted cells", |size| "a\"".repeat(size / 2)),
        ("commas", |size| format!("x{}", ",".repeat(size))),
        ("quoted empty cells", |size| format!("x,{}", "\"\",".repeat(size / 3))),
        ("one huge cell", |size| "x".repeat(size)),
        ("line breaks in quotes", |size| format!("\"x{}\"", "\r\n".repeat(size / 2))),
    ];
    for (name, row) in kinds {
        print!("  {name:26}");
        for size in [16 << 10, 64 << 10, 256 << 10, 1020 << 10] {
            // As many rows as make the same amount of bytes at every size.
            let file = format!("{HEADER}{}", (row(size) + "\n").repeat((8 << 20) / size));
            let ns = |pass: &dyn Fn(&[u8]) -> usize| {
                let best = (0..3).map(|_| time(|| assert!(pass(file.as_bytes()) > 0))).min();
                best.unwrap_or_default().as_secs_f64() * 1e9 / file.len() as f64
            };
            print!(
                "  {:4} KiB {:5.2} / {:5.2} / {:5.2}",
                size >> 10,
                ns(&scan),
                ns(&|file| scan_in_pieces(file, 100)),
                ns(&full),
            );
        }
        println!();
    }
}

/// Time per byte of files with rows that leave quotes open, at growing sizes: it has to stay flat.
fn hostile_files() {
    const HEADER: &str = "firstName,lastName,dob,gender,addressLine1,city,state,zip\n";
    let limits = Limits { rows: u32::MAX, bytes: 1 << 30, ..Limits::default() };
    println!("\nhostile files: ns a byte of the scan");
    let lines =
        ["x\",\"y\n", "a,\"b\n", "a,\"\n\n,\"b", "\"\",\"\n", "a,\"b\nc\nd\ne\nf\ng\nh\ni\nj\nk\n"];
    for line in lines {
        print!("  {:32}", format!("{line:?}"));
        for size in [1 << 20, 10 << 20, 100 << 20] {
            let file = format!("{HEADER}{}", line.repeat(size / line.len()));
            let time = time(|| {
                let mut rows = 0_usize;
                let mut scan = FileScan::new(limits);
                for piece in file.as_bytes().chunks(PIECE) {
                    scan.push(piece, &mut |_| rows += 1).expect("the file can be imported");
                }
                scan.finish(&mut |_| rows += 1).expect("the file can be imported");
                assert!(rows > 0);
            });
            print!("  {:3} MiB {:6.2}", size >> 20, time.as_secs_f64() * 1e9 / file.len() as f64);
        }
        println!();
    }
}

/// Numbers that look random and are the same in every run (a linear congruential generator with the
/// constants of Knuth's MMIX).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn first_name(&mut self) -> &'static str {
        self.pick(&[
            "Ada",
            "MARY ANN",
            "john",
            "Christopher",
            "José",
            "Olivia",
            "William",
            "Zoë",
            "Emma",
            "Liam",
        ])
    }

    fn last_name(&mut self) -> &'static str {
        self.pick(&[
            "Lovelace",
            "O'NEIL",
            "smith-jones",
            "de la Cruz",
            "Johnson",
            "Nguyen",
            "Garcia",
            "McDonald",
        ])
    }

    fn dob(&mut self) -> String {
        format!("{}-{:02}-{:02}", 1930 + self.below(90), 1 + self.below(12), 1 + self.below(28))
    }

    /// The five cells of an address.
    fn address(&mut self) -> String {
        let street = self.pick(&["Main St", "Park Avenue", "Martin Luther King Jr Blvd", "2nd St"]);
        let line2 = if self.below(3) == 0 {
            format!("\"Apt {}, rear\"", self.below(99))
        } else {
            String::new()
        };
        let city = self.pick(&["Boston", "San Francisco", "New York", "Salt Lake City", "Reno"]);
        let state = self.pick(&["MA", "CA", "new york", "UT", "NV"]);
        format!(
            "{} {street},{line2},{city},{state},{:05}",
            1 + self.below(9999),
            501 + self.below(99_000)
        )
    }

    fn phone(&mut self) -> String {
        format!("({}) {}-{:04}", 201 + self.below(700), 200 + self.below(700), self.below(10_000))
    }

    fn email(&mut self) -> String {
        format!("patient{}@example.com", self.below(1_000_000))
    }

    fn ssn(&mut self) -> String {
        format!("{:03}-{:02}-{:04}", 1 + self.below(600), 1 + self.below(99), 1 + self.below(9999))
    }

    /// The six cells that are not grouped.
    fn person(&mut self, row: usize) -> String {
        let (first, last, dob) = (self.first_name(), self.last_name(), self.dob());
        let gender = self.pick(&["M", "F", "female", "U"]);
        format!("EHR-{row:08},{first},{last},{dob},{gender},{}", self.ssn())
    }
}

fn file_of_13_columns() -> Vec<u8> {
    let mut random = Random(1);
    let mut file = String::from(
        "externalId,firstName,lastName,dob,gender,ssn,addressLine1,addressLine2,city,state,zip,phone,email\n",
    );
    for row in 0..ROWS {
        let (person, address) = (random.person(row), random.address());
        let (phone, email) = (random.phone(), random.email());
        file += &format!("{person},{address},{phone},{email}\n");
    }
    file.into_bytes()
}

fn file_of_76_columns() -> Vec<u8> {
    let mut random = Random(2);
    let mut file = String::from("externalId,firstName,lastName,dob,gender,ssn");
    for slot in 1..=10 {
        for column in ["addressLine1", "addressLine2", "city", "state", "zip", "phone", "email"] {
            file += &format!(",{column}-{slot}");
        }
    }
    file += "\n";
    for row in 0..ROWS {
        file += &random.person(row);
        let filled = 1 + random.below(3);
        for slot in 0..10 {
            if slot < filled {
                let (address, phone, email) = (random.address(), random.phone(), random.email());
                file += &format!(",{address},{phone},{email}");
            } else {
                file += ",,,,,,,";
            }
        }
        file += "\n";
    }
    file.into_bytes()
}
