//! What every command works with: options, output, the service, and the clock.

use bulk_domain::time::Timestamp;
use bulk_terminal::Output;

use crate::api::Client;
use crate::config::{Connection, Globals};

/// The options that all commands share, and the output that follows from them.
#[derive(Debug)]
pub struct Context {
    pub output: Output,
    pub globals: Globals,
}

impl Context {
    pub fn new(globals: Globals) -> Self {
        Self { output: Output::new(globals.json, globals.quiet), globals }
    }

    /// Returns a client of the configured service, and the configuration.
    pub fn connect(&self) -> anyhow::Result<(Client, Connection)> {
        let connection = self.globals.connection(self.output)?;
        Ok((Client::new(&connection)?, connection))
    }

    /// Returns a client of the configured service.
    pub fn client(&self) -> anyhow::Result<Client> {
        Ok(self.connect()?.0)
    }
}

/// Returns the time of this machine.
pub fn now() -> Timestamp {
    jiff::Timestamp::now().into()
}
