//! `bulk`: the command line of the bulk patient import.

mod api;
mod check;
mod columns;
mod completions;
mod config;
mod context;
mod directory;
mod files;
mod format;
mod import;
mod jobs;
mod listen;
mod patient;
mod problems;
mod progress;
mod results;
mod source;
mod undo;
mod watch;

use std::process::ExitCode;

use bulk_terminal::Exit;
use clap::{Parser, Subcommand};

use config::Globals;
use context::Context;
use results::Kind;

/// Import patients from CSV files and see every row's outcome.
#[derive(Debug, Parser)]
#[command(name = "bulk", version, propagate_version = true, arg_required_else_help = true, after_long_help = HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    globals: Globals,
}

const HELP: &str = "\
Examples:
  bulk check patients.csv                      find problems, without sending anything
  bulk import patients.csv --failures bad.csv  import, and save the rows to correct
  bulk status ID --wait                        watch a running import

Configuration: flags, then environment variables, then ~/.config/bulk/config.toml:
  default_profile = \"production\"
  [profile.production]
  url = \"https://…/live\"
  api_key_file = \"production.key\"    # or api_key, or BULK_API_KEY; readable by you only (chmod 600)
  facility = \"0199…\"                 # optional: for rows that name none";

#[derive(Debug, Subcommand)]
enum Command {
    /// Import a CSV file and wait for every row's outcome
    Import(import::Import),
    /// Check a CSV file on this machine, by the service's own rules
    Check(check::Check),
    /// Show the state of an import
    Status(jobs::Status),
    /// List your imports, newest first
    List(jobs::List),
    /// Stop a running import
    Cancel(jobs::Cancel),
    /// Download every row of an import with its outcome
    Result(jobs::Download),
    /// Download the failed rows of an import, to correct and import them again
    Failures(jobs::Download),
    /// Delete the patients that an import created, and keep those that something changed since
    Undo(undo::Undo),
    /// Download the patients that the undo of an import kept, with the reason of each
    Kept(jobs::Download),
    /// Read back imported patients
    #[command(subcommand)]
    Patient(patient::PatientCommand),
    /// List your facilities with their ids
    #[command(subcommand)]
    Facility(directory::FacilityCommand),
    /// List your cohorts with their ids and sizes
    #[command(subcommand)]
    Cohort(directory::CohortCommand),
    /// Receive webhooks, print them, and check their signatures
    Listen(listen::Listen),
    /// Print the completions of a shell
    Completions(completions::Completions),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match bulk_terminal::parse::<Cli>() {
        Ok(cli) => {
            let context = Context::new(cli.globals);
            bulk_terminal::end(run(cli.command, &context).await, context.output)
        }
        Err(usage) => usage,
    }
}

async fn run(command: Command, context: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Import(import) => import.run(context).await,
        Command::Check(check) => check.run(context).await,
        Command::Status(status) => status.run(context).await,
        Command::List(list) => list.run(context).await,
        Command::Cancel(cancel) => cancel.run(context).await,
        Command::Result(download) => download.run(context, Kind::Result).await,
        Command::Failures(download) => download.run(context, Kind::Failures).await,
        Command::Undo(undo) => undo.run(context).await,
        Command::Kept(download) => download.run(context, Kind::Kept).await,
        Command::Patient(command) => command.run(context).await,
        Command::Facility(command) => command.run(context).await,
        Command::Cohort(command) => command.run(context).await,
        Command::Listen(listen) => listen.run(context).await,
        Command::Completions(completions) => completions.run::<Cli>(),
    }
}
