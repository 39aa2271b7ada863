//! `bulk import` where all goes well, and where the import itself does not.

use axum::http::Method;
use serde_json::json;

use crate::check::{GOOD, HEADER};
use crate::fake::{Answer, FACILITY, Fake, JOBS, KEY, SIGNATURE, completed, id, processing, with};
use crate::run::Home;

pub fn two_rows() -> String {
    format!("{HEADER}\n{GOOD}\n{GOOD}\n")
}

/// A failed-rows file as the service writes it.
pub fn one_failure() -> String {
    format!(
        "{HEADER},metriportId,status,reason\r\n{GOOD},,failed,dob: no such day; zip: missing\r\n"
    )
}

/// A service and a home with a file of two rows in it.
pub fn ready() -> (Fake, Home) {
    let fake = Fake::start();
    let home = Home::of(&fake);
    home.write("patients.csv", two_rows());
    (fake, home)
}

#[test]
fn an_import_shows_its_way_and_ends_with_a_summary() {
    let (fake, home) = ready();
    fake.job(1, [json!({}), processing(1), processing(2), completed(&fake, 0)]);
    let run = home.run(&["import", "patients.csv"]);
    insta::assert_snapshot!(run.shown());
}

#[test]
fn the_file_arrives_byte_for_byte_and_the_storage_does_not_see_the_key() {
    let (fake, home) = ready();
    fake.job(1, [completed(&fake, 0)]);
    let run = home.run(&["import", "patients.csv", "--facility", FACILITY, "--dry-run"]);
    assert_eq!(run.status, 0, "{run:?}");
    let made = &fake.asked_for(&Method::POST, JOBS)[0];
    assert_eq!(made.path, format!("{JOBS}?facilityId={FACILITY}&dryRun=true"));
    assert!(made.headers.contains_key("idempotency-key"));
    assert_eq!(made.headers["x-upload-content-length"], two_rows().len().to_string());
    let uploads = fake.asked_for(&Method::PUT, "/storage/upload-1");
    assert_eq!(uploads.len(), 1);
    assert_eq!(uploads[0].body, two_rows());
    assert_eq!(uploads[0].headers["content-length"], two_rows().len().to_string());
    assert_eq!(uploads[0].headers["content-type"], "text/csv");
    assert!(!uploads[0].headers.contains_key("x-api-key"));
}

#[test]
fn what_the_user_says_about_columns_is_sent_with_the_import() {
    let (fake, home) = ready();
    home.write("patients.csv", two_rows().replace("dob", "Born & raised").replace("city", "Town"));
    let columns = ["--column", "dob=Born & raised", "--column", "city=Town"];
    fake.job(1, [completed(&fake, 0)]);
    let run = home.run(&[&["import", "patients.csv"], &columns[..]].concat());
    assert_eq!(run.status, 0, "{run:?}");
    let made = &fake.asked_for(&Method::POST, JOBS)[0];
    assert_eq!(made.path, format!("{JOBS}?column=dob%3ABorn+%26+raised&column=city%3ATown"));
    assert!(run.stderr.contains("\"Born & raised\" → dob"), "{run:?}");
    fake.clear_requests();
    let run = home.run(&["import", "patients.csv", "--column", "dob=Born", "--column", "zip=born"]);
    assert_eq!((run.status, fake.asked().len()), (1, 0), "{run:?}");
}

#[test]
fn the_summary_counts_rows_with_warnings() {
    let (fake, home) = ready();
    fake.job(1, [crate::fake::with(completed(&fake, 0), json!({"warnings": 1}))]);
    let run = home.run(&["import", "patients.csv"]);
    assert!(run.stdout.contains("warnings          1   of rows that succeeded"), "{run:?}");
    let run = home.run(&["status", &id(1)]);
    assert!(run.stdout.contains("warnings   1 row, in the result file"), "{run:?}");
}

#[test]
fn a_dry_run_says_what_an_import_would_do() {
    let (fake, home) = ready();
    let counts = json!({"params": {"dryRun": true}, "created": 0, "unchanged": 1});
    fake.job(1, [with(completed(&fake, 0), counts)]);
    let run = home.run(&["import", "patients.csv", "--dry-run"]);
    let expected = "  succeeded         2   would create 0, update 1, leave 1 unchanged\n";
    assert!(run.stdout.contains(expected), "{run:?}");
    assert!(run.stdout.starts_with("Dry run: 2 rows in 4.0 s, 1 row/s. Nothing was imported.\n"));
    let run = home.run(&["status", &id(1)]);
    assert!(run.stdout.contains("patients   would create 0, update 1, leave 1"), "{run:?}");
}

#[test]
fn a_file_larger_than_any_buffer_arrives_byte_for_byte() {
    let fake = Fake::start();
    let home = Home::of(&fake);
    let rows: String = (0..30_000).map(|number| format!("{GOOD}{number}\n")).collect();
    let content = format!("{HEADER}\n{rows}");
    assert!(content.len() > 5 * 256 * 1024);
    fake.job(1, [completed(&fake, 0)]);
    let run = home.run_with_input(&["import", "-"], content.as_bytes());
    assert_eq!(run.status, 0, "{run:?}");
    assert!(fake.asked_for(&Method::PUT, "/storage/")[0].body == content);
}

