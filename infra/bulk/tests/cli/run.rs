//! Runs the program in an empty home, without a terminal, and shows what came of it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::fake::{Fake, KEY};

/// A folder to run in, and the variables that the program sees.
pub struct Home {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

/// What a run came to.
#[derive(Debug)]
pub struct Run {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Home {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    /// A home with variables that lead to a service.
    pub fn of(fake: &Fake) -> Self {
        Self::new().with("BULK_URL", &fake.url).with("BULK_API_KEY", KEY)
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The names of what is in the folder, sorted.
    pub fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The program with these arguments, not yet run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bulk"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("HOME", self.folder.path());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        self.finished(self.command(arguments).stdin(Stdio::null()).output().unwrap())
    }

    pub fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Run {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        self.finished(child.wait_with_output().unwrap())
    }

    pub fn finished(&self, output: Output) -> Run {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Run {
            status: output.status.code().unwrap(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
        .without_folder(self.folder.path())
    }
}

impl Run {
    fn without_folder(mut self, folder: &Path) -> Self {
        let folder = format!("{}/", folder.display());
        self.stdout = self.stdout.replace(&folder, "");
        self.stderr = self.stderr.replace(&folder, "");
        self
    }

    /// Everything, as a snapshot; times and speeds of this machine are left out.
    pub fn shown(&self) -> String {
        format!(
            "exit {}\n── stdout\n{}── stderr\n{}",
            self.status,
            without_times(&self.stdout),
            without_times(&self.stderr)
        )
    }

    /// Standard output as JSON; it has to be one line.
    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.stdout.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// Standard output as lines of JSON.
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub fn assert_silent_about(&self, secret: &str) {
        assert!(
            !self.stdout.contains(secret) && !self.stderr.contains(secret),
            "{secret} in {self:?}"
        );
    }
}

fn without_times(text: &str) -> String {
    let mut shown = String::new();
    for line in text.lines() {
        let line = match line.split_once(", checked in ") {
            Some((before, _)) => format!("{before}, checked in […]"),
            None => line.to_owned(),
        };
        let is_progress =
            ["uploading ", "importing ", "undoing "].iter().any(|begun| line.starts_with(begun));
        match line.split_once(" of ").filter(|_| is_progress) {
            // `900 of 1,000 rows, 300 rows/s, 1.0 s left`: the comma of a number is no end.
            Some((before, after)) => {
                shown.push_str(before);
                shown.push_str(" of ");
                shown.push_str(after.split_once(", ").map_or(after, |(total, _)| total));
            }
            None => shown.push_str(&line),
        }
        shown.push('\n');
    }
    shown
}
