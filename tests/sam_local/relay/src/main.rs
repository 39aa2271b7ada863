//! The `bootstrap` of a function in a container of `sam local`: runs the function's own binary,
//! which lies beside it, and passes on what the function sends to the local stack's ports on
//! loopback.
//!
//! The local stack listens on the machine's loopback, which a container cannot reach, and a
//! function takes plain http from loopback only (webhooks, the document gateway). With the same
//! ports on the container's loopback, a function needs no other variables, and no other rules, than
//! on the local stack. `tests/sam_local` puts it there.

use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::{Command, ExitCode};
use std::thread;

/// The ports to pass on, separated by spaces.
const PORTS: &str = "RELAY_PORTS";
/// The machine, as containers know it: by this name in Docker Desktop, and by `--add-host`
/// elsewhere.
const MACHINE: &str = "host.docker.internal";
/// Where Lambda has a function's files, and the name that the function's binary has beside this
/// one.
const FUNCTION: &str = "/var/task/function";

fn main() -> io::Result<ExitCode> {
    for port in std::env::var(PORTS).unwrap_or_default().split_whitespace() {
        let port = port.parse().map_err(io::Error::other)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        thread::spawn(move || pass_on_all(&listener, port));
    }
    let status = Command::new(FUNCTION).status()?;
    // Ended by a signal, a function has no code.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Passes on each connection, until the container ends.
fn pass_on_all(listener: &TcpListener, port: u16) {
    for connection in listener.incoming() {
        thread::spawn(move || {
            if let Err(error) = connection.and_then(|connection| pass_on(&connection, port)) {
                eprintln!("relay: {MACHINE}:{port}: {error}");
            }
        });
    }
}

/// Copies both ways, until both sides have said all.
fn pass_on(connection: &TcpStream, port: u16) -> io::Result<()> {
    let machine = TcpStream::connect((MACHINE, port))?;
    let (asking, asked) = (connection.try_clone()?, machine.try_clone()?);
    thread::spawn(move || copy(&asking, &asked));
    copy(&machine, connection);
    Ok(())
}

/// Copies until the source ends, and says so to the sink. A reset connection ends, too.
fn copy(mut source: &TcpStream, mut sink: &TcpStream) {
    let _ = io::copy(&mut source, &mut sink);
    let _ = sink.shutdown(Shutdown::Write);
}
