//! `bulk-admin patient`: what is held about one patient, for support and for requests of patients.

mod failed_rows;
mod held;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use bulk_aws::{AuditLog, AwsPorts, Connection, Objects, Patients};
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::patient::ExternalId;
use bulk_domain::problem::Problem;
use bulk_pipeline::find_patient::patients_with;
use bulk_pipeline::ports::Ports as _;
use bulk_pipeline::ports::prelude::*;
use bulk_terminal::{Failure, Output, given_or_read};

use crate::audit::Recorder;
use crate::commands::{PatientArguments, PatientCommand};
use crate::failed;
use held::Held;

/// Runs a command about a patient.
pub async fn patient(
    command: PatientCommand,
    connection: &Connection,
    directory: String,
    log: &AuditLog,
    recorder: &Recorder,
    output: Output,
) -> anyhow::Result<()> {
    match command {
        PatientCommand::Show { customer, patients_table, id } => {
            let patients = Patients::new(connection.dynamodb(), patients_table);
            show(&patients, customer, id, output).await
        }
        PatientCommand::Find(arguments) => {
            let held = find(arguments, connection, directory, log, recorder).await?;
            if output.json {
                return output.value(&held.to_json());
            }
            Ok(output.line(held.to_text()?)?)
        }
        PatientCommand::Export { arguments, out } => {
            let held = find(arguments, connection, directory, log, recorder).await?;
            let held = held.to_json();
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
    recorder: &Recorder,
) -> anyhow::Result<Held> {
    let PatientArguments { customer, of, resources } = arguments;
    let objects = Objects::new(connection.s3(), resources.files_bucket.clone());
    let ports = AwsPorts::of_operator(connection, resources.names(directory), log.clone());
    let id = match (of.id, of.external_id) {
        (Some(id), _) => id,
        (None, external_id) => {
            let id = with_external_id(&ports, customer, external_id.unwrap_or_default()).await?;
            // The event of the command's beginning names no patient.
            recorder.before(customer, &[id]).await?;
            id
        }
    };
    Held::find(&ports, &objects, log, customer, id).await
}

/// Returns the only patient that an entry of an external id names, who may be deleted.
async fn with_external_id(
    ports: &AwsPorts,
    customer: CustomerId,
    given: String,
) -> anyhow::Result<PatientId> {
    // A problem names what is wrong and not the value.
    let external_id: ExternalId = given_or_read(given)?
        .parse()
        .map_err(|problem: Problem| Failure::new(format!("the external id: {problem}")))?;
    let key = ports.directory().load_hash_key(customer).await.map_err(failed)?;
    let found = patients_with(ports, customer, key.external_id(&external_id)).await;
    let found: Vec<PatientId> = found.map_err(failed)?.into_iter().collect();
    match found[..] {
        [id] => Ok(id),
        [] => Err(Failure::new("no patient of the customer has, or had, this external id")
            .next("upper and lower case matter; an entry of a deleted patient is deleted with it")
            .into()),
        _ => {
            let ids: Vec<String> = found.iter().map(ToString::to_string).collect();
            Err(Failure::new(format!("several patients have, or had, it: {}", ids.join(" ")))
                .next("run the command for each of these ids")
                .into())
        }
    }
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
