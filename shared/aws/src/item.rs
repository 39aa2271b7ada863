//! Items of DynamoDB: writing attributes, and reading them with an error that names the attribute.

use std::collections::HashMap;
use std::str::FromStr;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use bulk_domain::stored_json::{compressed, decompressed};
use bulk_pipeline::ports::{PortError, PortResult};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::malformed;

/// An item as the SDK represents it.
pub type Item = HashMap<String, AttributeValue>;

const READ: &str = "dynamodb.read";

/// Returns a text as the value of an attribute.
#[allow(clippy::needless_pass_by_value, reason = "short to write at every call")]
pub fn s(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

/// Returns a number as the value of an attribute.
#[allow(clippy::needless_pass_by_value, reason = "short to write at every call")]
pub fn n(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Returns the key attributes, which have the same names in all tables.
pub fn key(pk: impl ToString, sk: impl ToString) -> Item {
    HashMap::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s(sk))])
}

/// Returns an item with this key and the fields of `value` as attributes.
pub fn with_fields(mut key: Item, value: &impl Serialize) -> PortResult<Item> {
    let fields: Item =
        serde_dynamo::to_item(value).map_err(|_| malformed("dynamodb.PutItem", "attributes"))?;
    key.extend(fields);
    Ok(key)
}

/// Returns the value that has the attributes of an item as its fields.
pub fn from_fields<T: DeserializeOwned>(item: Item) -> PortResult<T> {
    serde_dynamo::from_item(item).map_err(|_| malformed(READ, "attributes"))
}

/// Returns a string attribute, if the item has it.
pub fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
}

/// Returns a string attribute that the item must have.
pub fn required_text<'a>(item: &'a Item, name: &'static str) -> PortResult<&'a str> {
    text(item, name).ok_or_else(|| malformed(READ, name))
}

/// Returns the value that a string attribute holds as JSON.
pub fn from_json<T: DeserializeOwned>(item: &Item, name: &'static str) -> PortResult<T> {
    serde_json::from_str(required_text(item, name)?).map_err(|_| malformed(READ, name))
}

/// Returns a value as the JSON of an attribute: text, or bytes if it is so long that it is stored
/// compressed.
pub fn compressed_json(value: &impl Serialize) -> PortResult<AttributeValue> {
    let json =
        serde_json::to_string(value).map_err(|_| malformed("dynamodb.PutItem", "document"))?;
    Ok(compressed(&json).map_or_else(|| s(json), |bytes| AttributeValue::B(Blob::new(bytes))))
}

/// Returns the value of an attribute that [`compressed_json`] made.
pub fn from_compressed_json<T: DeserializeOwned>(item: &Item, name: &'static str) -> PortResult<T> {
    let Some(AttributeValue::B(bytes)) = item.get(name) else { return from_json(item, name) };
    let json = decompressed(bytes.as_ref()).ok_or_else(|| malformed(READ, name))?;
    serde_json::from_str(&json).map_err(|_| malformed(READ, name))
}

/// Returns whether an item has a boolean attribute that is true.
pub fn flag(item: &Item, name: &str) -> bool {
    item.get(name).and_then(|value| value.as_bool().ok()).copied().unwrap_or(false)
}

/// Returns a string attribute as a value that is read by [`FromStr`].
pub fn parsed<T: FromStr>(item: &Item, name: &'static str) -> Result<T, PortError> {
    text(item, name).and_then(|text| text.parse().ok()).ok_or_else(|| malformed(READ, name))
}

/// Returns what follows a prefix in a string attribute, parsed.
pub fn after_prefix<T: FromStr>(
    item: &Item,
    name: &'static str,
    prefix: &str,
) -> Result<T, PortError> {
    text(item, name)
        .and_then(|text| text.strip_prefix(prefix))
        .and_then(|rest| rest.parse().ok())
        .ok_or_else(|| malformed(READ, name))
}

/// Returns a number attribute, if the item has it.
pub fn number<T: FromStr>(item: &Item, name: &str) -> Option<T> {
    item.get(name).and_then(|value| value.as_n().ok()).and_then(|number| number.parse().ok())
}

/// Returns a number attribute that the item must have.
pub fn required_number<T: FromStr>(item: &Item, name: &'static str) -> Result<T, PortError> {
    number(item, name).ok_or_else(|| malformed(READ, name))
}

/// Returns the numbers of a set. An item without the attribute has none, because DynamoDB has no
/// empty sets.
pub fn numbers<T: FromStr>(item: &Item, name: &str) -> impl Iterator<Item = T> {
    let set = item.get(name).and_then(|value| value.as_ns().ok());
    set.into_iter().flatten().filter_map(|number| number.parse().ok())
}
