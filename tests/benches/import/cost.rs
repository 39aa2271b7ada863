//! What an import costs on AWS: every call counted, at list prices, beside the target.

use bulk_domain::document::Demographics;
use bulk_domain::patient::Gender;
use bulk_domain::stored_json::stored_len;
use bulk_memory::{Operation, Usage};

use crate::drive::{Account, Runs};
use crate::file::file;
use crate::gateway::{Gateway, document};
use crate::prices;

/// The time that a function takes for a chunk, in seconds: a little more than the model of AWS
/// computes for a warm table. On a new table, chunks wait for a second each in the model, which
/// costs 0.005 dollars more.
const SECONDS_A_CHUNK: f64 = 0.25;
/// The time that fan-out and finalize together take for a row, in seconds: a third more than the
/// model of AWS assumes.
const SECONDS_A_ROW: f64 = 0.000_04;
/// The time that a function takes for a message about 25 patients, in seconds. Almost all of it is
/// waiting: the patients are searched for concurrently, with two searches of 0.7 s each, and the
/// tables take 0.1 s. This is an assumption, because only a measurement at the real gateway
/// would tell; a slow gateway costs in proportion.
const SECONDS_A_QUERY_MESSAGE: f64 = 1.5;
/// The time that a function takes for a webhook, in seconds. This is an assumption about receivers.
const SECONDS_A_WEBHOOK: f64 = 0.5;

/// `MemorySize` in template.yaml, in GiB: of the function that imports rows, of those that read and
/// write whole files, and of those that query and deliver webhooks.
const IMPORTING: f64 = 1.0;
const OF_FILES: f64 = 0.5;
const QUERYING: f64 = 0.4375;
const DELIVERING: f64 = 0.25;

/// The incumbent's documented design, for each patient: 13 requests to S3, about 6 of which write,
/// and two messages that are sent, received and deleted one by one. Of its two runs, one sleeps for
/// 6 s at 1 GB, and the other takes about half a second.
const INCUMBENT: Requests = Requests {
    puts: 6.0,
    gets: 7.0,
    queue: 6.0,
    runs: 2.0,
    gigabyte_seconds: 6.5,
    ..Requests::NONE
};

/// What a user would build instead: one function that reads the file once, and writes each row as a
/// new item of 1 KB at most, 25 in a request of `BatchWriteItem` that takes 15 ms. It reads no
/// patient, so that every upload of a file creates all of its patients again.
const WITHOUT_MATCHING: Requests = Requests {
    items_written: 1.0,
    write_units: 1.0,
    gigabyte_seconds: OF_FILES * (SECONDS_A_ROW + 0.015 / 25.0),
    ..Requests::NONE
};

/// The requests of an import, in all or for a row.
#[derive(Clone, Copy)]
struct Requests {
    items_written: f64,
    write_units: f64,
    read_units: f64,
    puts: f64,
    gets: f64,
    queue: f64,
    runs: f64,
    gigabyte_seconds: f64,
    /// Bytes of the audit trail.
    logged: f64,
}

impl Requests {
    const NONE: Self = Self {
        items_written: 0.0,
        write_units: 0.0,
        read_units: 0.0,
        puts: 0.0,
        gets: 0.0,
        queue: 0.0,
        runs: 0.0,
        gigabyte_seconds: 0.0,
        logged: 0.0,
    };

