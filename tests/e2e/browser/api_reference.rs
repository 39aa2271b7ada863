//! The page at `/docs` in a browser: it shows every operation, and asks no host but the API's own.

use std::collections::BTreeSet;
use std::process::Stdio;

use reqwest::Url;
use serde_json::Value;

use super::chromium;
use crate::customer::Customer;
use crate::stack::{STACK, project};

/// The time that the page gets, in milliseconds of Chromium's virtual clock, which stops while a
/// request is pending.
const VIRTUAL_TIME: &str = "--virtual-time-budget=20000";

/// The smallest screenshot of a page with text, in bytes. That of an empty page of this size has 13
/// KB.
const WITH_TEXT: u64 = 60_000;

#[test]
#[ignore = "needs Chromium: make browser"]
fn the_api_reference_shows_every_operation_and_asks_no_other_host() {
    let _ = Customer::new();
    let page: Url = format!("{}/docs", STACK.api_url).parse().unwrap();
    let profile = tempfile::tempdir().unwrap();
    let log = profile.path().join("network.json");
    let output = chromium(profile.path())
        .args([VIRTUAL_TIME, "--dump-dom"])
        .arg(format!("--log-net-log={}", log.display()))
        .arg(page.as_str())
        .output()
        .unwrap();
    let html = String::from_utf8(output.stdout).unwrap();
    let description: Value = serde_json::from_str(
        &std::fs::read_to_string(project().join("infra/openapi.json")).unwrap(),
    )
    .unwrap();
    let paths = description["paths"].as_object().unwrap().values();
    for operation in paths.flat_map(|methods| methods.as_object().unwrap().values()) {
        let (tag, id) =
            (operation["tags"][0].as_str().unwrap(), operation["operationId"].as_str().unwrap());
        assert!(html.contains(&format!("id=\"operations-{tag}-{id}\"")), "{id} is not on the page");
    }

    let log: Value = serde_json::from_str(&std::fs::read_to_string(log).unwrap()).unwrap();
    let origin = page.origin().ascii_serialization();
    // The browser's own requests, for example for updates, have no page as their initiator.
    let asked: BTreeSet<&str> = log["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["params"])
        .filter(|request| {
            request["initiator"].as_str().is_some_and(|from| from.starts_with("http"))
        })
        .filter_map(|request| request["url"].as_str())
        .collect();
    assert!(asked.len() >= 5, "two styles, two scripts and the description: {asked:?}");
    assert!(asked.iter().all(|url| url.starts_with(&format!("{origin}/"))), "{asked:?}");
}

#[test]
#[ignore = "needs Chromium: make browser"]
fn the_api_reference_is_drawn_on_wide_and_narrow_screens_light_and_dark() {
    let _ = Customer::new();
    // The test leaves screenshots that a developer can look at.
    let folder = project().join("target/tmp");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, size, scheme) in [("wide", "1280,2400", 1), ("narrow-dark", "500,2400", 0)] {
        let profile = tempfile::tempdir().unwrap();
        let picture = folder.join(format!("api-reference-{name}.png"));
        let _ = std::fs::remove_file(&picture);
        let status = chromium(profile.path())
            .args([VIRTUAL_TIME, &format!("--window-size={size}")])
            .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
            .arg(format!("--screenshot={}", picture.display()))
            .arg(format!("{}/docs", STACK.api_url))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{name}");
        let bytes = std::fs::metadata(&picture).unwrap().len();
        assert!(bytes > WITH_TEXT, "{} is nearly empty: {bytes} bytes", picture.display());
    }
}
