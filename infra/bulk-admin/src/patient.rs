//! `bulk-admin patient`: what is held about one patient, for support and for requests of patients.

mod held;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use bulk_aws::{AuditLog, AwsPorts, Connection, Objects, Patients};
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_pipeline::ports::prelude::*;
use bulk_terminal::{Failure, Output};

use crate::commands::{PatientArguments, PatientCommand};
use crate::failed;
use held::Held;

/// Runs a command about a patient.
pub async fn patient(
    command: PatientCommand,
    connection: &Connection,
    directory: String,
    log: &AuditLog,
    output: Output,
) -> anyhow::Result<()> {
    match command {
        PatientCommand::Show { customer, patients_table, id } => {
            let patients = Patients::new(connection.dynamodb(), patients_table);
            show(&patients, customer, id, output).await
        }
        PatientCommand::Find(arguments) => {
            let held = find(arguments, connection, directory, log).await?;
            if output.json {
                return output.value(&held.to_json());
            }
            Ok(output.line(held.to_text()?)?)
        }
        PatientCommand::Export { arguments, out } => {
            let held = find(arguments, connection, directory, log).await?.to_json();
            let Some(path) = out else {
                return Ok(output.line(serde_json::to_string_pretty(&held)?)?);
            };
            write(&path, &serde_json::to_string_pretty(&held)?)?;
            output.note(format_args!("wrote {}, which is PHI", path.display()));
            Ok(())
        }
    }
}

async fn find(
    arguments: PatientArguments,
    connection: &Connection,
    directory: String,
    log: &AuditLog,
) -> anyhow::Result<Held> {
    let PatientArguments { customer, id, resources } = arguments;
    let objects = Objects::new(connection.s3(), resources.files_bucket.clone());
    let ports = AwsPorts::of_operator(connection, resources.names(directory), log.clone());
    Held::find(&ports, &objects, log, customer, id).await
}

async fn show(
    patients: &Patients,
    customer: CustomerId,
    id: PatientId,
    output: Output,
) -> anyhow::Result<()> {
    let mut found = patients.load_patients(customer, &[id]).await.map_err(failed)?;
    let record = found.remove(&id).ok_or_else(|| {
        Failure::new("the customer has no patient with this id")
            .next("the id is metriportId in result files; bulk-admin customer list shows customers")
    })?;
    if output.json {
        return output.value(&record.to_readable());
    }
    Ok(output.line(serde_json::to_string_pretty(&record.to_readable())?)?)
}

/// Writes a new file that only its owner can read. A file that is there is not replaced.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let written = create(path).and_then(|mut file| writeln!(file, "{text}"));
    written.map_err(|error| {
        Failure::new(format!("{} was not written: {error}", path.display()))
            .next("name a file that is not there yet, in a folder that is")
            .into()
    })
}

fn create(path: &Path) -> std::io::Result<std::fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
