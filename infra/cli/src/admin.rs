//! `bulk admin`: what an operator sets up for a customer.

use anyhow::Context as _;
use aws::{ApiKey, Directory, Environment, System};
use clap::{Args, Subcommand};
use domain::ids::{CohortId, CustomerId, FacilityId};
use pipeline::api::directory::Facility;
use pipeline::ports::Randomness as _;
use serde_json::json;

use crate::context::Context;
use crate::exit::Exit;

/// Arguments of `bulk admin`.
#[derive(Debug, Args)]
pub struct Admin {
    #[command(subcommand)]
    object: Object,
}

#[derive(Debug, Subcommand)]
enum Object {
    /// Customers: each sees only what is its own.
    #[command(subcommand)]
    Customer(CustomerCommand),
    /// API keys of a customer.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Facilities of a customer, where its patients receive care.
    #[command(subcommand)]
    Facility(FacilityCommand),
    /// Cohorts of a customer: named sets of patients.
    #[command(subcommand)]
    Cohort(CohortCommand),
}

#[derive(Debug, Subcommand)]
enum CustomerCommand {
    /// Adds a customer and prints its id.
    Create {
        /// Its name.
        #[arg(long)]
        name: String,
    },
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Makes an API key and prints it: the only time that it can be seen.
    Create {
        /// Id of the customer.
        #[arg(long)]
        customer: CustomerId,
    },
}

#[derive(Debug, Subcommand)]
enum FacilityCommand {
    /// Adds a facility and prints its id.
    Create {
        /// Id of the customer.
        #[arg(long)]
        customer: CustomerId,
        /// Its name.
        #[arg(long)]
        name: String,
        /// Its National Provider Identifier, 10 digits.
        #[arg(long)]
        npi: String,
    },
}

#[derive(Debug, Subcommand)]
enum CohortCommand {
    /// Adds a cohort and prints its id.
    Create {
        /// Id of the customer.
        #[arg(long)]
        customer: CustomerId,
        /// Its name.
        #[arg(long)]
        name: String,
    },
}

impl Admin {
    /// Does it.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let directory = Environment::load()
            .await
            .directory()
            .context("set DIRECTORY_TABLE to the stack's output DirectoryTable")?;
        let (name, value) = self.object.create(&directory).await?;
        if context.output.json {
            context.output.value(&json!({ name: value }))?;
        } else {
            context.output.line(value)?;
        }
        Ok(Exit::Done)
    }
}

impl Object {
    async fn create(self, directory: &Directory) -> anyhow::Result<(&'static str, String)> {
        match self {
            Self::Customer(CustomerCommand::Create { name }) => {
                let id = CustomerId::new(System.new_id());
                directory.create_customer(id, &name).await?;
                Ok(("id", id.to_string()))
            }
            Self::Key(KeyCommand::Create { customer }) => {
                let key = ApiKey::from_random(System.secret());
                directory.create_key(customer, &key).await?;
                Ok(("apiKey", key.expose().to_owned()))
            }
            Self::Facility(FacilityCommand::Create { customer, name, npi }) => {
                let id = FacilityId::new(System.new_id());
                directory.create_facility(customer, &Facility { id, name, npi }).await?;
                Ok(("id", id.to_string()))
            }
            Self::Cohort(CohortCommand::Create { customer, name }) => {
                let id = CohortId::new(System.new_id());
                directory.create_cohort(customer, id, &name).await?;
                Ok(("id", id.to_string()))
            }
        }
    }
}
