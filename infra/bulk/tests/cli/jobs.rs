//! `bulk status`, `list`, `cancel`, `result`, `failures`, `patient`, `facility`: what was begun
//! before.

use axum::http::Method;
use serde_json::{Value, json};

use crate::fake::{
    Answer, FACILITY, Fake, JOBS, SIGNATURE, completed, id, job, problem_json, processing, with,
};
use crate::import::one_failure;
use crate::run::Home;

fn service() -> (Fake, Home) {
    let fake = Fake::start();
    let home = Home::of(&fake);
    (fake, home)
}

#[test]
fn a_status_tells_where_an_import_stands_and_what_can_be_done() {
    let (fake, home) = service();
    fake.job(1, [completed(&fake, 1)]);
    let run = home.run(&["status", &id(1)]);
    insta::assert_snapshot!(run.shown());
    run.assert_silent_about(SIGNATURE);
    let run = home.run(&["status", &id(1), "--json"]);
    assert_eq!(run.json()["status"], "completed");
    run.assert_silent_about(SIGNATURE);
}

#[test]
fn a_status_that_is_waited_for_exits_as_the_import_would() {
    let (fake, home) = service();
    fake.job(1, [processing(1), completed(&fake, 1)]);
    fake.answers("GET /storage/failures", [Answer::Text(one_failure())]);
    let run = home.run(&["status", &id(1), "--wait"]);
    assert_eq!(run.status, 2, "{run:?}");
    assert!(run.stdout.contains("zip: missing"), "{run:?}");
}

#[test]
fn a_list_goes_on_over_all_pages_and_sends_the_key_nowhere_else() {
    let (fake, home) = service();
    let elsewhere = "https://elsewhere.example/medical/v1/patient/bulk?count=2&fromItem=abc";
    fake.answers(
        &format!("GET {JOBS}"),
        [
            Answer::Json(
                200,
                json!({"requests": [job(3), job(2)], "meta": {"itemsOnPage": 2, "nextPage": elsewhere}}),
            ),
            Answer::Json(
                200,
                json!({"requests": [with(job(1), completed(&fake, 1))], "meta": {"itemsOnPage": 1}}),
            ),
        ],
    );
    let run = home.run(&["list", "--all"]);
    insta::assert_snapshot!(run.shown());
    assert_eq!(fake.asked()[1].path, format!("{JOBS}?count=2&fromItem=abc"));
}

#[test]
fn a_list_stops_at_its_count() {
    let (fake, home) = service();
    let page = json!({"requests": [job(3), job(2)], "meta": {"nextPage": "/x?fromItem=abc"}});
    fake.answers(&format!("GET {JOBS}"), [Answer::Json(200, page)]);
    let run = home.run(&["list", "-n", "1", "--json"]);
    assert_eq!(run.json()["requestId"], id(3));
    assert_eq!(fake.asked().len(), 1);
    assert_eq!(fake.asked()[0].path, format!("{JOBS}?count=1"));
}

#[test]
fn a_list_ends_even_if_every_page_names_itself_as_the_next() {
    let (fake, home) = service();
    let page = json!({"requests": [job(1)], "meta": {"nextPage": "/x?count=100&fromItem=same"}});
    fake.answers(&format!("GET {JOBS}"), [Answer::Json(200, page)]);
    let run = home.run(&["list", "--all", "--json"]);
    assert_eq!((run.status, fake.asked().len()), (0, 2));
}

#[test]
fn canceling_tells_what_the_import_is_now_and_a_finished_one_is_refused() {
    let (fake, home) = service();
    let path = format!("POST {JOBS}/{}/cancel", id(1));
    fake.answers(
        &path,
        [
            Answer::Status(503),
            Answer::Json(200, with(job(1), processing(1))),
            problem_json(409, "CONFLICT", "The request has ended and cannot be canceled"),
        ],
    );
    let run = home.run(&["cancel", &id(1)]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stdout.contains("processing") && run.stderr.contains("canceling"), "{run:?}");
    let run = home.run(&["cancel", &id(1)]);
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("409: The request has ended"), "{run:?}");
}

