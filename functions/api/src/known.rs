//! Query parameters that an operation does not know. They are refused: a filter that is mistyped, or that another API
//! has, would be ignored, and the answer would be about everybody.
//!
//! Which parameters an operation knows, its description says, so that the two cannot differ.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

use axum::extract::MatchedPath;
use axum::http::request::Parts;
use pipeline::api::{ApiError, FieldProblem};
use serde_json::Value;
use url::form_urlencoded;

use crate::openapi::DOCUMENT;

/// The names of the query parameters of each operation: `GET /medical/v1/patient`.
type Known = HashMap<String, HashSet<String>>;

/// Read when the first request with a query comes.
static KNOWN: LazyLock<Known> = LazyLock::new(|| known(&serde_json::from_str(DOCUMENT).unwrap_or_default()));

/// Refuses a request with parameters that its operation does not know, and names them.
pub fn refuse_unknown(parts: &Parts) -> Result<(), ApiError> {
    let (Some(query), Some(path)) = (parts.uri.query(), parts.extensions.get::<MatchedPath>()) else {
        return Ok(());
    };
    check(&KNOWN, &format!("{} {}", parts.method, path.as_str()), query)
}

fn check(known: &Known, operation: &str, query: &str) -> Result<(), ApiError> {
    // One that is not described is none of ours: its own answer is right.
    let Some(known) = known.get(operation) else { return Ok(()) };
    let sent: BTreeSet<String> =
        form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name.into_owned()).collect();
    let unknown = sent.into_iter().filter(|name| !known.contains(name));
    let problem = "unknown parameter";
    let problems: Vec<FieldProblem> =
        unknown.map(|field| FieldProblem { field, problem: problem.to_owned() }).collect();
    if problems.is_empty() { Ok(()) } else { Err(ApiError::Invalid(problems)) }
}

fn known(document: &Value) -> Known {
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
    });
    operations.map(|(name, operation)| (name, query_parameters(operation))).collect()
}

fn query_parameters(operation: &Value) -> HashSet<String> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let in_query = parameters.filter(|parameter| parameter["in"] == "query");
    in_query.filter_map(|parameter| parameter["name"].as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(operation: &str, query: &str) -> Result<(), String> {
        check(&KNOWN, operation, query).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_described_is_known() {
        assert_eq!(told("GET /medical/v1/patient", "count=1&fromItem=&facilityId=x&count=2"), Ok(()));
        assert_eq!(told("POST /medical/v1/patient/bulk", "facilityId=x&dryRun=true"), Ok(()));
        assert_eq!(told("GET /medical/v1/patient/{id}", ""), Ok(()));
    }

    #[test]
    fn what_is_not_described_is_named_each_once_and_without_its_value() {
        assert_eq!(
            told("GET /medical/v1/patient", "filters=Jane&facilityID=1&count=2&filters=Doe"),
            Err("facilityID: unknown parameter; filters: unknown parameter".into())
        );
        // Parameters of another operation on the same path, and of the path, are not this one's.
        assert_eq!(
            told("GET /medical/v1/patient/bulk", "dryRun=true"),
            Err("dryRun: unknown parameter".into())
        );
        assert_eq!(told("GET /medical/v1/patient/{id}", "id=1"), Err("id: unknown parameter".into()));
    }

    #[test]
    fn what_no_operation_is_at_has_its_own_answer() {
        assert_eq!(told("PUT /medical/v1/patient", "x=1"), Ok(()));
    }
}