    /// Returns the requests of an import for each of its rows.
    fn of(rows: u32, usage: &Usage, runs: &Runs) -> Self {
        use Operation::{
            BatchGetItem, GetItem, GetObject, ListObjectVersions, PutLogEvents, PutObject, Query,
            SendMessage,
        };
        let rows = f64::from(rows);
        let units =
            |of: &[Operation]| of.iter().map(|one| usage.of(*one).units as f64).sum::<f64>() / rows;
        let per_row = |runs: u32| f64::from(runs) / rows;
        Self {
            items_written: usage.writes() as f64 / rows,
            write_units: units(&Operation::WRITES),
            read_units: units(&[GetItem, BatchGetItem, Query]),
            puts: units(&[PutObject, ListObjectVersions]),
            gets: units(&[GetObject]),
            // Messages are sent in batches, but received and deleted one by one, which is the upper
            // limit.
            queue: units(&[SendMessage]) + 2.0 * usage.of(SendMessage).items as f64 / rows,
            runs: per_row(runs.all()),
            gigabyte_seconds: IMPORTING * per_row(runs.import_rows) * SECONDS_A_CHUNK
                + OF_FILES * SECONDS_A_ROW
                + QUERYING * per_row(runs.query_documents) * SECONDS_A_QUERY_MESSAGE
                + DELIVERING * per_row(runs.deliver_webhook) * SECONDS_A_WEBHOOK,
            logged: usage.of(PutLogEvents).bytes as f64 / rows,
        }
    }

    fn dollars(&self) -> f64 {
        let millionths = self.write_units * prices::WRITE
            + self.read_units * prices::READ
            + self.puts * prices::PUT
            + self.gets * prices::GET
            + self.queue * prices::QUEUE
            + self.runs * prices::INVOCATION;
        millionths / 1e6
            + self.gigabyte_seconds * prices::GIGABYTE_SECOND
            + self.logged * prices::LOGGED / 1e9
    }

    /// Returns the requests to all services except DynamoDB.
    fn others(&self) -> f64 {
        self.puts + self.gets + self.queue + self.runs
    }
}

/// Prints the calls and the dollars of imports of this many rows. Fails if a target is missed.
pub fn report(rows: u32) {
    let (plain, duplicates) = (file(rows, 0), file(rows, 20));
    let without_ids = without_first_column(&plain);
    let measure = |name: &str, account: &Account, file: &String| {
        let before = account.cloud.usage();
        let runs = account.import(file.clone()).runs;
        let usage = account.cloud.usage().since(&before);
        details(name, rows, &usage);
        (name.to_owned(), Requests::of(rows, &usage, &runs))
    };
    let undo = |name: &str, file: &String| {
        let account = Account::new();
        account.import(file.clone());
        let before = account.cloud.usage();
        let runs = account.undo();
        let usage = account.cloud.usage().since(&before);
        details(name, rows, &usage);
        (name.to_owned(), Requests::of(rows, &usage, &runs))
    };
    println!("\nAWS calls for {rows} rows, from what the use cases really asked for");
    println!("{:>28}  {:>10} {:>10} {:>12} {:>12}", "", "calls", "per row", "units", "bytes");
    let alone = Account::new();
    let gateway = || Account::with_gateway(Gateway { documents: 4 });
    let told = Account::with_patient_webhooks(Gateway { documents: 4 });
    let queried = gateway();
    let first = measure("first import", &alone, &plain);
    let again = measure("the same file again", &alone, &plain);
    let undone = undo("undo of a first import", &plain);
    let undone_without_ids = undo("undo of a first import, without external ids", &without_ids);
    let without_ids = measure("first import, without external ids", &Account::new(), &without_ids);
    let lines = [
        measure("a fifth of the rows about people of earlier rows", &Account::new(), &duplicates),
        measure("first import, with document queries", &queried, &plain),
        measure("the same with webhooks about the documents", &told, &plain),
        measure("the same file again, with document queries", &queried, &plain),
        measure("a fifth about earlier rows, with document queries", &gateway(), &duplicates),
        ("one function, BatchWriteItem, no matching".to_owned(), WITHOUT_MATCHING),
        ("the incumbent's design, without its database".to_owned(), INCUMBENT),
    ];

    println!("\nFor a row, and dollars for {rows} rows\n");
    println!(
        "{:<50} {:>7} {:>9} {:>7} {:>8} {:>8} {:>8} {:>9}",
        "", "items", "units", "units", "requests", "requests", "runs of", "dollars"
    );
    println!(
        "{:<50} {:>7} {:>9} {:>7} {:>8} {:>8} {:>8} {:>9}",
        "", "written", "written", "read", "of S3", "of SQS", "Lambda", ""
    );
    let undos = [&undone, &undone_without_ids];
    for (name, of) in [&first, &without_ids, &again].into_iter().chain(undos).chain(&lines) {
        println!(
            "{name:<50} {:>7.3} {:>9.3} {:>7.2} {:>8.3} {:>8.3} {:>8.3} {:>9.4}",
            of.items_written,
            of.write_units,
            of.read_units,
            of.puts + of.gets,
            of.queue,
            of.runs,
            of.dollars() * f64::from(rows)
        );
    }
    println!(
        "\nDocument queries: half of the patients have 4 documents of about 560 bytes each, and no query fails; a\n\
         message about 25 patients takes {SECONDS_A_QUERY_MESSAGE} s, an assumption. Not counted: what the gateway takes, \
         data transfer, what is\nstored, logs, polls of queues that are empty, the calls of the API."
    );
    sizes(&alone);
    document_sizes();
    println!("\nAims");
    let (first, without_ids, again, with_queries) = (first.1, without_ids.1, again.1, lines[1].1);
    aim("dollars for a first import of 100,000 rows", first.dollars() * 100_000.0, 0.16);
    aim("dollars without external ids", without_ids.dollars() * 100_000.0, 0.10);
    aim("dollars with document queries", with_queries.dollars() * 100_000.0, 0.35);
    aim("write units of a row that creates a patient", first.write_units, 2.05);
    aim("write units without an external id", without_ids.write_units, 1.05);
    aim("dollars for the undo of 100,000 rows", undone.1.dollars() * 100_000.0, 0.20);
    aim("items written for a row that changes nothing", again.items_written, 0.005);
    aim("everything else, requests for a row", first.others(), 0.1);
}

