//! What a customer says about header cells, what was understood, and what rows are warned of: from
//! the creation of a job to its result.

use bulk_domain::job::JobStatus;
use serde_json::json;

use crate::imports::Imports;

const FILE: &str = "Given,Surname,Born On,Sex,Street,Town,State,Zip,Cell,Remark
Ada,King,1985-12-10,F,1 Main St,Boston,MA,02108,6175550100,a
Bob,King,1985-12-11,M,1 Main St,Boston,MA,02108,1234567890,b
Cyd,King,1985-12-12,F,1 Main St,Boston,MA,02108,0987654321,c
Dan,King,no date,M,1 Main St,Boston,MA,02108,1234567890,d
";

const COLUMNS: [&str; 3] = ["firstName:given", "dob:BORN_ON", "city:Town"];

#[test]
fn columns_that_the_customer_has_mapped_are_imported_by_every_function() {
    let imports = Imports::new();
    let ended = imports.import(FILE, &COLUMNS);
    let job = &ended.job.job;
    assert_eq!(job.status, JobStatus::Completed, "{:?}", job.reason);
    assert_eq!((job.tally.created, job.tally.failed), (3, 1));
    let patients = imports.patients();
    let mut names: Vec<String> =
        patients.iter().map(|patient| json!(patient.first_name).to_string()).collect();
    names.sort();
    assert_eq!(names, ["\"Ada\"", "\"Bob\"", "\"Cyd\""]);
    assert!(ended.result.contains(",failed,dob: not a date"), "{}", ended.result);
}

#[test]
fn every_header_cell_is_reported_with_what_it_was_taken_for() {
    let ended = Imports::new().import(FILE, &COLUMNS);
    let columns = ended.job.job.file.unwrap().columns.report();
    let expected = json!([
        {"header": "Given", "column": "firstName"}, {"header": "Surname", "column": "lastName"},
        {"header": "Born On", "column": "dob"}, {"header": "Sex", "column": "gender"},
        {"header": "Street", "column": "addressLine1"}, {"header": "Town", "column": "city"},
        {"header": "State", "column": "state"}, {"header": "Zip", "column": "zip"},
        {"header": "Cell", "column": "phone"}, {"header": "Remark"},
    ]);
    assert_eq!(json!(columns), expected);
}

#[test]
fn a_mapping_to_a_cell_that_the_file_lacks_fails_the_file_and_names_it() {
    let ended = Imports::new().import(FILE, &["firstName:Given", "dob:Birth Date", "city:Town"]);
    let job = ended.job.job;
    assert_eq!(job.status, JobStatus::Failed);
    assert_eq!(
        job.reason.as_deref(),
        Some("no cell of the header is \"Birth Date\", which the import was told to take for dob")
    );
    assert!(job.file.is_none());
}

#[test]
fn rows_that_succeed_with_a_warning_are_counted_once_each() {
    let imports = Imports::new();
    let (job, chunks) = imports.begin(FILE.as_bytes(), &COLUMNS);
    assert_eq!(chunks.len(), 2);
    // Every message is received twice.
    let ended = imports.end(job, &[&chunks[..], &chunks[..]].concat());
    assert_eq!(ended.job.job.tally.warnings, 2);
    assert_eq!(ended.result.matches("warning: phone: cannot be dialled").count(), 2);
}
