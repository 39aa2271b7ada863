//! `bulk undo`: deletes the patients that an import created, and says what stays and why.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bulk_domain::ids::JobId;
use bulk_domain::undo::{KeptReason, UndoStatus};
use bulk_terminal::{Exit, Failure, Output, ask};
use clap::Args;
use serde_json::json;

use crate::api::{Client, Job, JobUndo};
use crate::context::Context;
use crate::files::check_targets;
use crate::format::{counted, number};
use crate::progress::{Progress, Unit};
use crate::results::{CellForm, Fetched, Kind, Sink, fetch};

/// The shortest time between two polls.
const SHORTEST: Duration = Duration::from_millis(400);

/// The longest time between two polls.
const LONGEST: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
#[command(after_long_help = "\
Deletes each patient that the import created, unless a later import or a call has changed the
patient. Patients that the import updated stay as they are: their earlier values are not stored. A
later import that had the same person and changed nothing keeps no patient, so import its file again
afterwards. Undoing an import twice has the effect of undoing it once.

Examples:
  bulk undo 01998c4e-…
  bulk undo 01998c4e-… --yes --kept kept.csv     without a question, for scripts")]
pub struct Undo {
    /// Id of the import, as `bulk import` and `bulk list` print it
    #[arg(value_name = "ID")]
    id: JobId,
    /// Undo it without a question
    #[arg(long, short)]
    yes: bool,
    /// Save the patients that stay, with the reason of each; `-` is standard output
    #[arg(long, value_name = "OUT", conflicts_with = "no_wait")]
    kept: Option<PathBuf>,
    /// End when the service has begun, without waiting
    #[arg(long)]
    no_wait: bool,
}

impl Undo {
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let is_to_output = self.kept.as_deref().is_some_and(|out| out.as_os_str() == "-");
        if let Some(out) = self.kept.as_deref().filter(|_| !is_to_output) {
            check_targets(None, &[out])?;
        }
        let (client, output) = (context.client()?, context.output);
        if is_to_output && output.json {
            return Err(Failure::new("--json and --kept - both write to standard output")
                .next("leave out --json, or name a file")
                .into());
        }
        let job = client.job(self.id).await?;
        if job.undo.is_none() {
            ask(&question(&job), self.yes)?;
        }
        let job = client.undo_job(self.id).await?;
        if self.no_wait {
            return self.begun(output, &job);
        }
        let ended = tokio::select! {
            ended = watch(&client, &job, output) => ended?,
            _ = tokio::signal::ctrl_c() => {
                output.note("\ninterrupted; the undo goes on without this command");
                return Ok(Exit::Interrupted);
            }
        };
        let sink = || self.kept.as_deref().map_or(Ok(Sink::Nowhere), Sink::named);
        let kept = fetch(&client, self.id, Kind::Kept, CellForm::AsSent, sink).await?;
        let undo = ended.undo.unwrap_or_default();
        if self.kept.is_some() && kept.is_none() && undo.kept > 0 {
            let why = "the service could not write the file of kept patients";
            return Err(Failure::new(why).into());
        }
        if is_to_output && kept.is_some() {
            return Ok(Exit::Done);
        }
        print_end(output, self.id, &undo, kept.unwrap_or_default())?;
        Ok(Exit::Done)
    }

    fn begun(&self, output: Output, job: &Job) -> anyhow::Result<Exit> {
        if output.json {
            output.value(job)?;
        } else {
            output.line(self.id)?;
            output.note(format_args!("undo begun; bulk status {} shows it", self.id));
        }
        Ok(Exit::Done)
    }
}

fn question(job: &Job) -> String {
    format!(
        "Undo import {}, which created {} and updated {}? Created ones are deleted unless something changed them since.",
        job.id,
        counted(job.created, "patient"),
        number(job.updated)
    )
}

/// Waits for the end of an undo, and returns the import then.
async fn watch(client: &Client, job: &Job, output: Output) -> anyhow::Result<Job> {
    let mut job = job.clone();
    let bar = Progress::new("undoing", Unit::Patients, 0, job.created.max(1), output);
    let mut pause = SHORTEST;
    loop {
        let undo = job.undo.clone().unwrap_or_default();
        if undo.status == Some(UndoStatus::Completed) {
            bar.finish();
            return Ok(job);
        }
        bar.set((undo.deleted + undo.kept).min(job.created));
        tokio::time::sleep(pause).await;
        pause = pause.mul_f64(1.5).min(LONGEST);
        job = client.job(job.id).await?;
    }
}

/// Prints what was deleted, and what stays for which reason.
fn print_end(output: Output, id: JobId, undo: &JobUndo, kept: Fetched) -> anyhow::Result<()> {
    if output.json {
        return output.value(&json!({
            "requestId": id, "deleted": undo.deleted, "kept": undo.kept, "reasons": kept.kept,
            "keptFile": kept.saved,
        }));
    }
    let deleted = counted(undo.deleted, "patient");
    output.line(output.strong(format_args!("Undone: {deleted} deleted.")))?;
    if undo.kept > 0 {
        output.line(format_args!("  stay      {:>9}", number(undo.kept)))?;
    }
    for (reason, count) in shown(&kept.kept) {
        output.line(format_args!("            {:>9}   {reason}", number(count)))?;
    }
    match kept.saved {
        Some(path) => output.line(format_args!("  kept patients  {}", path.display()))?,
        None if undo.kept > 0 => {
            output.line(format_args!("  kept patients  bulk kept {id} OUT"))?;
        }
        None => {}
    }
    output
        .line(output.faint("  Files of the import keep their rows until their retention ends."))?;
    Ok(())
}

/// Returns each reason in words, with the number of its patients.
fn shown(reasons: &BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let explained = |reason: &str| match reason {
        text if text == KeptReason::ExistedBefore.as_str() => {
            format!("{text}: what the import changed is not changed back")
        }
        text => bulk_terminal::one_line(text),
    };
    reasons.iter().map(|(reason, count)| (explained(reason), *count)).collect()
}
