//! `bulk patient`: reads back imported patients and their documents, and deletes patients.

mod show;

use std::io::Read as _;
use std::path::PathBuf;

use bulk_domain::ids::{FacilityId, PatientId};
use bulk_terminal::{Exit, Failure, ask, given_or_read};
use clap::{Args, Subcommand};
use serde_json::Value;

use crate::context::Context;

#[derive(Debug, Subcommand)]
pub enum PatientCommand {
    /// Show a patient by the id of a result file
    Get {
        /// Id of the patient: `metriportId` in result files
        #[arg(value_name = "ID")]
        id: PatientId,
    },
    /// Show the patient with an id of your own
    Find {
        /// The value of externalId in the file; `-` reads it from standard input, because shells
        /// store arguments and other users of a machine can see them
        #[arg(long, value_name = "ID", allow_hyphen_values = true)]
        external_id: String,
    },
    /// List your patients' ids; with --json, the patients
    List(List),
    /// Show the patient that an import would match
    #[command(after_long_help = "\
Example:
  echo '{\"firstName\":\"Ada\",\"lastName\":\"King\",\"dob\":\"1985-12-10\",\"genderAtBirth\":\"F\",
         \"address\":[{\"addressLine1\":\"1 Main St\",\"city\":\"Boston\",\"state\":\"MA\",\"zip\":\"02108\"}]}' |
    bulk patient match -")]
    Match {
        /// JSON with firstName, lastName, dob, genderAtBirth and address; `-` reads standard input.
        /// There are no options for these, because other users of a machine can see arguments
        file: PathBuf,
    },
    /// Delete a patient with its documents
    #[command(after_long_help = "\
The patient is on no list any more, and a later row about the same person creates a new patient.
Files that were imported keep their rows until their retention ends.

Examples:
  bulk patient delete 6496bec1-…
  bulk patient delete 6496bec1-… --yes     without a question, for scripts")]
    Delete {
        /// Id of the patient: `metriportId` in result files
        #[arg(value_name = "ID")]
        id: PatientId,
        /// Delete it without a question
        #[arg(long, short)]
        yes: bool,
    },
    /// List the documents that were found about a patient
    Documents {
        /// Id of the patient: `metriportId` in result files
        #[arg(value_name = "ID")]
        id: PatientId,
    },
    /// Show the state of a patient's document query, or start another one
    Query {
        /// Id of the patient: `metriportId` in result files
        #[arg(value_name = "ID")]
        id: PatientId,
        /// Start a document query, and print its state
        #[arg(long)]
        start: bool,
        /// Facility for which documents are queried
        #[arg(long, value_name = "ID", requires = "start")]
        facility: Option<FacilityId>,
    },
}

#[derive(Debug, Args)]
pub struct List {
    /// List patients of this facility only
    #[arg(long, value_name = "ID")]
    facility: Option<FacilityId>,
    /// How many patients to list
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, conflicts_with = "all")]
    count: usize,
    /// List all patients, without a limit
    #[arg(long)]
    all: bool,
}

impl PatientCommand {
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let (client, output) = (context.client()?, context.output);
        match self {
            Self::Get { id } => show::patient(output, &client.patient(id).await?)?,
            Self::Find { external_id } => {
                let external_id = given_or_read(external_id)?;
                show::patient(output, &client.patient_by_external_id(&external_id).await?)?;
            }
            Self::List(list) => list.run(context, &client).await?,
            Self::Match { file } => {
                show::patient(output, &client.match_patient(&read_json(&file)?).await?)?;
            }
            Self::Delete { id, yes } => {
                ask(&format!("Delete patient {id} with its documents?"), yes)?;
                client.delete_patient(id).await?;
                show::deleted(output, id)?;
            }
            Self::Documents { id } => {
                let documents = client.documents(id).await?;
                if documents.is_empty() {
                    output.note("no documents");
                }
                for document in documents {
                    show::document(output, &document)?;
                }
            }
            Self::Query { id, start: true, facility } => {
                show::fields(output, &client.start_document_query(id, facility).await?)?;
            }
            Self::Query { id, start: false, .. } => {
                show::fields(output, &client.document_query(id).await?)?;
            }
        }
        Ok(Exit::Done)
    }
}

impl List {
    async fn run(self, context: &Context, client: &crate::api::Client) -> anyhow::Result<()> {
        let limit = if self.all { usize::MAX } else { self.count };
        client
            .each_patient(self.facility, limit, |patient| show::in_list(context.output, &patient))
            .await
    }
}

/// Reads JSON from a file. An error holds the position only, because the text is about a patient.
fn read_json(file: &PathBuf) -> anyhow::Result<Value> {
    let name = file.display();
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(file).map(|read| text = read)
    };
    read.map_err(|error| Failure::new(format!("{name} cannot be read: {error}")))?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::new(format!(
            "{name} is not JSON, from line {} column {} on",
            error.line(),
            error.column()
        ))
        .into()
    })
}
