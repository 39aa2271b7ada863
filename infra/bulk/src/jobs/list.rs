//! `bulk list`: the customer's imports, newest first.

use clap::Args;

use crate::api::Job;
use crate::context::Context;
use crate::format::number;
use crate::jobs::status_shown;
use terminal::Exit;

/// Imports that a page holds at most.
const PAGE: usize = 100;

/// Arguments of `bulk list`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  bulk list
  bulk list --count 500 --json | jq 'select(.status == \"failed\") | .requestId'")]
pub struct List {
    /// How many imports
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, conflicts_with = "all")]
    count: usize,
    /// All of them
    #[arg(long)]
    all: bool,
}

impl List {
    /// Does it, page by page: with JSON, an import a line.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let client = context.client()?;
        let mut left = if self.all { usize::MAX } else { self.count };
        let mut query = vec![("count".to_owned(), left.min(PAGE).to_string())];
        let mut first = true;
        while left > 0 {
            let borrowed: Vec<(&str, String)> =
                query.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
            let page = client.jobs(&borrowed).await?;
            if first && !context.output.json {
                head(context, page.jobs.is_empty())?;
            }
            first = false;
            for job in page.jobs.iter().take(left) {
                print(context, job)?;
            }
            left = left.saturating_sub(page.jobs.len());
            match page.meta.next_query() {
                // An empty page that has a next one is no end, but the same page again would never be one.
                Some(next) if next != query => query = next,
                _ => break,
            }
        }
        Ok(Exit::Done)
    }
}

fn head(context: &Context, is_empty: bool) -> anyhow::Result<()> {
    if is_empty {
        context.output.note("no imports yet: bulk import FILE begins one");
        return Ok(());
    }
    let titles =
        format!("{:<36}  {:<24}  {:<10} {:>9} {:>9}", "request", "created", "status", "rows", "failed");
    Ok(context.output.line(context.output.faint(titles))?)
}

fn print(context: &Context, job: &Job) -> anyhow::Result<()> {
    let output = context.output;
    if output.json {
        return output.value(job);
    }
    // Padded before it is coloured: colours have no width.
    let status = status_shown(output, job).replace(job.status.as_str(), &format!("{:<10}", job.status));
    let dry = if job.params.dry_run { "  dry run" } else { "" };
    Ok(output.line(format_args!(
        "{}  {}  {status} {:>9} {:>9}{dry}",
        job.id,
        job.created_at,
        number(job.total),
        number(job.failed)
    ))?)
}
