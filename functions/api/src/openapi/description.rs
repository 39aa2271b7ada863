//! The description as the code says it.
//!
//! The macros describe each operation. This file adds what is the same for all operations: the
//! answers that each of them can give, and that an absent field is absent, never `null`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use crate::error::Problem;
use crate::operations::{
    cancel_job, change_cohort_patients, create_cohort, create_facility, create_job, delete_cohort,
    delete_facility, delete_patient, get_bulk_download, get_cohort, get_docs, get_document_query,
    get_document_url, get_facility, get_health, get_hie_opt_out, get_job, get_openapi, get_patient,
    get_patient_by_external_id, get_settings, get_webhook_status, list_cohort_patients,
    list_cohorts, list_documents, list_facilities, list_jobs, list_patient_cohorts, list_patients,
    match_patient, open_document_link, retry_webhooks, rotate_webhook_key, set_hie_opt_out,
    start_bulk_download, start_document_query, undo_job, update_cohort, update_facility,
    update_patient, update_settings,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Bulk patient import",
        version = "1",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        description = "Upload a CSV file of up to 100,000 patients. Every patient is created or updated, and every row \
            gets its outcome.\n\nSend your API key in the header `x-api-key` with every call, except for the calls of \
            the group `service` and the links of webhooks. Every error has the same shape, also an error of API Gateway itself. An unknown query \
            parameter is an error, so that a mistyped filter is never ignored. An answer has up to 6 MB; a page of a \
            list ends before the item that would make it larger than 4 MB."
    ),
    servers((url = "./", description = "The address of this document.")),
    security(("apiKey" = [])),
    components(schemas(Problem)),
    tags(
        (name = "bulk", description = "Imports, called bulk requests."),
        (name = "patient", description = "Imported patients."),
        (name = "document", description = "Documents that a health information exchange has about a patient."),
        (name = "facility", description = "Places where patients receive care."),
        (name = "cohort", description = "Named groups of patients."),
        (name = "settings", description = "Webhooks: their URL, their key and their deliveries."),
        (name = "service", description = "The service itself. No API key needed."),
    ),
    paths(
        create_job::handle,
        list_jobs::handle,
        get_job::handle,
        cancel_job::handle,
        undo_job::handle,
        list_patients::handle,
        get_patient_by_external_id::handle,
        match_patient::handle,
        get_patient::handle,
        update_patient::handle,
        get_hie_opt_out::handle,
        set_hie_opt_out::handle,
        delete_patient::handle,
        list_documents::handle,
        start_document_query::handle,
        get_document_query::handle,
        get_document_url::handle,
        open_document_link::handle,
        get_bulk_download::handle,
        start_bulk_download::handle,
        create_facility::handle,
        list_facilities::handle,
        get_facility::handle,
        update_facility::handle,
        delete_facility::handle,
        create_cohort::handle,
        list_cohorts::handle,
        get_cohort::handle,
        update_cohort::replace,
        update_cohort::update,
        delete_cohort::handle,
        list_cohort_patients::handle,
        change_cohort_patients::add,
        change_cohort_patients::remove,
        list_patient_cohorts::list,
        list_patient_cohorts::add,
        get_settings::handle,
        update_settings::handle,
        get_webhook_status::handle,
        retry_webhooks::handle,
        rotate_webhook_key::handle,
        get_health::handle,
        get_openapi::handle,
        get_docs::handle,
    )
)]
struct Description;

/// Schemas of request bodies, in which `null` is the same as absent.
const REQUESTS: [&str; 11] = [
    "CohortChange",
    "CohortPatients",
    "MatchedDemographics",
    "NewAddress",
    "NewBulkDownload",
    "NewCohort",
    "NewContact",
    "NewDemographics",
    "NewFacility",
    "NewIdentifier",
    "NewSettings",
];

/// Answers that every operation with an API key can give, by their names among the components.
const COMMON_ANSWERS: [(&str, &str, &str); 4] = [
    (
        "403",
        "Forbidden",
        "The API key is missing, unknown or has expired, lacks the scope of the operation, or may not be used from \
         this address. `detail` says which.",
    ),
    (
        "429",
        "TooManyRequests",
        "Too many requests with this API key, or too many imports that wait for their files. `Retry-After` is the pause \
         in seconds.",
    ),
    ("500", "InternalServerError", "The service failed. The same call may succeed later."),
    (
        "503",
        "ServiceUnavailable",
        "The service could not answer in time. `Retry-After` is the pause before a retry in seconds.",
    ),
];

/// Returns the description without examples.
pub fn description() -> Value {
    let mut document = serde_json::to_value(Description::openapi()).unwrap();
    let components = &mut document["components"];
    components["securitySchemes"] =
        json!({"apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"}});
    for (_, name, about) in COMMON_ANSWERS {
        components["responses"][name] = problem(about);
    }
    for (name, schema) in components["schemas"].as_object_mut().unwrap() {
        join_parts(schema);
        if !REQUESTS.contains(&name.as_str()) {
            absent_is_never_null(schema);
        }
    }
    for operation in operations(&mut document) {
        describe_answers(operation);
    }
    spell_out_texts(&mut document);
    document
}

