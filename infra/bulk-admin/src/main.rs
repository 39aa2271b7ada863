//! `bulk-admin`: what an operator sets up for a customer, written straight to the directory table.

mod audit;
mod bar;
mod commands;
mod delete_customer;
mod duration;
mod patient;
mod replay;

use std::process::ExitCode;

use std::collections::BTreeSet;

use bulk_aws::{AuditLog, Connection, Directory, KeyTerms, Program, StoredKey, System};
use bulk_domain::api_key::ApiKey;
use bulk_domain::cohort::{Cohort, CohortColor};
use bulk_domain::facility::Facility;
use bulk_domain::hash_key::HashKey;
use bulk_domain::ids::{CohortId, CustomerId, FacilityId};
use bulk_domain::key_rights::KeyRights;
use bulk_domain::time::Timestamp;
use bulk_pipeline::ports::PortError;
use bulk_pipeline::ports::prelude::*;
use bulk_terminal::{Exit, Failure, Output};
use clap::Parser;
use serde_json::{Value, json};

use audit::{Note, Recorder, audit};
use commands::{
    CohortCommand, Command, CustomerCommand, FacilityCommand, KeyCommand, PatientCommand,
};
use delete_customer::delete_customer;
use patient::patient;
use replay::replay;

/// Set up customers of the bulk patient import: their API keys, facilities and cohorts.
#[derive(Debug, Parser)]
#[command(
    name = "bulk-admin",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_long_help = HELP
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Name of the directory table: the stack's output `DirectoryTable`
    #[arg(long, global = true, value_name = "NAME", env = "DIRECTORY_TABLE")]
    table: Option<String>,
    /// Name of the log group of the audit trail, which has an event of each command: the stack's
    /// output `AuditLogGroup`
    #[arg(long, global = true, value_name = "NAME", env = "AUDIT_LOG_GROUP")]
    audit_log_group: Option<String>,
    /// Print JSON instead of text, one line for each result
    #[arg(long, global = true)]
    json: bool,
}

const HELP: &str = "\
Examples:
  export DIRECTORY_TABLE=bulk-import-Directory-ABC123 AUDIT_LOG_GROUP=bulk-import-AuditTrail-ABC123
  bulk-admin customer create --name 'Main Street Clinics'
  (umask 077; bulk-admin key create --customer ID > customer.key)
  bulk-admin key list --customer ID
  bulk-admin key revoke 1f3a…
  bulk-admin audit --patient ID --since 30d

Region and credentials come from where the AWS SDKs look for them: AWS_PROFILE, AWS_REGION, ~/.aws, …

Exit status:
  0  done      1  wrong usage, or refused      4  AWS could not be reached: retry";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match bulk_terminal::parse::<Cli>() {
        Ok(cli) => {
            let output = Output::new(cli.json, false);
            bulk_terminal::end(run(cli, output).await, output)
        }
        Err(usage) => usage,
    }
}

async fn run(cli: Cli, output: Output) -> anyhow::Result<Exit> {
    let Cli { command, table, audit_log_group, .. } = cli;
    let table = table.filter(|table| !table.is_empty()).ok_or_else(|| {
        Failure::new("the name of the directory table is not known")
            .next("set DIRECTORY_TABLE, or give --table: the stack's output DirectoryTable")
    });
    // Every command but these two needs the directory.
    let table = match command {
        Command::Patient(PatientCommand::Show { .. }) | Command::Audit(_) => {
            table.unwrap_or_default()
        }
        _ => table?,
    };
    let group = audit_log_group.filter(|group| !group.is_empty()).ok_or_else(|| {
        Failure::new("the name of the audit trail's log group is not known").next(
            "set AUDIT_LOG_GROUP, or give --audit-log-group: the stack's output AuditLogGroup",
        )
    })?;
    let connection = Connection::open(Program::BulkAdmin).await;
    let log = AuditLog::new(connection.logs(), group);
    let mut note = Note::of(&command);
    let recorder = Recorder::begin(&connection, log.clone(), &note).await?;
    let directory = Directory::new(connection.dynamodb(), table.clone());
    let ended = match command {
        Command::Customer(command) => {
            customer(command, &connection, directory, &mut note, output).await
        }
        Command::Key(command) => key(command, &directory, &mut note, output).await,
        Command::Facility(command) => facility(command, &directory, &mut note, output).await,
        Command::Cohort(command) => cohort(command, &directory, &mut note, output).await,
        Command::Patient(command) => {
            patient(command, &connection, table, &log, &recorder, output).await
        }
        Command::Replay(arguments) => {
            replay(arguments, &connection, table, &log, &recorder, output).await
        }
        Command::Audit(arguments) => audit(&arguments, &log, output).await,
    };
    recorder.end(note, ended).await?;
    Ok(Exit::Done)
}

