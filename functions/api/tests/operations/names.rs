//! Which spelling of a name a patient keeps when several imports write it in different cases.

use bulk_domain::ids::JobId;
use bulk_pipeline::messages::ChunkMessage;
use serde_json::json;

use crate::imports::Imports;

const HEADER: &str = "firstName,lastName,dob,gender,addressLine1,city,state,zip";

fn file(names: &[&str]) -> String {
    let row = |name: &&str| format!("\nTest,{name},1980-02-03,F,1 Main Street,Boston,MA,02139");
    format!("{HEADER}{}\n", names.iter().map(row).collect::<String>())
}

/// Returns the last name of the one patient.
fn last_name(imports: &Imports) -> String {
    let patients = imports.patients();
    assert_eq!(patients.len(), 1, "{} patients", patients.len());
    json!(patients[0].last_name).as_str().unwrap().to_owned()
}

#[test]
fn an_upload_in_capitals_leaves_the_spelling_of_an_earlier_one() {
    for capitals in ["MCDONALD", "mcdonald"] {
        let imports = Imports::new();
        imports.import(&file(&["McDonald"]), &[]);
        let ended = imports.import(&file(&[capitals]), &[]);
        assert_eq!(ended.job.job.tally.successful(), 1);
        assert_eq!(last_name(&imports), "McDonald", "after {capitals}");
    }
}

#[test]
fn an_upload_with_care_replaces_the_spelling_that_capitals_had() {
    let imports = Imports::new();
    imports.import(&file(&["DE LA CRUZ"]), &[]);
    assert_eq!(last_name(&imports), "De La Cruz");
    imports.import(&file(&["de la Cruz"]), &[]);
    assert_eq!(last_name(&imports), "de la Cruz");
}

#[test]
fn within_a_file_capitals_leave_the_spelling_with_care_in_any_order_of_the_rows() {
    for names in [["McDonald", "MCDONALD"], ["MCDONALD", "McDonald"]] {
        let imports = Imports::new();
        imports.import(&file(&names), &[]);
        assert_eq!(last_name(&imports), "McDonald", "{names:?}");
    }
}

#[test]
fn three_jobs_give_the_same_spelling_in_any_order() {
    let spellings = ["de la Cruz", "De-la-Cruz", "DE LA CRUZ", "De La cruz", "DE-LA-CRUZ"];
    let orders = [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for number in 0..spellings.len().pow(3) {
        let names = [number / 25, number / 5 % 5, number % 5].map(|index| spellings[index]);
        let in_order = Imports::new();
        for name in names {
            in_order.import(&file(&[name]), &[]);
        }
        for order in orders {
            let overtaken = Imports::new();
            let jobs = names.map(|name| overtaken.begin(file(&[name]).as_bytes(), &[]));
            for index in order {
                let (job, chunks) = &jobs[index];
                overtaken.end(*job, chunks);
            }
            assert_eq!(last_name(&overtaken), last_name(&in_order), "{names:?} as {order:?}");
        }
    }
}

#[test]
fn an_older_job_that_is_imported_later_gives_the_same_spelling() {
    for (older, newer) in [
        ("McDonald", "MCDONALD"),
        ("MCDONALD", "McDonald"),
        ("mcDonald", "McDonald"),
        ("Mac Donald", "MACDONALD"),
        ("MACDONALD", "Mac Donald"),
        ("DE LA CRUZ", "de la Cruz"),
        ("de la Cruz", "DE LA CRUZ"),
    ] {
        let in_order = Imports::new();
        for name in [older, newer] {
            in_order.import(&file(&[name]), &[]);
        }
        let overtaken = Imports::new();
        let jobs: Vec<(JobId, Vec<ChunkMessage>)> =
            [older, newer].map(|name| overtaken.begin(file(&[name]).as_bytes(), &[])).into();
        for (job, chunks) in jobs.iter().rev() {
            overtaken.end(*job, chunks);
        }
        assert_eq!(last_name(&overtaken), last_name(&in_order), "{older}, then {newer}");
    }
}
