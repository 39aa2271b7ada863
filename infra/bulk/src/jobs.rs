//! `bulk status`, `list`, `cancel`, `result` and `failures`: commands for existing imports.

mod files;
mod list;

use bulk_domain::ids::JobId;
use bulk_domain::job::JobStatus;
use bulk_domain::undo::UndoStatus;
use bulk_terminal::{Exit, Output, one_line};
use clap::Args;

use crate::api::Job;
use crate::context::Context;
use crate::format::{counted, duration, number};
use crate::import::{EndFiles, effects, exit_of, print_end};
use crate::watch::{File, watch};
pub use files::Download;
pub use list::List;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  bulk status 01998c4e-…
  bulk status 01998c4e-… --wait     as `bulk import` shows it, with the same exit status")]
pub struct Status {
    /// Id of the import, as `bulk import` and `bulk list` print it
    #[arg(value_name = "ID")]
    id: JobId,
    /// Watch it until it ends
    #[arg(long)]
    wait: bool,
}

impl Status {
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let client = context.client()?;
        if !self.wait {
            let job = client.job(self.id).await?;
            print(context.output, &job)?;
            return Ok(Exit::Done);
        }
        tokio::select! {
            job = watch(&client, self.id, File::MayBeMissing, context.output) => {
                let job = job?;
                print_end(context.output, &job, &EndFiles::of(&client, &job).await?)?;
                Ok(exit_of(&job))
            }
            _ = tokio::signal::ctrl_c() => {
                context.output.note("\ninterrupted; the import goes on without this command");
                Ok(Exit::Interrupted)
            }
        }
    }
}

#[derive(Debug, Args)]
pub struct Cancel {
    /// Id of the import, as `bulk import` and `bulk list` print it
    #[arg(value_name = "ID")]
    id: JobId,
}

impl Cancel {
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let job = context.client()?.cancel_job(self.id).await?;
        print(context.output, &job)?;
        if !job.status.is_final() {
            context.output.note(format_args!(
                "canceling; rows that were started are finished: bulk status {} --wait",
                job.id
            ));
        }
        Ok(Exit::Done)
    }
}

/// Prints the current state of an import.
fn print(output: Output, job: &Job) -> anyhow::Result<()> {
    if output.json {
        return output.value(job);
    }
    let line = |name: &str, value: String| output.line(format_args!("{name:<10} {value}"));
    line("request", job.id.to_string())?;
    line("status", status_shown(output, job))?;
    if let Some(reason) = &job.reason {
        line("reason", one_line(reason))?;
    }
    if job.params.dry_run {
        line("dry run", "yes: nothing is imported".to_owned())?;
    }
    for mapping in &job.params.columns {
        line("column", mapping.clone())?;
    }
    if job.total > 0 {
        let done = format!("{} of {} done", number(job.done()), number(job.total));
        line(
            "rows",
            format!("{done}, {} succeeded, {} failed", number(job.successful), number(job.failed)),
        )?;
        line("patients", effects(job))?;
        if job.warnings > 0 {
            line("warnings", format!("{}, in the result file", counted(job.warnings, "row")))?;
        }
    }
    if let Some(queries) = job.document_queries {
        let done = format!("{} of {} ended", number(queries.done()), number(queries.total));
        line("queries", format!("{done}, {} failed", number(queries.failed)))?;
    }
    if let Some(facility) = job.facility_id {
        line("facility", facility.to_string())?;
    }
    line("created", job.created_at.to_string())?;
    for (name, time) in [("started", job.started_at), ("finished", job.finished_at)] {
        if let Some(time) = time {
            line(name, time.to_string())?;
        }
    }
    if let Some(took) = job.took() {
        line("took", duration(took))?;
    }
    if let Some(undo) = &job.undo {
        let (deleted, kept) = (number(undo.deleted), number(undo.kept));
        let state = match undo.status {
            Some(UndoStatus::Completed) => "",
            Some(UndoStatus::Processing) | None => " so far",
        };
        line("undone", format!("{deleted} patients deleted, {kept} kept{state}"))?;
        if undo.kept_patients.is_some() {
            line("kept", format!("bulk kept {} OUT", job.id))?;
        }
    }
    if job.result.is_some() {
        line("result", format!("bulk result {} OUT", job.id))?;
    }
    if job.failures.is_some() {
        line(
            "failures",
            format!("bulk failures {} OUT   ({})", job.id, counted(job.failed, "row")),
        )?;
    }
    Ok(())
}

/// Returns the status in its colour.
fn status_shown(output: Output, job: &Job) -> String {
    match job.status {
        JobStatus::Completed => output.good(job.status),
        JobStatus::Failed | JobStatus::Expired => output.bad(job.status),
        JobStatus::Waiting | JobStatus::Processing => job.status.to_string(),
    }
}
