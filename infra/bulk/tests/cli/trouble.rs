//! What goes wrong between here and the service, and what becomes of it.

use std::process::Stdio;
use std::time::{Duration, Instant};

use axum::http::Method;
use serde_json::json;

use crate::fake::{Answer, Fake, JOBS, SIGNATURE, completed, id, problem_json, processing};
use crate::import::{one_failure, ready, two_rows};
use crate::run::Home;

#[test]
fn an_import_is_made_once_however_often_it_is_asked_for() {
    let (fake, home) = ready();
    fake.answers(
        &format!("POST {JOBS}"),
        [Answer::Status(503), Answer::Status(429), Answer::Status(0)],
    );
    fake.job(1, [completed(&fake, 0)]);
    let run = home.run(&["import", "patients.csv"]);
    assert_eq!(run.status, 0, "{run:?}");
    let attempts = fake.asked_for(&Method::POST, JOBS);
    let mut keys: Vec<_> =
        attempts.iter().map(|asked| asked.headers["idempotency-key"].clone()).collect();
    assert_eq!(keys.len(), 3);
    keys.dedup();
    assert_eq!(keys.len(), 1, "every attempt has the same key");
}

#[test]
fn an_upload_that_breaks_is_made_again_over_the_same_link_from_the_start() {
    let (fake, home) = ready();
    fake.answers(
        "PUT /storage/upload-1",
        [Answer::Status(500), Answer::Status(503), Answer::Status(200)],
    );
    fake.job(1, [completed(&fake, 0)]);
    let run = home.run(&["import", "patients.csv"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(fake.asked_for(&Method::POST, JOBS).len(), 1);
    let uploads = fake.asked_for(&Method::PUT, "/storage/upload-1");
    assert_eq!(uploads.len(), 3);
    assert!(uploads.iter().all(|upload| upload.body == two_rows()));
}

#[test]
fn an_upload_whose_answer_was_lost_counts() {
    let (fake, home) = ready();
    fake.answers("PUT /storage/upload-1", [Answer::Status(503), Answer::Status(412)]);
    fake.job(1, [completed(&fake, 0)]);
    assert_eq!(home.run(&["import", "patients.csv"]).status, 0);
    assert_eq!(fake.asked_for(&Method::POST, JOBS).len(), 1);
}

#[test]
fn where_the_upload_link_ran_out_another_import_is_made() {
    let (fake, home) = ready();
    fake.answers("PUT /storage/upload-1", [Answer::Status(403)]);
    fake.job(2, [completed(&fake, 0)]);
    let run = home.run(&["import", "patients.csv"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stdout.contains(&id(2)), "{run:?}");
    assert_eq!(fake.asked_for(&Method::PUT, "/storage/upload-2")[0].body, two_rows());
}

#[test]
fn an_upload_that_never_works_ends_with_4_and_nothing_is_imported() {
    let (fake, home) = ready();
    fake.answers("PUT /storage/upload-1", [Answer::Status(503)]);
    let run = home.run(&["import", "patients.csv"]);
    assert_eq!(run.status, 4, "{run:?}");
    assert!(run.stderr.contains("nothing was imported"), "{run:?}");
    run.assert_silent_about(SIGNATURE);
}

#[test]
fn a_service_that_is_away_while_the_import_runs_is_waited_for() {
    let (fake, home) = ready();
    let processing = Answer::Json(200, crate::fake::with(crate::fake::job(1), processing(1)));
    let completed = Answer::Json(200, crate::fake::with(crate::fake::job(1), completed(&fake, 0)));
    let away = [processing, Answer::Status(502), Answer::Status(503), completed];
    fake.answers(&format!("GET {JOBS}/{}", id(1)), away);
    let run = home.run(&["import", "patients.csv"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stderr.contains("the service answers again"), "{run:?}");
}

#[test]
fn a_download_that_fails_is_begun_again_over_a_fresh_link() {
    let (fake, home) = ready();
    fake.job(1, [completed(&fake, 1)]);
    fake.answers(
        "GET /storage/failures",
        [Answer::Status(403), Answer::Status(503), Answer::Text(one_failure())],
    );
    let run = home.run(&["failures", &id(1), "bad.csv"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(home.read("bad.csv"), one_failure());
    assert_eq!(fake.asked_for(&Method::GET, JOBS).len(), 3, "a link for each attempt");
}

#[test]
fn a_download_that_never_works_leaves_what_was_there() {
    let (fake, home) = ready();
    fake.job(1, [completed(&fake, 1)]);
    fake.answers("GET /storage/failures", [Answer::Status(503)]);
    home.write("bad.csv", "from yesterday");
    let run = home.run(&["failures", &id(1), "bad.csv"]);
    assert_eq!(run.status, 4, "{run:?}");
    assert_eq!(home.read("bad.csv"), "from yesterday");
    assert_eq!(home.files(), ["bad.csv", "patients.csv"]);
    run.assert_silent_about(SIGNATURE);
}

#[test]
fn an_unreachable_service_exits_with_4() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let home =
        Home::new().with("BULK_URL", &format!("http://127.0.0.1:{port}")).with("BULK_API_KEY", "k");
    let run = home.run(&["status", &id(1)]);
    assert_eq!(run.status, 4, "{run:?}");
    assert!(run.stderr.contains("the service cannot be reached: no connection"), "{run:?}");
}

#[test]
fn a_refusal_tells_the_next_step() {
    let fake = Fake::start();
    let home = Home::of(&fake).with("BULK_API_KEY", "another");
    let run = home.run(&["list"]);
    assert_eq!(run.status, 1);
    insta::assert_snapshot!(run.stderr);

    let home = Home::of(&fake);
    home.write("patients.csv", two_rows());
    let said = "More than one facility found, please specify a facility ID";
    fake.answers(&format!("POST {JOBS}"), [problem_json(400, "BAD_REQUEST", said)]);
    let run = home.run(&["import", "patients.csv", "--json", "--quiet"]);
    assert_eq!((run.status, run.stdout.as_str()), (1, ""));
    let told: serde_json::Value = serde_json::from_str(&run.stderr).unwrap();
    assert_eq!(told["next"], "`bulk facility list` shows yours; give one with --facility");
    assert_eq!(fake.asked_for(&Method::POST, JOBS).len(), 1, "a refusal is not asked for again");
}

#[test]
fn what_is_not_the_service_is_said_to_be_so() {
    let fake = Fake::start();
    fake.answers(&format!("GET {JOBS}"), [Answer::Text("<html>canary".to_owned())]);
    let run = Home::of(&fake).run(&["list"]);
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("not the bulk import service"), "{run:?}");
    run.assert_silent_about("canary");
}

#[cfg(unix)]
#[test]
fn ctrl_c_says_how_to_go_on_and_leaves_the_import_alone() {
    let (fake, home) = ready();
    fake.job(1, [processing(1)]);
    let mut command = home.command(&["import", "patients.csv"]);
    let child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while fake.asked_for(&Method::GET, JOBS).is_empty() {
        assert!(Instant::now() < deadline, "the import was never asked for");
        std::thread::sleep(Duration::from_millis(10));
    }
    let signaled = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(signaled.success());
    let run = home.finished(child.wait_with_output().unwrap());
    insta::assert_snapshot!(run.shown());
    assert!(fake.asked_for(&Method::POST, &format!("{JOBS}/{}/cancel", id(1))).is_empty());
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_an_import_that_still_reads_its_input() {
    let (fake, home) = ready();
    let mut command = home.command(&["import", "-"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let signaled = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(signaled.success());
    let deadline = Instant::now() + Duration::from_secs(10);
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "it goes on reading");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(fake.asked().len(), 0);
}

#[test]
fn no_error_shows_a_key_or_a_link() {
    let (fake, home) = ready();
    fake.job(1, [json!({"status": "completed", "total": 2, "result": fake.link("result")})]);
    for status in [400, 404, 418] {
        fake.answers("GET /storage/result", [Answer::Status(status)]);
        let run = home.run(&["result", &id(1), "out.csv"]);
        assert_eq!(run.status, 1, "{run:?}");
        run.assert_silent_about("canary");
    }
}