/// Returns the file without its first column, which holds the external ids.
fn without_first_column(file: &str) -> String {
    let rest = file.lines().filter_map(|line| line.split_once(',')).map(|(_, rest)| rest);
    rest.collect::<Vec<_>>().join("\n")
}

/// Prints how large the stored persons are.
fn sizes(account: &Account) {
    let mut sizes = account.cloud.person_sizes();
    sizes.sort_unstable();
    let at = |percent: usize| sizes[(sizes.len() - 1) * percent / 100];
    println!(
        "\nBytes of a stored person: {} at least, median {}, 99 % up to {}, {} at most (a write unit: 1,024)",
        at(0),
        at(50),
        at(99),
        at(100)
    );
}

/// Prints how large the documents of one patient are, and how large they are stored.
fn document_sizes() {
    let of = Demographics {
        first_name: "Ada".parse().expect("a name"),
        last_name: "Lovelace".parse().expect("a name"),
        dob: "1985-12-10".parse().expect("a date"),
        gender: Gender::Female,
        zips: Vec::new(),
    };
    println!("\nBytes of the documents of a patient, as JSON and as stored");
    for count in [1, 4, 20, 100] {
        let documents: Vec<_> = (0..count).map(|number| document(&of, number)).collect();
        let json = serde_json::to_string(&documents).expect("JSON");
        println!("  {count:>4} documents {:>7} {:>7}", json.len(), stored_len(&json));
    }
}

fn details(name: &str, rows: u32, usage: &Usage) {
    println!("{name}");
    for (operation, of) in usage.iter() {
        println!(
            "{:>28}  {:>10} {:>10.4} {:>12} {:>12}",
            operation.name(),
            of.calls,
            of.calls as f64 / f64::from(rows),
            of.units,
            of.bytes
        );
    }
}

fn aim(what: &str, is: f64, at_most: f64) {
    println!("  {what:<50} {is:>8.4}, at most {at_most}");
    assert!(is <= at_most, "{what} is missed");
}
