//! The requests of the examples.

use bulk_domain::document::DocumentLink;
use serde_json::{Value, json};

use super::{
    COHORT, CUSTOMER, DOCUMENT, FACILITY, JOB, LINK_KEY, PATIENT, UNUSED_COHORT, UNUSED_FACILITY,
    URL, WAITING_JOB, now,
};

/// A request for an operation. The text before `?` is the path of the operation with its id.
pub struct Example {
    pub operation: &'static str,
    pub uri: String,
    pub body: Option<Value>,
}

/// Returns an example of each operation.
pub fn examples() -> Vec<Example> {
    patients_and_documents().into_iter().chain(settings_and_objects()).collect()
}

fn example(operation: &'static str, uri: String) -> Example {
    Example { operation, uri, body: None }
}

fn with_body(operation: &'static str, uri: &str, body: Value) -> Example {
    Example { operation, uri: uri.to_owned(), body: Some(body) }
}

/// Returns the path and the query of a link to the document.
fn document_link() -> String {
    DocumentLink::signed(CUSTOMER, DOCUMENT.parse().unwrap(), &LINK_KEY, now()).url("")
}

fn address() -> Value {
    json!({"addressLine1": "1 Main St", "city": "Boston", "state": "MA", "zip": "02110"})
}

fn patients_and_documents() -> Vec<Example> {
    vec![
        example(
            "createBulkRequest",
            format!(
                "/medical/v1/patient/bulk?facilityId={FACILITY}&dryRun=false&column=dob:Born&column=city:Town"
            ),
        ),
        example("listBulkRequests", "/medical/v1/patient/bulk?count=2".into()),
        example("getBulkRequest", format!("/medical/v1/patient/bulk/{JOB}")),
        example("cancelBulkRequest", format!("/medical/v1/patient/bulk/{WAITING_JOB}/cancel")),
        example("undoBulkRequest", format!("/medical/v1/patient/bulk/{JOB}/undo")),
        example(
            "listPatients",
            format!("/medical/v1/patient?count=100&facilityId={FACILITY}&filters=lovelace%201980"),
        ),
        example(
            "getPatientByExternalId",
            "/medical/v1/patient/external-id?externalId=MRN-1001".into(),
        ),
        with_body(
            "matchPatient",
            "/medical/v1/patient/match",
            json!({
                "firstName": "Ada", "lastName": "Lovelace", "dob": "1980-02-03", "genderAtBirth": "F",
                "address": address(),
            }),
        ),
        example("getPatient", format!("/medical/v1/patient/{PATIENT}")),
        with_body(
            "updatePatient",
            &format!("/medical/v1/patient/{PATIENT}"),
            json!({
                "firstName": "Ada", "lastName": "King", "dob": "1980-02-03", "genderAtBirth": "F",
                "address": address(), "contact": [{"phone": "6175550100", "email": "ada@example.com"}],
                "personalIdentifiers": [{"type": "ssn", "value": "123121234"}],
            }),
        ),
        example("deletePatient", format!("/medical/v1/patient/{PATIENT}")),
        example("getHieOptOut", format!("/medical/v1/patient/{PATIENT}/hie-opt-out")),
        example(
            "setHieOptOut",
            format!("/medical/v1/patient/{PATIENT}/hie-opt-out?hieOptOut=true"),
        ),
        example(
            "listDocuments",
            format!(
                "/medical/v1/document?patientId={PATIENT}&output=fhir&dateFrom=2025-01-01&dateTo=2025-12-31"
            ),
        ),
        example(
            "getDocumentUrl",
            format!("/medical/v1/document/download-url?fileName={DOCUMENT}.pdf"),
        ),
        example("openDocumentLink", document_link()),
        example(
            "getBulkDownload",
            format!("/medical/v1/document/download-url/bulk?patientId={PATIENT}"),
        ),
        with_body(
            "startBulkDownload",
            &format!("/medical/v1/document/download-url/bulk?patientId={PATIENT}"),
            json!({"metadata": {"chart": "7731"}}),
        ),
        example("getDocumentQuery", format!("/medical/v1/document/query?patientId={PATIENT}")),
        example(
            "startDocumentQuery",
            format!("/medical/v1/document/query?patientId={PATIENT}&facilityId={FACILITY}"),
        ),
    ]
}

fn settings_and_objects() -> Vec<Example> {
    vec![
        example("listFacilities", "/medical/v1/facility".into()),
        with_body(
            "createFacility",
            "/medical/v1/facility",
            json!({"name": "North clinic", "npi": "1234567893", "tin": "12-3456789", "active": true, "address": address()}),
        ),
        example("getFacility", format!("/medical/v1/facility/{FACILITY}")),
        with_body(
            "updateFacility",
            &format!("/medical/v1/facility/{FACILITY}"),
            json!({"name": "North clinic", "npi": "1234567893", "active": false, "address": address()}),
        ),
        example("deleteFacility", format!("/medical/v1/facility/{UNUSED_FACILITY}")),
        example("listCohorts", "/medical/v1/cohort".into()),
        with_body(
            "createCohort",
            "/medical/v1/cohort",
            json!({"name": "Diabetes", "description": "Type 1 and type 2", "color": "green"}),
        ),
        example("getCohort", format!("/medical/v1/cohort/{COHORT}")),
        example("listCohortPatients", format!("/medical/v1/cohort/{COHORT}/patient")),
        with_body(
            "replaceCohort",
            &format!("/medical/v1/cohort/{COHORT}"),
            json!({"name": "Diabetes", "description": "Type 2", "color": "blue"}),
        ),
        with_body(
            "updateCohort",
            &format!("/medical/v1/cohort/{COHORT}"),
            json!({"color": "blue"}),
        ),
        example("deleteCohort", format!("/medical/v1/cohort/{UNUSED_COHORT}")),
        with_body(
            "addPatientsToCohort",
            &format!("/medical/v1/cohort/{UNUSED_COHORT}/patient"),
            json!({"patientIds": [PATIENT]}),
        ),
        with_body(
            "removePatientsFromCohort",
            &format!("/medical/v1/cohort/{COHORT}/patient"),
            json!({"patientIds": [PATIENT]}),
        ),
        example("listPatientCohorts", format!("/medical/v1/patient/{PATIENT}/cohort")),
        with_body(
            "addPatientToCohorts",
            &format!("/medical/v1/patient/{PATIENT}/cohort"),
            json!({"cohortIds": [UNUSED_COHORT]}),
        ),
        example("getSettings", "/settings".into()),
        with_body(
            "updateSettings",
            "/settings",
            json!({"webhookUrl": URL, "patientWebhooks": true}),
        ),
        example("getWebhookStatus", "/settings/webhook?count=20&state=failed".into()),
        example("retryWebhooks", "/settings/webhook/retry".into()),
        example("rotateWebhookKey", "/settings/webhook/rotate".into()),
        example("getHealth", "/health".into()),
        example("getDescription", "/openapi.json".into()),
        example("getDocs", "/docs".into()),
    ]
}
