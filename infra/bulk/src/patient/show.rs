//! Patients and documents, printed as text or JSON.

use bulk_domain::ids::PatientId;
use bulk_terminal::{Output, one_line};
use serde_json::{Value, json};

use crate::api::Patient;

/// Prints a patient with every field.
pub fn patient(output: Output, patient: &Patient) -> anyhow::Result<()> {
    fields(output, &serde_json::to_value(patient)?)
}

/// Prints a patient on one line. It has ids only, so that the user may share the list.
pub fn in_list(output: Output, patient: &Patient) -> anyhow::Result<()> {
    if output.json {
        return output.value(patient);
    }
    let updated = patient.date_updated.as_deref().unwrap_or_default();
    let external_id = patient.external_id.as_deref().map(one_line).unwrap_or_default();
    Ok(output.line(format_args!("{}  {updated:<24}  {external_id}", patient.id))?)
}

/// Prints that a patient was deleted.
pub fn deleted(output: Output, id: PatientId) -> anyhow::Result<()> {
    if output.json {
        return output.value(&json!({"deleted": id}));
    }
    Ok(output.line(format_args!("{id}  deleted"))?)
}

/// Prints a document on one line: the name by which it is downloaded, and what it is.
pub fn document(output: Output, document: &Value) -> anyhow::Result<()> {
    if output.json {
        return output.value(document);
    }
    let text =
        |name: &str| document.get(name).and_then(Value::as_str).map(one_line).unwrap_or_default();
    let indexed = text("indexed");
    Ok(output.line(format_args!(
        "{:<74}  {indexed:<24}  {:<24}  {}",
        text("fileName"),
        text("mimeType"),
        text("description")
    ))?)
}

/// Prints an object with one line for each field: `address.1.city  Boston`.
pub fn fields(output: Output, value: &Value) -> anyhow::Result<()> {
    if output.json {
        return output.value(value);
    }
    let mut found = Vec::new();
    flatten(String::new(), value, &mut found);
    let width = found.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, value) in found {
        output.line(format_args!("{}  {value}", output.faint(format_args!("{name:<width$}"))))?;
    }
    Ok(())
}

fn flatten(name: String, value: &Value, found: &mut Vec<(String, String)>) {
    let inner =
        |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
    match value {
        Value::Object(object) => {
            object.iter().for_each(|(part, value)| flatten(inner(part), value, found));
        }
        Value::Array(array) => {
            for (index, value) in array.iter().enumerate() {
                flatten(inner(&(index + 1).to_string()), value, found);
            }
        }
        Value::String(text) => found.push((name, one_line(text))),
        Value::Null => {}
        other => found.push((name, other.to_string())),
    }
}
