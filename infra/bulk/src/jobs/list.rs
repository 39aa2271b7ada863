//! `bulk list`: prints the customer's imports, newest first.

use bulk_terminal::{Exit, Output};
use clap::Args;

use crate::api::Job;
use crate::context::Context;
use crate::format::number;
use crate::jobs::status_shown;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  bulk list
  bulk list --count 500 --json | jq 'select(.status == \"failed\") | .requestId'")]
pub struct List {
    /// How many imports to list
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, conflicts_with = "all")]
    count: usize,
    /// List all imports, without a limit
    #[arg(long)]
    all: bool,
}

impl List {
    /// Prints the imports page by page, with `--json` one on each line.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let (client, output) = (context.client()?, context.output);
        let limit = if self.all { usize::MAX } else { self.count };
        let mut is_empty = true;
        client
            .each_job(limit, |job| {
                if is_empty && !output.json {
                    output.line(output.faint(heading()))?;
                }
                is_empty = false;
                print(output, &job)
            })
            .await?;
        if is_empty && !output.json {
            output.note("no imports yet: bulk import FILE begins one");
        }
        Ok(Exit::Done)
    }
}

fn heading() -> String {
    format!("{:<36}  {:<24}  {:<10} {:>9} {:>9}", "request", "created", "status", "rows", "failed")
}

fn print(output: Output, job: &Job) -> anyhow::Result<()> {
    if output.json {
        return output.value(job);
    }
    // The text is padded before it is coloured, because colours have no width.
    let status =
        status_shown(output, job).replace(job.status.as_str(), &format!("{:<10}", job.status));
    let dry = if job.params.dry_run { "  dry run" } else { "" };
    Ok(output.line(format_args!(
        "{}  {}  {status} {:>9} {:>9}{dry}",
        job.id,
        job.created_at,
        number(job.total),
        number(job.failed)
    ))?)
}