#[test]
fn an_undo_asks_first_waits_for_its_end_and_says_what_stays_and_why() {
    let (fake, home) = service();
    let path = format!("{JOBS}/{}/undo", id(1));
    let undo = |status: &str, kept: u32| {
        let mut undo = json!({"status": status, "deleted": 1200, "kept": kept});
        if status == "completed" {
            undo["keptPatients"] = json!(fake.link("kept"));
        }
        with(completed(&fake, 0), json!({"created": 1200, "undo": undo}))
    };
    let begun = with(job(1), undo("processing", 0));
    fake.answers(&format!("POST {path}"), [Answer::Status(503), Answer::Json(200, begun)]);
    fake.job(1, [completed(&fake, 0), completed(&fake, 0), undo("completed", 3)]);
    let kept = "firstName,metriportId,status,reason\r\nA,1,kept,existed before\r\n\
                B,2,kept,changed by a later job\r\nC,3,kept,existed before\r\n";
    fake.answers("GET /storage/kept", [Answer::Text(kept.to_owned())]);
    let run = home.run(&["undo", &id(1)]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("no terminal") && run.stderr.contains("--yes"), "{run:?}");
    assert!(fake.asked_for(&Method::POST, &path).is_empty(), "nothing is undone without consent");
    let run = home.run(&["undo", &id(1), "--yes", "--kept", "kept.csv"]);
    insta::assert_snapshot!(run.shown());
    run.assert_silent_about(SIGNATURE);
    assert_eq!(home.read("kept.csv"), kept);
    let run = home.run(&["undo", &id(1), "--json"]);
    assert_eq!(run.json()["reasons"]["existed before"], 2, "{run:?}");
    assert_eq!(home.run(&["kept", &id(1), "-"]).stdout, kept);
    let run = home.run(&["status", &id(1)]);
    assert!(run.stdout.contains("1,200 patients deleted, 3 kept\n"), "{run:?}");
}

#[test]
fn an_undo_that_is_refused_says_why() {
    let (fake, home) = service();
    fake.job(1, [processing(1)]);
    let detail = "The request has not ended, so that it cannot be undone yet";
    let path = format!("POST {JOBS}/{}/undo", id(1));
    fake.answers(&path, [problem_json(409, "CONFLICT", detail)]);
    let run = home.run(&["undo", &id(1), "--yes"]);
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains(detail), "{run:?}");
    let run = home.run(&["kept", &id(1)]);
    assert!(run.stderr.contains("still processing"), "{run:?}");
}

#[test]
fn only_a_file_that_the_user_named_is_replaced() {
    let (fake, home) = service();
    fake.job(1, [completed(&fake, 1)]);
    fake.answers("GET /storage/result", [Answer::Text("every row".to_owned())]);
    let name = format!("{}.result.csv", id(1));
    let run = home.run(&["result", &id(1)]);
    assert_eq!((run.status, run.stdout), (0, format!("{name}\n")));
    home.write(&name, "corrected by hand");
    let before = fake.asked().len();
    let run = home.run(&["result", &id(1)]);
    assert_eq!((run.status, home.read(&name).as_str()), (1, "corrected by hand"), "{run:?}");
    assert_eq!(fake.asked().len(), before, "it is found out before the download");
    let run = home.run(&["result", &id(1), &name]);
    assert_eq!((run.status, home.read(&name).as_str()), (0, "every row"), "{run:?}");
}

#[test]
fn a_file_can_go_to_standard_output() {
    let (fake, home) = service();
    fake.job(1, [completed(&fake, 1)]);
    fake.answers("GET /storage/failures", [Answer::Text(one_failure())]);
    let run = home.run(&["failures", &id(1), "-"]);
    assert_eq!((run.status, run.stdout, run.stderr), (0, one_failure(), String::new()));
    assert!(home.files().is_empty());
}

#[test]
fn a_result_can_be_saved_without_formulas() {
    let (fake, home) = service();
    fake.job(1, [completed(&fake, 0)]);
    let file = "firstName,metriportId,status,reason\r\n=1+1,0199,succeeded,\r\n";
    fake.answers("GET /storage/result", [Answer::Text(file.to_owned())]);
    assert_eq!(home.run(&["result", &id(1), "-"]).stdout, file);
    let run = home.run(&["result", &id(1), "-", "--safe-for-spreadsheets"]);
    assert_eq!(run.stdout, file.replace("=1", "'=1"), "{run:?}");
}

