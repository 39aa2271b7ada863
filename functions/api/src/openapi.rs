//! The description of the API: `OpenAPI` 3.1, made from the routes, checked in as `infra/openapi.json`.
//!
//! What the macros cannot say is added here, in one place for all operations: the answers that every one of
//! them can give, and that what is absent is absent, never `null`.

use axum::Json;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde_json::{Value, json};
#[cfg(test)]
use utoipa::OpenApi;

/// The document as it was checked in. A test compares it with what the code says.
pub const DOCUMENT: &str = include_str!("../../../infra/openapi.json");

/// What is said of the API as a whole.
#[cfg(test)]
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Bulk patient import",
        version = "1",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        description = "Upload a CSV of up to 100,000 patients, get every patient created or updated and every \
            row's outcome back. Every call but those without a lock needs the header `x-api-key`; an unknown \
            key, and API Gateway's own refusals, are answered in the shape of all other errors. A query parameter \
            that a call does not know is answered 400, and named. No answer is larger than 6 MB: a page of a list \
            ends before the item with which it would be larger than 4 MB."
    ),
    servers((url = "./", description = "Where this document is.")),
    security(("apiKey" = [])),
    components(schemas(crate::error::Problem)),
    tags(
        (name = "bulk", description = "Imports, which are called bulk requests."),
        (name = "patient", description = "What was imported, read back."),
        (name = "document", description = "What a health information exchange has about a patient."),
        (name = "facility", description = "Where patients receive care."),
        (name = "cohort", description = "Named sets of patients."),
        (name = "settings", description = "Webhooks: where they go and what became of them."),
        (name = "service", description = "The service itself. No key needed."),
    )
)]
pub struct Description;

/// `GET /openapi.json`
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "getDescription", tag = "service",
    responses((status = 200, description = "This document.", body = Object, content_type = "application/json")),
    security(()),
)]
pub async fn handle() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT)
}

/// `GET /health`
#[utoipa::path(
    get, path = "/health", operation_id = "getHealth", tag = "service",
    responses((status = 200, description = "It is there.", body = Object)),
    security(()),
)]
pub async fn health() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// What is sent: there, `null` may stand for what may be left out.
#[cfg(test)]
const SENT: [&str; 5] = ["NewAddress", "NewCohort", "NewFacility", "NewSettings", "PersonToMatch"];

/// The document for these operations.
#[cfg(test)]
pub fn document(api: &utoipa::openapi::OpenApi) -> Result<String, serde_json::Error> {
    let mut document = serde_json::to_value(api)?;
    document["components"]["securitySchemes"] =
        json!({"apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"}});
    if let Some(paths) = document["paths"].as_object_mut() {
        for operation in
            paths.values_mut().filter_map(Value::as_object_mut).flat_map(serde_json::Map::values_mut)
        {
            add_common_answers(operation);
        }
    }
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        for (name, schema) in schemas {
            if !SENT.contains(&name.as_str()) {
                leave_out_null(schema);
            }
        }
    }
    spell_out_texts(&mut document);
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