#[test]
fn headers_that_the_link_was_signed_for_are_sent() {
    let (fake, home) = ready();
    let new = json!({
        "uploadUrl": fake.link("upload-1"),
        "uploadHeaders": {"if-none-match": "*", "content-length": "999", "content-type": "text/csv"},
    });
    fake.answers(&format!("POST {JOBS}"), [Answer::Json(200, with(crate::fake::job(1), new))]);
    fake.job(1, [completed(&fake, 0)]);
    let run = home.run(&["import", "patients.csv"]);
    assert_eq!(run.status, 0, "{run:?}");
    let upload = &fake.asked_for(&Method::PUT, "/storage/")[0];
    assert_eq!(upload.headers["if-none-match"], "*");
    assert_eq!(upload.headers.get_all("content-length").iter().count(), 1);
    assert_eq!(upload.headers.get_all("content-type").iter().count(), 1);
    assert_eq!(upload.body, two_rows());
}

#[test]
fn failed_rows_exit_with_2_say_why_and_are_saved_for_their_owner_only() {
    let (fake, home) = ready();
    fake.job(1, [completed(&fake, 1)]);
    fake.answers("GET /storage/failures", [Answer::Text(one_failure())]);
    fake.answers("GET /storage/result", [Answer::Text("every row".to_owned())]);
    home.write("bad.csv", "from yesterday");
    let run = home.run(&["import", "patients.csv", "--failures", "bad.csv", "--result", "all.csv"]);
    insta::assert_snapshot!(run.shown());
    assert_eq!(home.read("bad.csv"), one_failure());
    assert_eq!(home.read("all.csv"), "every row");
    assert_eq!(home.files(), ["all.csv", "bad.csv", "patients.csv"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(home.path("bad.csv").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn as_json_an_import_is_one_line_without_links() {
    let (fake, home) = ready();
    fake.job(1, [processing(1), completed(&fake, 1)]);
    fake.answers("GET /storage/failures", [Answer::Text(one_failure())]);
    let run = home.run(&["import", "patients.csv", "--json", "--quiet"]);
    assert_eq!((run.status, run.stderr.as_str()), (2, ""));
    insta::assert_snapshot!(serde_json::to_string_pretty(&run.json()).unwrap());
    run.assert_silent_about(SIGNATURE);
    run.assert_silent_about(KEY);
}

#[test]
fn a_job_that_failed_exits_with_3() {
    for (reason, said) in [
        ("the file is larger than 1073741824 bytes", "The import failed: the file is larger"),
        ("canceled", "The import failed: canceled"),
    ] {
        let (fake, home) = ready();
        fake.job(1, [json!({"status": "failed", "reason": reason})]);
        let run = home.run(&["import", "patients.csv"]);
        assert_eq!(run.status, 3, "{run:?}");
        assert!(run.stdout.starts_with(said), "{run:?}");
    }
}

#[test]
fn an_import_whose_link_ran_out_during_the_upload_is_waited_for() {
    let (fake, home) = ready();
    let expired = json!({"status": "expired"});
    fake.job(1, [expired.clone(), expired, completed(&fake, 0)]);
    let run = home.run(&["import", "patients.csv"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stderr.contains("the link expired during the upload"), "{run:?}");
}

#[test]
fn an_import_that_expired_without_a_file_has_ended() {
    let (fake, home) = ready();
    fake.job(1, [json!({"status": "expired"})]);
    let run = home.run(&["status", &id(1), "--wait"]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(run.stdout.starts_with("The import expired: no file arrived in time."), "{run:?}");
}

#[test]
fn a_file_that_cannot_be_imported_is_not_even_uploaded() {
    let (fake, home) = ready();
    home.write("notes.txt", "Dear all, canary\n");
    let run = home.run(&["import", "notes.txt"]);
    insta::assert_snapshot!(run.shown());
    assert_eq!(fake.asked().len(), 0);
    fake.job(1, [json!({"status": "failed", "reason": "the server's word"})]);
    let run = home.run(&["import", "notes.txt", "--no-check", "--json"]);
    assert_eq!((run.status, run.json()["reason"].as_str()), (3, Some("the server's word")));
}

#[test]
fn without_waiting_the_id_is_all_that_is_printed() {
    let (fake, home) = ready();
    let run = home.run(&["import", "patients.csv", "--no-wait"]);
    assert_eq!((run.status, run.stdout), (0, format!("{}\n", id(1))));
    assert_eq!(fake.asked_for(&Method::GET, JOBS).len(), 0);
    assert!(run.stderr.contains(&format!("bulk status {} --wait", id(1))), "{}", run.stderr);
}

#[test]
fn what_would_be_overwritten_by_mistake_is_refused_before_anything_is_sent() {
    let (fake, home) = ready();
    for arguments in [
        &["--failures", "patients.csv"][..],
        &["--failures", "./patients.csv"],
        &["--failures", "a.csv", "--result", "a.csv"],
        &["--failures", "missing/a.csv"],
        &["--result", "-"],
    ] {
        let run = home.run(&[&["import", "patients.csv"], arguments].concat());
        assert_eq!((run.status, run.stdout.as_str()), (1, ""), "{run:?}");
    }
    assert_eq!(fake.asked().len(), 0);
    assert_eq!(home.read("patients.csv"), two_rows());
}
