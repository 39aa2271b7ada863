//! DynamoDB items: writing attributes, and reading them with an error that names the attribute.

use std::collections::HashMap;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;
use pipeline::ports::PortError;

use crate::error::malformed;

/// An item as the SDK has it.
pub type Item = HashMap<String, AttributeValue>;

/// A string attribute.
#[allow(clippy::needless_pass_by_value, reason = "short to write at every call")]
pub fn s(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

/// A number attribute.
#[allow(clippy::needless_pass_by_value, reason = "short to write at every call")]
pub fn n(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The key attributes that all tables share.
pub fn key(pk: impl ToString, sk: impl ToString) -> Item {
    HashMap::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s(sk))])
}

/// A string attribute, if there.
pub fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
}

/// An attribute that is written as a string and read by [`FromStr`].
pub fn parsed<T: FromStr>(item: &Item, name: &'static str) -> Result<T, PortError> {
    text(item, name).and_then(|text| text.parse().ok()).ok_or_else(|| malformed("dynamodb.read", name))
}

/// A number attribute, if there.
pub fn number<T: FromStr>(item: &Item, name: &str) -> Option<T> {
    item.get(name).and_then(|value| value.as_n().ok()).and_then(|number| number.parse().ok())
}

/// A number attribute that must be there.
pub fn required_number<T: FromStr>(item: &Item, name: &'static str) -> Result<T, PortError> {
    number(item, name).ok_or_else(|| malformed("dynamodb.read", name))
}

/// The numbers of a set; none if there is no such attribute, since DynamoDB has no empty sets.
pub fn numbers<T: FromStr>(item: &Item, name: &str) -> impl Iterator<Item = T> {
    let set = item.get(name).and_then(|value| value.as_ns().ok());
    set.into_iter().flatten().filter_map(|number| number.parse().ok())
}
