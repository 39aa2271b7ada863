//! Fields of a JSON body, read one by one, so that one answer names the problems of all fields.
//!
//! A problem is the field's name and a phrase. It never repeats the value, which may be about a
//! patient.

use std::fmt::Display;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{ApiError, FieldProblem};

/// The fields of an object, and the problems of those that were read so far.
#[derive(Debug)]
pub struct Fields<'a> {
    object: &'a Map<String, Value>,
    /// The prefix of the fields' names in problems, for example `address[0].`
    path: String,
    problems: Vec<FieldProblem>,
}

impl<'a> Fields<'a> {
    /// Returns the fields of a body.
    pub fn of(body: &'a Map<String, Value>) -> Self {
        Self { object: body, path: String::new(), problems: Vec::new() }
    }

    /// Returns the value of a required text.
    pub fn required<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        match self.get(name) {
            None => self.problem(name, "missing"),
            Some(Value::String(text)) => self.parse(name, text),
            Some(_) => self.problem(name, "not a string"),
        }
    }

    /// Returns the value of an optional text. `null` and blank are the same as absent.
    pub fn optional<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        match self.get(name) {
            None => None,
            Some(Value::String(text)) if text.trim().is_empty() => None,
            Some(Value::String(text)) => self.parse(name, text),
            Some(_) => self.problem(name, "not a string"),
        }
    }

    /// Returns the value of an optional boolean.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
        match self.get(name) {
            None => None,
            Some(Value::Bool(flag)) => Some(*flag),
            Some(_) => self.problem(name, "not true or false"),
        }
    }

    /// Returns an optional value that is read by its type. `problem` is said of any other value.
    pub fn typed<T: DeserializeOwned>(&mut self, name: &str, problem: &str) -> Option<T> {
        let value = self.get(name)?;
        serde_json::from_value(value.clone()).map_err(|_| self.problem::<T>(name, problem)).ok()
    }

    /// Adds a problem of a field.
    pub fn refuse(&mut self, name: &str, problem: &str) {
        let _ = self.problem::<()>(name, problem);
    }

    /// Returns whether the object has a field of this name that is not `null`.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Checks an optional text that has one possible value, in any case.
    pub fn only(&mut self, name: &str, value: &str) {
        match self.get(name) {
            None => {}
            Some(Value::String(text)) if text.trim().eq_ignore_ascii_case(value) => {}
            Some(_) => self.refuse(name, &format!("not {value}")),
        }
    }

    /// Returns what `read` makes of a required object. `problem` is said of any other value.
    pub fn object<T>(
        &mut self,
        name: &str,
        problem: &str,
        read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        match self.get(name) {
            None => self.problem(name, "missing"),
            Some(value) => self.object_in(name, value, problem, read),
        }
    }

    /// Returns what `read` makes of one object, or of each object of a list. An absent field is an
    /// empty list. `problem` is said of any other value, and of an object of which `read` makes
    /// nothing and names no problem.
    pub fn list<T>(
        &mut self,
        name: &str,
        problem: &str,
        mut read: impl FnMut(&mut Fields<'_>) -> Option<T>,
    ) -> Vec<T> {
        match self.get(name) {
            None => Vec::new(),
            Some(Value::Array(list)) => {
                let read = list.iter().enumerate().filter_map(|(index, value)| {
                    self.object_in(&format!("{name}[{index}]"), value, problem, &mut read)
                });
                read.collect()
            }
            Some(value) => self.object_in(name, value, problem, read).into_iter().collect(),
        }
    }

    /// Returns what [`Fields::list`] does, but at least one object is required.
    pub fn one_or_more<T>(
        &mut self,
        name: &str,
        problem: &str,
        read: impl FnMut(&mut Fields<'_>) -> Option<T>,
    ) -> Vec<T> {
        match self.get(name) {
            None => self.refuse(name, "missing"),
            Some(Value::Array(list)) if list.is_empty() => self.refuse(name, problem),
            Some(_) => {}
        }
        self.list(name, problem, read)
    }

    /// Returns what `build` makes of the values, or an error with the problems of all fields.
    /// `build` returns none only if a required value is absent, which is a problem.
    pub fn finish<T>(self, build: impl FnOnce() -> Option<T>) -> Result<T, ApiError> {
        match build() {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => Err(ApiError::Invalid(self.problems)),
        }
    }

    fn object_in<T>(
        &mut self,
        name: &str,
        value: &Value,
        problem: &str,
        read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        let Value::Object(object) = value else { return self.problem(name, problem) };
        let path = format!("{}{name}.", self.path);
        let mut inner = Fields { object, path, problems: Vec::new() };
        let value = read(&mut inner);
        let problems = inner.problems;
        if value.is_none() && problems.is_empty() {
            self.refuse(name, problem);
        }
        self.problems.extend(problems);
        value
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    fn parse<T: FromStr<Err: Display>>(&mut self, name: &str, text: &str) -> Option<T> {
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
    use bulk_domain::patient::{Dob, Names};
    use serde_json::json;

    use super::*;
    use crate::new_address::NewAddress;

    fn object(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn all_problems_are_named_by_field_and_never_with_its_value() {
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
        assert!(NewAddress::list(&mut fields, "address").is_empty());
        let problems = fields.finish(|| Some(())).unwrap_err().to_string();
        assert_eq!(
            problems,
            "firstName: missing; lastName: not a string; dob: no such day; more: missing; \
             address[0].state: not a US state; address[0].zip: not a zip code; address[1]: not an address"
        );
    }

    #[test]
    fn one_address_may_stand_for_a_list() {
        let address = json!({"addressLine1": "1 Main St", "city": "Boston", "state": "MA", "zip": "2139", "country": null});
        let (one, list) =
            (object(json!({"address": address})), object(json!({"address": [address]})));
        let read = |body| {
            let mut fields = Fields::of(body);
            let read = NewAddress::list(&mut fields, "address");
            fields.finish(|| Some(read)).unwrap()
        };
        assert_eq!(read(&one), read(&list));
        assert_eq!(read(&one)[0].zip.as_str(), "02139");
    }
}
