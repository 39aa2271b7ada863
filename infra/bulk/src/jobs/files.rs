//! `bulk result`, `bulk failures` and `bulk kept`: download the files of an import.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use bulk_domain::ids::JobId;
use bulk_domain::undo::UndoStatus;
use bulk_terminal::{Exit, Failure};
use clap::Args;
use serde_json::json;

use crate::context::Context;
use crate::files::{AtomicFile, check_targets};
use crate::results::{CellForm, Kind, Sink, fetch};

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  bulk failures 01998c4e-… to-correct.csv
  bulk result 01998c4e-… - | wc -l")]
pub struct Download {
    /// Id of the import, as `bulk import` and `bulk list` print it
    #[arg(value_name = "ID")]
    id: JobId,
    /// File to write, replaced if it exists; `-` is standard output [default: ID.result.csv,
    /// ID.failures.csv or ID.kept.csv in this folder, if it does not exist]
    #[arg(value_name = "OUT")]
    out: Option<PathBuf>,
    /// Put an apostrophe before cells that a spreadsheet would run as formulas. Without this the
    /// cells are those of the upload, unchanged
    #[arg(long)]
    safe_for_spreadsheets: bool,
}

impl Download {
    pub async fn run(self, context: &Context, kind: Kind) -> anyhow::Result<Exit> {
        let named = self.out.is_some();
        let out = self.out.unwrap_or_else(|| format!("{}.{}.csv", self.id, kind.name()).into());
        let is_stdout = out.as_os_str() == "-";
        if !is_stdout {
            check_targets(None, &[&out])?;
        } else if context.output.json {
            return Err(Failure::new("standard output cannot hold the file and JSON")
                .next("leave out --json, or name a file")
                .into());
        }
        let sink = |out: &Path| {
            if named { Sink::named(out) } else { AtomicFile::beside(out).map(Sink::File) }
        };
        // Fails before anything is downloaded if the file cannot be written.
        drop(sink(&out)?);
        let client = context.client()?;
        let form = if self.safe_for_spreadsheets {
            CellForm::SafeForSpreadsheets
        } else {
            CellForm::AsSent
        };
        let Some(fetched) = fetch(&client, self.id, kind, form, || sink(&out)).await? else {
            return self::none(&client.job(self.id).await?, kind, context);
        };
        let Some(path) = fetched.saved else { return Ok(Exit::Done) };
        if context.output.json {
            context.output.value(
                &json!({"requestId": self.id, "file": path, "problems": fetched.problems}),
            )?;
        } else {
            context.output.line(path.display())?;
            if std::io::stdout().is_terminal() && kind == Kind::Failures {
                context
                    .output
                    .note(format_args!("correct the rows, then: bulk import {}", path.display()));
            }
        }
        Ok(Exit::Done)
    }
}

/// Explains why an import has no such file.
fn none(job: &crate::api::Job, kind: Kind, context: &Context) -> anyhow::Result<Exit> {
    if !job.status.is_final() {
        return Err(Failure::new(format!("the import is still {}", job.status))
            .next(format!("bulk status {} --wait", job.id))
            .into());
    }
    let none = match kind {
        Kind::Failures if job.result.is_some() => Some("no row failed, so there is no such file"),
        Kind::Kept => match &job.undo {
            None => return Err(Failure::new("the import is not undone").into()),
            Some(undo) if undo.status != Some(UndoStatus::Completed) => {
                return Err(Failure::new("the undo has not ended")
                    .next(format!("bulk status {}", job.id))
                    .into());
            }
            Some(undo) if undo.kept > 0 => {
                let why = "the service could not write the file of kept patients";
                return Err(Failure::new(why).into());
            }
            Some(_) => Some("no patient is kept, so there is no such file"),
        },
        Kind::Failures | Kind::Result => None,
    };
    if let Some(why) = none {
        if context.output.json {
            context.output.value(&json!({"requestId": job.id, "file": null, "problems": []}))?;
        } else {
            context.output.note(why);
        }
        return Ok(Exit::Done);
    }
    let reason = job.reason.as_deref().unwrap_or("no file arrived in time");
    Err(Failure::new(format!("the import is {}, and left no files: {reason}", job.status))
        .exit(Exit::JobFailed)
        .into())
}
