//! What an import costs on AWS: every call counted, at list prices.

use memory::{Operation, Usage, UsageOf};

use crate::drive::Account;
use crate::file::file;
use crate::gateway::Gateway;

/// US dollars for a million, us-east-1, list prices as of 2026-11 without free tiers.
mod price {
    /// DynamoDB on-demand write request units.
    pub const WRITE: f64 = 0.625;
    /// DynamoDB on-demand read request units (one strongly consistent read of 4 KiB).
    pub const READ: f64 = 0.125;
    /// S3 PUT, POST, LIST.
    pub const PUT: f64 = 5.0;
    /// S3 GET.
    pub const GET: f64 = 0.4;
    /// SQS requests: each message is sent in a batch, and received and deleted by the event source.
    pub const QUEUE: f64 = 0.4;
    /// Lambda requests.
    pub const INVOCATION: f64 = 0.2;
    /// Lambda arm64, gigabyte-seconds.
    pub const GIGABYTE_SECOND: f64 = 13.3334;
}

/// What a chunk of 250 rows takes its function, in seconds: 500 writes of 5 ms each, 32 at a time, the reads before
/// and the outcomes after them. An assumption: nothing here measures AWS.
const SECONDS_A_CHUNK: f64 = 0.5;
/// What fan-out and finalize take for 100,000 rows: reading and writing 15 MB, and 400 small objects, 16 at a time.
const SECONDS_A_FILE: f64 = 10.0;
/// Memory of these functions in template.yaml, in GiB.
const MEMORY: f64 = 0.5;
/// What a message about ten patients takes its function, in seconds, almost all of it waiting: the ten are asked about
/// at the same time, two searches of 0.7 s each, and 0.1 s for the tables. An assumption about gateways that nobody
/// makes for a real one before asking it; a slow one costs in proportion.
const SECONDS_A_QUERY_MESSAGE: f64 = 1.5;
/// Memory of the function that asks the gateway, in GiB.
const QUERY_MEMORY: f64 = 0.25;

/// Prints calls and dollars for files of so many rows.
pub fn report(rows: u32) {
    println!("\nAWS calls for {rows} rows, from what the use cases really asked for");
    println!("{:>28}  {:>10} {:>10} {:>12} {:>12}", "", "calls", "per row", "units", "bytes");
    let account = Account::new();
    let plain = file(rows, 0);
    print("first import", rows, &measure(&account, plain.clone()));
    print("the same file again", rows, &measure(&account, plain.clone()));
    print("20% twins", rows, &measure(&Account::new(), file(rows, 20)));
    let queried = Account::with_gateway(Some(Gateway { documents: 4 }));
    print("first import, with document queries", rows, &measure(&queried, plain.clone()));
    print("the same file again, with document queries", rows, &measure(&queried, plain));
    println!(
        "\nDocument queries: half of the patients have 4 documents of about 700 bytes each, and no query fails.\n\
         Counted is Lambda time of {SECONDS_A_QUERY_MESSAGE} s at {QUERY_MEMORY} GiB for each message about ten \
         patients, an assumption;\nnot counted are the gateway's price and data transfer."
    );
}

/// What an import took.
struct Measured {
    usage: Usage,
    /// Messages about document queries.
    query_messages: u64,
}

fn measure(account: &Account, file: String) -> Measured {
    let before = (account.cloud.usage(), account.query_messages());
    account.import(file);
    Measured {
        usage: account.cloud.usage().since(&before.0),
        query_messages: account.query_messages() - before.1,
    }
}

fn print(what: &str, rows: u32, measured: &Measured) {
    let usage = &measured.usage;
    let per_row = |count: u64| count as f64 / f64::from(rows);
    println!("{what}");
    for (operation, of) in usage.iter() {
        let (name, calls) = (operation.name(), of.calls);
        println!("{name:>28}  {calls:>10} {:>10.4} {:>12} {:>12}", per_row(calls), of.units, of.bytes);
    }
    println!("{:>28}  {:>10} {:>10.4}", "items written", usage.writes(), per_row(usage.writes()));
    let indexed = usage.of(Operation::PutItem).index_units;
    println!("{:>28}  {:>10} {:>10.4}", "entries of indexes written", indexed, per_row(indexed));
    let read = reads(usage);
    println!("{:>28}  {:>10} {:>10.4}", "units read", read, per_row(read));
    let dollars = dollars(rows, measured);
    println!("{:>28}  ${dollars:.4}, {:.0}% of it writes", "costs", 100.0 * writes(usage) / dollars);
    if measured.query_messages > 0 {
        let lambda = query_lambda(measured.query_messages);
        println!(
            "{:>28}  ${lambda:.4} for {} messages",
            "of it, asking the gateway", measured.query_messages
        );
    }
}

/// Dollars for DynamoDB's write request units, those of its indexes included.
fn writes(usage: &Usage) -> f64 {
    let operations = [Operation::PutItem, Operation::UpdateItem, Operation::DeleteItem];
    let units = |of: UsageOf| of.units + of.index_units;
    let units: u64 = operations.iter().map(|operation| units(usage.of(*operation))).sum();
    units as f64 * price::WRITE / 1e6
}

/// DynamoDB's read request units.
fn reads(usage: &Usage) -> u64 {
    let operations = [Operation::GetItem, Operation::BatchGetItem, Operation::Query];
    operations.iter().map(|operation| usage.of(*operation).units).sum()
}

/// Requests and time of the function that asks the gateway.
fn query_lambda(messages: u64) -> f64 {
    messages as f64 * (price::INVOCATION + SECONDS_A_QUERY_MESSAGE * QUERY_MEMORY * price::GIGABYTE_SECOND)
        / 1e6
}

fn dollars(rows: u32, measured: &Measured) -> f64 {
    use Operation::{GetObject, ListObjectVersions, PutObject, SendMessage};
    let usage = &measured.usage;
    let units = |operations: &[Operation]| -> f64 {
        operations.iter().map(|operation| usage.of(*operation).units as f64).sum()
    };
    let messages = usage.of(SendMessage).items as f64;
    let chunks = messages - measured.query_messages as f64;
    let seconds = chunks * SECONDS_A_CHUNK + 2.0 * SECONDS_A_FILE * f64::from(rows) / 100_000.0;
    writes(usage)
        + query_lambda(measured.query_messages)
        + (reads(usage) as f64 * price::READ
            + units(&[PutObject, ListObjectVersions]) * price::PUT
            + units(&[GetObject]) * price::GET
            + (units(&[SendMessage]) + 2.0 * messages) * price::QUEUE
            + (chunks + 3.0) * price::INVOCATION
            + seconds * MEMORY * price::GIGABYTE_SECOND)
            / 1e6
}

/// The incumbent's documented design, for the same rows without document queries: for each patient 13 S3 requests
/// (6 writes and 7 reads, say), 2 SQS messages sent, received and deleted one by one, two invocations of which one
/// sleeps 6 seconds at 1 GB. Its database is not counted.
pub fn incumbent(rows: u32) {
    let per_patient = (6.0 * price::PUT
        + 7.0 * price::GET
        + 6.0 * price::QUEUE
        + 2.0 * price::INVOCATION
        + 6.5 * price::GIGABYTE_SECOND)
        / 1e6;
    println!("\nOne patient at a time, without a database: ${:.2}", per_patient * f64::from(rows));
}
