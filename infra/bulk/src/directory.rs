//! `bulk facility list` and `bulk cohort list`: the ids that rows and imports refer to.

use bulk_terminal::Exit;
use clap::Subcommand;

use crate::context::Context;
use crate::format::number;

#[derive(Debug, Subcommand)]
pub enum FacilityCommand {
    /// List your facilities with their ids
    List,
}

#[derive(Debug, Subcommand)]
pub enum CohortCommand {
    /// List your cohorts with their ids and sizes
    List,
}

impl FacilityCommand {
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        match self {
            Self::List => {
                let output = context.output;
                for facility in context.client()?.facilities().await? {
                    if output.json {
                        output.value(&facility)?;
                    } else {
                        output.line(format_args!(
                            "{}  {:<10}  {}",
                            facility.id, facility.npi, facility.name
                        ))?;
                    }
                }
                Ok(Exit::Done)
            }
        }
    }
}

impl CohortCommand {
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        match self {
            Self::List => {
                let output = context.output;
                for cohort in context.client()?.cohorts().await? {
                    if output.json {
                        output.value(&cohort)?;
                    } else {
                        let size = cohort.size.map_or_else(String::new, number);
                        output.line(format_args!("{}  {size:>9}  {}", cohort.id, cohort.name))?;
                    }
                }
                Ok(Exit::Done)
            }
        }
    }
}
