//! The running stack, as `infra/local` describes it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

/// The stack that all tests use.
pub static STACK: LazyLock<Stack> = LazyLock::new(|| {
    let path = std::env::var("STACK").expect("STACK names the file of a running stack: use `make test`");
    let json = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_slice(&json).unwrap_or_else(|error| panic!("{path}: {error}"))
});

/// What `infra/local` writes about a stack that is up.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stack {
    /// The API, without a slash at the end.
    pub api_url: String,
    /// Variables with which `bulk admin` reaches the stack.
    pub admin_env: std::collections::BTreeMap<String, String>,
    /// Where the functions' programs are, and nobody else's.
    pub temporary: PathBuf,
    /// The folder of logs.
    pub logs: PathBuf,
    /// Where the sandbox gateway says what was asked of it.
    pub sandbox: Option<String>,
    /// What stands between the functions and the emulator, if anything does.
    pub faults: Option<String>,
}

/// The project's folder.
pub fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

impl Stack {
    /// A program that was built along with what is deployed.
    #[allow(clippy::unused_self, reason = "the stack runs these very binaries")]
    pub fn binary(&self, name: &str) -> PathBuf {
        let binaries = std::env::var("BINARIES").unwrap_or_else(|_| "target/local".to_owned());
        project().join(binaries).join(name)
    }

    /// Runs `bulk admin … --json` and gives its answer.
    pub fn admin_json(&self, arguments: &[&str]) -> Value {
        let output = Command::new(self.binary("bulk"))
            .arg("admin")
            .args(arguments)
            .arg("--json")
            .envs(&self.admin_env)
            .output()
            .expect("the command line runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs `bulk admin … --json` and gives one value of its answer.
    pub fn admin(&self, arguments: &[&str], value: &str) -> String {
        self.admin_json(arguments)[value].as_str().unwrap().to_owned()
    }
}
