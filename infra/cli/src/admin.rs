//! `bulk admin`: what an operator sets up for a customer.

mod commands;

use aws::{ApiKey, Directory, Environment, Place, Program, System};
use clap::Args;
use domain::cohort::Cohort;
use domain::facility::Facility;
use domain::ids::{CohortId, CustomerId, FacilityId};
use pipeline::ports::{Clock as _, PortError, Randomness as _};
use pipeline::ports::{CreateCohort as _, CreateFacility as _, ListCohorts as _, ListFacilities as _};
use serde_json::json;

use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use commands::{CohortCommand, CustomerCommand, FacilityCommand, KeyCommand, Object};

/// Variable with the name of the directory table.
const TABLE: &str = "DIRECTORY_TABLE";

/// Arguments of `bulk admin`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Admin {
    #[command(subcommand)]
    object: Object,
}

const EXAMPLES: &str = "\
Examples:
  export DIRECTORY_TABLE=…            the stack's output DirectoryTable, or directory_table in a profile
  bulk admin customer create --name 'Main Street Clinics'
  bulk admin key create --customer ID > customer.key
  bulk admin key list --customer ID
  bulk admin key revoke 1f3a…

Credentials come from where the AWS SDKs look for them; a profile may name aws_profile and aws_region, or
aws_endpoint_url for a local stack.";

impl Admin {
    /// Does it.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let directory = directory(context).await?;
        let output = context.output;
        match self.object {
            Object::Customer(command) => customer(command, &directory, output).await,
            Object::Key(command) => key(command, &directory, output).await,
            Object::Facility(command) => facility(command, &directory, output).await,
            Object::Cohort(command) => cohort(command, &directory, output).await,
        }?;
        Ok(Exit::Done)
    }
}

/// The environment's table, or the profile's with the place that the profile names.
async fn directory(context: &Context) -> anyhow::Result<Directory> {
    if let Some(table) = std::env::var(TABLE).ok().filter(|table| !table.is_empty()) {
        return Ok(Environment::load(Program::CommandLine).await.directory_named(table));
    }
    let profile = context.globals.profile(context.output)?;
    let table = profile.directory_table.ok_or_else(|| {
        Failure::new("the name of the directory table is not known").next(
            "set DIRECTORY_TABLE to the stack's output DirectoryTable, or directory_table in the profile",
        )
    })?;
    let place = Place {
        region: profile.aws_region,
        profile: profile.aws_profile,
        endpoint_url: profile.aws_endpoint_url,
    };
    Ok(Environment::load_at(Program::CommandLine, place).await.directory_named(table))
}

async fn customer(command: CustomerCommand, directory: &Directory, output: Output) -> anyhow::Result<()> {
    match command {
        CustomerCommand::Create { name } => {
            let id = CustomerId::new(System.new_id());
            directory.create_customer(id, &name).await.map_err(failed)?;
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
    }
}

async fn key(command: KeyCommand, directory: &Directory, output: Output) -> anyhow::Result<()> {
    match command {
        KeyCommand::Create { customer, calls_per_minute } => {
            let key = ApiKey::from_random(System.secret());
            directory.create_key(customer, &key, System.now(), calls_per_minute).await.map_err(failed)?;
            output.note(format_args!("key {}; it cannot be shown again", key.id()));
            created(output, "apiKey", key.expose())
        }
        KeyCommand::List { customer } => {
            for key in directory.list_keys(customer).await.map_err(failed)? {
                if output.json {
                    output.value(
                        &json!({"id": key.id, "prefix": key.prefix, "createdAt": key.created_at, "customer": key.customer}),
                    )?;
                } else {
                    let prefix = key.prefix.map_or_else(|| "?".to_owned(), |prefix| format!("{prefix}…"));
                    output.line(format_args!(
                        "{}  {prefix:<9}  {}",
                        key.id,
                        key.created_at.unwrap_or_default()
                    ))?;
                }
            }
            Ok(())
        }
        KeyCommand::Revoke { id } => {
            let revoked = directory.revoke_key(&id).await.map_err(failed)?.ok_or_else(|| {
                Failure::new("there is no key with this id")
                    .next("bulk admin key list --customer ID shows the ids")
            })?;
            if output.json {
                return output.value(&json!({"revoked": revoked.id, "customer": revoked.customer}));
            }
            Ok(output.line(format_args!("revoked {} of customer {}", revoked.id, revoked.customer))?)
        }
    }
}

async fn facility(command: FacilityCommand, directory: &Directory, output: Output) -> anyhow::Result<()> {
    match command {
        FacilityCommand::Create { customer, name, npi, address } => {
            let id = FacilityId::new(System.new_id());
            let address = address.into();
            let facility = Facility { id, name, npi, tin: None, active: true, address };
            directory.create_facility(customer, &facility).await.map_err(failed)?;
            created(output, "id", &id.to_string())
        }
        FacilityCommand::List { customer } => {
            for facility in directory.list_facilities(customer).await.map_err(failed)? {
                if output.json {
                    output.value(&json!({"id": facility.id, "name": facility.name, "npi": facility.npi}))?;
                } else {
                    output.line(format_args!("{}  {:<10}  {}", facility.id, facility.npi, facility.name))?;
                }
            }
            Ok(())
        }
    }
}

async fn cohort(command: CohortCommand, directory: &Directory, output: Output) -> anyhow::Result<()> {
    match command {
        CohortCommand::Create { customer, name } => {
            let id = CohortId::new(System.new_id());
            let cohort = Cohort { id, name, description: None, color: None };
            directory.create_cohort(customer, &cohort).await.map_err(failed)?;
            created(output, "id", &id.to_string())
        }
        CohortCommand::List { customer } => {
            for cohort in directory.list_cohorts(customer).await.map_err(failed)? {
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

fn created(output: Output, name: &str, value: &str) -> anyhow::Result<()> {
    if output.json { output.value(&json!({ name: value })) } else { Ok(output.line(value)?) }
}

/// AWS did not do it. Its codes say enough; its messages would repeat what was asked.
#[allow(clippy::needless_pass_by_value, reason = "short to write at every call")]
fn failed(error: PortError) -> anyhow::Error {
    let failure = Failure::new(error.to_string());
    let failure = if error.transient { failure.exit(Exit::Unreachable) } else { failure };
    failure.next("check the AWS credentials, the region and the name of the directory table").into()
}