#[test]
fn an_answer_of_the_service_cannot_control_the_terminal() {
    let (fake, home) = service();
    let forged = "wrong\u{1b}]52;c;cm0=\u{7}\u{9b}2J\nrequest     forged";
    fake.job(1, [json!({"status": "failed", "reason": forged})]);
    for arguments in [&["status", &id(1)][..], &["status", &id(1), "--json"], &["list", "--json"]] {
        let run = home.run(arguments);
        let printed = format!("{}{}", run.stdout, run.stderr);
        let allowed = |c: char| !c.is_control() || c == '\n';
        assert!(printed.chars().all(allowed), "{run:?}");
        assert!(!printed.contains("\nrequest     forged"), "{run:?}");
    }
    let path = format!("POST {JOBS}/{}/cancel", id(1));
    fake.answers(&path, [problem_json(409, "CONFLICT", forged)]);
    let run = home.run(&["cancel", &id(1)]);
    assert!(run.stderr.contains(r"wrong\u001b]52;c;cm0=\u0007\u009b2J\u000arequest"), "{run:?}");
}

#[test]
fn why_there_is_no_file_is_told() {
    let (fake, home) = service();
    fake.job(1, [processing(1)]);
    let run = home.run(&["result", &id(1)]);
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("still processing"), "{run:?}");
    fake.job(2, [completed(&fake, 0)]);
    let run = home.run(&["failures", &id(2)]);
    assert_eq!(run.status, 0);
    assert!(run.stderr.contains("no row failed"), "{run:?}");
    fake.job(3, [json!({"status": "failed", "reason": "the file is empty"})]);
    let run = home.run(&["result", &id(3)]);
    assert_eq!(run.status, 3);
    assert!(run.stderr.contains("the file is empty"), "{run:?}");
    assert!(home.files().is_empty());
}

fn patient() -> Value {
    json!({"id": id(7), "externalId": "MRN-1", "firstName": "Ada", "lastName": "King", "hieOptOut": false,
           "address": [{"city": "Boston", "zip": "02108"}], "dateUpdated": "2026-01-05T10:00:00.000Z"})
}

#[test]
fn a_patient_is_shown_field_by_field_or_as_the_service_has_it() {
    let (fake, home) = service();
    fake.answers(
        &format!("GET /live/medical/v1/patient/{}", id(7)),
        [Answer::Json(200, patient())],
    );
    insta::assert_snapshot!(home.run(&["patient", "get", &id(7)]).shown());
    assert_eq!(home.run(&["patient", "get", &id(7), "--json"]).json(), patient());
}

#[test]
fn patients_are_found_by_an_id_of_ones_own_and_by_what_an_import_matches() {
    let (fake, home) = service();
    fake.answers("GET /live/medical/v1/patient/external-id", [Answer::Json(200, patient())]);
    fake.answers("POST /live/medical/v1/patient/match", [Answer::Json(200, patient())]);
    let run = home.run(&["patient", "find", "--external-id", "MRN 1&x", "--json"]);
    assert_eq!(run.json(), patient());
    assert_eq!(fake.asked()[0].path, "/live/medical/v1/patient/external-id?externalId=MRN+1%26x");
    let run = home.run_with_input(&["patient", "find", "--external-id", "-"], b"MRN 1&x\n");
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(fake.asked()[1].path, "/live/medical/v1/patient/external-id?externalId=MRN+1%26x");
    let data = r#"{"firstName":"Ada","lastName":"King"}"#;
    let run = home.run_with_input(&["patient", "match", "-", "--json"], data.as_bytes());
    assert_eq!(run.json(), patient());
    assert_eq!(fake.asked()[2].body, data);
    let run = home.run_with_input(&["patient", "match", "-"], b"{\"firstName\": canary");
    assert_eq!(run.status, 1);
    run.assert_silent_about("canary");
}

#[test]
fn a_list_of_patients_shows_ids_only() {
    let (fake, home) = service();
    let page = json!({"patients": [patient()], "meta": {"itemsOnPage": 1}});
    fake.answers("GET /live/medical/v1/patient", [Answer::Json(200, page)]);
    let run = home.run(&["patient", "list", "--facility", FACILITY]);
    assert!(run.stdout.contains("MRN-1"), "{run:?}");
    run.assert_silent_about("King");
    assert_eq!(
        fake.asked()[0].path,
        format!("/live/medical/v1/patient?count=20&facilityId={FACILITY}")
    );
    assert_eq!(home.run(&["patient", "list", "--json"]).json(), patient());
}

