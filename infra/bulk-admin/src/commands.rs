//! The commands of `bulk-admin` with their arguments.

use std::path::PathBuf;
use std::time::Duration;

use bulk_aws::{KeyTerms, ResourceNames};
use bulk_domain::facility::Npi;
use bulk_domain::ids::{CustomerId, JobId, PatientId};
use bulk_domain::key_id::KeyId;
use bulk_domain::key_rights::{AddressRange, KeyRights, Scope};
use bulk_domain::label::Label;
use bulk_domain::patient::{Address, AddressText, Country, State, Zip};
use bulk_domain::time::Timestamp;
use clap::{Args, Subcommand};

use crate::duration::duration;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Customers. A customer sees its own data only
    #[command(subcommand)]
    Customer(CustomerCommand),
    /// API keys of a customer. A key gives access to all data of its customer
    #[command(subcommand)]
    Key(KeyCommand),
    /// Facilities of a customer: places where its patients receive care
    #[command(subcommand)]
    Facility(FacilityCommand),
    /// Cohorts of a customer: named sets of patients
    #[command(subcommand)]
    Cohort(CohortCommand),
    /// Patients of a customer: what is held about one of them
    #[command(subcommand)]
    Patient(PatientCommand),
    /// Repeat deletions and opt-outs of patients that a restored table has lost
    ///
    /// Reads in the audit trail which patients were deleted, opted out and opted in. Deletes those
    /// that are there, and opts the others out or in again. It can be run again, and has to be
    /// after an interruption.
    Replay(ReplayArguments),
    /// Print the audit trail, oldest events first: who did what, to which objects, from where
    Audit(AuditArguments),
}

/// Which events to print. An event has to match all arguments.
#[derive(Debug, Args)]
pub struct AuditArguments {
    /// Only events about this customer
    #[arg(long, value_name = "ID")]
    pub customer: Option<CustomerId>,
    /// Only events that name this patient
    #[arg(long, value_name = "ID")]
    pub patient: Option<PatientId>,
    /// Only events that name this import: its `requestId`
    #[arg(long, value_name = "ID")]
    pub job: Option<JobId>,
    /// Only events of calls with this key, and commands about it: its id, as `key list` shows it
    #[arg(long, value_name = "ID")]
    pub key: Option<KeyId>,
    /// How far to go back: a number and m, h or d, such as 30d
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = duration)]
    pub since: Duration,
}

#[derive(Debug, Subcommand)]
pub enum CustomerCommand {
    /// Create a customer, and print its id for the other commands
    Create {
        /// Name of the customer, for operators only
        #[arg(long)]
        name: String,
    },
    /// List all customers with their ids
    List,
    /// Delete a customer with everything that the service holds of it. Cannot be undone
    ///
    /// The keys go first. The customer itself goes last, by a second run at least 15 minutes later,
    /// because functions that had begun may write until then. An interrupted run is resumed by
    /// running the command again.
    Delete {
        /// Id of the customer, as `customer list` prints it
        #[arg(value_name = "ID")]
        customer: CustomerId,
        /// Name of the customer, which confirms the deletion. Without it, the command asks
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        resources: ResourceArguments,
    },
}

/// Where customers have data, besides the directory table.
#[derive(Debug, Args)]
pub struct ResourceArguments {
    /// Name of the jobs table: the stack's output `JobsTable`
    #[arg(long, value_name = "NAME", env = "JOBS_TABLE")]
    pub jobs_table: String,
    /// Name of the patients table: the stack's output `PatientsTable`
    #[arg(long, value_name = "NAME", env = "PATIENTS_TABLE")]
    pub patients_table: String,
    /// Name of the table of external ids: the stack's output `ExternalIdsTable`
    #[arg(long, value_name = "NAME", env = "EXTERNAL_IDS_TABLE")]
    pub external_ids_table: String,
    /// Name of the bucket: the stack's output `FilesBucket`
    #[arg(long, value_name = "NAME", env = "FILES_BUCKET")]
    pub files_bucket: String,
}