/// Returns the operations of a document.
pub fn operations(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = document["paths"].as_object_mut().unwrap().values_mut();
    paths.flat_map(|methods| methods.as_object_mut().unwrap().values_mut())
}

fn problem(about: &str) -> Value {
    let content = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
    json!({"description": about, "content": content})
}

fn describe_answers(operation: &mut Value) {
    let has_key = operation.get("security").is_none();
    for parameter in
        operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten()
    {
        without_null(&mut parameter["schema"]);
    }
    let responses = operation["responses"].as_object_mut().unwrap();
    for (status, response) in responses.iter_mut() {
        if !status.starts_with(['2', '3']) {
            *response = problem(response["description"].as_str().unwrap());
        }
    }
    if has_key {
        responses
            .entry("400")
            .or_insert_with(|| problem("Unknown query parameter. `detail` names it."));
        for (status, name, _) in COMMON_ANSWERS {
            responses
                .insert(status.into(), json!({"$ref": format!("#/components/responses/{name}")}));
        }
    }
}

/// Control characters that are no white space. No text may contain one.
const CONTROL: &str = r"\u0000-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f";

/// White space, which is trimmed.
const SPACE: &str =
    r"\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";

/// Invisible characters, which are removed.
const INVISIBLE: &str = r"\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff";

/// Replaces the formats `label` and `optional-label` by patterns: text with a visible character.
fn spell_out_texts(value: &mut Value) {
    let visible = format!("[^{CONTROL}]*[^{CONTROL}{SPACE}{INVISIBLE}][^{CONTROL}]*");
    match value {
        Value::Object(fields) => {
            let format =
                fields.get("format").and_then(Value::as_str).unwrap_or_default().to_owned();
            if format.ends_with("label") {
                let is_optional = format.starts_with("optional");
                let pattern = if is_optional {
                    format!("^(?:[{SPACE}]*|{visible})$")
                } else {
                    format!("^{visible}$")
                };
                fields.remove("format");
                fields.insert("pattern".into(), pattern.into());
                fields.insert("maxLength".into(), bulk_domain::label::LONGEST_LABEL.into());
            }
            fields.values_mut().for_each(spell_out_texts);
        }
        Value::Array(items) => items.iter_mut().for_each(spell_out_texts),
        _ => {}
    }
}

/// Makes one object of a schema with parts that are all spelled out, so that readers find all
/// fields in one list.
fn join_parts(schema: &mut Value) {
    let Some(Value::Array(parts)) = schema.get("allOf") else { return };
    if parts.iter().any(|part| part.get("properties").is_none()) {
        return;
    }
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for part in parts {
        properties.extend(part["properties"].as_object().unwrap().clone());
        required.extend(part["required"].as_array().cloned().unwrap_or_default());
    }
    let description = schema["description"].take();
    *schema = json!({
        "description": description, "type": "object", "properties": properties, "required": required,
    });
}

/// Removes `null` from the types of optional fields.
fn absent_is_never_null(schema: &mut Value) {
    for parts in ["allOf", "oneOf"] {
        if let Some(parts) = schema.get_mut(parts).and_then(Value::as_array_mut) {
            parts.iter_mut().for_each(absent_is_never_null);
        }
    }
    let required = schema.get("required").cloned().unwrap_or_default();
    let required: Vec<String> = serde_json::from_value(required).unwrap_or_default();
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for (_, property) in properties.iter_mut().filter(|(name, _)| !required.contains(name)) {
        without_null(property);
        let about = property.get("description").cloned();
        if let Some(choices) = property.get_mut("oneOf").and_then(Value::as_array_mut) {
            choices.retain(|choice| choice["type"] != "null");
            if let [only] = choices.as_mut_slice() {
                *property = only.take();
                if let Some(about) = about {
                    property["description"] = about;
                }
            }
        }
    }
}

fn without_null(schema: &mut Value) {
    if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            schema["type"] = only.clone();
        }
    }
}

#[test]
fn every_route_is_described() {
    let table = include_str!("../routes.rs");
    let routed: BTreeSet<&str> = table.split('"').skip(1).step_by(2).collect();
    let document = description();
    let mut described: BTreeSet<&str> =
        document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    // The files of the page at /docs.
    described.insert("/docs/{file}");
    assert_eq!(routed, described);
}

#[test]
fn every_schema_of_a_request_body_is_there() {
    let document = description();
    let schemas: &Map<String, Value> = document["components"]["schemas"].as_object().unwrap();
    for name in REQUESTS {
        assert!(schemas.contains_key(name), "{name}");
    }
}
