//! `bulk patient`: what was imported, read back.

mod show;

use std::io::Read as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::ids::{FacilityId, PatientId};
use serde_json::Value;

use crate::context::Context;
use terminal::{Exit, Failure};

/// Patients that a page holds at most.
const PAGE: usize = 500;

/// `bulk patient …`
#[derive(Debug, Subcommand)]
pub enum PatientCommand {
    /// Show a patient by the id of a result file
    Get {
        /// The patient's id: `metriportId` in result files
        #[arg(value_name = "ID")]
        id: PatientId,
    },
    /// Show the patient with an id of your own
    Find {
        /// What the file has as externalId
        #[arg(long, value_name = "ID")]
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
        /// JSON with firstName, lastName, dob, genderAtBirth and address; `-` reads standard input. Never
        /// arguments: other users of a machine can see those
        file: PathBuf,
    },
    /// List the documents that were found about a patient
    Documents {
        /// The patient
        #[arg(value_name = "ID")]
        id: PatientId,
    },
    /// Show how the search for a patient's documents stands, or begin another one
    Query {
        /// The patient
        #[arg(value_name = "ID")]
        id: PatientId,
        /// Begin a search
        #[arg(long)]
        start: bool,
        /// For this facility
        #[arg(long, value_name = "ID", requires = "start")]
        facility: Option<FacilityId>,
    },
}

/// Arguments of `bulk patient list`.
#[derive(Debug, Args)]
pub struct List {
    /// Only those of this facility
    #[arg(long, value_name = "ID")]
    facility: Option<FacilityId>,
    /// How many patients
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, conflicts_with = "all")]
    count: usize,
    /// All of them
    #[arg(long)]
    all: bool,
}

impl PatientCommand {
    /// Does it.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let (client, output) = (context.client()?, context.output);
        match self {
            Self::Get { id } => show::patient(output, &client.patient(id).await?)?,
            Self::Find { external_id } => {
                show::patient(output, &client.patient_by_external_id(&external_id).await?)?;
            }
            Self::List(list) => list.run(context, &client).await?,
            Self::Match { file } => show::patient(output, &client.match_patient(&read_json(&file)?).await?)?,
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
            Self::Query { id, start: false, .. } => show::fields(output, &client.document_query(id).await?)?,
        }
        Ok(Exit::Done)
    }
}

impl List {
    async fn run(self, context: &Context, client: &crate::api::Client) -> anyhow::Result<()> {
        let mut left = if self.all { usize::MAX } else { self.count };
        let mut query = vec![("count".to_owned(), left.min(PAGE).to_string())];
        query.extend(self.facility.map(|id| ("facilityId".to_owned(), id.to_string())));
        while left > 0 {
            let borrowed: Vec<(&str, String)> =
                query.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
            let page = client.patients(&borrowed).await?;
            for patient in page.patients.iter().take(left) {
                show::in_list(context.output, patient)?;
            }
            left = left.saturating_sub(page.patients.len());
            match page.meta.next_query() {
                Some(next) if next != query => query = next,
                _ => break,
            }
        }
        Ok(())
    }
}

/// Reads JSON. What is wrong with it is told by its place: the text is about a patient.
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
        Failure::new(format!("{name} is not JSON, from line {} column {} on", error.line(), error.column()))
            .into()
    })
}