async fn customer(
    command: CustomerCommand,
    connection: &Connection,
    directory: Directory,
    note: &mut Note,
    output: Output,
) -> anyhow::Result<()> {
    match command {
        CustomerCommand::Create { name } => {
            let id = CustomerId::new(System::default().new_id());
            directory
                .create_customer(id, &name, &HashKey::new(System::default().secret()))
                .await
                .map_err(failed)?;
            note.customer = Some(id);
            created(output, "id", &id.to_string())
        }
        CustomerCommand::List => {
            for customer in directory.list_customers().await.map_err(failed)? {
                if output.json {
                    output.value(&json!({"id": customer.id, "name": customer.name}))?;
                } else {
                    output.line(format_args!("{}  {}", customer.id, customer.name))?;
                }
            }
            Ok(())
        }
        CustomerCommand::Delete { customer, name, resources } => {
            delete_customer(connection, directory, customer, name, resources, output).await
        }
    }
}

async fn key(
    command: KeyCommand,
    directory: &Directory,
    note: &mut Note,
    output: Output,
) -> anyhow::Result<()> {
    match command {
        KeyCommand::Create { customer, terms } => {
            let now = System::default().now();
            new_key(directory, terms.terms(customer, now), now, note, output).await
        }
        KeyCommand::Rotate { id, overlap } => {
            let now = System::default().now();
            let end = now.plus(overlap);
            let replaced = directory.end_key(id, end).await.map_err(failed)?.ok_or_else(no_key)?;
            note.customer = Some(replaced.terms.customer);
            // The new key lasts as long as the replaced one was meant to last.
            let lifetime =
                replaced.terms.rights.valid_until.map(|until| replaced.created_at.until(until));
            let mut terms = replaced.terms;
            terms.rights.valid_until = lifetime.map(|lifetime| now.plus(lifetime));
            output.note(format_args!("key {id} ends at {end} at the latest"));
            new_key(directory, terms, now, note, output).await
        }
        KeyCommand::List { customer } => {
            for key in directory.list_keys(customer).await.map_err(failed)? {
                if output.json {
                    output.value(&described(&key))?;
                } else {
                    output.line(line(&key))?;
                }
            }
            Ok(())
        }
        KeyCommand::Revoke { id } => {
            let revoked = directory.revoke_key(id).await.map_err(failed)?.ok_or_else(no_key)?;
            note.customer = Some(revoked.terms.customer);
            if output.json {
                let mut value = described(&revoked);
                value["revoked"] = json!(revoked.id);
                return output.value(&value);
            }
            let customer = revoked.terms.customer;
            Ok(output.line(format_args!("revoked, of customer {customer}: {}", line(&revoked)))?)
        }
    }
}

fn no_key() -> Failure {
    Failure::new("there is no key with this id")
        .next("bulk-admin key list --customer ID shows the ids")
}

/// Creates a key with these terms, and prints it.
async fn new_key(
    directory: &Directory,
    terms: KeyTerms,
    now: Timestamp,
    note: &mut Note,
    output: Output,
) -> anyhow::Result<()> {
    let key = ApiKey::from_random(System::default().secret());
    directory.create_key(&key, now, terms).await.map_err(failed)?;
    note.objects.keys.insert(key.id());
    output.note(format_args!("key {}; it cannot be shown again", key.id()));
    created(output, "apiKey", key.expose())
}

