//! The commands and their arguments.

use clap::{Args, Subcommand};
use domain::facility::Npi;
use domain::ids::CustomerId;
use domain::label::Label;
use domain::patient::{Address, AddressText, Country, State, Zip};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Customers. A customer sees its own data only
    #[command(subcommand)]
    Customer(CustomerCommand),
    /// API keys of a customer
    #[command(subcommand)]
    Key(KeyCommand),
    /// Facilities of a customer: places where its patients receive care
    #[command(subcommand)]
    Facility(FacilityCommand),
    /// Cohorts of a customer: named sets of patients
    #[command(subcommand)]
    Cohort(CohortCommand),
}

#[derive(Debug, Subcommand)]
pub enum CustomerCommand {
    /// Add a customer and print its id
    Create {
        /// Name
        #[arg(long)]
        name: String,
    },
    /// List all customers
    List,
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Create an API key and print it. A key is shown this once only
    Create {
        /// Id of the customer
        #[arg(long, value_name = "ID")]
        customer: CustomerId,
        /// API calls that the key may make in a minute [default: the stack's `CallsPerMinute`]
        #[arg(long, value_name = "N")]
        calls_per_minute: Option<u32>,
    },
    /// List the keys of a customer: id, first characters, time of creation. The keys themselves are not stored
    List {
        /// Id of the customer
        #[arg(long, value_name = "ID")]
        customer: CustomerId,
    },
    /// Revoke a key: the API refuses it from now on
    Revoke {
        /// Id of the key, as `key list` shows it
        #[arg(value_name = "ID")]
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum FacilityCommand {
    /// Add a facility and print its id
    Create {
        /// Id of the customer
        #[arg(long, value_name = "ID")]
        customer: CustomerId,
        /// Name
        #[arg(long)]
        name: Label,
        /// National Provider Identifier: 10 digits, the last of which is a check digit
        #[arg(long)]
        npi: Npi,
        #[command(flatten)]
        address: AddressArguments,
    },
    /// List the facilities of a customer
    List {
        /// Id of the customer
        #[arg(long, value_name = "ID")]
        customer: CustomerId,
    },
}

/// The address of a facility. It is required, because clients of the public API cannot read a facility without one.
#[derive(Debug, Args)]
pub struct AddressArguments {
    /// Number and street
    #[arg(long, value_name = "TEXT")]
    address_line1: AddressText,
    /// Suite or floor
    #[arg(long, value_name = "TEXT")]
    address_line2: Option<AddressText>,
    /// City
    #[arg(long)]
    city: AddressText,
    /// State: its code or its name
    #[arg(long)]
    state: State,
    /// Zip code
    #[arg(long)]
    zip: Zip,
}

impl From<AddressArguments> for Address {
    fn from(arguments: AddressArguments) -> Self {
        let AddressArguments { address_line1, address_line2, city, state, zip } = arguments;
        Self { address_line1, address_line2, city, state, zip, country: Country::Usa }
    }
}

#[derive(Debug, Subcommand)]
pub enum CohortCommand {
    /// Add a cohort and print its id
    Create {
        /// Id of the customer
        #[arg(long, value_name = "ID")]
        customer: CustomerId,
        /// Name
        #[arg(long)]
        name: Label,
    },
    /// List the cohorts of a customer
    List {
        /// Id of the customer
        #[arg(long, value_name = "ID")]
        customer: CustomerId,
    },
}
