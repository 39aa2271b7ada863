//! Starting a sandbox as a child process, and what tests say to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bulk_domain::document::Demographics;
use bulk_fhir::{
    Auth, Discovery, Gateway, GatewayPatientId, GatewayUrl, Limits, PlainHttp, QueryError,
    ReadSecret, SecretUnavailable, Settings,
};
use secrecy::SecretString;
use serde_json::Value;

/// Every person who is searched for has documents.
pub const ALL_KNOWN: [&str; 6] =
    ["--with-documents", "1", "--without-documents", "0", "--ambiguous", "0"];

/// A secret that never changes.
#[derive(Clone, Debug)]
pub struct FixedSecret(SecretString);

impl FixedSecret {
    pub fn new(secret: &str) -> Self {
        Self(SecretString::from(secret))
    }
}

impl ReadSecret for FixedSecret {
    async fn read_secret(&self) -> Result<SecretString, SecretUnavailable> {
        Ok(self.0.clone())
    }
}

/// A secret that cannot be read.
#[derive(Clone, Copy, Debug)]
pub struct NoSecret;

impl ReadSecret for NoSecret {
    async fn read_secret(&self) -> Result<SecretString, SecretUnavailable> {
        Err(SecretUnavailable)
    }
}

/// A running sandbox; it ends when this is dropped, and also when this process is killed, since
/// that closes its input.
pub struct Sandbox {
    process: Child,
    base: String,
    address: SocketAddr,
}

impl Sandbox {
    /// Starts one on a free port.
    pub fn start(arguments: &[&str]) -> Self {
        let mut process = command()
            .arg("--until-eof")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).expect("the sandbox says where it is");
        let base = said["base"].as_str().unwrap().to_owned();
        let address =
            base.strip_prefix("http://").unwrap().split('/').next().unwrap().parse().unwrap();
        Self { process, base, address }
    }

    /// Starts a sandbox that knows every person who is searched for.
    pub fn of_known_people() -> Self {
        Self::start(&ALL_KNOWN)
    }

    /// A path of the sandbox as a URL that the client takes.
    pub fn url(&self, path: &str) -> GatewayUrl {
        GatewayUrl::parse(&format!("http://{}{path}", self.address), PlainHttp::OnLoopback).unwrap()
    }

    /// Settings for a client, without authentication.
    pub fn settings(&self) -> Settings {
        let base = GatewayUrl::parse(&self.base, PlainHttp::OnLoopback).unwrap();
        let limits = Limits { request_timeout: Duration::from_secs(5), ..Limits::default() };
        Settings { limits, ..Settings::new(base) }
    }

    /// A client without authentication.
    pub fn gateway(&self) -> Gateway<NoSecret> {
        Gateway::new(self.settings(), NoSecret).unwrap()
    }

    /// A client with authentication.
    pub fn gateway_with<S: bulk_fhir::ReadSecret>(&self, auth: Auth, secrets: S) -> Gateway<S> {
        Gateway::new(Settings { auth, ..self.settings() }, secrets).unwrap()
    }

    /// Says something to the sandbox's administration.
    pub fn admin(&self, method: &str, what: &str) -> Value {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(stream, "{method} /_sandbox/{what} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(" 200 "), "{answer}");
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    /// How many requests of a kind came, such as `GET Patient`.
    pub fn requests(&self, kind: &str) -> u64 {
        self.admin("GET", "requests")["requests"][kind].as_u64().unwrap_or_default()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // Without waiting for requests that it still holds back.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the sandbox says of itself.
pub fn help() -> String {
    let output = command().arg("--help").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the command that runs the sandbox of `tests/sandbox`.
fn command() -> Command {
    let mut command = Command::new(python());
    command.current_dir(project()).args(["-m", "tests.sandbox"]);
    command
}

/// The Python of the local stack if that is installed, as it is new enough.
fn python() -> PathBuf {
    let installed = project().join(".venv/bin/python");
    if installed.exists() { installed } else { "python3".into() }
}

/// A person of this number.
pub fn person(number: u32) -> Demographics {
    Demographics {
        first_name: "Ada".parse().unwrap(),
        last_name: format!("Canary{number}").parse().unwrap(),
        dob: "1980-02-03".parse().unwrap(),
        gender: "F".parse().unwrap(),
        zips: vec!["02139".parse().unwrap()],
    }
}

/// The patient that is found, where one is.
pub fn matched(discovery: Result<Discovery, QueryError>) -> GatewayPatientId {
    match discovery {
        Ok(Discovery::Match(patient)) => patient,
        other => panic!("no match: {other:?}"),
    }
}
