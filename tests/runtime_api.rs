//! Runs a function's own binary as Lambda does: the function fetches one event from a Runtime API
//! and sends its answer there ([Using the Lambda runtime API]). The functions' tests include this
//! file as a module.
//!
//! [Using the Lambda runtime API]: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a test waits for the answer: longer than any function under test takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// The time between two checks of whether the function still runs.
const LOOK: Duration = Duration::from_millis(20);

/// What Lambda learns about one invocation, and what the function wrote meanwhile.
#[derive(Debug)]
pub struct Invocation {
    pub answer: Answer,
    /// What the function wrote to standard output and standard error.
    pub log: String,
}

#[derive(Debug, PartialEq)]
pub enum Answer {
    Response(Value),
    Error(Value),
    /// The process ended without an answer.
    Died,
}

/// Starts the binary with these environment variables, sends it one event, and ends it after its
/// answer.
pub fn invoke(binary: &str, variables: &[(&str, &str)], event: &str) -> Invocation {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, answers) = channel();
    let event = event.to_owned();
    thread::spawn(move || serve(&listener, &event, &sender));

    let mut function = Command::new(binary)
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", address)
        .env("AWS_LAMBDA_FUNCTION_NAME", "function")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .envs(variables.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let answer = wait(&answers, || function.try_wait().unwrap().is_some());
    // An error means that the function has ended by itself.
    let _ = function.kill();
    let output = function.wait_with_output().unwrap();
    let log = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Invocation { answer: answer.unwrap_or_else(|| panic!("no answer in {PATIENCE:?}: {log}")), log }
}

fn wait(answers: &Receiver<Answer>, mut has_ended: impl FnMut() -> bool) -> Option<Answer> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        match answers.recv_timeout(LOOK) {
            Ok(answer) => return Some(answer),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) if has_ended() => return Some(Answer::Died),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
    None
}

fn serve(listener: &TcpListener, event: &str, answers: &Sender<Answer>) {
    for connection in listener.incoming() {
        let (event, answers) = (event.to_owned(), answers.clone());
        thread::spawn(move || serve_connection(connection.unwrap(), &event, &answers));
    }
}

fn serve_connection(mut connection: TcpStream, event: &str, answers: &Sender<Answer>) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    while let Some((path, body)) = read_request(&mut reader) {
        let body = || serde_json::from_slice(&body).unwrap_or(Value::Null);
        let answer = match path.rsplit('/').next() {
            Some("next") => {
                write!(
                    connection,
                    "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nLambda-Runtime-Deadline-Ms: 1893456000000\r\n\
                     Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:123456789012:function:function\r\n\
                     Lambda-Runtime-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0\r\n\
                     Content-Length: {}\r\n\r\n{event}",
                    event.len()
                )
                .unwrap();
                continue;
            }
            Some("response") => Answer::Response(body()),
            Some("error") => Answer::Error(body()),
            other => panic!("the Runtime API has no {other:?}"),
        };
        // The test may have its answer already, so that no task waits for this one.
        let _ = answers.send(answer);
        let _ = connection.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
    }
}

/// The path and the body of a request; none if the connection was closed.
pub fn read_request(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let (mut head, mut length) = (String::new(), 0);
    let mut line = String::new();
    while reader.read_line(&mut line).ok()? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
        line.clear();
    }
    let path = head.split(' ').nth(1)?.to_owned();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path, body))
}
