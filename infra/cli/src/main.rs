//! `bulk`: the command line of the bulk patient import.

mod admin;

use clap::{Parser, Subcommand};

/// Import patients in bulk, and look after the service that does it.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// For operators: customers, API keys, facilities and cohorts, written straight to the directory
    /// table. Needs AWS credentials and the table's name, not an API key.
    Admin(admin::Admin),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Admin(admin) => admin.run().await,
    }
}