#[cfg(test)]
fn add_common_answers(operation: &mut Value) {
    let is_public = operation.get("security").is_some();
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        without_null(&mut parameter["schema"]);
    }
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    if !is_public {
        responses
            .entry("400")
            .or_insert_with(|| json!({"description": "A query parameter is not known; `detail` names it."}));
        responses.insert("403".into(), json!({"description": "The API key is missing or unknown."}));
        responses.insert(
            "429".into(),
            json!({
                "description": "Too many requests. `Retry-After` says after how many seconds to come again, \
                    where the limit is that of the key.",
            }),
        );
        responses.insert(
            "500".into(),
            json!({"description": "Something is wrong with the service. The same call may succeed later."}),
        );
        responses.insert(
            "503".into(),
            json!({
                "description": "The service could not answer in time. `Retry-After` says after how many seconds \
                    the same call may succeed.",
            }),
        );
    }
    for (status, response) in responses {
        if status != "200" {
            response["content"] =
                json!({"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
        }
    }
}

/// Control characters that are no white space: no text may hold one.
#[cfg(test)]
const CONTROL: &str = r"\u0000-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f";

/// White space, which is taken off a text's ends.
#[cfg(test)]
const SPACE: &str = r"\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";

/// What cannot be seen and is taken out.
#[cfg(test)]
const INVISIBLE: &str = r"\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff";

/// Says by patterns what the formats `label`, `line` and their optional kinds are: text with something to be
/// seen in it.
#[cfg(test)]
fn spell_out_texts(value: &mut Value) {
    let visible = format!("[^{CONTROL}]*[^{CONTROL}{SPACE}{INVISIBLE}][^{CONTROL}]*");
    match value {
        Value::Object(fields) => {
            let format = fields.get("format").and_then(Value::as_str).unwrap_or_default().to_owned();
            if let Some(kind) = ["label", "line"].into_iter().find(|kind| format.ends_with(kind)) {
                let is_optional = format.starts_with("optional");
                let pattern =
                    if is_optional { format!("^(?:[{SPACE}]*|{visible})$") } else { format!("^{visible}$") };
                fields.remove("format");
                fields.insert("pattern".into(), pattern.into());
                if kind == "label" {
                    fields.insert("maxLength".into(), domain::label::LONGEST_LABEL.into());
                }
            }
            fields.values_mut().for_each(spell_out_texts);
        }
        Value::Array(items) => items.iter_mut().for_each(spell_out_texts),
        _ => {}
    }
}

/// Takes `null` out of the types of fields that may be left out.
#[cfg(test)]
fn leave_out_null(schema: &mut Value) {
    if let Some(parts) = schema.get_mut("allOf").and_then(Value::as_array_mut) {
        parts.iter_mut().for_each(leave_out_null);
    }
    let required = schema.get("required").cloned().unwrap_or_default();
    let required: Vec<String> = serde_json::from_value(required).unwrap_or_default();
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (_, property) in properties.iter_mut().filter(|(name, _)| !required.contains(name)) {
        without_null(property);
        if let Some(choices) = property.get_mut("oneOf").and_then(Value::as_array_mut) {
            choices.retain(|choice| choice["type"] != "null");
            if let [only] = choices.as_slice() {
                *property = only.clone();
            }
        }
    }
}

#[cfg(test)]
fn without_null(schema: &mut Value) {
    if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            schema["type"] = only.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/openapi.json");

    #[test]
    fn the_document_that_is_served_is_what_the_code_says() {
        let written = document(&crate::routes::described()).unwrap();
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            std::fs::write(FILE, &written).unwrap();
            return;
        }
        assert!(written == DOCUMENT, "run `make openapi` and look at the difference");
    }

    #[test]
    fn a_patient_has_exactly_the_fields_that_are_described() {
        let json = include_str!("../tests/patient.json");
        let patient: domain::patient::Patient = serde_json::from_str(json).unwrap();
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        assert_described(
            &document,
            &serde_json::to_value(patient).unwrap(),
            &json!({"$ref": "#/components/schemas/Patient"}),
        );
    }

    #[test]
    fn a_document_has_exactly_the_fields_that_are_described() {
        let json = include_str!("../tests/document.json");
        let document: domain::document::Document = serde_json::from_str(json).unwrap();
        let description: Value = serde_json::from_str(DOCUMENT).unwrap();
        assert_described(
            &description,
            &serde_json::to_value(document).unwrap(),
            &json!({"$ref": "#/components/schemas/Document"}),
        );
    }

    /// Checks that every field of a full example is described, and every described field is in it.
    fn assert_described(document: &Value, value: &Value, schema: &Value) {
        if let Some(name) = schema["$ref"].as_str() {
            let pointed = document.pointer(name.trim_start_matches('#')).unwrap();
            return assert_described(document, value, pointed);
        }
        match value {
            Value::Object(fields) => {
                let names = |value: &serde_json::Map<String, Value>| {
                    let mut names: Vec<String> = value.keys().cloned().collect();
                    names.sort();
                    names
                };
                let described = schema["properties"].as_object().unwrap();
                assert_eq!(names(fields), names(described));
                for (name, field) in fields {
                    assert_described(document, field, &described[name]);
                }
            }
            // The first of a list has all fields that any has.
            Value::Array(items) => {
                if let Some(item) = items.first() {
                    assert_described(document, item, &schema["items"]);
                }
            }
            _ => {}
        }
    }
}
