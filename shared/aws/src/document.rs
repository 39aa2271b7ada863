//! Items that are one JSON document and a version, by which two writers do not overwrite each other.

use aws_sdk_dynamodb::Client;
use pipeline::ports::{PortResult, Versioned, Write};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{conditional, malformed};
use crate::item::{Item, n, required_number, s, text};

/// Stores a document, on the condition that the stored version is still `version` (none: that there is nothing
/// stored).
pub async fn store_document(
    client: &Client,
    table: &str,
    mut item: Item,
    document: &impl Serialize,
    version: Option<u64>,
) -> PortResult<Write> {
    const OPERATION: &str = "dynamodb.PutItem";
    let json = serde_json::to_string(document).map_err(|_| malformed(OPERATION, "document"))?;
    item.insert("doc".to_owned(), s(json));
    item.insert("version".to_owned(), n(version.unwrap_or(0) + 1));
    let put = client.put_item().table_name(table).set_item(Some(item));
    let put = match version {
        None => put.condition_expression("attribute_not_exists(pk)"),
        Some(version) => {
            put.condition_expression("version = :version").expression_attribute_values(":version", n(version))
        }
    };
    conditional(OPERATION, put.send().await)
}

/// The document of an item.
pub fn read_document<T: DeserializeOwned>(item: &Item) -> PortResult<Versioned<T>> {
    let json = text(item, "doc").ok_or_else(|| malformed("dynamodb.read", "doc"))?;
    let value = serde_json::from_str(json).map_err(|_| malformed("dynamodb.read", "doc"))?;
    Ok(Versioned { value, version: required_number(item, "version")? })
}
