//! What every command works with.

use crate::api::Client;
use crate::config::{Connection, Globals};
use crate::output::Output;

/// The options of every command, and how to talk to whoever runs it.
#[derive(Debug)]
pub struct Context {
    /// Where output goes.
    pub output: Output,
    /// The options.
    pub globals: Globals,
}

impl Context {
    /// From the options.
    pub fn new(globals: Globals) -> Self {
        Self { output: Output::new(globals.json, globals.quiet), globals }
    }

    /// The service that is configured, and what the profile says of it.
    pub fn connect(&self) -> anyhow::Result<(Client, Connection)> {
        let connection = self.globals.connection(self.output)?;
        Ok((Client::new(&connection)?, connection))
    }

    /// The service that is configured.
    pub fn client(&self) -> anyhow::Result<Client> {
        Ok(self.connect()?.0)
    }
}
