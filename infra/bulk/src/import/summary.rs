//! The summary of an import, as text or as JSON.

use bulk_domain::csv::FileError;
use bulk_domain::job::JobStatus;
use bulk_terminal::{Exit, Output};
use serde_json::json;

use crate::api::Job;
use crate::columns::ColumnReport;
use crate::format;
use crate::import::EndFiles;
use crate::source::SourceFile;

/// Returns the exit status for an import that ended.
pub fn exit_of(job: &Job) -> Exit {
    match job.status {
        JobStatus::Completed if job.failed == 0 => Exit::Done,
        JobStatus::Completed => Exit::RowsFailed,
        JobStatus::Failed | JobStatus::Expired => Exit::JobFailed,
        // Not reached: callers ask about imports that ended.
        JobStatus::Waiting | JobStatus::Processing => Exit::Done,
    }
}

/// Prints the import after its upload, if the command does not wait for its end.
pub fn print_uploaded(output: Output, job: &Job) -> anyhow::Result<()> {
    if output.json {
        return output.value(job);
    }
    output.line(job.id)?;
    output.note(format_args!("uploaded; bulk status {} --wait watches it", job.id));
    Ok(())
}

/// Prints why a file was not uploaded.
pub fn print_bad_file(
    output: Output,
    source: &SourceFile,
    error: &FileError,
) -> anyhow::Result<()> {
    let report = ColumnReport::of_rejected(error, source.header()?);
    if output.json {
        let reason = error.to_string();
        return output.value(&json!({
            "status": "failed", "uploaded": false, "code": error.code(), "reason": reason,
            "columns": report.as_ref().map(|report| &report.columns),
            "suggestions": report.as_ref().map(|report| &report.suggestions),
        }));
    }
    output.line(output.bad(format_args!("{} cannot be imported: {error}", source.name())))?;
    for line in report.iter().flat_map(|report| report.lines(output)) {
        output.line(line)?;
    }
    output.line("Nothing was uploaded.")?;
    Ok(())
}

/// Prints the summary of an import that ended.
pub fn print_end(output: Output, job: &Job, files: &EndFiles) -> anyhow::Result<()> {
    if output.json {
        return print_json(output, job, files);
    }
    let took = job.took();
    let rows = format::counted(job.total, "row");
    let first = match (took, took.and_then(|time| format::per_second(job.done(), time))) {
        (Some(time), Some(speed)) => {
            format!("{rows} in {}, {}/s", format::duration(time), format::counted(speed, "row"))
        }
        (Some(time), None) => format!("{rows} in {}", format::duration(time)),
        (None, _) => rows,
    };
    match job.status {
        JobStatus::Completed if job.params.dry_run => {
            output.line(output.strong(format_args!("Dry run: {first}. Nothing was imported.")))?;
        }
        JobStatus::Completed => output.line(output.strong(format_args!("Imported: {first}.")))?,
        JobStatus::Expired => {
            output.line(
                output.bad("The import expired: no file arrived in time. Nothing was imported."),
            )?;
            output.line(
                "An upload that was still running when the link expired is imported when it ends.",
            )?;
        }
        JobStatus::Failed => {
            let reason = job.reason.as_deref().unwrap_or("no reason given");
            output.line(output.bad(format_args!("The import failed: {reason}")))?;
        }
        JobStatus::Waiting | JobStatus::Processing => {}
    }
    if job.total > 0 {
        output.line(format_args!(
            "{} {:>9}   {}",
            output.good("  succeeded"),
            format::number(job.successful),
            effects(job)
        ))?;
        output.line(format_args!(
            "{} {:>9}",
            output.bad("  failed   "),
            format::number(job.failed)
        ))?;
        if job.warnings > 0 {
            output.line(format_args!(
                "  warnings  {:>9}   of rows that succeeded; the result file has them",
                format::number(job.warnings)
            ))?;
        }
    }
    if let Some(queries) = job.document_queries {
        let failed = match queries.failed {
            0 => String::new(),
            failed => format!("; {} got no answer", format::counted(failed, "query")),
        };
        let asked = format::counted(queries.total, "patient");
        output.line(output.faint(format_args!("  {asked} looked for at the gateway{failed}")))?;
    }
    if let Some(failures) = &files.failures {
        output.line("")?;
        failures.problems.print(output)?;
    }
    print_files(output, job, files)
}

/// Returns what the rows that succeeded did to their patients, or would do after a dry run.
pub fn effects(job: &Job) -> String {
    let [created, updated, unchanged] =
        [job.created, job.updated, job.unchanged].map(format::number);
    if job.params.dry_run {
        format!("would create {created}, update {updated}, leave {unchanged} unchanged")
    } else {
        format!("created {created}, updated {updated}, unchanged {unchanged}")
    }
}

fn print_files(output: Output, job: &Job, files: &EndFiles) -> anyhow::Result<()> {
    output.line("")?;
    if let Some(path) = files.result.as_ref().and_then(|file| file.saved.as_ref()) {
        output.line(format_args!("  every row      {}", path.display()))?;
    }
    match files.failures.as_ref().map(|file| file.saved.as_ref()) {
        Some(Some(path)) => output.line(format_args!(
            "  failed rows    {}   correct them, then: bulk import {0}",
            path.display()
        ))?,
        Some(None) => output.line(format_args!("  failed rows    bulk failures {} OUT", job.id))?,
        None if files.failures_wanted => {
            output.line("  failed rows    none, so no file was written")?;
        }
        None => {}
    }
    output.line(output.faint(format_args!("  request        {}", job.id)))?;
    Ok(())
}

fn print_json(output: Output, job: &Job, files: &EndFiles) -> anyhow::Result<()> {
    let mut value = serde_json::to_value(job)?;
    if let Some(object) = value.as_object_mut() {
        if let Some(failures) = &files.failures {
            object.insert("problems".to_owned(), serde_json::to_value(&failures.problems)?);
        }
        for (name, file) in [("resultFile", &files.result), ("failuresFile", &files.failures)] {
            if let Some(path) = file.as_ref().and_then(|file| file.saved.as_ref()) {
                object.insert(name.to_owned(), json!(path));
            }
        }
    }
    output.value(&value)
}
