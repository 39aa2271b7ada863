//! Unknown query parameters are refused. If a mistyped filter were ignored, the answer would
//! contain all patients. A parameter that is sent twice is refused as well, unless it is a list.
//!
//! The API's description lists the parameters of each operation, so that description and check
//! cannot differ.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::Method;
use axum::http::request::Parts;
use serde_json::Value;
use url::form_urlencoded;

use crate::error::{ApiError, FieldProblem};
use crate::openapi::DOCUMENT;

/// The query parameters by operation, for example `GET /medical/v1/patient`.
type Known = HashMap<String, Parameters>;

/// Whether a query parameter is a list, by its name.
type Parameters = HashMap<String, bool>;

/// Parsed at the first request that has a query, so that a cold start does not pay for it.
static KNOWN: LazyLock<Known> =
    LazyLock::new(|| known(&serde_json::from_str(DOCUMENT).unwrap_or_default()));

/// Refuses a request with unknown or repeated query parameters, and names them.
pub fn refuse_unknown(parts: &Parts) -> Result<(), ApiError> {
    let (Some(query), Some(path)) = (parts.uri.query(), parts.extensions.get::<MatchedPath>())
    else {
        return Ok(());
    };
    // A `HEAD` request runs the operation of a `GET`.
    let method = if parts.method == Method::HEAD { &Method::GET } else { &parts.method };
    check(&KNOWN, &format!("{method} {}", path.as_str()), query)
}

/// The query of an operation that needs no API key. [`Caller`](crate::caller::Caller) checks the
/// query of every other operation after the key.
#[derive(Debug)]
pub struct KnownParameters;

impl<S: Send + Sync> FromRequestParts<S> for KnownParameters {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        refuse_unknown(parts).map(|()| Self)
    }
}

fn check(known: &Known, operation: &str, query: &str) -> Result<(), ApiError> {
    // The router answers 404 or 405 to a request for no operation.
    let Some(known) = known.get(operation) else { return Ok(()) };
    let mut sent = BTreeMap::<_, u32>::new();
    for (name, _) in form_urlencoded::parse(query.as_bytes()) {
        *sent.entry(name).or_default() += 1;
    }
    let problems: Vec<FieldProblem> = sent
        .into_iter()
        .filter_map(|(name, times)| {
            let problem = match known.get(&*name) {
                None => "unknown parameter",
                Some(false) if times > 1 => "sent more than once",
                Some(_) => return None,
            };
            Some(FieldProblem { field: name.into_owned(), problem: problem.to_owned() })
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(ApiError::Invalid(problems)) }
}

fn known(document: &Value) -> Known {
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| {
            (format!("{} {path}", method.to_uppercase()), operation)
        })
    });
    operations.map(|(name, operation)| (name, query_parameters(operation))).collect()
}

fn query_parameters(operation: &Value) -> Parameters {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let in_query = parameters.filter(|parameter| parameter["in"] == "query");
    in_query
        .filter_map(|parameter| {
            let is_list = has_type(&parameter["schema"], "array");
            Some((parameter["name"].as_str()?.to_owned(), is_list))
        })
        .collect()
}

/// Whether a schema's `type`, a text or a list of texts, allows a type.
fn has_type(schema: &Value, wanted: &str) -> bool {
    let allowed = &schema["type"];
    allowed == wanted || allowed.as_array().is_some_and(|types| types.iter().any(|t| t == wanted))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;
    use crate::openapi::examples::{examples, send};

    fn refusal(operation: &str, query: &str) -> Result<(), String> {
        check(&KNOWN, operation, query).map_err(|error| error.to_string())
    }

    #[test]
    fn described_parameters_are_known() {
        assert_eq!(refusal("GET /medical/v1/patient", "count=1&fromItem=&facilityId=x"), Ok(()));
        assert_eq!(
            refusal(
                "POST /medical/v1/patient/bulk",
                "facilityId=x&dryRun=true&column=a:b&column=c:d"
            ),
            Ok(())
        );
        assert_eq!(refusal("GET /medical/v1/patient/{id}", ""), Ok(()));
    }

    #[test]
    fn a_parameter_is_sent_once_unless_it_is_a_list() {
        assert_eq!(
            refusal("GET /medical/v1/patient", "count=1&fromItem=&count=2"),
            Err("count: sent more than once".into())
        );
        assert_eq!(
            refusal("POST /medical/v1/patient/bulk", "dryRun=true&column=a:b&dryRun=&column=c:d"),
            Err("dryRun: sent more than once".into())
        );
    }

    #[test]
    fn an_unknown_parameter_is_named_once_and_without_its_value() {
        assert_eq!(
            refusal("GET /medical/v1/patient", "filter=Jane&facilityID=1&count=2&filter=Doe"),
            Err("facilityID: unknown parameter; filter: unknown parameter".into())
        );
        // Parameters of another operation on the same path, and parameters of the path, are unknown
        // as well.
        assert_eq!(
            refusal("GET /medical/v1/patient/bulk", "dryRun=true"),
            Err("dryRun: unknown parameter".into())
        );
        assert_eq!(
            refusal("GET /medical/v1/patient/{id}", "id=1"),
            Err("id: unknown parameter".into())
        );
    }

    #[tokio::test]
    async fn every_operation_refuses_an_unknown_parameter_and_names_it() {
        let mut document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let examples = examples();
        for (path, methods) in document["paths"].as_object_mut().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let id = &operation["operationId"];
                let example = examples.iter().find(|example| example.operation == id).unwrap();
                let joint = if example.uri.contains('?') { '&' } else { '?' };
                let uri = format!("{}{joint}surprise=1", example.uri);
                let (status, problem) = send(method, &uri, example.body.as_ref()).await;
                assert_eq!(status, StatusCode::BAD_REQUEST, "{method} {path}");
                assert_eq!(problem["detail"], "surprise: unknown parameter", "{method} {path}");
            }
        }
    }

    #[test]
    fn a_request_for_no_operation_is_left_to_the_router() {
        assert_eq!(refusal("PUT /medical/v1/patient", "x=1"), Ok(()));
    }
}