#[test]
fn a_document_query_is_begun_and_read() {
    let (fake, home) = service();
    let path = "/live/medical/v1/document/query";
    fake.answers(&format!("POST {path}"), [Answer::Json(200, json!({"requestId": id(9)}))]);
    let state = json!({"requestId": id(9), "download": {"status": "completed", "total": 3}});
    fake.answers(&format!("GET {path}"), [Answer::Json(200, state)]);
    let documents =
        json!({"documents": [{"id": "d1", "fileName": "note.pdf", "description": "A note"}]});
    fake.answers("GET /live/medical/v1/document", [Answer::Json(200, documents)]);
    assert_eq!(
        home.run(&["patient", "query", &id(7), "--start", "--json"]).json()["requestId"],
        id(9)
    );
    let run = home.run(&["patient", "query", &id(7)]);
    assert!(run.stdout.contains("download.status  completed"), "{run:?}");
    let listed = home.run(&["patient", "documents", &id(7)]).stdout;
    assert!(listed.starts_with("note.pdf ") && listed.ends_with(" A note\n"), "{listed}");
    assert_eq!(fake.asked_for(&Method::POST, path).len(), 1);
    assert!(fake.asked().iter().all(|asked| asked.path.contains(&format!("patientId={}", id(7)))));
}

#[test]
fn a_patient_is_deleted_only_with_consent() {
    let (fake, home) = service();
    let path = format!("/live/medical/v1/patient/{}", id(7));
    let gone = problem_json(404, "NOT_FOUND", "Could not find patient");
    fake.answers(&format!("DELETE {path}"), [Answer::Status(204), gone]);
    let run = home.run(&["patient", "delete", &id(7)]);
    assert_eq!((run.status, fake.asked().len()), (1, 0), "{run:?}");
    assert!(run.stderr.contains("no terminal") && run.stderr.contains("--yes"), "{run:?}");
    let run = home.run(&["patient", "delete", &id(7), "--yes"]);
    assert_eq!((run.status, run.stdout), (0, format!("{}  deleted\n", id(7))));
    let run = home.run(&["patient", "delete", &id(7), "--yes"]);
    assert!(run.status == 1 && run.stderr.contains("Could not find patient"), "{run:?}");
    assert_eq!(fake.asked_for(&Method::DELETE, &path).len(), 2);
}

#[test]
fn facilities_and_cohorts_are_listed_with_their_ids() {
    let (fake, home) = service();
    let facilities =
        json!({"facilities": [{"id": FACILITY, "name": "Main Street", "npi": "1234567893"}]});
    fake.answers("GET /live/medical/v1/facility", [Answer::Json(200, facilities)]);
    let cohorts = json!({"cohorts": [{"id": FACILITY, "name": "Diabetes", "size": 1200}]});
    fake.answers("GET /live/medical/v1/cohort", [Answer::Json(200, cohorts)]);
    assert_eq!(
        home.run(&["facility", "list"]).stdout,
        format!("{FACILITY}  1234567893  Main Street\n")
    );
    assert_eq!(home.run(&["cohort", "list"]).stdout, format!("{FACILITY}      1,200  Diabetes\n"));
    assert_eq!(home.run(&["cohort", "list", "--json"]).json()["size"], 1200);
}

#[test]
fn what_is_listed_as_a_whole_is_read_with_all_of_its_pages() {
    let (fake, home) = service();
    let page = |number: u32, next: Option<&str>| {
        let next = next.map(|next| format!("https://elsewhere.example/x?count=1&fromItem={next}"));
        let document =
            json!({"id": id(number), "name": "n", "npi": "1234567893", "fileName": "n.pdf"});
        let mut page = json!({"facilities": [document], "documents": [document], "meta": {}});
        page["meta"]["nextPage"] = next.into();
        Answer::Json(200, page)
    };
    for path in ["/live/medical/v1/facility", "/live/medical/v1/document"] {
        fake.answers(
            &format!("GET {path}"),
            [page(1, Some("a.1")), page(2, Some("b.2")), page(3, None)],
        );
    }
    for arguments in [&["facility", "list"][..], &["patient", "documents", &id(7)]] {
        let run = home.run(&[arguments, &["--json"]].concat());
        let ids: Vec<Value> = run.json_lines().iter().map(|line| line["id"].clone()).collect();
        assert_eq!(ids, [id(1), id(2), id(3)], "{run:?}");
    }
    let asked: Vec<String> = fake.asked().into_iter().map(|asked| asked.path).collect();
    assert!(asked[2].ends_with("/facility?count=1&fromItem=b.2"), "{asked:?}");
    assert!(asked[4].ends_with("/document?count=1&fromItem=a.1"), "{asked:?}");
}
