//! Rows of a job that no sweep has ended in time. A worker that imported them days later could
//! write a patient although the store has forgotten what the job decided.

use bulk_domain::job::times::LONGEST_LIFE;
use std::time::Duration;

use crate::imports::Imports;

const FILE: &str = "externalId,firstName,lastName,dob,gender,addressLine1,city,state,zip\n\
    MRN-1,Ada,Lovelace,1985-12-10,F,1 Main St,Boston,MA,02110\n";

#[test]
fn rows_are_imported_as_long_as_a_job_can_live() {
    let imports = Imports::new();
    let (job, chunks) = imports.begin(FILE.as_bytes(), &[]);
    imports.wait(LONGEST_LIFE);
    let ended = imports.end(job, &chunks);
    assert_eq!(imports.patients().len(), 1, "{}", ended.result);
    assert!(ended.result.contains(",succeeded,"), "{}", ended.result);
}

#[test]
fn rows_of_a_job_that_is_older_than_any_can_be_fail_and_write_nothing() {
    let imports = Imports::new();
    let (job, chunks) = imports.begin(FILE.as_bytes(), &[]);
    imports.wait(LONGEST_LIFE + Duration::from_millis(1));
    let ended = imports.end(job, &chunks);
    assert_eq!(imports.patients().len(), 0);
    assert!(ended.result.contains("internal error, try this row again"), "{}", ended.result);
}
