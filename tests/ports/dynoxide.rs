//! The promises of `aws` on dynoxide, a DynamoDB inside this process, fresh for every test.

use std::net::TcpListener;

use dynoxide::Database;

use crate::differences::Difference;
use crate::emulator::Emulator;

pub const DIFFERENCES: &[Difference] = &[];

/// Starts a server that stops with the test.
pub fn backend() -> Emulator {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    tokio::spawn(dynoxide::server::serve_on(listener, Database::memory().unwrap()));
    Emulator::at(url)
}

crate::emulator::dynamodb!(dynoxide);