impl ResourceArguments {
    /// Returns all names, with that of the directory table.
    pub fn names(self, directory: String) -> ResourceNames {
        ResourceNames {
            directory,
            jobs: self.jobs_table,
            patients: self.patients_table,
            external_ids: self.external_ids_table,
            files: self.files_bucket,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Create an API key and print it. A key is shown this once only
    Create {
        /// Id of the customer, as `customer list` prints it
        #[arg(long, value_name = "ID")]
        customer: CustomerId,
        #[command(flatten)]
        terms: KeyArguments,
    },
    /// Create a key with the terms of another one, print it, and let the other one end
    ///
    /// Both keys work until then, so that programs can change to the new key one by one.
    Rotate {
        /// Id of the key to be replaced, as `key list` shows it
        #[arg(value_name = "ID")]
        id: KeyId,
        /// How long the replaced key still works: a number and m, h or d
        #[arg(long, value_name = "TIME", default_value = "7d", value_parser = duration)]
        overlap: Duration,
    },
    /// List the keys of a customer, oldest first: id, first characters, creation, last use, end,
    /// scopes, addresses, label. The keys themselves are not stored
    List {
        /// Id of the customer, as `customer list` prints it
        #[arg(long, value_name = "ID")]
        customer: CustomerId,
    },
    /// Revoke a key: the API refuses it from now on
    Revoke {
        /// Id of the key, as `key list` shows it
        #[arg(value_name = "ID")]
        id: KeyId,
    },
}

/// What a new key may do. Without arguments: everything, from anywhere and for ever.
#[derive(Debug, Args)]
pub struct KeyArguments {
    /// What the key is for, such as the program that uses it
    #[arg(long, value_name = "TEXT")]
    label: Option<Label>,
    /// What the key may do, may be given several times: import, read-patients, settings, delete
    /// [default: all]
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<Scope>,
    /// After which time the key ends: a number and m, h or d, such as 365d [default: never]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    expires_after: Option<Duration>,
    /// Addresses that the key may be used from, may be given several times: an IP address or a
    /// range such as 203.0.113.0/24 [default: all]
    #[arg(long = "allow-from", value_name = "RANGE")]
    addresses: Vec<AddressRange>,
    /// API calls that the key may make in a minute [default: the stack's `CallsPerMinute`]
    #[arg(long, value_name = "N")]
    calls_per_minute: Option<u32>,
}

impl KeyArguments {
    /// Returns the terms of a key of this customer that is created now.
    pub fn terms(self, customer: CustomerId, now: Timestamp) -> KeyTerms {
        let rights = KeyRights {
            scopes: self.scopes.into_iter().collect(),
            valid_until: self.expires_after.map(|after| now.plus(after)),
            addresses: self.addresses.into_iter().collect(),
        };
        let (label, calls_per_minute) = (self.label, self.calls_per_minute);
        KeyTerms { customer, label, rights, calls_per_minute }
    }
}

#[derive(Debug, Subcommand)]
pub enum FacilityCommand {
    /// Create a facility of a customer, and print its id
    Create {
        /// Id of the customer, as `customer list` prints it
        #[arg(long, value_name = "ID")]
        customer: CustomerId,
        /// Name of the facility, as its customer sees it
        #[arg(long)]
        name: Label,
        /// National Provider Identifier: 10 digits, the last of which is a check digit
        #[arg(long)]
        npi: Npi,
        #[command(flatten)]
        address: AddressArguments,
    },
    /// List the facilities of a customer with their ids and NPIs
    List {
        /// Id of the customer, as `customer list` prints it
        #[arg(long, value_name = "ID")]
        customer: CustomerId,
    },
}

/// The address of a facility. It is required, because clients of the public API cannot read a
/// facility without one.
#[derive(Debug, Args)]
pub struct AddressArguments {
    /// Number and street, such as 1 Main St
    #[arg(long, value_name = "TEXT")]
    address_line1: AddressText,
    /// Suite or floor, if there is one
    #[arg(long, value_name = "TEXT")]
    address_line2: Option<AddressText>,
    /// City of the facility, such as Boston
    #[arg(long)]
    city: AddressText,
    /// State: its code or its name
    #[arg(long)]
    state: State,
    /// Zip code of the facility, such as 02110
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
pub enum PatientCommand {
    /// Print the record of a patient, as JSON. It is protected health information
    Show {
        /// Id of the customer, as `customer list` prints it
        #[arg(long, value_name = "ID")]
        customer: CustomerId,
        /// Name of the patients table: the stack's output `PatientsTable`
        #[arg(long, value_name = "NAME", env = "PATIENTS_TABLE")]
        patients_table: String,
        /// Id of the patient: `metriportId` in result files
        #[arg(value_name = "ID")]
        id: PatientId,
    },
    /// Print everything that the stack holds about a patient, by place. It is protected health
    /// information
    ///
    /// Looks into the tables, the bucket and the audit trail, and tells until when each file is
    /// kept. The patient may be deleted.
    Find(PatientArguments),
    /// Write everything that the stack holds about a patient as one JSON document. It is protected
    /// health information
    Export {
        #[command(flatten)]
        arguments: PatientArguments,
        /// File to be written, which must not be there [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// A patient, and where to look.
#[derive(Debug, Args)]
pub struct PatientArguments {
    /// Id of the customer, as `customer list` prints it
    #[arg(long, value_name = "ID")]
    pub customer: CustomerId,
    #[command(flatten)]
    pub of: WhichPatient,
    #[command(flatten)]
    pub resources: ResourceArguments,
}

/// The patient, by one of its ids.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct WhichPatient {
    /// Id of the patient: `metriportId` in result files
    #[arg(value_name = "ID")]
    pub id: Option<PatientId>,
    /// The value of externalId in imported files; `-` reads it from standard input, because shells
    /// store arguments and other users of a machine can see them
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    pub external_id: Option<String>,
}

/// Which deletions and opt-outs to repeat, and where.
#[derive(Debug, Args)]
pub struct ReplayArguments {
    /// How far to go back, at least to the restored point in time: a number and m, h or d
    #[arg(long, value_name = "TIME", default_value = "36d", value_parser = duration)]
    pub since: Duration,
    /// Count the patients, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub resources: ResourceArguments,
}

#[derive(Debug, Subcommand)]
pub enum CohortCommand {
    /// Create a cohort of a customer, and print its id
    Create {
        /// Id of the customer, as `customer list` prints it
        #[arg(long, value_name = "ID")]
        customer: CustomerId,
        /// Name of the cohort, as its customer sees it
        #[arg(long)]
        name: Label,
    },
    /// List the cohorts of a customer with their ids
    List {
        /// Id of the customer, as `customer list` prints it
        #[arg(long, value_name = "ID")]
        customer: CustomerId,
    },
}
