//! `bulk`: the command line of the bulk patient import.

mod admin;
mod api;
mod check;
mod completions;
mod config;
mod context;
mod directory;
mod exit;
mod files;
mod format;
mod import;
mod jobs;
mod listen;
mod output;
mod patient;
mod problems;
mod progress;
mod results;
mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use config::Globals;
use context::Context;
use exit::{Exit, status_of};
use results::Kind;

/// Import patients in bulk, and look after the service that does it.
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
  bulk check patients.csv                      what the service would say, without sending anything
  bulk import patients.csv --failures bad.csv  import, and save the rows to correct
  bulk status ID --wait                        watch an import that somebody began

Configuration: flags, then environment variables, then ~/.config/bulk/config.toml:
  default_profile = \"production\"
  [profile.production]
  url = \"https://…/live\"
  api_key_file = \"production.key\"    # or api_key, or BULK_API_KEY; readable by you only (chmod 600)
  facility = \"0199…\"                 # optional: of rows that name none";

#[derive(Debug, Subcommand)]
enum Command {
    /// Import a CSV file and wait for every row's outcome
    Import(import::Import),
    /// Check a CSV file on this machine, by the service's own rules
    Check(check::Check),
    /// Show where an import stands
    Status(jobs::Status),
    /// List your imports, newest first
    List(jobs::List),
    /// Stop an import
    Cancel(jobs::Cancel),
    /// Download every row of an import with its outcome
    Result(jobs::Download),
    /// Download the failed rows of an import, to correct them and import them again
    Failures(jobs::Download),
    /// Read patients back
    #[command(subcommand)]
    Patient(patient::PatientCommand),
    /// Your facilities
    #[command(subcommand)]
    Facility(directory::FacilityCommand),
    /// Your cohorts
    #[command(subcommand)]
    Cohort(directory::CohortCommand),
    /// Receive webhooks, print them, and check their signatures
    Listen(listen::Listen),
    /// For operators: customers, API keys, facilities and cohorts
    ///
    /// Written straight to the directory table. Needs AWS credentials and the table's name, not an API key.
    Admin(admin::Admin),
    /// Print a shell's completions
    Completions(completions::Completions),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and the version are errors, too, to the parser.
            let exit = if error.use_stderr() { Exit::Error } else { Exit::Done };
            let _ = error.print();
            return exit.into();
        }
    };
    let context = Context::new(cli.globals);
    let exit = run(cli.command, &context).await.unwrap_or_else(|error| {
        let exit = status_of(&error);
        if exit != Exit::OutputClosed {
            context.output.error(&error);
        }
        exit
    });
    exit.into()
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
        Command::Patient(command) => command.run(context).await,
        Command::Facility(command) => command.run(context).await,
        Command::Cohort(command) => command.run(context).await,
        Command::Listen(listen) => listen.run(context).await,
        Command::Admin(admin) => admin.run(context).await,
        Command::Completions(completions) => completions.run::<Cli>(),
    }
}
