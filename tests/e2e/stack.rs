//! The running stack, read from the file in which the local stack describes itself.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

/// The stack that all tests of this program use.
pub static STACK: LazyLock<Stack> = LazyLock::new(|| {
    let path =
        std::env::var("STACK").expect("STACK names the file of a running stack: use `make test`");
    let json = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_slice(&json).unwrap_or_else(|error| panic!("{path}: {error}"))
});

/// What `infra/local` writes about a stack that is up.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stack {
    /// The URL of the API, without a slash at the end.
    pub api_url: String,
    /// Variables with which `bulk-admin` reaches the stack.
    pub admin_env: std::collections::BTreeMap<String, String>,
    /// The folder of the functions' programs, which holds nothing else.
    pub temporary: PathBuf,
    /// The folder that the functions' logs are written to.
    pub logs: PathBuf,
    /// The URL at which the sandbox gateway tells its counts.
    pub sandbox: Option<String>,
    /// The URL of the fault proxy between the functions and the emulator, if the stack has one.
    pub faults: Option<String>,
}

/// Returns the top folder of the project.
pub fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

impl Stack {
    /// Returns the path of a program that was built together with the functions.
    #[allow(clippy::unused_self, reason = "the stack runs these very binaries")]
    pub fn binary(&self, name: &str) -> PathBuf {
        let binaries = std::env::var("BINARIES").unwrap_or_else(|_| "target/local".to_owned());
        project().join(binaries).join(name)
    }

    /// Runs `bulk-admin … --json` and returns what it printed, and its exit code.
    pub fn run_admin(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(self.binary("bulk-admin"));
        let command = command.args(arguments).arg("--json").envs(&self.admin_env);
        command.output().expect("the command line runs")
    }

    /// Runs `bulk-admin … --json` and returns its answer.
    pub fn admin_json(&self, arguments: &[&str]) -> Value {
        let output = self.run_admin(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs `bulk-admin … --json` and returns one value of its answer.
    pub fn admin(&self, arguments: &[&str], value: &str) -> String {
        self.admin_json(arguments)[value].as_str().unwrap().to_owned()
    }
}
