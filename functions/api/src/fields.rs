//! Reading the fields of a JSON body one by one, so that all problems can be told, each with its field.
//!
//! A problem is told by the field's name and a phrase. What was in the field is not repeated: it may be
//! about a patient.

use std::fmt::Display;
use std::str::FromStr;

use domain::patient::{Address, AddressText, Country, State, Zip};
use pipeline::api::{ApiError, FieldProblem};
use serde_json::{Map, Value};

/// The fields of an object, and what was wrong with those that were read so far.
#[derive(Debug)]
pub struct Fields<'a> {
    object: &'a Map<String, Value>,
    /// What comes before the names of the fields: `address[0].`
    path: String,
    problems: Vec<FieldProblem>,
}

impl<'a> Fields<'a> {
    /// The fields of a body.
    pub fn of(body: &'a Map<String, Value>) -> Self {
        Self { object: body, path: String::new(), problems: Vec::new() }
    }

    /// A text that has to be there, read as a value of some kind.
    pub fn required<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        match self.get(name) {
            None => self.problem(name, "missing"),
            Some(Value::String(text)) => self.read(name, text),
            Some(_) => self.problem(name, "not a string"),
        }
    }

    /// A text that may be there. `null` and blank are the same as nothing.
    pub fn optional<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        match self.get(name) {
            None => None,
            Some(Value::String(text)) if text.trim().is_empty() => None,
            Some(Value::String(text)) => self.read(name, text),
            Some(_) => self.problem(name, "not a string"),
        }
    }

    /// A yes or no that may be there.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
        match self.get(name) {
            None => None,
            Some(Value::Bool(flag)) => Some(*flag),
            Some(_) => self.problem(name, "not true or false"),
        }
    }

    /// One address, or a list of them; at least one.
    pub fn addresses(&mut self, name: &str) -> Vec<Address> {
        match self.get(name) {
            Some(Value::Object(_)) => self.address(name).into_iter().collect(),
            Some(Value::Array(list)) if !list.is_empty() => {
                let read = list
                    .iter()
                    .enumerate()
                    .filter_map(|(index, value)| self.address_in(&format!("{name}[{index}]"), value));
                read.collect()
            }
            None => self.problem(name, "missing").unwrap_or_default(),
            Some(_) => self.problem(name, "not an address").unwrap_or_default(),
        }
    }

    /// One address.
    pub fn address(&mut self, name: &str) -> Option<Address> {
        match self.get(name) {
            None => self.problem(name, "missing"),
            Some(value) => self.address_in(name, value),
        }
    }

    /// What was wrong, if anything was.
    pub fn finish(self) -> Result<(), ApiError> {
        if self.problems.is_empty() { Ok(()) } else { Err(ApiError::Invalid(self.problems)) }
    }

    fn read_address(&mut self) -> Option<Address> {
        let address_line1 = self.required::<AddressText>("addressLine1");
        let address_line2 = self.optional("addressLine2");
        let city = self.required("city");
        let state = self.required::<State>("state");
        let zip = self.required::<Zip>("zip");
        match self.get("country") {
            None => {}
            Some(Value::String(text)) if text.trim().eq_ignore_ascii_case("USA") => {}
            Some(_) => self.problem("country", "not USA").unwrap_or_default(),
        }
        Some(Address {
            address_line1: address_line1?,
            address_line2,
            city: city?,
            state: state?,
            zip: zip?,
            country: Country::Usa,
        })
    }

    fn address_in(&mut self, name: &str, value: &Value) -> Option<Address> {
        let Value::Object(object) = value else { return self.problem(name, "not an address") };
        let mut inner = Fields { object, path: format!("{}{name}.", self.path), problems: Vec::new() };
        let address = inner.read_address();
        self.problems.extend(inner.problems);
        address
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    fn read<T: FromStr<Err: Display>>(&mut self, name: &str, text: &str) -> Option<T> {
        text.parse().map_err(|problem: T::Err| self.problem::<T>(name, &problem.to_string())).ok()
    }

    fn problem<T>(&mut self, name: &str, problem: &str) -> Option<T> {
        let field = format!("{}{name}", self.path);
        self.problems.push(FieldProblem { field, problem: problem.to_owned() });
        None
    }
}

#[cfg(test)]
mod tests {
    use domain::patient::{Dob, Names};
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn all_problems_are_told_by_field_and_never_with_its_content() {
        let body = object(json!({
            "firstName": " ", "lastName": 7, "dob": "1980-02-30",
            "address": [
                {"addressLine1": "1 Main St", "city": "Boston", "state": "Kanada", "zip": "secret"},
                "secret"
            ]
        }));
        let mut fields = Fields::of(&body);
        let _ = (fields.required::<Names>("firstName"), fields.required::<Names>("lastName"));
        let _ = (fields.required::<Dob>("dob"), fields.required::<Names>("more"));
        assert!(fields.addresses("address").is_empty());
        let told = fields.finish().unwrap_err().to_string();
        assert_eq!(
            told,
            "firstName: missing; lastName: not a string; dob: no such day; more: missing; \
             address[0].state: not a US state; address[0].zip: not a zip code; address[1]: not an address"
        );
    }

    #[test]
    fn one_address_may_stand_for_a_list() {
        let address = json!({"addressLine1": "1 Main St", "city": "Boston", "state": "MA", "zip": "2139", "country": null});
        let (one, list) = (object(json!({"address": address})), object(json!({"address": [address]})));
        let read = |body| {
            let mut fields = Fields::of(body);
            let read = fields.addresses("address");
            fields.finish().map(|()| read).unwrap()
        };
        assert_eq!(read(&one), read(&list));
        assert_eq!(read(&one)[0].zip.as_str(), "02139");
    }
}
