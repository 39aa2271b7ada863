//! The public API's own client, which this project did not write: `make sdk` installs it and runs
//! this.

use std::process::Command;

use crate::customer::Customer;
use crate::stack::{STACK, project};

#[test]
#[ignore = "needs Node 20 and the client: make sdk"]
fn the_public_apis_client_reads_every_answer() {
    let (customer, _) = Customer::with_facility();
    let mut node = Command::new("node");
    node.args(["--test", "calls.mjs"]).current_dir(project().join("tests/sdk"));
    node.env("API_URL", &STACK.api_url).env("API_KEY", &customer.api_key);
    let output = node.output().expect("node starts");
    let told = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&told));
}
