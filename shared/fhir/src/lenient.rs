//! Lenient deserialization of optional fields, so that a wrong type in one field does not cost the
//! other fields.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Returns the field's value, or the default if it has another type.
pub(crate) fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(T::deserialize(value).unwrap_or_default())
}

/// Returns the items of a list that can be parsed. An item without a list around it counts as a
/// list of one.
pub(crate) fn lenient_list<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let values = match Value::deserialize(deserializer)? {
        Value::Array(values) => values,
        Value::Null => Vec::new(),
        value => vec![value],
    };
    Ok(values.into_iter().filter_map(|value| T::deserialize(value).ok()).collect())
}

/// Returns a number that is not negative. Some gateways write numbers as text.
pub(crate) fn lenient_number<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize, Default, Debug, PartialEq)]
    struct Fields {
        #[serde(default, deserialize_with = "lenient")]
        text: Option<String>,
        #[serde(default, deserialize_with = "lenient_list")]
        list: Vec<String>,
        #[serde(default, deserialize_with = "lenient_number")]
        number: Option<u64>,
    }

    #[test]
    fn a_wrong_type_costs_its_own_field_only() {
        for (json, text, list, number) in [
            (r#"{"text":"a","list":["b","c"],"number":1}"#, Some("a"), &["b", "c"][..], Some(1)),
            (r#"{"text":{"x":1},"list":["b"],"number":1}"#, None, &["b"], Some(1)),
            (r#"{"text":"a","list":[1,"b",null],"number":"2"}"#, Some("a"), &["b"], Some(2)),
            (r#"{"text":"a","list":"b","number":" 3 "}"#, Some("a"), &["b"], Some(3)),
            (r#"{"text":null,"list":null,"number":-1}"#, None, &[], None),
            (r#"{"list":{},"number":1.5}"#, None, &[], None),
        ] {
            let fields: Fields = serde_json::from_str(json).unwrap();
            let list = list.iter().map(|item| (*item).to_owned()).collect();
            assert_eq!(fields, Fields { text: text.map(Into::into), list, number }, "{json}");
        }
    }
}
