//! The commands of `bulk admin`.

use clap::{Args, Subcommand};
use domain::facility::Npi;
use domain::ids::CustomerId;
use domain::label::Label;
use domain::patient::{Address, AddressText, Country, State, Zip};

/// What an operator looks after.
#[derive(Debug, Subcommand)]
pub enum Object {
    /// Customers: each sees only what is its own
    #[command(subcommand)]
    Customer(CustomerCommand),
    /// API keys of a customer
    #[command(subcommand)]
    Key(KeyCommand),
    /// Facilities of a customer, where its patients receive care
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
        /// Its name
        #[arg(long)]
        name: String,
    },
    /// List all customers
    List,
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make an API key and print it: the only time that it can be seen
    Create {
        /// Id of the customer
        #[arg(long, value_name = "ID")]
        customer: CustomerId,
        /// Calls of the API that it may make in a minute, where that is not what every key may
        #[arg(long, value_name = "N")]
        calls_per_minute: Option<u32>,
    },
    /// List the keys of a customer: id, first characters, when made. Never the keys, which nobody has
    List {
        /// Id of the customer
        #[arg(long, value_name = "ID")]
        customer: CustomerId,
    },
    /// Take a key away: whoever uses it is refused from now on
    Revoke {
        /// The id of the key, as `list` shows it
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
        /// Its name
        #[arg(long)]
        name: Label,
        /// Its National Provider Identifier, 10 digits of which the last checks the others
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

/// Where a facility is. Clients of the public API read no facility without an address.
#[derive(Debug, Args)]
pub struct AddressArguments {
    /// Number and street
    #[arg(long, value_name = "TEXT")]
    address_line1: AddressText,
    /// Suite, floor and the like
    #[arg(long, value_name = "TEXT")]
    address_line2: Option<AddressText>,
    /// City
    #[arg(long)]
    city: AddressText,
    /// State, by its code or its name
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
        /// Its name
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