/// Returns what is known about a key as JSON.
fn described(key: &StoredKey) -> Value {
    let StoredKey { id, prefix, created_at, last_used, terms } = key;
    let mut value =
        json!({"id": id, "prefix": prefix, "createdAt": created_at, "lastUsed": last_used});
    if let (Value::Object(all), Ok(Value::Object(terms))) =
        (&mut value, serde_json::to_value(terms))
    {
        all.extend(terms);
    }
    value
}

/// Returns what is known about a key as a line of text.
fn line(key: &StoredKey) -> String {
    fn list<T: ToString>(all: &BTreeSet<T>, none: &str) -> String {
        let texts: Vec<String> = all.iter().map(ToString::to_string).collect();
        if texts.is_empty() { none.to_owned() } else { texts.join(",") }
    }
    let StoredKey { id, prefix, created_at, last_used, terms } = key;
    let KeyRights { scopes, valid_until, addresses } = &terms.rights;
    let time =
        |time: &Option<Timestamp>| time.map_or_else(|| "never".to_owned(), |time| time.to_string());
    let label = terms.label.as_ref().map(|label| format!("  {label}")).unwrap_or_default();
    format!(
        "{id}  {prefix}…  created {created_at}  used {}  ends {}  {}  {}{label}",
        time(last_used),
        time(valid_until),
        list(scopes, "all scopes"),
        list(addresses, "all addresses"),
    )
}

async fn facility(
    command: FacilityCommand,
    directory: &Directory,
    note: &mut Note,
    output: Output,
) -> anyhow::Result<()> {
    match command {
        FacilityCommand::Create { customer, name, npi, address } => {
            let id = FacilityId::new(System::default().new_id());
            let address = address.into();
            let facility = Facility { id, name, npi, tin: None, active: true, address };
            directory.create_entry(customer, &facility).await.map_err(failed)?;
            note.objects.facilities.insert(id);
            created(output, "id", &id.to_string())
        }
        FacilityCommand::List { customer } => {
            for facility in directory.list_entries::<Facility>(customer).await.map_err(failed)? {
                if output.json {
                    output.value(
                        &json!({"id": facility.id, "name": facility.name, "npi": facility.npi}),
                    )?;
                } else {
                    output.line(format_args!(
                        "{}  {:<10}  {}",
                        facility.id, facility.npi, facility.name
                    ))?;
                }
            }
            Ok(())
        }
    }
}

async fn cohort(
    command: CohortCommand,
    directory: &Directory,
    note: &mut Note,
    output: Output,
) -> anyhow::Result<()> {
    match command {
        CohortCommand::Create { customer, name } => {
            let id = CohortId::new(System::default().new_id());
            let (description, color) = (None, CohortColor::default());
            let cohort = Cohort { id, name, description, color };
            directory.create_entry(customer, &cohort).await.map_err(failed)?;
            note.objects.cohorts.insert(id);
            created(output, "id", &id.to_string())
        }
        CohortCommand::List { customer } => {
            for cohort in directory.list_entries::<Cohort>(customer).await.map_err(failed)? {
                if output.json {
                    output.value(&json!({"id": cohort.id, "name": cohort.name}))?;
                } else {
                    output.line(format_args!("{}  {}", cohort.id, cohort.name))?;
                }
            }
            Ok(())
        }
    }
}

/// Prints the id, or the key, of what was created.
fn created(output: Output, name: &str, value: &str) -> anyhow::Result<()> {
    if output.json { output.value(&json!({ name: value })) } else { Ok(output.line(value)?) }
}

/// Reports a failed call of AWS. `PortError` holds AWS's codes only, because its messages may
/// repeat the request.
#[allow(clippy::needless_pass_by_value, reason = "the signature that map_err wants")]
fn failed(error: PortError) -> anyhow::Error {
    let failure = Failure::new(error.to_string());
    let failure = if error.transient { failure.exit(Exit::Unreachable) } else { failure };
    failure
        .next("check the AWS credentials, the region, and the names of tables and log group")
        .into()
}
