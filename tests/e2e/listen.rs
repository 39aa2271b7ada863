//! `bulk listen`, as an integrator uses it: a receiver that prints what arrives and checks both
//! signatures.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::customer::Customer;
use crate::stack::STACK;

#[tokio::test]
async fn a_listener_prints_each_message_and_finds_that_both_signatures_hold() {
    let (customer, _) = Customer::with_facility();
    let key_file = std::env::temp_dir().join(format!("webhook-key-{}", customer.id));
    let mut listener = Command::new(STACK.binary("bulk"))
        .args(["listen", "--port", "0", "--json", "--count", "1", "--key-file"])
        .arg(&key_file)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut says = String::new();
    BufReader::new(listener.stderr.take().unwrap()).read_line(&mut says).unwrap();
    let url = says
        .split_whitespace()
        .find(|word| word.starts_with("http"))
        .unwrap()
        .trim_end_matches(',');
    let (_, settings) = customer.set_webhook_url(Some(url)).await;
    assert!(settings.get("webhookStatusDetail").is_none(), "the ping was answered: {settings}");
    std::fs::write(&key_file, settings["webhookKey"].as_str().unwrap()).unwrap();
    let job = customer.cause_a_webhook().await;
    let output =
        tokio::task::spawn_blocking(move || listener.wait_with_output()).await.unwrap().unwrap();
    std::fs::remove_file(&key_file).unwrap();
    assert!(output.status.success(), "{output:?}");
    let lines: Vec<Value> =
        output.stdout.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    let [ping, message] = &lines[..] else { panic!("a ping and a message: {lines:?}") };
    assert!(ping["ping"].is_string(), "{ping}");
    assert_eq!(ping["standardSignature"], "unchecked", "the key was not known then");
    assert_eq!((&message["status"], &message["requestId"]), (&"failed".into(), &job.into()));
    let checks = (&message["metriportSignature"], &message["standardSignature"]);
    assert_eq!(checks, (&"holds".into(), &"holds".into()));
}
