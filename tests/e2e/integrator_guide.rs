//! The commands of the integrator's guide, run as they stand. They need bash, curl, jq and OpenSSL.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::customer::Customer;
use crate::stack::{STACK, project};

#[test]
fn the_commands_of_the_guide_do_what_it_says() {
    let (customer, _) = Customer::with_facility();
    let guide = fs::read_to_string(project().join("infra/docs/integrator.md")).unwrap();
    let blocks: Vec<&str> = guide
        .split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.strip_prefix("sh\n"))
        .collect();
    assert_eq!(blocks.len(), 5, "quick start, strict upload, correction, settings, other objects");
    // A reader sets these two variables by hand, but the test sets them in the environment.
    let commands = blocks.concat();
    let commands = commands
        .lines()
        .filter(|line| !line.starts_with("export API=") && !line.starts_with("read -rs KEY"));
    let script = format!("set -euo pipefail\n{}\n", commands.collect::<Vec<_>>().join("\n"));

    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder.path())
        .envs([("API", STACK.api_url.as_str()), ("KEY", customer.api_key.as_str())])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let file = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let state: Value = serde_json::from_str(&file("state.json")).unwrap();
    assert_eq!(
        (&state["status"], &state["successful"], &state["failed"]),
        (&"completed".into(), &1.into(), &1.into())
    );
    assert!(file("result.csv").contains(",succeeded,"), "{}", file("result.csv"));
    assert!(file("failures.csv").contains(",failed,dob: no such day"), "{}", file("failures.csv"));
    assert!(!file("webhook.key").trim().is_empty());
    let printed = String::from_utf8_lossy(&output.stdout);
    for expected in [
        "\"externalId\": \"A-1\"",
        "Sample-Jones",
        "\"Harbor Clinic\"",
        "\"Programme A\"",
        "\"firstName\":\"Test\"",
    ] {
        assert!(printed.contains(expected), "{expected}: {printed}");
    }
}
