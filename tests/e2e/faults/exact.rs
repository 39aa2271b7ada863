//! Imports a file and compares the outcome, row by row, with the outcome of the same file for
//! another customer.

use std::collections::{BTreeSet, HashMap};
use std::process::Command;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::customer::Customer;
use crate::receiver::Receiver;
use crate::stack::project;

/// How long a job may take under injected faults, on a busy machine, with functions built for
/// debugging.
pub const PATIENCE: Duration = Duration::from_mins(10);

/// How many columns the result has after those of the upload.
const OURS: usize = 3;

/// Returns a sample file without ids of facilities and cohorts, so that every customer can import
/// it.
pub fn sample(rows: usize) -> String {
    let path = std::env::temp_dir().join(format!("faults-{}.csv", std::process::id()));
    python("infra.demo.sample", &["--rows", &rows.to_string(), "--out", path.to_str().unwrap()]);
    let file = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    file
}

/// Runs one of the project's Python modules and returns what it printed.
fn python(module: &str, arguments: &[&str]) -> Vec<u8> {
    let python =
        std::env::var("PYTHON").expect("PYTHON names the local stack's Python: use `make e2e`");
    let output = Command::new(python)
        .current_dir(project())
        .args(["-m", module])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Returns the rows of a CSV, the header first. Rows may differ in their number of cells.
fn table(file: &str) -> Vec<Vec<String>> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// A job that has ended, with its result file.
pub struct Imported {
    /// The state in which the job ended.
    pub job: Value,
    /// The result file, header first: the cells of the upload, then those of the service.
    rows: Vec<(Vec<String>, [String; OURS])>,
}

/// Uploads the file, runs `meanwhile` while the job is processed, and downloads the result at the
/// end.
pub async fn import(
    customer: &Customer,
    receiver: &Receiver,
    file: &str,
    meanwhile: impl AsyncFnOnce(&str),
) -> Imported {
    let (id, url) = customer.create_job("").await;
    customer.upload(&url, file.to_owned()).await;
    meanwhile(&id).await;
    receiver.wait_for_end_of(&id, PATIENCE).await;
    let (status, job) = customer.call(Method::GET, &format!("/medical/v1/patient/bulk/{id}")).await;
    assert_eq!(status, StatusCode::OK, "{job}");
    assert_eq!(job["status"], "completed", "{job}");
    let link = job["result"].as_str().unwrap();
    let answer = customer.http.get(link).send().await.unwrap();
    let result = answer.error_for_status().unwrap().text().await.unwrap();
    let split = |mut row: Vec<String>| {
        let ours = row.split_off(row.len() - OURS);
        (row, ours.try_into().unwrap())
    };
    Imported { job, rows: table(&result).into_iter().map(split).collect() }
}

impl Imported {
    /// Returns the patient ids of the rows that have one.
    pub fn patients(&self) -> BTreeSet<&str> {
        self.rows[1..]
            .iter()
            .map(|(_, [patient, ..])| patient.as_str())
            .filter(|id| !id.is_empty())
            .collect()
    }

    /// Checks that the result has every row of the file once, in order and unchanged, and that each
    /// row has the outcome that it has in `expected`, where the patients are the same people.
    pub fn assert_exact(&self, file: &str, expected: &Self) {
        let mut uploaded = table(file);
        // The service fills up a row that lacks its last cells, so that its own cells stand in
        // their columns.
        let columns = uploaded[0].len();
        for row in &mut uploaded {
            row.resize(columns, String::new());
        }
        assert_eq!(
            self.rows.len(),
            uploaded.len(),
            "every row has a line, and no line is no row's"
        );
        assert_eq!(self.rows[0].1, expected.rows[0].1, "the header");
        let (mut there, mut here) = (HashMap::new(), HashMap::new());
        let mut counts = HashMap::<&str, usize>::new();
        for (number, ((upload, got), wanted)) in
            uploaded.iter().zip(&self.rows).zip(&expected.rows).enumerate()
        {
            let (cells, [patient, status, reason]) = got;
            assert_eq!(cells, upload, "row {number}: cells");
            assert_eq!(cells, &wanted.0, "row {number}: cells of the other customer");
            assert_eq!((status, reason), (&wanted.1[1], &wanted.1[2]), "row {number}");
            assert_eq!(patient.is_empty(), wanted.1[0].is_empty(), "row {number}: patient");
            if number > 0 {
                *counts.entry(status).or_default() += 1;
                let other = *there.entry(patient).or_insert(&wanted.1[0]);
                assert_eq!(other, &wanted.1[0], "row {number}: two people are one patient");
                let other = *here.entry(&wanted.1[0]).or_insert(patient);
                assert_eq!(other, patient, "row {number}: one person is two patients");
            }
        }
        let count = |name: &str| self.job[name].as_u64().unwrap();
        assert_eq!(count("total"), uploaded.len() as u64 - 1);
        assert_eq!(count("successful"), counts["succeeded"] as u64);
        for name in ["created", "updated", "unchanged", "warnings"] {
            assert_eq!(self.job[name], expected.job[name], "{name}");
        }
    }

    /// Checks that the customer has exactly the patients of this result, and that no list misses
    /// one of them.
    pub fn assert_stored(&self, customer: &Customer) {
        let stored: Value =
            serde_json::from_slice(&python("tests.e2e.stored", &[&customer.id])).unwrap();
        assert_eq!(
            (&stored["unlisted"], &stored["unentered"]),
            (&Value::Array(vec![]), &Value::Array(vec![]))
        );
        let stored: BTreeSet<&str> =
            stored["patients"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
        assert_eq!(stored.len(), self.patients().len());
        assert_eq!(stored, self.patients());
    }

    /// Checks the job's webhooks: signed, in order, and repeated under the same id only.
    pub fn assert_messages(&self, receiver: &Receiver, key: &str) {
        let mut ids: Vec<(String, String)> = Vec::new();
        for message in receiver.deliveries() {
            if message.json()["meta"]["requestId"] != self.job["requestId"] {
                continue;
            }
            message.assert_signed_with(key);
            let id = message.json()["meta"]["messageId"].as_str().unwrap().to_owned();
            assert_eq!(message.header("webhook-id"), id);
            ids.push((message.status(), id));
        }
        ids.dedup();
        let statuses: Vec<&str> = ids.iter().map(|(status, _)| status.as_str()).collect();
        assert_eq!(statuses, ["processing", "completed"], "{ids:?}");
    }
}
